// Any sequence of wishes, failures, restarts and crashes ends with the node holding what the state wants, and nothing
// else.
#include <gtest/gtest.h>

#include <random>

#include "base/test_seeds.h"
#include "tracker/core.h"
#include "tracker/test_support.h"

namespace ipfsc::tracker {
namespace {

using enum model::TrackerStatus;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kCids = 24;

/// The node, the listing, the single answers and the counters against the state.
void check_settled(TestPeer& peer) {
  std::map<ipld::Cid, ipfs::PinKind> wanted;
  std::map<ipld::Cid, model::TrackerStatus> statuses;
  StatusCounts counts;
  for (uint64_t n = 0; n < kCids; ++n) {
    auto cid = test_cid(n);
    auto pin = peer.state->get(cid).value();
    if (!pin) {
      EXPECT_EQ(peer.status(cid), kUnpinned) << n;
      continue;
    }
    Wish wish = wish_of(pin->pin, peer.self);
    if (wish.want == Want::kDirect) wanted[cid] = ipfs::PinKind::kDirect;
    if (wish.want == Want::kRecursive) wanted[cid] = ipfs::PinKind::kRecursive;
    statuses[cid] = wish.meta ? kSharded : wish.want == Want::kNothing ? kRemote : kPinned;
    ++counts.of(statuses[cid]);
    EXPECT_EQ(model::to_string(peer.status(cid)), model::to_string(statuses[cid])) << n;
    auto journal = peer.runtime.run_task(peer.tracker->journal(cid, 1)).value();
    if (wish.want != Want::kNothing) {
      ASSERT_EQ(journal.size(), 1u);
      EXPECT_FALSE(journal[0].to);
    } else if (!journal.empty()) {
      EXPECT_TRUE(journal[0].to);
    }
  }
  EXPECT_EQ(peer.node.pins, wanted);
  EXPECT_EQ(peer.tracker->counts(), counts);
  auto listed = peer.list({}, 5);
  ASSERT_EQ(listed.size(), statuses.size());
  auto expected = statuses.begin();
  for (const auto& info : listed) {
    EXPECT_EQ(info.pin.cid, expected->first);
    EXPECT_EQ(info.at.status, expected->second);
    ++expected;
  }
}

class Story {
 public:
  explicit Story(uint64_t seed) : random_(seed), peer_(seed) {
    auto& options = peer_.options;
    options.max_batch = 1 + below(8);
    options.max_ready = 16 + below(16);
    options.sync_page = 1 + below(6);
    options.concurrency.start = 1 + static_cast<unsigned>(below(6));
    options.concurrency.most = options.concurrency.start + 4;
    options.pin_timeout = seconds(20);
    options.remove_orphans = below(2) == 0;
    peer_.node.sorted = below(2) == 0;
    peer_.node.latency = milliseconds(below(50));
    peer_.node.fail_pin = peer_.node.fail_unpin = [this](const ipld::Cid&) { return maybe_error(); };
    peer_.start();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    failure_share_ = 0;
    peer_.node.down = false;
    peer_.node.hang.clear();
    peer_.run_for(hours(1));
    ASSERT_TRUE(peer_.runtime.run_task(peer_.tracker->sync_all({})));
    peer_.run_for(hours(1));
    check_settled(peer_);
    peer_.restart();
    check_settled(peer_);
  }

 private:
  uint64_t below(uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random_); }
  ipld::Cid any() { return test_cid(below(kCids)); }
  std::optional<Error> maybe_error() {
    if (below(100) >= failure_share_) return std::nullopt;
    constexpr ErrorKind kKinds[] = {ErrorKind::kNotFound, ErrorKind::kUnavailable, ErrorKind::kResourceExhausted,
                                    ErrorKind::kInternal};
    return Error{kKinds[below(4)], "chance"};
  }

  void step() {
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        peer_.pin(any(), below(3) == 0);
        break;
      case 4:
      case 5:
      case 6:
        peer_.unpin(any());
        break;
      case 7:
        peer_.pin_elsewhere(any());
        break;
      case 8:
        pin_everywhere();
        break;
      case 9:
        pin_meta();
        break;
      case 10:
        failure_share_ = below(2) * below(80);
        break;
      case 11:
        peer_.node.down = below(3) == 0;
        break;
      case 12:
        below(2) == 0 ? (void)peer_.node.hang.insert(any()) : peer_.node.hang.clear();
        break;
      case 13:
        peer_.node.finish_cancelled = below(2) == 0;
        break;
      case 14:
        peer_.node.pins.erase(any());
        break;
      case 15:
        (void)peer_.runtime.run_task(peer_.tracker->recover(any()));
        break;
      case 16:
        (void)peer_.runtime.run_task(peer_.tracker->sync(any()));
        break;
      case 17:
        restart();
        break;
      case 18:
        (void)peer_.runtime.run_task(peer_.tracker->sync_all({}));
        break;
      case 19:
        peer_.pull(*peer_.tracker->recover_all(), 3);
        break;
    }
    peer_.run_for(below(4) == 0 ? Duration(seconds(below(30))) : Duration(milliseconds(below(20))));
  }
  void restart() {
    if (below(2) == 0) {
      peer_.stop();
    } else {
      peer_.crash();
    }
    peer_.feed->lose_position = below(4) == 0;
    if (below(4) == 0) peer_.runtime.jump_wall_clock(minutes(below(120)) - minutes(60));
    peer_.start();
  }
  void pin_everywhere() {
    auto pin = peer_.make_pin(any(), true);
    pin.options.replication_factor_min = pin.options.replication_factor_max = model::kEverywhere;
    pin.allocations.clear();
    peer_.apply({TestPeer::put(pin)});
  }
  void pin_meta() {
    auto pin = peer_.make_pin(any(), true);
    pin.type = model::PinType::kMeta;
    pin.allocations.clear();
    pin.reference = test_cid(1000);
    peer_.apply({TestPeer::put(pin)});
  }

  std::mt19937_64 random_;
  TestPeer peer_;
  uint64_t failure_share_ = 0;
};

TEST(TrackerProperty, EndsWhereTheStateEnds) {
  for (uint64_t seed : sim_seeds(1, 20)) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Story(seed).run(150);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(TrackerProperty, SurvivesAPowerCutAtAnyWrite) {
  uint64_t writes_of_all = 0;
  for (uint64_t cut_at = 0;; ++cut_at) {
    SCOPED_TRACE(fmt::format("power cut at write {}", cut_at));
    TestPeer peer;
    peer.options.max_batch = 4;
    peer.node.finish_cancelled = cut_at % 2 == 0;
    peer.node.latency = milliseconds(1);
    peer.start();
    uint64_t before = peer.env.writes();
    if (cut_at > 0) peer.env.cut_power_after(cut_at);
    for (uint64_t n = 0; n < 12; ++n) {
      peer.pin(test_cid(n), n % 3 == 0);
      if (n % 2 == 0) peer.run_for(milliseconds(3));
      if (n % 4 == 3) peer.unpin(test_cid(n - 1));
      if (n % 5 == 4) peer.pin_elsewhere(test_cid(n - 2));
    }
    peer.run_for(milliseconds(50));
    if (cut_at == 0) {
      writes_of_all = peer.env.writes() - before;
    } else if (!peer.env.power_is_cut()) {
      peer.env.cut_power();
    }
    peer.stop();
    peer.env.restore_power();
    peer.start();
    peer.run_for(minutes(5));
    check_settled(peer);
    if (testing::Test::HasFailure() || cut_at > writes_of_all) return;
  }
}

}  // namespace
}  // namespace ipfsc::tracker
