#include "cluster/claims.h"

#include <algorithm>

#include "state/merge.h"

namespace ipfsc::cluster {
namespace {

state::ClaimSet others(const std::vector<state::Claim>& claims, const ClaimName& who) {
  state::ClaimSet set;
  for (const auto& claim : claims) {
    if (claim.owner != who.owner || claim.claim != who.claim)
      set.emplace(std::pair(claim.owner, claim.claim), claim.pin);
  }
  return set;
}

}  // namespace

model::Pin with_claim(const std::vector<state::Claim>& claims, const ClaimName& who, const model::Pin& pin) {
  auto set = others(claims, who);
  set.emplace(std::pair(who.owner, who.claim), pin);
  auto merged = state::merge_claims(set);
  merged.options.user_allocations = pin.options.user_allocations;
  return merged;
}

std::optional<model::Pin> without_claim(const std::vector<state::Claim>& claims, const ClaimName& who) {
  auto set = others(claims, who);
  if (set.empty()) return std::nullopt;
  return state::merge_claims(set);
}

proto::Operation remove_claim(const ipld::Cid& cid, const ClaimName& who, std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  auto& remove = *operation.mutable_pin_remove();
  remove.set_cid(cid.bytes());
  remove.set_owner(who.owner);
  remove.set_claim(who.claim);
  return operation;
}

std::optional<proto::Operation> move_operation(const ipld::Cid& cid, const std::vector<ipld::PeerId>& before,
                                               const std::vector<ipld::PeerId>& after, std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  auto& move = *operation.mutable_pin_move();
  move.set_cid(cid.bytes());
  for (const auto& peer : after) {
    if (std::ranges::find(before, peer) == before.end()) move.add_add(peer.bytes());
  }
  for (const auto& peer : before) {
    if (std::ranges::find(after, peer) == after.end()) move.add_remove(peer.bytes());
  }
  if (move.add_size() == 0 && move.remove_size() == 0) return std::nullopt;
  return operation;
}

}  // namespace ipfsc::cluster
