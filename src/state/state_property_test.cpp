// Any sequence of operations gives the same state as a simple model in memory, and a crash loses only what was not
// flushed, which the log gives again.
#include <functional>

#include "base/test_seeds.h"
#include "state/test_model.h"

namespace ipfsc::state {
namespace {

using namespace testing;
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

class StateProperty : public ::testing::TestWithParam<uint64_t> {};

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

INSTANTIATE_TEST_SUITE_P(Seeds, StateProperty, ::testing::ValuesIn(sim_seeds(1, 12)));

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
