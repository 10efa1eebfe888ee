#include "allocator/allocate.h"

#include <fmt/format.h>

#include <algorithm>

namespace ipfsc::allocator {
namespace {

using Peers = std::vector<ipld::PeerId>;

bool contains(const Peers& peers, const ipld::PeerId& peer) { return std::ranges::find(peers, peer) != peers.end(); }

struct Choice {
  ipld::PeerId peer;
  std::string_view reason;
};

}  // namespace

Result<> check_factors(int min, int max) {
  auto refuse = [](std::string_view what) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("cluster.replication_factor_{}", what));
  };
  if (min == 0 || max == 0) return refuse("min and max must be set");
  if (min < -1) return refuse("min is wrong");
  if (max < -1) return refuse("max is wrong");
  if ((min == -1) != (max == -1)) return refuse("min and max must be -1 when one of them is");
  if (min > max) return refuse("min is larger than max");
  return {};
}

Result<Allocation> allocate(const AllocationRequest& request) {
  TRY(check_factors(request.replication_factor_min, request.replication_factor_max));
  if (request.replication_factor_min == -1) return Allocation{};
  auto min = static_cast<size_t>(request.replication_factor_min);
  auto max = static_cast<size_t>(request.replication_factor_max);
  for (const auto& peer : request.requested) {
    if (!contains(request.candidates, peer) && !contains(request.current, peer)) {
      return fail(
          ErrorKind::kInvalidArgument,
          fmt::format("user-allocations: {} cannot take pins now (not a member, or not reachable)", peer.to_string()));
    }
  }

  // Best first. Holders that cannot be reached now come before new ones (an outage alone moves nothing: that is
  // failover's decision, after its grace) but after the reachable ones, so that they go first when there are too many.
  std::vector<Choice> order;
  auto add = [&order](const ipld::PeerId& peer, std::string_view reason) {
    if (std::ranges::none_of(order, [&](const Choice& c) { return c.peer == peer; })) order.push_back({peer, reason});
  };
  for (const auto& peer : request.requested) add(peer, "requested");
  for (const auto& peer : request.candidates) {
    if (contains(request.current, peer)) add(peer, "holds it");
  }
  for (const auto& peer : request.current) add(peer, "holds it, not reachable now");
  size_t kept = order.size();
  for (const auto& peer : request.candidates) add(peer, "best placed");
  if (order.size() < min) {
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("not enough peers to allocate CID. Needed at least: {}. Wanted at most: {}. "
                            "Available candidates: {}. See logs for more info.",
                            min - kept, max - kept, order.size() - kept));
  }
  if (order.size() > max) order.resize(max);

  std::ranges::sort(order, {}, &Choice::peer);
  Allocation allocation;
  for (const auto& choice : order) {
    allocation.peers.push_back(choice.peer);
    allocation.reasons.emplace_back(choice.reason);
  }
  return allocation;
}

}  // namespace ipfsc::allocator
