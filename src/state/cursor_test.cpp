#include <random>
#include <thread>

#include "state/test_support.h"

namespace ipfsc::state {
namespace {

using namespace testing;

TEST(Cursor, AnItemThatDoesNotChangeAppearsExactlyOnce) {
  for (auto order : {ListQuery::Order::kCid, ListQuery::Order::kName, ListQuery::Order::kNewest}) {
    Fixture f(false);
    f.options.cursor_lifetime = Duration(0);  // a new view at each step
    f.open();
    std::vector<proto::Operation> ops;
    for (int i = 0; i < 100; ++i)
      ops.push_back(put_op(pin_of(i, {1, 2}, i % 5 ? "name " + std::to_string(i % 7) : "")));
    f.apply(ops);
    std::mt19937 random(42);
    ListQuery query{.order = order};
    std::map<ipld::Cid, int> seen;
    auto cursor = *f.state->list(query);
    std::vector<StoredPin> pins;
    for (;;) {
      pins.clear();
      auto got = cursor->next(pins, 7);
      ASSERT_TRUE(got);
      if (*got == 0) break;
      for (const auto& pin : pins) ++seen[pin.pin.cid];
      if (random() % 2 == 0) {  // by token, in a new listing
        query.cursor = cursor->token();
        if (!query.cursor.empty()) cursor = *f.state->list(query);
      }
      // Only the odd ones change: renamed, removed, added again.
      std::vector<proto::Operation> changes;
      for (int n = 0; n < 5; ++n) {
        int i = static_cast<int>(random() % 50) * 2 + 1;
        auto pin = pin_of(i, {1}, "name " + std::to_string(random() % 9));
        pin.timestamp = seconds(1'600'000'000 + static_cast<int>(random() % 200'000'000));
        changes.push_back(random() % 2 ? put_op(pin) : remove_op(pin.cid));
      }
      f.apply(changes);
    }
    EXPECT_TRUE(cursor->done());
    EXPECT_EQ(cursor->token(), "");
    for (int i = 0; i < 100; i += 2) EXPECT_EQ(seen[cid_of(i)], 1) << i;
  }
}

TEST(Cursor, KeepsItsViewUntilItIsOld) {
  Fixture f(false);
  SteadyTime now{};
  f.options.now = [&now] { return now; };
  f.open();
  std::vector<proto::Operation> ops;
  for (int i = 0; i < 20; ++i) ops.push_back(put_op(pin_of(i)));
  f.apply(ops);
  auto cursor = *f.state->list({});
  std::vector<StoredPin> pins;
  ASSERT_TRUE(cursor->next(pins, 5));
  auto last = f.list().back().pin.cid;
  f.one(remove_op(last));
  now += std::chrono::seconds(29);
  ASSERT_TRUE(cursor->next(pins, 5));
  now += std::chrono::seconds(2);  // 31 s old: the next step sees the removal
  ASSERT_TRUE(cursor->next(pins, 100));
  EXPECT_EQ(pins.size(), 19u);
}

TEST(Cursor, TokensAreCheckedAgainstTheirQuery) {
  Fixture f;
  std::vector<proto::Operation> ops;
  for (int i = 0; i < 10; ++i) ops.push_back(put_op(pin_of(i)));
  f.apply(ops);
  auto cursor = *f.state->list({});
  std::vector<StoredPin> pins;
  ASSERT_TRUE(cursor->next(pins, 3));
  std::string token = cursor->token();
  EXPECT_EQ(token.find_first_of("+/="), std::string::npos);
  EXPECT_TRUE(f.state->list({.cursor = token}));
  auto says = [&](ListQuery query) {
    auto listing = f.state->list(std::move(query));
    if (listing) return std::string("fine");
    EXPECT_EQ(listing.error().kind, ErrorKind::kInvalidArgument);
    return listing.error().message;
  };
  EXPECT_EQ(says({.types = 2, .cursor = token}), "cursor: of a listing with other filters");
  EXPECT_EQ(says({.order = ListQuery::Order::kNewest, .cursor = token}), "cursor: of a listing with other filters");
  EXPECT_EQ(says({.cursor = "x"}), "cursor: not one of this program");
  EXPECT_EQ(says({.cursor = std::string(100000, 'A')}), "cursor: not one of this program");
  for (size_t i = 0; i < token.size(); ++i) {
    auto damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    auto listing = f.state->list({.cursor = damaged});
    if (listing) EXPECT_EQ(i, token.size() - 1) << "only padding bits of the last character may differ";
  }
}

TEST(Cursor, RefusesQueriesThatContradictThemselves) {
  Fixture f;
  EXPECT_EQ(f.state->list({.order = ListQuery::Order::kName, .at = seconds(1)}).error().kind,
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(f.state->list({.owner = "x", .at = seconds(1)}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(f.list().empty());
  EXPECT_TRUE(f.list({.peer = peer_of(1)}).empty());
}

TEST(Cursor, GoesOnAfterReopening) {
  Fixture f;
  std::vector<proto::Operation> ops;
  for (int i = 0; i < 10; ++i) ops.push_back(put_op(pin_of(i, {1})));
  f.apply(ops);
  ASSERT_TRUE(f.state->flush());
  for (auto query : {ListQuery{}, ListQuery{.peer = peer_of(1)}, ListQuery{.at = millis(9'000'000)}}) {
    auto cursor = *f.state->list(query);
    std::vector<StoredPin> pins;
    ASSERT_TRUE(cursor->next(pins, 4));
    ASSERT_TRUE(f.state->reopen());
    ASSERT_TRUE(cursor->next(pins, 100));
    EXPECT_EQ(pins, f.list());
  }
}

TEST(Cursor, ReadersAreNotDisturbedByWriting) {
  Fixture f;
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      auto counters = f.state->counters();
      auto pins = f.list({}, 50);
      EXPECT_GE(pins.size(), counters.pins);
      for (const auto& pin : pins) EXPECT_EQ(pin.pin.allocations.size(), 1u);
      EXPECT_TRUE(f.state->scan_hash()->equal());
    }
  });
  for (int i = 0; i < 150; ++i) f.apply({put_op(pin_of(i, {i})), put_op(pin_of(i + 1000, {i + 1000}))});
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace ipfsc::state
