#include "allocator/reservations.h"

#include <gtest/gtest.h>

#include "allocator/test_support.h"

namespace ipfsc::allocator {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1000s};
constexpr ReservationOptions kOptions{.expire = 60s, .settle = 2s, .guessed_bytes = 10, .max_promises = 1000};

TEST(Reservations, WhatIsPromisedIsTakenUntilAMetricAfterItsArrivalHasCountedIt) {
  Reservations all(kOptions);
  all.promise(peer('a'), cid(1), 500, kStart);
  EXPECT_EQ(all.promised(peer('a')), (Promised{.bytes = 500, .pins = 1}));
  EXPECT_EQ(all.promised(peer('b')), Promised{});
  all.measured(peer('a'), kStart + 10s);  // it is not there yet, so the metric does not count it
  EXPECT_EQ(all.promised(peer('a')).bytes, 500U);
  all.arrived(peer('a'), cid(1), kStart + 11s);
  all.measured(peer('a'), kStart + 12s);  // may have been measured before it came
  EXPECT_EQ(all.promised(peer('a')).bytes, 500U);
  all.measured(peer('b'), kStart + 13s);
  EXPECT_EQ(all.promised(peer('a')).bytes, 500U);
  all.measured(peer('a'), kStart + 13s);
  EXPECT_EQ(all.promised(peer('a')), Promised{});
}

TEST(Reservations, ContentOfUnknownSizeIsGuessed) {
  Reservations all(kOptions);
  all.promise(peer('a'), cid(1), {}, kStart);
  EXPECT_EQ(all.promised(peer('a')), (Promised{.guessed_bytes = 10, .pins = 1}));
}

TEST(Reservations, TheSamePromiseTwiceIsOne) {
  Reservations all(kOptions);
  all.promise(peer('a'), cid(1), {}, kStart);
  all.promise(peer('a'), cid(1), 7, kStart + 30s);
  EXPECT_EQ(all.promised(peer('a')), (Promised{.bytes = 7, .pins = 1}));
  all.expire(kStart + 60s);  // the second is younger
  EXPECT_EQ(all.promised(peer('a')).bytes, 7U);
  all.expire(kStart + 90s);
  EXPECT_EQ(all.promised(peer('a')), Promised{});
}

TEST(Reservations, EndWhenReleasedOrForgottenOrExpired) {
  Reservations all(kOptions);
  for (int i = 0; i < 3; ++i) all.promise(peer("abc"[i]), cid(i), 5, kStart);
  all.release(peer('a'), cid(0));
  all.release(peer('a'), cid(0));
  all.forget(peer('b'));
  EXPECT_EQ(all.promised(peer('a')), Promised{});
  EXPECT_EQ(all.promised(peer('b')), Promised{});
  EXPECT_EQ(all.promised(peer('c')).bytes, 5U);
  all.expire(kStart + 60s);
  EXPECT_EQ(all.promised(peer('c')), Promised{});
  EXPECT_EQ(all.size(), 0U);
}

TEST(Reservations, AtTheBoundTheyAreStillCountedAsALump) {
  auto options = kOptions;
  options.max_promises = 1;
  Reservations all(options);
  all.promise(peer('a'), cid(1), 5, kStart);
  all.promise(peer('a'), cid(2), 6, kStart + 1s);
  all.promise(peer('a'), cid(3), {}, kStart + 2s);
  EXPECT_EQ(all.size(), 1U);
  EXPECT_EQ(all.promised(peer('a')), (Promised{.bytes = 11, .guessed_bytes = 10, .pins = 3}));
  all.expire(kStart + 61s);
  EXPECT_EQ(all.promised(peer('a')), (Promised{.bytes = 6, .guessed_bytes = 10, .pins = 2}));
  all.expire(kStart + 62s);
  EXPECT_EQ(all.promised(peer('a')), Promised{});
}

/// The same said naively: a list of promises.
struct Naive {
  struct One {
    ipld::PeerId peer;
    ipld::Cid cid;
    uint64_t bytes;
    SteadyTime expires;
    std::optional<SteadyTime> arrived;
  };
  std::vector<One> list;
  void remove(const ipld::PeerId& p, const ipld::Cid& c) {
    std::erase_if(list, [&](const One& one) { return one.peer == p && one.cid == c; });
  }
  uint64_t bytes(const ipld::PeerId& p) const {
    uint64_t sum = 0;
    for (const auto& one : list) sum += one.peer == p ? one.bytes : 0;
    return sum;
  }
};

TEST(ReservationsProperties, AreAlwaysTheSumOfWhatIsOpen) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Reservations all(kOptions);
    Naive naive;
    auto now = kStart;
    for (int step = 0; step < 300; ++step) {
      auto p = peer("abc"[below(random, 3)]);
      auto c = cid(static_cast<int>(below(random, 8)));
      now += std::chrono::seconds(below(random, 5));
      switch (below(random, 6)) {
        case 0:
        case 1: {
          auto bytes = below(random, 1000);
          all.promise(p, c, bytes, now);
          naive.remove(p, c);
          naive.list.push_back({p, c, bytes, now + kOptions.expire, {}});
          break;
        }
        case 2:
          all.arrived(p, c, now);
          for (auto& one : naive.list) {
            if (one.peer == p && one.cid == c && !one.arrived) one.arrived = now;
          }
          break;
        case 3:
          all.measured(p, now);
          std::erase_if(naive.list, [&](const auto& one) {
            return one.peer == p && one.arrived && *one.arrived + kOptions.settle <= now;
          });
          break;
        case 4:
          all.expire(now);
          std::erase_if(naive.list, [&](const auto& one) { return one.expires <= now; });
          break;
        default:
          all.release(p, c);
          naive.remove(p, c);
      }
      for (char name : std::string_view("abc")) {
        ASSERT_EQ(all.promised(peer(name)).bytes, naive.bytes(peer(name))) << "step " << step;
      }
      ASSERT_EQ(all.size(), naive.list.size());
    }
  }
}

}  // namespace
}  // namespace ipfsc::allocator
