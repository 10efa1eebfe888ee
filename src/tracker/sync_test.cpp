// The node's pins compared with the table.
#include <gtest/gtest.h>

#include "tracker/test_support.h"
#include "tracker/tracker.h"

namespace ipfsc::tracker {
namespace {

using enum model::TrackerStatus;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(TrackerSync, SyncFindsWhatTheNodeLost) {
  for (bool sorted : {true, false}) {
    TestPeer peer;
    peer.node.sorted = sorted;
    peer.options.sync_page = 3;
    peer.start();
    for (uint64_t n = 0; n < 20; ++n) peer.pin(test_cid(n));
    peer.settle();
    for (uint64_t n = 0; n < 5; ++n) peer.node.pins.erase(test_cid(n));
    peer.node.pins[test_cid(500)] = ipfs::PinKind::kRecursive;
    peer.node.pins[test_cid(501)] = ipfs::PinKind::kDirect;
    std::vector<SyncFinding> findings;
    auto report = peer.runtime.run_task(peer.tracker->sync_all([&](SyncFinding finding) -> Task<> {
      findings.push_back(std::move(finding));
      co_return Result<>();
    }));
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->node_pins, 17u);
    EXPECT_EQ(report->rows, 20u);
    EXPECT_EQ(report->lost, 5u);
    EXPECT_EQ(report->orphans, 2u);
    EXPECT_EQ(report->orphans_removed, 0u);
    EXPECT_EQ(report->gained, 0u);
    EXPECT_EQ(findings.size(), 7u);
    EXPECT_EQ(peer.status(test_cid(0)), kUnexpectedlyUnpinned);
    EXPECT_EQ(peer.info(test_cid(0)).at.error, "the item should be pinned but it is not");
    EXPECT_EQ(peer.list(kUnexpectedlyUnpinned).size(), 5u);
    auto journal = peer.runtime.run_task(peer.tracker->journal(test_cid(0), 10)).value();
    ASSERT_EQ(journal.size(), 1u);
    EXPECT_EQ(journal[0].ended, Holding::kLost);
    peer.run_for(seconds(20));
    EXPECT_EQ(peer.count(kPinned), 20u) << "pinned again by itself";
    EXPECT_EQ(peer.node.pins.size(), 22u) << "orphans are only reported";
    journal = peer.runtime.run_task(peer.tracker->journal(test_cid(0), 10)).value();
    ASSERT_EQ(journal.size(), 2u);
    EXPECT_FALSE(journal[0].to);
    EXPECT_EQ(journal[1].ended, Holding::kLost);
  }
}

TEST(TrackerSync, SyncRemovesOrphansWhenTold) {
  TestPeer peer;
  peer.options.remove_orphans = true;
  peer.node.pins[test_cid(1)] = ipfs::PinKind::kRecursive;
  peer.node.pins[test_cid(2)] = ipfs::PinKind::kDirect;
  peer.start();
  peer.pin(test_cid(3));
  peer.settle();
  auto report = peer.runtime.run_task(peer.tracker->sync_all({}));
  EXPECT_EQ(report->orphans_removed, 2u);
  peer.settle();
  EXPECT_EQ(peer.node.pins.size(), 1u);
  EXPECT_EQ(peer.list().size(), 1u);
}

TEST(TrackerSync, SyncOfOneCid) {
  TestPeer peer;
  peer.node.fail_pin = [](const ipld::Cid&) { return not_found(); };
  peer.start();
  peer.pin(test_cid(1));
  peer.run_for(seconds(1));
  EXPECT_EQ(peer.status(test_cid(1)), kPinError);
  peer.node.pins[test_cid(1)] = ipfs::PinKind::kRecursive;
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->sync(test_cid(1))).value().at.status, kPinned);
  peer.node.pins.clear();
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->sync(test_cid(1))).value().at.status, kUnexpectedlyUnpinned);
  peer.node.fail_pin = {};
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->recover(test_cid(1))).value().at.status, kPinning);
  peer.settle();
  peer.node.pins.clear();
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->recover(test_cid(1))).value().at.status, kPinning)
      << "recover asks the node first";
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->sync(test_cid(77))).value().at.status, kUnpinned);
}

TEST(TrackerSync, OnlyOneSyncAtATime) {
  TestPeer peer;
  peer.start();
  peer.pin(test_cid(1));
  peer.settle();
  peer.node.pins.clear();
  std::optional<ErrorKind> second;
  auto report = peer.runtime.run_task(peer.tracker->sync_all([&](SyncFinding) -> Task<> {
    auto result = co_await peer.tracker->sync_all({});
    if (!result) second = result.error().kind;
    co_return Result<>();
  }));
  EXPECT_TRUE(report);
  EXPECT_EQ(second, ErrorKind::kFailedPrecondition);
  EXPECT_TRUE(peer.runtime.run_task(peer.tracker->sync_all({})));
}

TEST(TrackerSync, SyncsByItselfWhenConfigured) {
  TestPeer peer;
  peer.options.sync_interval = minutes(1);
  peer.start();
  peer.pin(test_cid(1));
  peer.settle();
  peer.node.pins.clear();
  peer.run_for(minutes(2));
  EXPECT_EQ(peer.node.pins.size(), 1u);
}

}  // namespace
}  // namespace ipfsc::tracker
