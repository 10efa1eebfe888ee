#include "model/pin_proto.h"
#include "state/applier.h"
#include "state/codec.h"

namespace ipfsc::state {
namespace {

constexpr std::string_view kNotPinned = "pin is not part of the pinset";

/// An empty optional guard always holds.
template <class Op>
bool guard_holds(const Op& op, Revision now) {
  return !op.has_if_revision() || op.if_revision() == now;
}

void drop_repeated(std::vector<ipld::PeerId>& peers) {
  for (auto it = peers.begin(); it != peers.end();) {
    it = std::find(peers.begin(), it, *it) != it ? peers.erase(it) : it + 1;
  }
}

Result<std::vector<ipld::PeerId>> peers_of(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<ipld::PeerId> peers;
  for (const auto& bytes : ids) {
    TRY_ASSIGN(auto peer, ipld::PeerId::from_bytes(bytes));
    peers.push_back(std::move(peer));
  }
  drop_repeated(peers);
  return peers;
}

bool contains(const std::vector<ipld::PeerId>& peers, const ipld::PeerId& peer) {
  return std::ranges::find(peers, peer) != peers.end();
}

/// A claim's row is the body of its pin behind revision 0.
Bytes encode_claim(const model::Pin& pin) {
  Bytes row = encode_revision(0);
  row.append(encode_body(pin, {}, false));
  return row;
}

}  // namespace

Result<std::optional<model::Pin>> Applier::to_pin(ByteView cid, const PinRow& row) {
  if (!row) return std::nullopt;
  TRY_ASSIGN(auto stored, row.view.to_pin(cid, t_.peers()));
  return std::move(stored.pin);
}

Result<Outcome> Applier::pin_put(const proto::PinPut& op) {
  TRY_ASSIGN(auto outcome, claim(op));
  bool done = outcome.status == OutcomeStatus::kApplied || outcome.status == OutcomeStatus::kUnchanged;
  if (!done || !op.has_work()) return outcome;
  return with_work(op.pin().cid(), op.work(), std::move(outcome));
}

Result<Outcome> Applier::claim(const proto::PinPut& op) {
  auto parsed = model::pin_from_proto(op.pin());
  if (!parsed) return refused(parsed.error().message);
  model::Pin pin = *std::move(parsed);
  if (pin.type == model::PinType::kBad) return refused("type: bad-type cannot be pinned");
  ByteView cid = op.pin().cid();
  drop_repeated(pin.allocations);
  TRY_ASSIGN(PinRow existing, t_.find_pin(cid));
  if (!guard_holds(op, existing.revision())) return guard_failed(existing.revision());
  bool one_claim = op.owner().empty() && op.claim().empty() && !existing.view.many_claims;
  if (one_claim) {
    TRY(fit_copies(cid, existing, pin, op.has_work() ? &op.work() : nullptr));
    return write_effective(cid, existing, std::move(pin), /*many_claims=*/false, /*force=*/false, Change::kPin);
  }
  TRY_ASSIGN(ClaimSet claims, claims_of(cid, existing));
  auto allocations = std::exchange(pin.allocations, {});
  auto [it, added] = claims.try_emplace({op.owner(), op.claim()});
  if (!added && it->second == pin) {
    TRY_ASSIGN(auto now, to_pin(cid, existing));
    if (now->allocations == allocations || now->everywhere()) {
      Outcome outcome = unchanged(existing.revision());
      outcome.before = outcome.after = std::move(now);
      return outcome;
    }
  }
  it->second = std::move(pin);
  return write_merged(cid, existing, claims, std::move(allocations), op.has_work() ? &op.work() : nullptr);
}

Result<Outcome> Applier::pin_remove(const proto::PinRemove& op) {
  ByteView cid = op.cid();
  TRY_ASSIGN(PinRow existing, t_.find_pin(cid));
  if (!existing) return not_found(std::string(kNotPinned));
  if (!guard_holds(op, existing.revision())) return guard_failed(existing.revision());
  bool is_default = op.owner().empty() && op.claim().empty();
  if (op.all_claims() || (is_default && !existing.view.many_claims)) return remove_pin(cid, existing);
  TRY_ASSIGN(ClaimSet claims, claims_of(cid, existing));
  if (claims.erase({op.owner(), op.claim()}) == 0) return not_found("it is pinned, but not by this owner");
  if (claims.empty()) return remove_pin(cid, existing);
  auto allocations = peers_of(op.allocations());
  if (!allocations) return refused("allocations: " + allocations.error().message);
  if (allocations->empty()) {
    TRY_ASSIGN(auto before, to_pin(cid, existing));
    *allocations = std::move(before->allocations);
  }
  TRY_ASSIGN(auto outcome,
             write_merged(cid, existing, claims, *std::move(allocations), op.has_work() ? &op.work() : nullptr));
  return op.has_work() ? with_work(cid, op.work(), std::move(outcome)) : outcome;
}

Result<Outcome> Applier::pin_move(const proto::PinMove& op) {
  ByteView cid = op.cid();
  TRY_ASSIGN(PinRow existing, t_.find_pin(cid));
  if (!existing) return not_found(std::string(kNotPinned));
  if (!guard_holds(op, existing.revision())) return guard_failed(existing.revision());
  if (!existing.view.held_by_name()) return refused("the pin is not allocated to single peers");
  TRY_ASSIGN(auto before, to_pin(cid, existing));
  model::Pin pin = *before;
  for (const auto& bytes : op.remove()) {
    std::erase_if(pin.allocations, [&](const ipld::PeerId& peer) { return peer.bytes() == bytes; });
  }
  for (const auto& bytes : op.add()) {
    auto peer = ipld::PeerId::from_bytes(bytes);
    if (!peer) return refused("add: " + peer.error().message);
    pin.allocations.push_back(*std::move(peer));
  }
  drop_repeated(pin.allocations);
  if (pin.allocations.empty()) return refused("no peer would be left to hold the pin");
  TRY_ASSIGN(auto outcome,
             write_effective(cid, existing, std::move(pin), existing.view.many_claims, /*force=*/false, Change::kMove));
  return op.has_work() ? with_work(cid, op.work(), std::move(outcome)) : outcome;
}

/// `outcome` is that of the operation's change of the pin.
Result<Outcome> Applier::with_work(ByteView cid, const proto::Work& work, Outcome outcome) {
  Bytes row = work.SerializeAsString();
  TRY_ASSIGN(bool changed, set_work(cid, row.empty() ? std::nullopt : std::optional(std::move(row))));
  if (changed && outcome.status == OutcomeStatus::kUnchanged) {  // else the history has the operation already
    t_.remember({.kind = Change::kWork, .subject = cid});
    outcome.status = OutcomeStatus::kApplied;
  }
  return outcome;
}

/// All claims, also the one that is not written as a row because it is the only one and the default owner's.
Result<ClaimSet> Applier::claims_of(ByteView cid, const PinRow& existing) {
  ClaimSet claims;
  if (!existing) return claims;
  if (!existing.view.many_claims) {
    TRY_ASSIGN(auto pin, to_pin(cid, existing));
    pin->allocations.clear();
    claims.emplace(std::pair<std::string, std::string>(), *std::move(pin));
    return claims;
  }
  TRY_ASSIGN(auto rows, t_.find_all(kClaims, cid));
  for (const auto& [row_key, row] : rows) {
    ByteView rest = ByteView(row_key).substr(cid.size());
    auto owner = take_text(rest);
    TRY_ASSIGN(auto view, PinView::read(row));
    TRY_ASSIGN(auto stored, view.to_pin(cid, t_.peers()));
    if (!owner) return bad_row("claim key");
    claims.emplace(std::pair(*std::move(owner), std::string(rest)), std::move(stored.pin));
  }
  return claims;
}

/// Makes the rows of `claims` those of the set; a set of only the default owner's has none.
Result<> Applier::write_claims(ByteView cid, const PinRow& existing, const ClaimSet& claims) {
  std::map<Bytes, Bytes> wanted;
  bool only_default = claims.size() == 1 && claims.begin()->first == std::pair<std::string, std::string>();
  if (!only_default) {
    for (const auto& [who, pin] : claims) wanted.emplace(key::claim(cid, who.first, who.second), encode_claim(pin));
  }
  std::map<Bytes, Bytes> rows;
  if (existing && existing.view.many_claims) {
    TRY_ASSIGN(rows, t_.find_all(kClaims, cid));
  }
  for (const auto& [row_key, row] : rows) {
    if (!wanted.contains(row_key)) {
      t_.erase(kClaims, row_key);
      --t_.head.counters.claims;
    }
  }
  for (auto& [row_key, row] : wanted) {
    auto old = rows.find(row_key);
    if (old != rows.end() && old->second == row) continue;
    if (old == rows.end()) {
      TRY(t_.find(kClaims, row_key));
      ++t_.head.counters.claims;
    }
    t_.put(kClaims, row_key, std::move(row));
  }
  return {};
}

/// `work`: what the operation says to be under way; null: what is.
Result<Outcome> Applier::write_merged(ByteView cid, const PinRow& existing, const ClaimSet& claims,
                                      std::vector<ipld::PeerId> allocations, const proto::Work* work) {
  TRY(write_claims(cid, existing, claims));
  model::Pin pin = merge_claims(claims);
  pin.allocations = std::move(allocations);
  TRY(fit_copies(cid, existing, pin, work));
  bool only_default = claims.size() == 1 && claims.begin()->first == std::pair<std::string, std::string>();
  return write_effective(cid, existing, std::move(pin), !only_default, /*force=*/true, Change::kPin);
}

/// Two that change the claims of a pin at once choose its holders each without knowing of the other. Copies that are
/// missing are those that there were, then any. Those that are too many go, unless something is under way, when the old
/// ones have to stay for a while.
Result<> Applier::fit_copies(ByteView cid, const PinRow& existing, model::Pin& pin, const proto::Work* work) {
  if (t_.head.apply_version < kFittedCopies || pin.everywhere()) return {};
  auto least = static_cast<size_t>(std::max(pin.options.replication_factor_min, 1));
  auto most = std::max(least, static_cast<size_t>(std::max(pin.options.replication_factor_max, 1)));
  auto& copies = pin.allocations;
  if (copies.size() >= least && copies.size() <= most) return {};
  std::vector<ipld::PeerId> before;
  if (existing) {
    TRY_ASSIGN(auto stored, to_pin(cid, existing));
    before = std::move(stored->allocations);
  }
  if (copies.size() > most) {
    TRY_ASSIGN(const Bytes* row, t_.find(kWork, cid));
    bool moving = work != nullptr ? work->ByteSizeLong() > 0 : row != nullptr;
    if (moving) return {};
    std::ranges::stable_partition(copies, [&](const auto& peer) { return contains(before, peer); });
    copies.resize(most);
    return {};
  }
  for (const auto& peer : before) {
    if (copies.size() < most && !contains(copies, peer)) copies.push_back(peer);
  }
  for (bool up : {true, false}) {  // those that are not are replaced by the leader
    for (const auto& peer : t_.peers().all()) {
      bool takes = peer.member && (peer.state == proto::PEER_STATE_UP) == up && !contains(copies, peer.id);
      if (copies.size() < least && takes) copies.push_back(peer.id);
    }
  }
  return {};
}

/// `force`: a new revision even when the effective pin stays the same, because a claim changed.
Result<Outcome> Applier::write_effective(ByteView cid, const PinRow& existing, model::Pin pin, bool many_claims,
                                         bool force, Change::Kind kind) {
  if (pin.everywhere()) pin.allocations.clear();
  PeerNumbers numbers;
  for (const auto& peer : pin.allocations) numbers.push_back(t_.number_of(peer).value);
  Bytes body = encode_body(pin, numbers, many_claims);
  Outcome outcome;
  TRY_ASSIGN(outcome.before, to_pin(cid, existing));
  if (!force && existing && existing.view.body == body) {
    outcome.status = OutcomeStatus::kUnchanged;
    outcome.revision = existing.revision();
  } else {
    TRY(t_.write_pin(cid, existing, body, kind));
    outcome.revision = t_.revision();
  }
  outcome.after = std::move(pin);
  return outcome;
}

Result<Outcome> Applier::remove_pin(ByteView cid, const PinRow& existing) {
  Outcome outcome;
  TRY_ASSIGN(outcome.before, to_pin(cid, existing));
  if (existing.view.many_claims) {
    TRY_ASSIGN(auto rows, t_.find_all(kClaims, cid));
    for (const auto& [row_key, row] : rows) {
      t_.erase(kClaims, row_key);
      --t_.head.counters.claims;
    }
  }
  TRY(t_.write_pin(cid, existing, {}, Change::kUnpin));
  return outcome;
}

}  // namespace ipfsc::state
