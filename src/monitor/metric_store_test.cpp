#include "monitor/metric_store.h"

#include "base/test_seeds.h"
#include "monitor/test_support.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MetricStore, GivesTheNewestMetricOfEachPeer) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("freespace", peer(2), "20", 1), at(0s)));
  ASSERT_TRUE(store.add(reading("freespace", peer(1), "10", 1), at(0s)));
  ASSERT_TRUE(store.add(reading("freespace", peer(1), "11", 2), at(1s)));
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 1), at(1s)));
  EXPECT_THAT(values(store.latest("freespace", at(2s).steady)), ElementsAre("11", "20"));
  EXPECT_THAT(values(store.window("freespace", peer(1))), ElementsAre("10", "11"));
  EXPECT_THAT(store.latest("nothing", at(2s).steady), IsEmpty());
  EXPECT_THAT(store.names(), ElementsAre("freespace", "ping"));
}

TEST(MetricStore, AMetricExpiresItsTtlAfterItsReception) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 1, 30s), at(10s)));
  EXPECT_EQ(store.latest("ping", at(39s).steady).size(), 1u);
  EXPECT_THAT(store.latest("ping", at(40s).steady), IsEmpty());
  auto lapsed = store.lapsed(at(45s).steady);
  ASSERT_EQ(lapsed.size(), 1u);
  EXPECT_EQ(lapsed[0].since, 5s);
  EXPECT_EQ(lapsed[0].metric.peer, peer(1));
  EXPECT_THAT(store.lapsed(at(39s).steady), IsEmpty());
}

TEST(MetricStore, TheSendersClockDoesNotMatter) {
  MetricStore store;
  for (auto skew : {-1h, 0h, 1h}) {
    auto sent = reading("ping", peer(static_cast<unsigned>(2 + skew / 1h)), "{}", 1, 30s);
    sent.metric.received_at = at(0s).wall + skew;  // the sender's idea of when it took it
    sent.metric.expire = sent.metric.received_at + 30s;
    ASSERT_TRUE(store.add(std::move(sent), at(0s)));
  }
  auto now = store.latest("ping", at(29s).steady);
  ASSERT_EQ(now.size(), 3u);
  for (const auto& metric : now) {
    EXPECT_EQ(metric.received_at, at(0s).wall);
    EXPECT_EQ(metric.expire, at(30s).wall);
  }
  EXPECT_THAT(store.latest("ping", at(31s).steady), IsEmpty());
}

TEST(MetricStore, AJumpOfTheOwnWallClockExpiresNothing) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 1), at(0s)));
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 2), {at(20s).steady, at(5h).wall}));
  EXPECT_EQ(store.latest("ping", at(49s).steady).size(), 1u);
}

TEST(MetricStore, AReadingThatIsSentAgainIsOneReadingAndLivesNoLonger) {
  MetricStore store;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(store.add(reading("freespace", peer(1), "10", 7, 30s), at(1s * i)));
  }
  EXPECT_EQ(store.window("freespace", peer(1)).size(), 1u);
  EXPECT_THAT(store.latest("freespace", at(30s).steady), IsEmpty());
}

TEST(MetricStore, AnInvalidMetricHidesTheOneBeforeIt) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("freespace", peer(1), "10", 1), at(0s)));
  auto invalid = reading("freespace", peer(1), "0", 2);
  invalid.metric.valid = false;
  ASSERT_TRUE(store.add(invalid, at(1s)));
  EXPECT_THAT(store.latest("freespace", at(2s).steady), IsEmpty());
  EXPECT_FALSE(store.newest("freespace", peer(1))->valid);
  EXPECT_THAT(store.readings(peer(1), at(2s).steady), IsEmpty());
}

TEST(MetricStore, ReadingsToSendHaveWhatIsLeftOfTheirTtl) {
  MetricStore store;
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 7, 30s), at(0s)));
  ASSERT_TRUE(store.add(reading("freespace", peer(1), "1", 8, 5s), at(0s)));
  auto sent = store.readings(peer(1), at(10s).steady);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].ttl, 20s);
  EXPECT_EQ(sent[0].stamp, 7u);

  MetricStore other;
  ASSERT_TRUE(other.add(sent[0], at(10s)));
  EXPECT_EQ(other.latest("ping", at(29s).steady).size(), 1u);
  EXPECT_THAT(other.latest("ping", at(30s).steady), IsEmpty());
}

TEST(MetricStore, ForgetsWhoLeft) {
  MetricStore store;
  for (unsigned i = 1; i <= 3; ++i) ASSERT_TRUE(store.add(reading("ping", peer(i), "{}", 1), at(0s)));
  store.forget(peer(1));
  EXPECT_EQ(store.peers(), 2u);
  store.retain({peer(1), peer(3)});
  EXPECT_EQ(store.peers(), 1u);
  EXPECT_THAT(store.lapsed(at(1h).steady), ::testing::SizeIs(1));
}

TEST(MetricStore, RefusesWhatIsBeyondItsBounds) {
  MetricStore store({.max_peers = 1, .max_names = 2, .max_name_bytes = 8, .max_value_bytes = 4});
  auto kind = [&](Reading r, Duration t = 0s) { return ipld::kind(store.add(std::move(r), at(t))); };
  EXPECT_EQ(kind(reading("", peer(1), "", 1)), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(reading("a", {}, "", 1)), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(reading("123456789", peer(1), "", 1)), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(reading("a", peer(1), "12345", 1)), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(reading("a", peer(1), "1234", 1)), ErrorKind{});
  EXPECT_EQ(kind(reading("b", peer(1), "", 1)), ErrorKind{});
  EXPECT_EQ(kind(reading("c", peer(1), "", 1)), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(reading("a", peer(2), "", 1)), ErrorKind::kResourceExhausted);
  EXPECT_THAT(store.names(), ElementsAre("a", "b"));
}

TEST(MetricStore, ANewNameTakesThePlaceOfOneThatExpiredLongAgo) {
  MetricStore store({.max_names = 2});
  ASSERT_TRUE(store.add(reading("tag:old", peer(1), "x", 1, 10s), at(0s)));
  ASSERT_TRUE(store.add(reading("ping", peer(1), "{}", 1, 30s), at(0s)));
  ASSERT_TRUE(store.add(reading("tag:new", peer(1), "y", 1), at(20s)));
  EXPECT_THAT(store.names(), ElementsAre("ping", "tag:new"));
}

TEST(MetricStore, OneLongHistoryGivesWayToManyShortOnes) {
  MetricStore store({.max_bytes_per_peer = 100});
  for (uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(store.add(reading("a", peer(1), "1234567890", i), at(1s * i)));
  EXPECT_EQ(store.window("a", peer(1)).size(), 9u);
  ASSERT_TRUE(store.add(reading("b", peer(1), std::string(50, 'x'), 1), at(30s)));
  EXPECT_EQ(store.window("a", peer(1)).size(), 4u);
  EXPECT_EQ(store.window("b", peer(1)).size(), 1u);
  EXPECT_LE(store.bytes(peer(1)), 100u);
}

TEST(MetricStore, HoldsItsBoundsAndTheNewestReadingsWhateverComes) {
  for (uint64_t seed : sim_seeds(1, 8)) {
    Random random(seed);
    MetricStoreOptions options{.max_peers = 4,
                               .max_names = 3,
                               .window = 1 + random.below(5),
                               .max_bytes_per_peer = 200,
                               .max_value_bytes = 60,
                               .max_ttl = 20s};
    MetricStore store(options);
    std::map<std::pair<ipld::PeerId, std::string>, std::pair<std::string, SteadyTime>> model;  // newest, its expiry
    Duration now{};
    for (uint64_t step = 1; step <= 400; ++step) {
      now += 1ms * random.below(3000);
      auto of = peer(1 + static_cast<unsigned>(random.below(6)));
      if (random.below(50) == 0) {
        store.forget(of);
        std::erase_if(model, [&](const auto& item) { return item.first.first == of; });
      }
      auto sent = reading(std::string(1, static_cast<char>('a' + random.below(5))), of,
                          std::string(random.below(70), 'v'), step, 1s * random.below(40));
      if (store.add(sent, at(now))) {
        model[{of, sent.metric.name}] = {sent.metric.value, at(now).steady + std::min<Duration>(sent.ttl, 20s)};
      }
      ASSERT_LE(store.peers(), 4u) << "seed " << seed;
      std::set<std::string> of_names;
      for (unsigned i = 1; i <= 6; ++i) {
        size_t names = 0;
        for (const auto& name : store.names()) {
          auto window = store.window(name, peer(i));
          ASSERT_LE(window.size(), options.window);
          if (window.empty()) continue;
          ++names;
          ASSERT_EQ(window.back().value, (model[{peer(i), name}].first)) << "seed " << seed;
          bool valid = model[{peer(i), name}].second > at(now).steady;
          auto latest = store.latest(name, at(now).steady);
          ASSERT_EQ(valid, std::ranges::count(latest, peer(i), &model::Metric::peer) == 1) << "seed " << seed;
        }
        ASSERT_LE(names, 3u);
        ASSERT_LE(store.bytes(peer(i)), 200u);
      }
    }
  }
}

}  // namespace
}  // namespace ipfsc::monitor
