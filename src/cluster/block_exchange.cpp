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
constexpr std::string_view kGet = "Blocks/Get";
constexpr size_t kMaxBlockBytes = 4 << 20;  // that the gateway passes on

}  // namespace

void serve_blocks(rpc::Router& router, ipfs::IpfsNode& node) {
  router.add_unary(std::string(kGet), rpc::Access::kMember, [&node](rpc::CallInfo, Bytes bytes) -> Task<Bytes> {
    proto::BlockRequest request;
    if (!request.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request for a block");
    CO_TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(request.cid()));
    co_return co_await node.get_block(std::move(cid));
  });
}

PeerSource::PeerSource(Runtime& runtime, ipld::PeerId self, state::State& state, rpc::PeerClient& client,
                       BlockExchangeOptions options)
    : runtime_(runtime), self_(std::move(self)), state_(state), client_(client), options_(options) {}

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
  proto::BlockRequest request;
  request.set_cid(cid.bytes());
  auto text = request.SerializeAsString();
  size_t without = 0;
  std::vector<std::string> problems;
  for (const auto& peer : order(hints.root)) {
    auto bytes = co_await client_.call(peer, kGet, text, runtime_.now() + options_.block_timeout);
    if (bytes && bytes->size() <= max_bytes) {
      auto right = co_await run_blocking(runtime_, [&] { return ipld::verify_block(cid, *bytes); });
      if (right) {
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
