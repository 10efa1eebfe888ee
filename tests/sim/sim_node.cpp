#include "sim/sim_node.h"

#include <algorithm>
#include <iterator>
#include <ranges>

#include "base/check.h"
#include "ipld/links.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookingTime = 4s;  // then: not found
constexpr Duration kLookAgain = 500ms;
constexpr uint64_t kContentBytes = 1 << 20, kDiskBytes = 1 << 30;
constexpr int kSlowness = 40;
constexpr const char* kFullText = "the disk is full";

}  // namespace

/// A block is there when finish() says so. Of those that were put and never finished some are there too.
class SimNode::Writer final : public ipfs::BlockWriter {
 public:
  explicit Writer(SimNode& node) : node_(node) {}
  ~Writer() override {
    for (auto& block : put_) {
      if (node_.runtime_.random() % 2 == 0) node_.blocks_.insert(std::move(block));
    }
  }

  Task<> put(std::vector<ipld::Block> blocks) override {
    CO_TRY(co_await node_.work_for(5ms));
    for (auto& block : blocks) {
      put_.push_back(block.cid);
      node_.swarm_.blocks.emplace(std::move(block.cid), std::move(block.data));
    }
    co_return Result<>{};
  }
  Task<> finish() override {
    CO_TRY(co_await node_.work_for(10ms));
    node_.blocks_.insert(put_.begin(), put_.end());
    put_.clear();
    co_return Result<>{};
  }

 private:
  SimNode& node_;
  std::vector<ipld::Cid> put_;
};

bool Swarm::finds(const ipld::Cid& cid, const ipld::PeerId& seeker) const {
  if (elsewhere.contains(cid)) return true;
  return std::ranges::any_of(nodes, [&](const auto& entry) {
    const auto& [peer, node] = entry;
    return peer != seeker && node->gives() && node->has_block(cid) && connected(seeker, peer) &&
           connected(peer, seeker);
  });
}

std::set<ipld::Cid> Swarm::dag(const ipld::Cid& root) const {
  std::set<ipld::Cid> found{root};
  for (std::vector<ipld::Cid> open{root}; !open.empty();) {
    auto cid = std::move(open.back());
    open.pop_back();
    auto block = blocks.find(cid);
    if (block == blocks.end()) continue;
    auto links = ipld::block_links(cid, block->second);
    CHECK(links);
    for (auto& link : *links) {
      if (found.insert(link).second) open.push_back(std::move(link));
    }
  }
  return found;
}

SimNode::SimNode(Runtime& runtime, ipld::PeerId peer, Swarm& swarm, std::string id)
    : runtime_(runtime),
      peer_(std::move(peer)),
      swarm_(swarm),
      id_(id.empty() ? "node of " + peer_.to_string() : std::move(id)),
      changed_(runtime) {
  swarm_.nodes[peer_] = this;
}

void SimNode::set_fault(NodeFault fault) {
  fault_ = fault;
  changed_.notify_all();
}

Task<> SimNode::answer() {
  while (fault_ == NodeFault::kHangs) CO_TRY(co_await changed_.wait());
  if (fault_ == NodeFault::kDown) co_return fail(ErrorKind::kUnavailable, "connection refused");
  co_return Result<>{};
}

/// For something that is to be written: the node may be slow, and full.
Task<> SimNode::work_for(Duration time) {
  CO_TRY(co_await answer());
  CO_TRY(co_await runtime_.sleep_for(fault_ == NodeFault::kSlow ? time * kSlowness : time));
  CO_TRY(co_await answer());
  if (fault_ == NodeFault::kFull) co_return fail(ErrorKind::kResourceExhausted, kFullText);
  co_return Result<>{};
}

std::vector<ipld::Cid> SimNode::lacks(const ipld::Cid& cid, bool recursive) const {
  std::vector<ipld::Cid> out;
  auto wanted = recursive ? swarm_.dag(cid) : std::set{cid};
  std::ranges::set_difference(wanted, blocks_, std::back_inserter(out));
  return out;
}

Task<ipfs::NodeId> SimNode::id() {
  CO_TRY(co_await answer());
  co_return ipfs::NodeId{.id = id_, .addresses = {}, .agent_version = "simulated"};
}

Task<> SimNode::pin(ipfs::PinRequest request) {
  bool late = runtime_.random() % 4 == 0;
  auto fetched = co_await fetch(request);
  // A node does not always notice in time that its caller has gone.
  bool finished = !fetched && fetched.error().kind == ErrorKind::kCancelled && late && gives() &&
                  holds(request.cid, request.recursive);
  if (!fetched && !finished) co_return fetched;
  auto taken = take(request);
  co_return finished ? fetched : taken;
}

Task<> SimNode::fetch(const ipfs::PinRequest& request) {
  CO_TRY(co_await answer());
  auto lacking = lacks(request.cid, request.recursive);
  auto sought = lacking;
  for (auto give_up = runtime_.now() + kLookingTime;;) {
    std::erase_if(sought, [&](const auto& cid) { return swarm_.finds(cid, peer_); });
    if (sought.empty()) break;
    if (runtime_.now() > give_up) {
      co_return fail(ErrorKind::kNotFound, "no source has " + sought.front().to_string());
    }
    CO_TRY(co_await runtime_.sleep_for(kLookAgain));
  }
  Duration time = 5ms;
  if (!lacking.empty()) time += std::chrono::milliseconds(runtime_.random() % 200);
  if (fault_ == NodeFault::kSlow) time *= kSlowness;
  CO_TRY(co_await runtime_.sleep_for(time / 2));
  if (request.on_progress) {
    request.on_progress({.blocks = 1, .bytes = kContentBytes / 2, .current = {}, .last_progress = runtime_.now()});
  }
  if (fault_ != NodeFault::kFull) blocks_.insert(lacking.begin(), lacking.end());
  CO_TRY(co_await runtime_.sleep_for(time / 2));
  co_return co_await answer();
}

Result<> SimNode::take(const ipfs::PinRequest& request) {
  if (fault_ == NodeFault::kFull) return fail(ErrorKind::kResourceExhausted, kFullText);
  auto lacking = lacks(request.cid, request.recursive);
  blocks_.insert(lacking.begin(), lacking.end());
  auto& kind = pins_[request.cid];
  if (kind != ipfs::PinKind::kRecursive) {
    kind = request.recursive ? ipfs::PinKind::kRecursive : ipfs::PinKind::kDirect;
  }
  return {};
}

Task<> SimNode::unpin(ipld::Cid cid) {
  CO_TRY(co_await answer());
  CO_TRY(co_await runtime_.sleep_for(2ms));
  pins_.erase(cid);
  co_return Result<>{};
}

Task<ipfs::PinKind> SimNode::pinned(ipld::Cid cid, bool) {
  CO_TRY(co_await answer());
  auto it = pins_.find(cid);
  co_return it == pins_.end() ? ipfs::PinKind::kNone : it->second;
}

std::unique_ptr<ipfs::PinList> SimNode::list_pins() {
  return std::make_unique<ipfs::FixedPinList>(pins_, true, [this] { return answer(); });
}

Task<std::unique_ptr<ipfs::BlockWriter>> SimNode::put_blocks(ipfs::WriterOptions) {
  CO_TRY(co_await answer());
  co_return std::make_unique<Writer>(*this);
}

Task<ipfs::RepoStat> SimNode::stat() {
  CO_TRY(co_await answer());
  ipfs::RepoStat stat;
  for (const auto& cid : blocks_) {
    auto block = swarm_.blocks.find(cid);
    stat.repo_size_bytes += block == swarm_.blocks.end() ? kContentBytes : block->second.size();
  }
  stat.storage_max_bytes = kDiskBytes;
  stat.num_objects = blocks_.size();
  if (fault_ == NodeFault::kFull) stat.refusing = kFullText;
  co_return stat;
}

}  // namespace ipfsc::sim
