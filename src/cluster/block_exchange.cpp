#include "cluster/block_exchange.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "cluster/members.h"
#include "ipfs/path.h"
#include "ipld/cid.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("blocks");
constexpr size_t kMaxBlockBytes = 4 << 20;  // that the gateway passes on
constexpr size_t kBlocksAtOnce = 16;        // read from the node
constexpr size_t kMessageBytes = 1 << 20;   // or one block
constexpr int kMostWanted = 1024;           // CIDs in one request

/// Blocks of one request in messages of a bounded size.
class Answer {
 public:
  Answer(Runtime& runtime, rpc::Stream& stream, RateLimiter& sending, Traffic& traffic)
      : runtime_(runtime), stream_(stream), sending_(sending), traffic_(traffic) {}

  Task<> add(Result<Bytes> block) {
    auto& to = *message_.add_blocks();
    if (block) {
      bytes_ += block->size();
      to.set_data(*std::move(block));
    } else {
      to.set_error_kind(static_cast<int>(block.error().kind));
      to.set_error(block.error().message);
    }
    if (bytes_ >= kMessageBytes) co_return co_await send();
    co_return Result<>{};
  }
  Task<> send() {
    if (message_.blocks_size() == 0) co_return Result<>{};
    auto wait = sending_.take(static_cast<double>(std::exchange(bytes_, 0)), runtime_.now());
    if (wait > Duration::zero()) CO_TRY(co_await runtime_.sleep_for(wait));
    auto text = message_.SerializeAsString();
    message_.Clear();
    traffic_.out_bytes += text.size();
    co_return co_await stream_.write(std::move(text));
  }

 private:
  Runtime& runtime_;
  rpc::Stream& stream_;
  RateLimiter& sending_;
  Traffic& traffic_;
  proto::GotBlocks message_;
  size_t bytes_ = 0;
};

Task<> answer_wants(Runtime& runtime, ipfs::IpfsNode& node, RateLimiter& sending, Traffic& traffic,
                    rpc::Stream& stream) {
  for (;;) {
    CO_TRY_ASSIGN(auto message, co_await stream.read());
    if (!message) co_return Result<>{};
    proto::WantBlocks wants;
    if (!wants.ParseFromString(*message) || wants.cids_size() > kMostWanted) {
      co_return fail(ErrorKind::kInvalidArgument, "a damaged request for blocks");
    }
    Answer answer(runtime, stream, sending, traffic);
    for (int at = 0; at < wants.cids_size();) {
      std::vector<ipld::Cid> cids;
      for (; at < wants.cids_size() && cids.size() < kBlocksAtOnce; ++at) {
        CO_TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(wants.cids(at)));
        cids.push_back(std::move(cid));
      }
      CO_TRY_ASSIGN(auto blocks, co_await node.get_blocks(std::move(cids)));
      for (auto& block : blocks) CO_TRY(co_await answer.add(std::move(block)));
    }
    CO_TRY(co_await answer.send());
  }
}

}  // namespace

void serve_blocks(Runtime& runtime, rpc::Router& router, ipfs::IpfsNode& node, Traffic& traffic, RateLimiter& sending) {
  router.add_stream("Blocks/Exchange", rpc::Access::kMember,
                    [&runtime, &node, &traffic, &sending](rpc::CallInfo, rpc::Stream& stream) {
                      return answer_wants(runtime, node, sending, traffic, stream);
                    });
}

PeerSource::PeerSource(Runtime& runtime, ipld::PeerId self, state::State& state, rpc::PeerClient& client,
                       Traffic& traffic, BlockExchangeOptions options)
    : runtime_(runtime),
      self_(std::move(self)),
      state_(state),
      client_(client),
      traffic_(traffic),
      options_(options),
      receiving_(byte_limiter(options.receive_bytes_per_second)),
      tasks_(runtime) {}

Task<> PeerSource::stop() {
  co_await tasks_.stop();
  co_return Result<>{};
}

BlockLink& PeerSource::link_to(const ipld::PeerId& peer) {
  auto link = links_.find(peer);
  if (link == links_.end()) {
    link = links_.try_emplace(peer, runtime_, client_, tasks_, peer, options_.link).first;
  }
  return link->second;
}

ipfs::SourceReach PeerSource::reach(const ipfs::FetchHints&) const {
  return other_members(state_, self_).empty() ? ipfs::SourceReach::kNowhere : ipfs::SourceReach::kCluster;
}

/// Whoever had something of this pin, then those that are to hold it, then the rest; those that were silent last.
std::vector<ipld::PeerId> PeerSource::order(const ipld::Cid& root) {
  auto peers = other_members(state_, self_);
  auto had_it = had_it_.find(root);
  std::vector<ipld::PeerId> holders;
  if (auto stored = state_.get(root); stored && *stored) holders = (*stored)->pin.allocations;
  auto now = runtime_.now();
  auto rank = [&](const ipld::PeerId& peer) {
    auto silent = avoid_.find(peer);
    if (silent != avoid_.end() && silent->second > now) return 3;
    if (had_it != had_it_.end() && had_it->second == peer) return 0;
    return std::ranges::find(holders, peer) != holders.end() ? 1 : 2;
  };
  // Not all peers begin with the same one.
  if (!peers.empty())
    std::ranges::rotate(peers, peers.begin() + static_cast<ptrdiff_t>(runtime_.random() % peers.size()));
  std::vector<ipld::PeerId> ordered;
  for (int wanted = 0; wanted <= 3; ++wanted)
    std::ranges::copy_if(peers, std::back_inserter(ordered), [&](const auto& peer) { return rank(peer) == wanted; });
  return ordered;
}

void PeerSource::remember(const ipld::Cid& root, const ipld::PeerId& peer) {
  if (had_it_.size() >= options_.remembered_roots && !had_it_.contains(root)) had_it_.erase(had_it_.begin());
  had_it_[root] = peer;
}

Task<Bytes> PeerSource::fetch(ipld::Cid cid, ipfs::FetchHints hints, size_t max_bytes) {
  size_t without = 0;
  std::vector<std::string> problems;
  for (const auto& peer : order(hints.root)) {
    if (auto wait = receiving_.take(0, runtime_.now()); wait > Duration::zero()) {
      CO_TRY(co_await runtime_.sleep_for(wait));
    }
    auto bytes = co_await link_to(peer).fetch(cid);
    if (bytes) {
      receiving_.take(static_cast<double>(bytes->size()), runtime_.now());
      traffic_.in_bytes += bytes->size();
    }
    if (bytes && bytes->size() <= max_bytes) {
      if (co_await ipfs::verify_arrived(runtime_, cid, *bytes)) {
        avoid_.erase(peer);
        remember(hints.root, peer);
        co_return bytes;
      }
      log.warn("the peer {} sent bytes that are not the block {}", peer.to_string(), cid.to_string());
      problems.push_back(fmt::format("{} sent wrong bytes", peer.to_string()));
    } else if (bytes) {
      problems.push_back(fmt::format("{} sent more than {} bytes", peer.to_string(), max_bytes));
    } else if (bytes.error().kind == ErrorKind::kCancelled) {
      co_return bytes;
    } else if (bytes.error().kind == ErrorKind::kNotFound) {
      ++without;
    } else {
      using enum ErrorKind;
      if (bytes.error().kind == kUnavailable || bytes.error().kind == kDeadlineExceeded) {
        avoid_[peer] = runtime_.now() + options_.avoid_time;
      }
      problems.push_back(fmt::format("{}: {}", peer.to_string(), bytes.error().message));
    }
  }
  if (problems.empty()) co_return fail(ErrorKind::kNotFound, "not on any peer");
  co_return fail(ErrorKind::kUnavailable, fmt::format("{} peers do not have it, {} could not be asked ({})", without,
                                                      problems.size(), problems.front()));
}

Task<Bytes> ReadThroughNode::get_block(ipld::Cid cid) {
  auto here = co_await node_.get_block(cid);
  if (here || here.error().kind != ErrorKind::kNotFound) co_return here;
  if (peers_->reach({}) == ipfs::SourceReach::kNowhere) co_return here;
  auto there = co_await peers_->fetch(cid, {.root = cid}, kMaxBlockBytes);
  if (there || there.error().kind == ErrorKind::kCancelled) co_return there;
  co_return fail(there.error().with_context("block " + cid.to_string()));
}

Task<ipld::Cid> ReadThroughNode::resolve(std::string path) {
  CO_TRY_ASSIGN(auto resolved, co_await ipfs::resolve_path(*this, std::move(path)));
  co_return resolved.cid;
}

}  // namespace ipfsc::cluster
