// The pinset as maps, written to be obvious: what apply() has to agree with. And random operations for both.
#pragma once

#include <random>
#include <set>

#include "state/test_support.h"

namespace ipfsc::state::testing {

using Owner = std::pair<std::string, std::string>;

struct ModelPin {
  std::map<Owner, model::Pin> claims;
  StoredPin stored;
};

struct ModelChange {
  Revision revision;
  Change change;
  std::optional<StoredPin> before, after;
};

struct Model {
  std::map<ipld::Cid, ModelPin> pins;
  std::map<std::pair<std::string, Bytes>, std::pair<Revision, Bytes>> records;
  std::map<ipld::Cid, Bytes> work;
  std::vector<ModelChange> history;
  std::map<Bytes, Outcome> requests;
  std::vector<ipld::PeerId> numbered;
  std::map<ipld::PeerId, std::pair<bool, proto::PeerState>> peers;
  uint64_t time_ms = 0, since_ms = 0;
  LogIndex index;
  uint32_t n = 0;
  std::string actor;

  Revision revision() const { return make_revision(index, n); }

  void number(const ipld::PeerId& peer) {
    if (std::find(numbered.begin(), numbered.end(), peer) == numbered.end()) numbered.push_back(peer);
  }

  Change change(Change::Kind kind) const {
    Change out;
    out.position = {0, index, n};
    out.kind = kind;
    out.time = millis(time_ms);
    out.actor = actor;
    return out;
  }

  std::optional<StoredPin> stored(const ipld::Cid& cid) const {
    auto it = pins.find(cid);
    return it == pins.end() ? std::nullopt : std::optional(it->second.stored);
  }

  static model::Pin merged(const std::map<Owner, model::Pin>& claims) {
    model::Pin out = claims.begin()->second;
    std::string names;
    std::vector<std::string> seen;
    for (const auto& [owner, pin] : claims) {
      auto most = [](int a, int b) { return a == -1 || b == -1 ? -1 : std::max(a, b); };
      auto& o = out.options;
      o.replication_factor_min = most(o.replication_factor_min, pin.options.replication_factor_min);
      o.replication_factor_max = most(o.replication_factor_max, pin.options.replication_factor_max);
      if (!pin.options.expire_at) o.expire_at.reset();
      if (o.expire_at) o.expire_at = std::max(*o.expire_at, *pin.options.expire_at);
      for (const auto& item : pin.options.metadata) o.metadata.insert(item);
      if (!out.timestamp || (pin.timestamp && *pin.timestamp > *out.timestamp)) out.timestamp = pin.timestamp;
      out.max_depth = most(out.max_depth, pin.max_depth);
      const auto& name = pin.options.name;
      if (name.empty() || std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
      seen.push_back(name);
      names += (names.empty() ? "" : ", ") + name;
    }
    out.options.name = names;
    out.options.mode = out.direct() ? model::PinMode::kDirect : model::PinMode::kRecursive;
    return out;
  }

  void store(const ipld::Cid& cid, std::map<Owner, model::Pin> claims, model::Pin pin, Change::Kind kind) {
    if (pin.everywhere()) pin.allocations.clear();
    for (const auto& peer : pin.allocations) number(peer);
    auto before = stored(cid);
    bool many = !(claims.size() == 1 && claims.contains(Owner()));
    pins[cid] = {std::move(claims), {std::move(pin), revision(), many}};
    remember(kind, cid, before, stored(cid));
  }
  void drop(const ipld::Cid& cid) {
    auto before = stored(cid);
    pins.erase(cid);
    work.erase(cid);
    remember(Change::kUnpin, cid, before, std::nullopt);
  }
  void remember(Change::Kind kind, const ipld::Cid& cid, std::optional<StoredPin> before = {},
                std::optional<StoredPin> after = {}) {
    auto c = change(kind);
    c.cid = cid;
    history.push_back({revision(), c, std::move(before), std::move(after)});
  }

  OutcomeStatus put(const proto::PinPut& op) {
    auto pin = *model::pin_from_proto(op.pin());
    auto existing = stored(pin.cid);
    Revision now = existing ? existing->revision : 0;
    if (op.has_if_revision() && op.if_revision() != now) return OutcomeStatus::kGuardFailed;
    auto claims = existing ? pins[pin.cid].claims : std::map<Owner, model::Pin>();
    auto allocations = pin.allocations;
    pin.allocations.clear();
    Owner owner{op.owner(), op.claim()};
    bool same_claim = claims.contains(owner) && claims[owner] == pin;
    claims[owner] = pin;
    auto effective = merged(claims);
    effective.allocations = effective.everywhere() ? std::vector<ipld::PeerId>() : allocations;
    if (!effective.everywhere()) {
      for (const auto& peer : allocations) number(peer);
    }
    if (same_claim && existing->pin == effective) return with_work(op, pin.cid, OutcomeStatus::kUnchanged);
    store(pin.cid, claims, effective, Change::kPin);
    return with_work(op, pin.cid, OutcomeStatus::kApplied);
  }

  OutcomeStatus remove(const proto::PinRemove& op) {
    auto cid = *ipld::Cid::from_bytes(op.cid());
    auto existing = stored(cid);
    if (!existing) return OutcomeStatus::kNotFound;
    if (op.has_if_revision() && op.if_revision() != existing->revision) return OutcomeStatus::kGuardFailed;
    auto claims = pins[cid].claims;
    if (op.all_claims()) {
      claims.clear();
    } else if (claims.erase({op.owner(), op.claim()}) == 0) {
      return OutcomeStatus::kNotFound;
    }
    if (claims.empty()) {
      drop(cid);
    } else {
      auto effective = merged(claims);
      effective.allocations = existing->pin.allocations;
      store(cid, claims, effective, Change::kPin);
    }
    return OutcomeStatus::kApplied;
  }

  template <class Op>
  OutcomeStatus with_work(const Op& op, const ipld::Cid& cid, OutcomeStatus so_far) {
    if (!op.has_work()) return so_far;
    auto bytes = op.work().SerializeAsString();
    if (bytes.empty() ? !work.contains(cid) : work.contains(cid) && work[cid] == bytes) return so_far;
    bytes.empty() ? (void)work.erase(cid) : (void)(work[cid] = bytes);
    if (so_far == OutcomeStatus::kUnchanged) remember(Change::kWork, cid);
    return OutcomeStatus::kApplied;
  }

  OutcomeStatus move(const proto::PinMove& op) {
    auto cid = *ipld::Cid::from_bytes(op.cid());
    auto existing = stored(cid);
    if (!existing) return OutcomeStatus::kNotFound;
    if (existing->pin.everywhere() || existing->pin.type == model::PinType::kMeta) return OutcomeStatus::kRefused;
    auto pin = existing->pin;
    for (const auto& peer : op.remove()) std::erase(pin.allocations, *ipld::PeerId::from_bytes(peer));
    for (const auto& bytes : op.add()) {
      auto peer = *ipld::PeerId::from_bytes(bytes);
      if (std::find(pin.allocations.begin(), pin.allocations.end(), peer) == pin.allocations.end()) {
        pin.allocations.push_back(peer);
      }
    }
    if (pin.allocations.empty()) return OutcomeStatus::kRefused;
    for (const auto& peer : pin.allocations) number(peer);
    bool moved = pin != existing->pin;
    if (moved) store(cid, pins[cid].claims, pin, Change::kMove);
    return with_work(op, cid, moved ? OutcomeStatus::kApplied : OutcomeStatus::kUnchanged);
  }

  OutcomeStatus record_put(const proto::RecordPut& op) {
    auto it = records.find({op.kind(), op.key()});
    Revision now = it == records.end() ? 0 : it->second.first;
    if (op.has_if_revision() && op.if_revision() != now) return OutcomeStatus::kGuardFailed;
    if (it != records.end() && it->second.second == op.value()) return OutcomeStatus::kUnchanged;
    records[{op.kind(), op.key()}] = {revision(), op.value()};
    remember_record(op.kind(), op.key());
    return OutcomeStatus::kApplied;
  }
  OutcomeStatus record_remove(const proto::RecordRemove& op) {
    if (records.erase({op.kind(), op.key()}) == 0) return OutcomeStatus::kNotFound;
    remember_record(op.kind(), op.key());
    return OutcomeStatus::kApplied;
  }
  void remember_record(const std::string& kind, const Bytes& key) {
    auto c = change(Change::kRecord);
    c.record_kind = kind;
    c.record_key = key;
    history.push_back({revision(), c, {}, {}});
  }

  OutcomeStatus peer_put(const proto::PeerPut& op) {
    auto peer = *ipld::PeerId::from_bytes(op.peer());
    number(peer);
    std::pair wanted(true, op.state());
    if (peers.contains(peer) && peers[peer] == wanted) return OutcomeStatus::kUnchanged;
    peers[peer] = wanted;
    auto c = change(Change::kPeer);
    c.peer = peer;
    history.push_back({revision(), c, {}, {}});
    return OutcomeStatus::kApplied;
  }

  OutcomeStatus peer_change(const proto::PeerChange& op) {
    auto peer = *ipld::PeerId::from_bytes(op.peer());
    if (!peers.contains(peer) || !peers[peer].first) return OutcomeStatus::kNotFound;
    if (op.has_if_state() && op.if_state() != peers[peer].second) return OutcomeStatus::kGuardFailed;
    if (!op.has_state() || op.state() == peers[peer].second) return OutcomeStatus::kUnchanged;
    peers[peer].second = op.state();
    auto c = change(Change::kPeer);
    c.peer = peer;
    history.push_back({revision(), c, {}, {}});
    return OutcomeStatus::kApplied;
  }

  OutcomeStatus work_put(const proto::WorkPut& op) {
    auto cid = *ipld::Cid::from_bytes(op.cid());
    if (!pins.contains(cid)) return OutcomeStatus::kNotFound;
    auto bytes = op.work().SerializeAsString();
    if (work.contains(cid) && work[cid] == bytes) return OutcomeStatus::kUnchanged;
    work[cid] = bytes;
    remember(Change::kWork, cid);
    return OutcomeStatus::kApplied;
  }
  OutcomeStatus work_remove(const proto::WorkRemove& op) {
    auto cid = *ipld::Cid::from_bytes(op.cid());
    if (work.erase(cid) == 0) return OutcomeStatus::kNotFound;
    remember(Change::kWork, cid);
    return OutcomeStatus::kApplied;
  }

  OutcomeStatus trim(const proto::Trim& op) {
    uint64_t before = std::min<uint64_t>(op.history_before_ms(), time_ms);
    since_ms = std::max(since_ms, before);
    return OutcomeStatus::kApplied;
  }

  OutcomeStatus apply_one(const proto::Operation& op) {
    if (op.has_pin_put()) return put(op.pin_put());
    if (op.has_pin_remove()) return remove(op.pin_remove());
    if (op.has_pin_move()) return move(op.pin_move());
    if (op.has_record_put()) return record_put(op.record_put());
    if (op.has_record_remove()) return record_remove(op.record_remove());
    if (op.has_peer_put()) return peer_put(op.peer_put());
    if (op.has_peer_change()) return peer_change(op.peer_change());
    if (op.has_work_put()) return work_put(op.work_put());
    if (op.has_work_remove()) return work_remove(op.work_remove());
    return trim(op.trim());
  }

  std::vector<Outcome> apply(LogIndex at, const proto::Entry& entry) {
    index = at;
    n = 0;
    time_ms = std::max<uint64_t>(time_ms, entry.time_ms());
    std::vector<Outcome> outcomes;
    for (const auto& op : entry.operations()) {
      actor = op.actor();
      Outcome outcome;
      if (auto it = requests.find(op.request_id()); it != requests.end()) {
        outcome = it->second;
        outcome.first = outcome.status;
        outcome.status = OutcomeStatus::kDuplicate;
      } else {
        outcome.status = apply_one(op);
        outcome.index = at;
        if (!op.request_id().empty()) requests[op.request_id()] = outcome;
      }
      outcomes.push_back(outcome);
      ++n;
    }
    return outcomes;
  }

  std::optional<StoredPin> at(const ipld::Cid& cid, WallTime time) const {
    std::optional<StoredPin> out;
    for (const auto& change : history) {
      if (change.change.time > time) break;
      auto kind = change.change.kind;
      if (change.change.cid == cid && kind != Change::kWork) out = change.after;
    }
    return out;
  }

  Counters counters() const {
    Counters c;
    for (const auto& [cid, pin] : pins) {
      const auto& p = pin.stored.pin;
      ++c.pins;
      ++c.by_type[static_cast<size_t>(p.type)];
      if (p.direct()) ++c.direct;
      if (p.everywhere() && p.type != model::PinType::kMeta) ++c.everywhere;
      if (p.options.expire_at) ++c.expiring;
      if (pin.stored.many_claims) c.claims += pin.claims.size();
    }
    c.work = work.size();
    c.requests = requests.size();
    c.records = records.size();
    std::set<ipld::Cid> removed;
    for (const auto& change : history) {
      if (change.change.time < millis(since_ms)) continue;
      ++c.history;
      if (change.change.kind == Change::kUnpin && !pins.contains(change.change.cid)) removed.insert(change.change.cid);
    }
    c.removed = removed.size();
    return c;
  }
};

/// Makes operations that meet each other often: few CIDs, few peers, few names.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T>
  const T& of(const std::vector<T>& values) {
    return values[static_cast<size_t>(below(static_cast<int>(values.size())))];
  }

  static constexpr int kCids = 24, kPeers = 6;
  ipld::Cid cid() { return cid_of(below(kCids)); }
  ipld::PeerId peer() { return peer_of(below(kPeers)); }
  const std::vector<std::string> names = {
      "", "a", "ab", "abc", "b", std::string("a\0c", 3), std::string(300, 'a'), std::string(299, 'a') + "b"};
  const std::vector<std::string> owners = {"", "", "", "user", "other"};

  model::Pin pin() {
    std::vector<int> peers;
    if (!chance(20)) {
      for (int i = 0; i < kPeers; ++i) {
        if (chance(40)) peers.push_back(i);
      }
      if (peers.empty()) peers.push_back(below(kPeers));
      std::shuffle(peers.begin(), peers.end(), engine_);
    }
    auto out = pin_of(below(kCids), peers, of(names));
    if (chance(10)) out.type = model::PinType::kMeta;
    if (chance(10)) out.type = model::PinType::kShard;
    if (chance(20)) {
      out.max_depth = 0;
      out.options.mode = model::PinMode::kDirect;
    }
    out.timestamp = chance(10) ? std::nullopt : std::optional(seconds(1000 + below(5)));
    if (chance(30)) out.options.expire_at = seconds(5000 + below(5));
    for (const char* key : {"k", "l"}) {
      if (chance(30)) out.options.metadata[key] = of(names);
    }
    return out;
  }

  Revision guard() { return chance(50) ? 0 : make_revision(LogIndex(below(40) + 1), below(4)); }

  proto::Operation operation() {
    proto::Operation op;
    int what = below(100);
    if (what < 40) {
      op = put_op(pin(), of(owners), chance(50) ? "" : "c");
      if (chance(20)) op.mutable_pin_put()->mutable_work()->set_below_minimum_since_ms(below(3));
      if (chance(10)) op.mutable_pin_put()->set_if_revision(guard());
    } else if (what < 60) {
      op = remove_op(cid(), of(owners), chance(50) ? "" : "c");
      op.mutable_pin_remove()->set_all_claims(chance(20));
      if (chance(10)) op.mutable_pin_remove()->set_if_revision(guard());
    } else if (what < 72) {
      op.mutable_pin_move()->set_cid(cid().bytes());
      for (int i = below(3); i > 0; --i) op.mutable_pin_move()->add_add(peer().bytes());
      for (int i = below(3); i > 0; --i) op.mutable_pin_move()->add_remove(peer().bytes());
      if (chance(50)) op.mutable_pin_move()->mutable_work()->set_below_minimum_since_ms(below(3));
    } else if (what < 79) {
      auto* record = op.mutable_record_put();
      record->set_kind(chance(50) ? "kind" : "kinds");
      record->set_key(of(names));
      record->set_value(of(names));
      if (chance(30)) record->set_if_revision(0);
    } else if (what < 83) {
      op.mutable_record_remove()->set_kind(chance(50) ? "kind" : "kinds");
      op.mutable_record_remove()->set_key(of(names));
    } else if (what < 85) {
      op.mutable_peer_change()->set_peer(peer().bytes());
      if (chance(70)) op.mutable_peer_change()->set_state(static_cast<proto::PeerState>(below(3)));
      if (chance(30)) op.mutable_peer_change()->set_if_state(static_cast<proto::PeerState>(below(3)));
    } else if (what < 87) {
      op.mutable_peer_put()->set_peer(peer().bytes());
      op.mutable_peer_put()->set_state(static_cast<proto::PeerState>(below(3)));
    } else if (what < 93) {
      op.mutable_work_put()->set_cid(cid().bytes());
      op.mutable_work_put()->mutable_work()->set_below_minimum_since_ms(below(3));
    } else if (what < 96) {
      op.mutable_work_remove()->set_cid(cid().bytes());
    } else if (what < 97) {
      op.mutable_trim()->set_history_before_ms(static_cast<uint64_t>(below(300)) * 10);
    } else {
      op = remove_op(cid());
    }
    op.set_actor(of(names));
    if (chance(15)) op.set_request_id("request " + std::to_string(below(30)));
    return op;
  }

  proto::Entry entry(uint64_t i) {
    std::vector<proto::Operation> ops;
    for (int n = below(8); n > 0; --n) ops.push_back(operation());
    return entry_of(i * 10 + 20 - static_cast<uint64_t>(below(20)), std::move(ops));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace ipfsc::state::testing
