#include "monitor/alert_book.h"

#include "base/test_seeds.h"
#include "monitor/test_support.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Condition condition(unsigned of, std::string name = "ping") {
  return {.metric = {.name = std::move(name), .peer = peer(of)}, .reason = "silent"};
}

class AlertBookTest : public ::testing::Test {
 protected:
  /// Updates once a second for `span`; returns the kinds of events that came.
  std::vector<AlertEvent::Kind> run(Duration span, const std::vector<Condition>& conditions) {
    std::vector<AlertEvent::Kind> kinds;
    for (Duration end = now_ + span; now_ < end;) {
      now_ += 1s;
      for (const auto& event : book_.update(conditions, at(now_))) kinds.push_back(event.kind);
    }
    return kinds;
  }

  Duration now_{};
  AlertBook book_;
};

TEST_F(AlertBookTest, AnAlertHasABeginningAndAnEnd) {
  EXPECT_THAT(run(60s, {condition(1)}), ElementsAre(AlertEvent::kBegan));
  EXPECT_EQ(book_.active(), 1u);
  ASSERT_EQ(book_.list().size(), 1u);
  auto alert = book_.list()[0];
  EXPECT_EQ(alert.metric.peer, peer(1));
  EXPECT_EQ(alert.reason, "silent");
  EXPECT_EQ(alert.triggered_at, at(3s).wall) << "once it is confirmed";
  EXPECT_FALSE(alert.ended_at);

  EXPECT_THAT(run(60s, {}), ElementsAre(AlertEvent::kEnded));
  EXPECT_EQ(book_.active(), 0u);
  ASSERT_EQ(book_.list().size(), 1u) << "it is kept";
  EXPECT_EQ(book_.list()[0].ended_at, at(61s).wall);
}

TEST_F(AlertBookTest, WhatVanishesBeforeItIsConfirmedWasNothing) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(run(2s, {condition(1)}), IsEmpty());
    EXPECT_THAT(run(1s, {}), IsEmpty());
  }
  EXPECT_THAT(book_.list(), IsEmpty());
}

TEST_F(AlertBookTest, AnObserverThatSleptRaisesNoAlert) {
  run(10s, {});
  now_ += 10min;  // everybody's metrics are expired now
  EXPECT_THAT(run(1s, {condition(1), condition(2)}), IsEmpty());
  EXPECT_THAT(run(10s, {}), IsEmpty()) << "they came again";
}

TEST_F(AlertBookTest, AFlappingPeerHasOneAlertAndFewEvents) {
  std::vector<AlertEvent::Kind> events;
  for (int i = 0; i < 100; ++i) {
    for (auto kind : run(10s, {condition(1)})) events.push_back(kind);
    for (auto kind : run(10s, {})) events.push_back(kind);
  }
  EXPECT_THAT(events, ElementsAre(AlertEvent::kBegan, AlertEvent::kEnded, AlertEvent::kFlaps));
  ASSERT_EQ(book_.list().size(), 1u);
  EXPECT_EQ(book_.list()[0].times, 100u);
  EXPECT_THAT(run(10min, {}), ElementsAre(AlertEvent::kEnded)) << "told when it has become quiet";
  EXPECT_THAT(run(10s, {condition(1)}), ElementsAre(AlertEvent::kBegan)) << "much later it is another one";
  EXPECT_EQ(book_.list().size(), 2u);
}

TEST_F(AlertBookTest, TheNewestComesFirst) {
  run(10s, {condition(2)});
  run(10s, {condition(2), condition(1, "freespace")});
  run(10s, {condition(2), condition(1, "freespace"), condition(3)});
  std::vector<ipld::PeerId> order;
  for (const auto& alert : book_.list()) order.push_back(alert.metric.peer);
  EXPECT_THAT(order, ElementsAre(peer(3), peer(1), peer(2)));
}

TEST_F(AlertBookTest, TwoOfTheSameAreOne) {
  EXPECT_EQ(run(10s, {condition(1), condition(1)}).size(), 1u);
  EXPECT_EQ(run(10s, {condition(1), condition(1, "freespace")}).size(), 1u);
  EXPECT_EQ(book_.list().size(), 2u);
}

TEST_F(AlertBookTest, AFullBookPutsOutTheAlertThatEndedFirst) {
  book_ = AlertBook({.max_alerts = 3});
  run(10s, {condition(1)});
  run(10s, {condition(2)});
  run(10s, {condition(2), condition(3), condition(4)});
  std::set<ipld::PeerId> kept;
  for (const auto& alert : book_.list()) kept.insert(alert.metric.peer);
  EXPECT_EQ(kept, (std::set{peer(2), peer(3), peer(4)}));
  run(10s, {condition(2), condition(3), condition(4), condition(5)});
  EXPECT_EQ(book_.left_out(), 1u);
  EXPECT_EQ(book_.list().size(), 3u);
  run(10s, {condition(2), condition(3), condition(5)});
  EXPECT_EQ(book_.left_out(), 0u);
}

TEST_F(AlertBookTest, HoldsItsBoundAndTellsNoStormWhateverComes) {
  for (uint64_t seed : sim_seeds(1, 10)) {
    Random random(seed);
    AlertBook book({.flap_window = 60s, .max_alerts = 20});
    std::map<ipld::PeerId, std::deque<Duration>> told;
    std::set<unsigned> wrong;
    Duration now{};
    for (int step = 0; step < 1500; ++step) {
      now += 1s;
      if (random.below(3) == 0) {
        auto i = 1 + static_cast<unsigned>(random.below(10));
        if (!wrong.erase(i)) wrong.insert(i);
      }
      std::vector<Condition> conditions;
      for (auto i : wrong) conditions.push_back(condition(i));
      for (const auto& event : book.update(conditions, at(now))) {
        auto& times = told[event.alert.metric.peer];
        times.push_back(now);
        while (now - times.front() >= 60s) times.pop_front();
        ASSERT_LE(times.size(), 4u) << "seed " << seed;
      }
      ASSERT_LE(book.list().size(), 20u);
      ASSERT_LE(book.active(), 10u);
    }
    for (const auto& alert : book.list()) {
      ASSERT_LE(alert.triggered_at, alert.ended_at.value_or(at(now).wall)) << "seed " << seed;
    }
  }
}

PeerStanding standing(unsigned of, Standing standing) {
  return {.peer = peer(of), .standing = standing, .phi = 9.25, .silence = 4321ms};
}

TEST(Conditions, ASuspectedPeerIsAPingConditionThatExpiredNowAtTheLatest) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 1, 30s), at(0s)));
  auto found = conditions_of(store, {standing(1, Standing::kSuspect), standing(2, Standing::kSuspect)}, at(5s));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].metric.name, "ping");
  EXPECT_EQ(found[0].metric.value, "{}");
  EXPECT_EQ(found[0].metric.expire, at(5s).wall);
  EXPECT_EQ(found[0].reason, "no heartbeat for 4.3s (suspicion φ 9.2)");
  EXPECT_EQ(found[1].metric.peer, peer(2)) << "also one that never had a ping";
  EXPECT_EQ(found[1].metric.expire, at(5s).wall);
}

TEST(Conditions, AnExpiredMetricIsAConditionOfItsOwnWhileThePeerIsUp) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("freespace", peer(1), "1", 1, 10s), at(0s)));
  ASSERT_TRUE(store.add(reading("reposize", peer(1), "1", 1, 30s), at(0s)));
  auto found = conditions_of(store, {standing(1, Standing::kUp)}, at(20s));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].metric.name, "freespace");
  EXPECT_EQ(found[0].metric.expire, at(10s).wall);
  EXPECT_THAT(conditions_of(store, {standing(1, Standing::kUp)}, at(9s)), IsEmpty());
}

TEST(Conditions, ADeadPeerIsOneConditionNotOneForEachMetric) {
  MetricStore store;
  for (std::string name : {"ping", "freespace", "tag:zone"}) {
    ASSERT_TRUE(store.add(reading(name, peer(1), "1", 1, 10s), at(0s)));
  }
  EXPECT_EQ(conditions_of(store, {standing(1, Standing::kSuspect)}, at(60s)).size(), 1u);
  auto expired = conditions_of(store, {}, at(60s));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].metric.name, "ping");
  EXPECT_THAT(expired[0].reason, HasSubstr("50s ago"));
  EXPECT_THAT(conditions_of(store, {standing(1, Standing::kUnheard)}, at(60s)), IsEmpty())
      << "nothing can be said of who was not heard yet";
}

TEST(Conditions, AMetricThatIsMissingForADayIsNotExpectedAnyMore) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("tag:old", peer(1), "1", 1, 10s), at(0s)));
  ASSERT_TRUE(store.add(reading("ping", peer(2), "1", 1, 10s), at(0s)));
  EXPECT_EQ(conditions_of(store, {}, at(1h)).size(), 2u);
  auto later = conditions_of(store, {}, at(25h));
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].metric.name, "ping") << "but a peer is";
}

}  // namespace
}  // namespace ipfsc::monitor
