#include "sim/sim_node.h"

#include <algorithm>
#include <ranges>

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookingTime = 4s;  // then: not found
constexpr Duration kLookAgain = 500ms;
constexpr uint64_t kContentBytes = 1 << 20, kDiskBytes = 1 << 30;
constexpr int kSlowness = 40;

}  // namespace

bool Swarm::finds(const ipld::Cid& cid, const ipld::PeerId& seeker) const {
  if (elsewhere.contains(cid)) return true;
  return std::ranges::any_of(nodes, [&](const auto& entry) {
    const auto& [peer, node] = entry;
    return peer != seeker && node->gives() && node->holds(cid) && connected(seeker, peer) && connected(peer, seeker);
  });
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

Task<ipfs::NodeId> SimNode::id() {
  CO_TRY(co_await answer());
  co_return ipfs::NodeId{.id = id_, .addresses = {}, .agent_version = "simulated"};
}

Task<> SimNode::pin(ipfs::PinRequest request) {
  bool late = runtime_.random() % 4 == 0;
  auto fetched = co_await fetch(request);
  // A node does not always notice in time that its caller has gone.
  bool finished = !fetched && fetched.error().kind == ErrorKind::kCancelled && late && gives() && holds(request.cid);
  if (!fetched && !finished) co_return fetched;
  auto taken = take(request);
  co_return finished ? fetched : taken;
}

Task<> SimNode::fetch(const ipfs::PinRequest& request) {
  CO_TRY(co_await answer());
  bool here = holds(request.cid);
  for (auto give_up = runtime_.now() + kLookingTime; !here && !swarm_.finds(request.cid, peer_);) {
    if (runtime_.now() > give_up) {
      co_return fail(ErrorKind::kNotFound, "no source has " + request.cid.to_string());
    }
    CO_TRY(co_await runtime_.sleep_for(kLookAgain));
  }
  Duration time = 5ms;
  if (!here) time += std::chrono::milliseconds(runtime_.random() % 200);
  if (fault_ == NodeFault::kSlow) time *= kSlowness;
  CO_TRY(co_await runtime_.sleep_for(time / 2));
  if (request.on_progress) {
    request.on_progress({.blocks = 1, .bytes = kContentBytes / 2, .current = {}, .last_progress = runtime_.now()});
  }
  if (fault_ != NodeFault::kFull) blocks_.insert(request.cid);
  CO_TRY(co_await runtime_.sleep_for(time / 2));
  co_return co_await answer();
}

Result<> SimNode::take(const ipfs::PinRequest& request) {
  if (fault_ == NodeFault::kFull) return fail(ErrorKind::kResourceExhausted, "the disk is full");
  blocks_.insert(request.cid);
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

Task<ipfs::RepoStat> SimNode::stat() {
  CO_TRY(co_await answer());
  ipfs::RepoStat stat;
  stat.repo_size_bytes = blocks_.size() * kContentBytes;
  stat.storage_max_bytes = kDiskBytes;
  stat.num_objects = blocks_.size();
  if (fault_ == NodeFault::kFull) stat.refusing = "the disk is full";
  co_return stat;
}

}  // namespace ipfsc::sim
