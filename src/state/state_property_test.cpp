// Any sequence of operations gives the same state as a simple model in memory, and a crash loses only what was not
// flushed, which the log gives again.
#include <functional>
#include <random>

#include "state/test_support.h"

namespace ipfsc::state {
namespace {

using namespace testing;
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

/// The pinset as maps, written to be obvious.
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
    if (same_claim && existing->pin == effective) return OutcomeStatus::kUnchanged;
    store(pin.cid, claims, effective, Change::kPin);
    return OutcomeStatus::kApplied;
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
    if (pin == existing->pin) return OutcomeStatus::kUnchanged;
    store(cid, pins[cid].claims, pin, Change::kMove);
    return OutcomeStatus::kApplied;
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
      if (chance(10)) op.mutable_pin_put()->set_if_revision(guard());
    } else if (what < 60) {
      op = remove_op(cid(), of(owners), chance(50) ? "" : "c");
      op.mutable_pin_remove()->set_all_claims(chance(20));
      if (chance(10)) op.mutable_pin_remove()->set_if_revision(guard());
    } else if (what < 72) {
      op.mutable_pin_move()->set_cid(cid().bytes());
      for (int i = below(3); i > 0; --i) op.mutable_pin_move()->add_add(peer().bytes());
      for (int i = below(3); i > 0; --i) op.mutable_pin_move()->add_remove(peer().bytes());
    } else if (what < 79) {
      auto* record = op.mutable_record_put();
      record->set_kind(chance(50) ? "kind" : "kinds");
      record->set_key(of(names));
      record->set_value(of(names));
      if (chance(30)) record->set_if_revision(0);
    } else if (what < 83) {
      op.mutable_record_remove()->set_kind(chance(50) ? "kind" : "kinds");
      op.mutable_record_remove()->set_key(of(names));
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

std::vector<StoredPin> expected_list(const Model& model, const std::function<bool(const StoredPin&)>& wanted) {
  std::vector<StoredPin> out;
  for (const auto& [cid, pin] : model.pins) {
    if (wanted(pin.stored)) out.push_back(pin.stored);
  }
  return out;
}

std::string cut(const std::string& name) { return name.substr(0, 256); }

/// By something, then by CID.
template <class F>
void sort_by(std::vector<StoredPin>& pins, F what) {
  std::sort(pins.begin(), pins.end(), [&](const auto& a, const auto& b) {
    return std::pair(what(a), a.pin.cid) < std::pair(what(b), b.pin.cid);
  });
}

void compare_listings(const State& state, const Model& model, Random& random) {
  size_t step = static_cast<size_t>(random.below(9)) + 1;
  auto list = [&](ListQuery query) { return Fixture::list_of(state, query, step); };
  auto all = expected_list(model, [](const auto&) { return true; });
  EXPECT_EQ(list({}), all);
  for (const auto& name : random.names) {
    EXPECT_EQ(list({.name = name}), expected_list(model, [&](const auto& p) { return p.pin.options.name == name; }));
    auto prefixed = expected_list(model, [&](const auto& p) { return p.pin.options.name.starts_with(name); });
    sort_by(prefixed, [](const auto& p) { return cut(p.pin.options.name); });
    EXPECT_EQ(list({.name_prefix = name}), prefixed);
    EXPECT_EQ(list({.metadata = {{"k", name}}}), expected_list(model, [&](const auto& p) {
                const auto& m = p.pin.options.metadata;
                return m.contains("k") && m.at("k") == name;
              }));
  }
  for (int i = 0; i <= Random::kPeers; ++i) {
    auto peer = peer_of(i);
    EXPECT_EQ(list({.peer = peer}), expected_list(model, [&](const auto& p) { return p.pin.allocated_to(peer); }));
  }
  for (const char* owner : {"", "user", "nobody"}) {
    EXPECT_EQ(list({.owner = owner}), expected_list(model, [&](const auto& p) {
                for (const auto& [who, claim] : model.pins.at(p.pin.cid).claims) {
                  if (who.first == owner) return true;
                }
                return false;
              }));
  }
  uint32_t types = 1u << static_cast<unsigned>(model::PinType::kMeta);
  EXPECT_EQ(list({.types = types}),
            expected_list(model, [](const auto& p) { return p.pin.type == model::PinType::kMeta; }));
  auto newest = all;
  sort_by(newest, [](const auto& p) { return -p.pin.timestamp.value_or(seconds(0)).time_since_epoch().count(); });
  EXPECT_EQ(list({.order = ListQuery::Order::kNewest}), newest);
  auto named = all;
  sort_by(named, [](const auto& p) { return cut(p.pin.options.name); });
  EXPECT_EQ(list({.order = ListQuery::Order::kName}), named);
  // By cursors: each page is a listing of its own.
  ListQuery query{.order = random.chance(50) ? ListQuery::Order::kName : ListQuery::Order::kCid};
  std::vector<StoredPin> pages;
  for (;;) {
    auto cursor = state.list(query);
    ASSERT_TRUE(cursor) << cursor.error().message;
    auto got = (*cursor)->next(pages, step);
    ASSERT_TRUE(got) << got.error().message;
    query.cursor = (*cursor)->token();
    if (*got == 0 || query.cursor.empty()) break;
  }
  EXPECT_EQ(pages, query.order == ListQuery::Order::kName ? named : all);
}

void compare_past(const State& state, const Model& model, Random& random) {
  EXPECT_EQ(state.history_since(), millis(model.since_ms));
  for (int i = 0; i < 4; ++i) {
    auto time = millis(random.below(static_cast<int>(model.time_ms) + 20));
    std::vector<StoredPin> expected;
    for (int c = 0; c < Random::kCids; ++c) {
      auto now = state.pin_at(cid_of(c), time);
      if (time < millis(model.since_ms)) {
        ASSERT_FALSE(now);
        EXPECT_EQ(now.error().kind, ErrorKind::kOutOfRange);
        continue;
      }
      ASSERT_TRUE(now) << now.error().message;
      auto then = model.at(cid_of(c), time);
      EXPECT_EQ(*now, then);
      if (then) expected.push_back(*then);
    }
    ListQuery query{.at = time};
    if (time < millis(model.since_ms)) {
      EXPECT_EQ(state.list(query).error().kind, ErrorKind::kOutOfRange);
      continue;
    }
    std::sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.pin.cid < b.pin.cid; });
    EXPECT_EQ(Fixture::list_of(state, query, 5), expected);
  }
}

void compare_history(const State& state, const Model& model, Random& random) {
  std::vector<Change> changes, expected;
  Revision floor = 0;
  for (const auto& change : model.history) {
    if (change.change.time < millis(model.since_ms)) {
      floor = change.revision;
    } else {
      expected.push_back(change.change);
    }
  }
  FeedPosition position{0, revision_index(floor), revision_operation(floor)};
  for (;;) {
    auto more = state.changes_after(position, static_cast<size_t>(random.below(20)) + 1);
    ASSERT_TRUE(more) << more.error().message;
    if (more->empty()) break;
    position = more->back().position;
    changes.insert(changes.end(), more->begin(), more->end());
  }
  EXPECT_EQ(changes, expected);
  for (int c = 0; c < Random::kCids; ++c) {
    auto history = state.history(cid_of(c), 0, 1000);
    ASSERT_TRUE(history) << history.error().message;
    std::vector<const ModelChange*> wanted;
    for (const auto& change : model.history) {
      if (change.revision > floor && change.change.cid == cid_of(c) && change.change.kind != Change::kWork) {
        wanted.insert(wanted.begin(), &change);
      }
    }
    ASSERT_EQ(history->size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ((*history)[i].change, wanted[i]->change);
      EXPECT_EQ((*history)[i].before, wanted[i]->before);
      EXPECT_EQ((*history)[i].after, wanted[i]->after);
    }
  }
}

void compare_rest(const State& state, const Model& model) {
  EXPECT_EQ(state.counters(), model.counters());
  std::vector<std::pair<WallTime, ipld::Cid>> expiring;
  for (int c = 0; c < Random::kCids; ++c) {
    auto cid = cid_of(c);
    auto stored = state.get(cid);
    ASSERT_TRUE(stored);
    EXPECT_EQ(*stored, model.stored(cid));
    auto claims = state.claims(cid);
    ASSERT_TRUE(claims);
    std::map<Owner, model::Pin> got;
    for (const auto& claim : *claims) got[{claim.owner, claim.claim}] = claim.pin;
    EXPECT_EQ(got, *stored ? model.pins.at(cid).claims : (std::map<Owner, model::Pin>()));
    auto work = state.work(cid);
    ASSERT_TRUE(work);
    EXPECT_EQ(work->has_value(), model.work.contains(cid));
    if (*work) EXPECT_EQ((*work)->SerializeAsString(), model.work.at(cid));
    if (*stored && (*stored)->pin.options.expire_at) expiring.emplace_back(*(*stored)->pin.options.expire_at, cid);
  }
  std::sort(expiring.begin(), expiring.end());
  auto found = state.expiring_before(seconds(5002), 1000);
  ASSERT_TRUE(found);
  std::erase_if(expiring, [](const auto& item) { return item.first > seconds(5002); });
  ASSERT_EQ(found->size(), expiring.size());
  for (size_t i = 0; i < expiring.size(); ++i) EXPECT_EQ((*found)[i].cid, expiring[i].second);
  std::vector<std::pair<std::string, Bytes>> records;
  for (const char* kind : {"kind", "kinds"}) {
    auto some = state.records(kind, "", 1000);
    ASSERT_TRUE(some);
    for (const auto& record : *some) {
      records.emplace_back(record.kind, record.key);
      auto it = model.records.find(records.back());
      ASSERT_NE(it, model.records.end());
      EXPECT_EQ(it->second, std::pair(record.revision, record.value));
    }
  }
  EXPECT_EQ(records.size(), model.records.size());
  auto peers = state.peers();
  ASSERT_EQ(peers.size(), model.numbered.size());
  for (size_t i = 0; i < peers.size(); ++i) {
    EXPECT_EQ(peers[i].id, model.numbered[i]);
    EXPECT_EQ(peers[i].member, model.peers.contains(peers[i].id));
    if (peers[i].member) EXPECT_EQ(peers[i].state, model.peers.at(peers[i].id).second);
    uint64_t held = 0;
    for (const auto& [cid, pin] : model.pins) {
      const auto& p = pin.stored.pin;
      held += !p.everywhere() && p.allocated_to(peers[i].id) ? 1 : 0;
    }
    EXPECT_EQ(peers[i].pins, held);
  }
  auto scan = state.scan_hash();
  ASSERT_TRUE(scan);
  EXPECT_TRUE(scan->equal());
  EXPECT_EQ(scan->applied, model.index);
}

void compare(const State& state, const Model& model, Random& random) {
  compare_listings(state, model, random);
  compare_past(state, model, random);
  compare_history(state, model, random);
  compare_rest(state, model);
}

class StateProperty : public ::testing::TestWithParam<int> {};

TEST_P(StateProperty, IsTheSameAsTheModel) {
  Random random(static_cast<uint64_t>(GetParam()));
  Fixture f(false);
  if (GetParam() % 2 == 0) f.options.cursor_lifetime = Duration(0);  // every step has a view of its own
  f.open();
  Model model;
  for (uint64_t i = 1; i <= 60; ++i) {
    auto entry = random.entry(i);
    auto outcomes = f.state->apply(LogIndex(i), entry);
    ASSERT_TRUE(outcomes) << outcomes.error().message;
    auto expected = model.apply(LogIndex(i), entry);
    ASSERT_EQ(outcomes->size(), expected.size());
    for (size_t n = 0; n < expected.size(); ++n) {
      SCOPED_TRACE(entry.operations(static_cast<int>(n)).ShortDebugString());
      ASSERT_EQ((*outcomes)[n].status, expected[n].status);
      ASSERT_EQ((*outcomes)[n].first, expected[n].first);
      ASSERT_EQ((*outcomes)[n].index, expected[n].index);
    }
    if (random.chance(10)) ASSERT_TRUE(f.state->flush());
    if (random.chance(3)) {
      ASSERT_TRUE(f.state->flush());
      ASSERT_TRUE(f.state->reopen());
    }
    if (i % 12 == 0) compare(*f.state, model, random);
    if (HasFailure()) FAIL() << "after entry " << i << " of seed " << GetParam();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StateProperty, ::testing::Range(1, 13));

std::vector<proto::Entry> entries_of(uint64_t seed, uint64_t count) {
  Random random(seed);
  std::vector<proto::Entry> entries;
  for (uint64_t i = 1; i <= count; ++i) entries.push_back(random.entry(i));
  return entries;
}

TEST(StateDeterminism, SameEntriesSameStateHoweverItWasStored) {
  auto entries = entries_of(77, 40);
  Fixture plain, stirred;
  for (size_t i = 0; i < entries.size(); ++i) {
    auto a = plain.state->apply(LogIndex(i + 1), entries[i]);
    auto b = stirred.state->apply(LogIndex(i + 1), entries[i]);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b);
    EXPECT_EQ(plain.state->state_hash(), stirred.state->state_hash());
    if (i % 5 == 0) ASSERT_TRUE(stirred.state->flush());
    if (i % 10 == 0) ASSERT_TRUE(stirred.state->reopen());
  }
  EXPECT_EQ(plain.list(), stirred.list());
  EXPECT_EQ(plain.state->counters(), stirred.state->counters());
}

/// Hash, counters and changes after each entry, of a run without a crash.
struct Milestone {
  StateHash hash;
  Counters counters;
};

TEST(StateCrash, WhereverThePowerGoesTheLogGivesTheSameStateAgain) {
  constexpr uint64_t kEntries = 12;
  auto entries = entries_of(5, kEntries);
  std::vector<Milestone> milestones(1);
  std::vector<StoredPin> final_pins;
  {
    Fixture f;
    for (uint64_t i = 1; i <= kEntries; ++i) {
      ASSERT_TRUE(f.state->apply(LogIndex(i), entries[i - 1]));
      milestones.push_back({f.state->state_hash(), f.state->counters()});
    }
    final_pins = f.list();
  }
  uint64_t cuts = 0;
  for (uint64_t k = 1;; k += 7) {
    Fixture f(false);
    f.env.cut_power_after(k);
    uint64_t flushed = 0, applied = 0;
    if (auto opened = State::open(f.options)) {
      f.state = *std::move(opened);
      for (uint64_t i = 1; i <= kEntries && f.state->apply(LogIndex(i), entries[i - 1]); ++i) {
        applied = i;
        if (i % 4 != 0) continue;
        if (!f.state->flush()) break;
        flushed = i;
      }
    }
    bool over = flushed == kEntries;
    f.env.cut_power();
    f.state.reset();
    f.env.restore_power();
    f.open();
    ASSERT_TRUE(f.state) << "cut at " << k;
    uint64_t at = f.state->applied_index().value;
    EXPECT_GE(at, flushed) << "cut at " << k;
    EXPECT_LE(at, applied) << "cut at " << k;
    EXPECT_EQ(f.state->flushed_index().value, at);
    EXPECT_EQ(f.state->state_hash(), milestones[at].hash) << "cut at " << k;
    EXPECT_EQ(f.state->counters(), milestones[at].counters) << "cut at " << k;
    EXPECT_TRUE(f.state->scan_hash()->equal()) << "cut at " << k;
    for (uint64_t i = at + 1; i <= kEntries; ++i) ASSERT_TRUE(f.state->apply(LogIndex(i), entries[i - 1]));
    EXPECT_EQ(f.state->state_hash(), milestones[kEntries].hash);
    EXPECT_EQ(f.list(), final_pins);
    if (over || ::testing::Test::HasFailure()) break;
    ++cuts;
  }
  EXPECT_GT(cuts, 10u);
}

TEST(StateCrash, AFailingDiskIsSurvivedByReopening) {
  constexpr uint64_t kEntries = 12;
  auto entries = entries_of(6, kEntries);
  Fixture reference;
  for (uint64_t i = 1; i <= kEntries; ++i) ASSERT_TRUE(reference.state->apply(LogIndex(i), entries[i - 1]));
  for (uint64_t k : {1, 2, 3, 5, 8, 13, 21, 34}) {
    Fixture f;
    f.env.fail_after(k, k % 2 ? storage::FaultEnv::Fault::kNoSpace : storage::FaultEnv::Fault::kIoError);
    for (uint64_t i = 1; i <= kEntries; ++i) {
      auto applied = f.state->apply(LogIndex(i), entries[i - 1]);
      bool fine = applied.has_value();
      if (fine && i % 3 == 0) fine = f.state->flush().has_value();
      if (fine) continue;
      f.env.clear_faults();
      ASSERT_TRUE(f.state->reopen());
      i = f.state->applied_index().value;
    }
    EXPECT_EQ(f.state->state_hash(), reference.state->state_hash());
    EXPECT_EQ(f.list(), reference.list());
  }
}

}  // namespace
}  // namespace ipfsc::state
