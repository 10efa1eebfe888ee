#include "tracker/tracker.h"

#include <gtest/gtest.h>

#include "tracker/test_support.h"

namespace ipfsc::tracker {
namespace {

using enum model::TrackerStatus;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Tracker, PinsWhatIsAllocatedHereAndUnpinsIt) {
  TestPeer peer;
  peer.start();
  auto cid = test_cid(1);
  EXPECT_EQ(peer.status(cid), kUnpinned);
  peer.pin(cid);
  EXPECT_EQ(peer.status(cid), kPinQueued) << "the feed has not come so far";
  peer.settle();
  EXPECT_EQ(peer.status(cid), kPinned);
  EXPECT_EQ(peer.node.pins.at(cid), ipfs::PinKind::kRecursive);
  auto info = peer.info(cid);
  EXPECT_EQ(info.pin.name, "name");
  EXPECT_EQ(info.at.on->peer, peer.self);
  EXPECT_EQ(info.at.attempt_count, 0u);
  EXPECT_EQ(peer.count(kPinned), 1u);

  peer.unpin(cid);
  peer.settle();
  EXPECT_EQ(peer.status(cid), kUnpinned);
  EXPECT_TRUE(peer.node.pins.empty());
  EXPECT_EQ(peer.count(kPinned), 0u);
}

/// A crash takes back what was not synced, the work that the node has done meanwhile it does not.
TEST(Tracker, WhatWasUndoneBeforeAPowerCutAndIsWantedAgainIsDoneAgain) {
  TestPeer peer;
  peer.start();
  peer.pin(test_cid(1));
  peer.pin(test_cid(2));
  peer.settle();
  peer.pin(test_cid(3));  // syncs that the others are pinned
  peer.settle();
  peer.unpin(test_cid(1));
  peer.pin(test_cid(2), /*direct=*/true);
  peer.settle();
  ASSERT_FALSE(peer.node.pins.contains(test_cid(1)));
  ASSERT_EQ(peer.node.pins[test_cid(2)], ipfs::PinKind::kDirect);
  peer.crash();
  peer.pin(test_cid(1));
  peer.pin(test_cid(2));
  peer.start();
  peer.settle();
  for (const auto& cid : {test_cid(1), test_cid(2)}) {
    EXPECT_EQ(peer.status(cid), kPinned);
    EXPECT_EQ(peer.node.pins[cid], ipfs::PinKind::kRecursive);
  }
}

TEST(Tracker, StatusWhileItRuns) {
  TestPeer peer;
  peer.node.latency = seconds(1);
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid);
  peer.run_for(milliseconds(300));
  EXPECT_EQ(peer.status(cid), kPinning);
  EXPECT_EQ(peer.info(cid).at.attempt_count, 1u);
  EXPECT_EQ(peer.count(kPinning), 1u);
  EXPECT_EQ(peer.count(kPinQueued), 0u);
  EXPECT_EQ(peer.list(kPinning).size(), 1u);
  EXPECT_EQ(peer.list(kPinQueued).size(), 0u);
  peer.settle();
  peer.unpin(cid);
  peer.run_for(milliseconds(300));
  EXPECT_EQ(peer.status(cid), kUnpinning);
  EXPECT_EQ(peer.list().size(), 1u) << "a listing shows what is being removed";
  peer.settle();
  EXPECT_EQ(peer.list().size(), 0u);
}

TEST(Tracker, TheOldestPendingOperation) {
  TestPeer peer;
  peer.options.concurrency.start = peer.options.concurrency.most = 1;
  peer.options.concurrency.most_slow = 0;
  peer.start();
  auto oldest = [&] { return peer.tracker->oldest_pending(); };
  EXPECT_EQ(oldest(), Duration::zero());
  peer.node.hang.insert(test_cid(1));
  peer.pin(test_cid(1));
  peer.run_for(seconds(30));
  peer.pin(test_cid(2));
  peer.run_for(seconds(30));
  EXPECT_EQ(peer.status(test_cid(1)), kPinning);
  EXPECT_EQ(peer.status(test_cid(2)), kPinQueued);
  EXPECT_GT(oldest(), seconds(59)) << "from when it was asked for";
  EXPECT_LE(oldest(), seconds(60));
  // What was asked for last counts, also behind what is still under way.
  peer.node.hang.clear();
  peer.unpin(test_cid(1));
  peer.node.latency = seconds(3);
  peer.run_for(seconds(1));
  EXPECT_GT(oldest(), seconds(30)) << "the one that waited";
  EXPECT_LT(oldest(), seconds(33));
  peer.node.latency = milliseconds(2);
  peer.settle();
  EXPECT_EQ(oldest(), Duration::zero());
  // A failure is an error of its own, until it is tried again; a restart forgets nothing.
  peer.node.fail_pin = [](const ipld::Cid& cid) {
    return cid == test_cid(3) ? std::optional(not_found()) : std::nullopt;
  };
  peer.pin(test_cid(3));
  peer.run_for(seconds(2));
  EXPECT_EQ(peer.status(test_cid(3)), kPinError);
  EXPECT_EQ(oldest(), Duration::zero());
  peer.node.hang = {test_cid(3), test_cid(4)};
  peer.run_for(seconds(20));
  EXPECT_EQ(peer.status(test_cid(3)), kPinning);
  EXPECT_GT(oldest(), Duration::zero());
  EXPECT_LT(oldest(), seconds(20)) << "from the new try on";
  peer.node.fail_pin = {};
  peer.pin(test_cid(4));
  peer.run_for(seconds(60));
  peer.restart();
  peer.run_for(seconds(1));
  EXPECT_GT(oldest(), seconds(60));
  peer.node.hang.clear();
}

TEST(Tracker, PinsOfOtherPeersCostTheNodeNothing) {
  TestPeer peer;
  peer.start();
  for (uint64_t n = 0; n < 100; ++n) peer.pin_elsewhere(test_cid(n));
  peer.settle();
  for (uint64_t n = 0; n < 100; ++n) peer.unpin(test_cid(n));
  peer.pin_elsewhere(test_cid(0));
  peer.settle();
  EXPECT_EQ(peer.status(test_cid(0)), kRemote);
  EXPECT_EQ(peer.count(kRemote), 1u);
  EXPECT_EQ(peer.node.pin_calls + peer.node.unpin_calls + peer.node.pinned_calls, 0u);
}

TEST(Tracker, MovedAwayIsUnpinnedHere) {
  TestPeer peer;
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid);
  peer.settle();
  peer.pin_elsewhere(cid);
  peer.settle();
  EXPECT_EQ(peer.status(cid), kRemote);
  EXPECT_TRUE(peer.node.pins.empty());
}

TEST(Tracker, MetaPinsAreSharded) {
  TestPeer peer;
  peer.start();
  auto pin = peer.make_pin(test_cid(1), true);
  pin.type = model::PinType::kMeta;
  pin.allocations.clear();
  pin.reference = test_cid(2);
  peer.apply({TestPeer::put(pin)});
  peer.settle();
  EXPECT_EQ(peer.status(test_cid(1)), kSharded);
  EXPECT_EQ(peer.count(kSharded), 1u);
  EXPECT_EQ(peer.list(kSharded).size(), 1u);
  EXPECT_EQ(peer.node.pin_calls, 0u);
}

TEST(Tracker, DirectPins) {
  TestPeer peer;
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid, true);
  peer.settle();
  EXPECT_EQ(peer.node.pins.at(cid), ipfs::PinKind::kDirect);
  EXPECT_EQ(peer.list(kPinned).size(), 1u);
  peer.pin(cid, false);
  peer.settle();
  EXPECT_EQ(peer.node.pins.at(cid), ipfs::PinKind::kRecursive);
  peer.unpin(cid);
  peer.pin(cid, true);
  peer.settle();
  EXPECT_EQ(peer.node.pins.at(cid), ipfs::PinKind::kDirect) << "a recursive pin is taken away first";
  EXPECT_EQ(peer.status(cid), kPinned);
  auto journal = peer.runtime.run_task(peer.tracker->journal(cid, 10)).value();
  ASSERT_GE(journal.size(), 1u);
  EXPECT_FALSE(journal.front().to);
}

TEST(Tracker, FailedPinsWaitAndAreTriedAgain) {
  TestPeer peer;
  bool missing = true;
  peer.node.fail_pin = [&](const ipld::Cid&) { return missing ? std::optional(not_found()) : std::nullopt; };
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid);
  peer.run_for(seconds(1));
  auto info = peer.info(cid).at;
  EXPECT_EQ(info.status, kPinError);
  EXPECT_EQ(info.error, "no source has bafy…");
  EXPECT_EQ(info.attempt_count, 1u);
  EXPECT_TRUE(info.priority_pin);
  ASSERT_TRUE(info.next_try);
  EXPECT_TRUE(info.reason.starts_with("content not found, 1 try, next at ")) << info.reason;
  unsigned calls = peer.node.pin_calls;
  peer.run_for(seconds(5));
  EXPECT_EQ(peer.node.pin_calls, calls) << "not before it is due";
  peer.run_for(seconds(10));
  EXPECT_EQ(peer.info(cid).at.attempt_count, 2u);
  peer.run_for(hours(2));
  calls = peer.node.pin_calls;
  EXPECT_GE(calls, 10u);
  EXPECT_LE(calls, 25u) << "at most every nine minutes by now";
  EXPECT_EQ(peer.list(model::kErrorStatuses).size(), 1u);
  missing = false;
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->recover(cid)).value().at.status, kPinning);
  peer.settle();
  EXPECT_EQ(peer.status(cid), kPinned);
  EXPECT_EQ(peer.info(cid).at.error, "");
}

TEST(Tracker, FailedUnpinsStayVisibleAndAreTriedAgain) {
  TestPeer peer;
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid);
  peer.settle();
  bool broken = true;
  peer.node.fail_unpin = [&](const ipld::Cid&) {
    return broken ? std::optional(Error{ErrorKind::kInternal, "cannot unpin"}) : std::nullopt;
  };
  peer.unpin(cid);
  peer.run_for(seconds(1));
  EXPECT_EQ(peer.status(cid), kUnpinError);
  EXPECT_EQ(peer.list().size(), 1u);
  EXPECT_EQ(peer.list(model::kErrorStatuses).size(), 1u);
  EXPECT_EQ(peer.count(kUnpinError), 1u);
  broken = false;
  peer.run_for(minutes(1));
  EXPECT_EQ(peer.status(cid), kUnpinned) << "by itself";
  EXPECT_TRUE(peer.node.pins.empty());
}

TEST(Tracker, RecoverWorksOnFailedUnpins) {
  TestPeer peer;
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid);
  peer.settle();
  peer.node.fail_unpin = [](const ipld::Cid&) { return Error{ErrorKind::kInternal, "cannot unpin"}; };
  peer.unpin(cid);
  peer.run_for(seconds(1));
  peer.node.fail_unpin = {};
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->recover(cid)).value().at.status, kUnpinning);
  peer.run_for(seconds(1));
  EXPECT_EQ(peer.status(cid), kUnpinned);
}

TEST(Tracker, RecoverAllReturnsWhatItQueued) {
  TestPeer peer;
  peer.node.fail_pin = [](const ipld::Cid& cid) {
    return cid < test_cid(3) ? std::optional(not_found()) : std::nullopt;
  };
  peer.start();
  std::set<ipld::Cid> failing;
  for (uint64_t n = 0; n < 50; ++n) {
    peer.pin(test_cid(n));
    if (test_cid(n) < test_cid(3)) failing.insert(test_cid(n));
  }
  peer.run_for(seconds(1));
  ASSERT_GT(failing.size(), 3u);
  peer.node.fail_pin = {};
  auto cursor = peer.tracker->recover_all();
  auto recovered = peer.pull(*cursor, 2);
  std::set<ipld::Cid> got;
  for (const auto& info : recovered) got.insert(info.pin.cid);
  EXPECT_EQ(got, failing);
  peer.run_for(seconds(1));
  EXPECT_EQ(peer.count(kPinned), 50u);
}

TEST(Tracker, HangingPinsTimeOutAndDoNotBlockOthers) {
  TestPeer peer;
  peer.options.concurrency.start = 4;
  peer.options.concurrency.most = 4;
  for (uint64_t n = 0; n < 20; ++n) peer.node.hang.insert(test_cid(n));
  peer.start();
  for (uint64_t n = 0; n < 20; ++n) peer.pin(test_cid(n));
  peer.run_for(seconds(15));
  EXPECT_EQ(peer.count(kPinning), 20u) << "the slow ones make room";
  EXPECT_TRUE(peer.info(test_cid(0)).at.reason.starts_with("fetching, 100 B, last block "))
      << peer.info(test_cid(0)).at.reason;
  for (uint64_t n = 100; n < 120; ++n) peer.pin(test_cid(n));
  peer.run_for(seconds(3));
  EXPECT_EQ(peer.count(kPinned), 20u);
  peer.run_for(seconds(101));  // 119 in all
  EXPECT_EQ(peer.count(kPinError), 0u);
  // Four at a time begin every two seconds, in any order.
  for (int i = 0; i < 11 && peer.status(test_cid(0)) != kPinError; ++i) peer.run_for(seconds(1));
  auto info = peer.info(test_cid(0)).at;
  EXPECT_EQ(info.status, kPinError);
  EXPECT_EQ(info.error, "no progress for 2m0s: looking");
  EXPECT_GE(peer.count(kPinError), 4u);
}

TEST(Tracker, UnpinningCancelsARunningPin) {
  for (bool finishes : {false, true}) {
    TestPeer peer;
    auto cid = test_cid(1);
    peer.node.hang.insert(cid);
    peer.node.finish_cancelled = finishes;
    peer.start();
    peer.pin(cid);
    peer.run_for(seconds(1));
    EXPECT_EQ(peer.status(cid), kPinning);
    peer.unpin(cid);
    peer.run_for(seconds(1));
    EXPECT_EQ(peer.status(cid), kUnpinned);
    EXPECT_TRUE(peer.node.pins.empty());
  }
}

TEST(Tracker, FlappingEndsWhereTheStateEnds) {
  for (bool wanted : {false, true}) {
    TestPeer peer;
    auto cid = test_cid(1);
    peer.start();
    for (int i = 0; i < 30; ++i) {
      peer.pin(cid);
      peer.run_for(milliseconds(i % 5));
      peer.unpin(cid);
      peer.run_for(milliseconds(i % 3));
    }
    if (wanted) peer.pin(cid);
    peer.settle();
    EXPECT_EQ(peer.status(cid), wanted ? kPinned : kUnpinned);
    EXPECT_EQ(peer.node.pins.contains(cid), wanted);
  }
}

TEST(Tracker, ADeadNodeIsProbedAndNothingIsBurnt) {
  TestPeer peer;
  peer.start();
  peer.pin(test_cid(0));
  peer.settle();
  peer.node.down = true;
  for (uint64_t n = 1; n <= 500; ++n) peer.pin(test_cid(n));
  peer.run_for(minutes(5));
  EXPECT_LT(peer.count(kPinError), 60u);
  EXPECT_GT(peer.count(kPinQueued), 440u);
  auto paused = peer.tracker->activity();
  EXPECT_EQ(paused.paused, "the IPFS node does not answer: connection refused");
  EXPECT_TRUE(paused.paused_until);
  auto queued = peer.list(kPinQueued, 10);
  EXPECT_EQ(queued.front().at.reason, paused.paused);
  peer.node.down = false;
  peer.run_for(minutes(2));
  EXPECT_EQ(peer.count(kPinned), 501u);
  EXPECT_EQ(peer.tracker->activity().paused, "");
}

TEST(Tracker, AFullDiskStopsPinsButNotUnpins) {
  TestPeer peer;
  peer.start();
  for (uint64_t n = 0; n < 10; ++n) peer.pin(test_cid(n));
  peer.settle();
  peer.node.fail_pin = [](const ipld::Cid&) { return Error{ErrorKind::kResourceExhausted, "disk full"}; };
  for (uint64_t n = 10; n < 500; ++n) peer.pin(test_cid(n));
  peer.run_for(seconds(20));
  EXPECT_EQ(peer.tracker->activity().paused, "the IPFS node's disk is full");
  EXPECT_GT(peer.count(kPinQueued), 300u);
  for (uint64_t n = 0; n < 10; ++n) peer.unpin(test_cid(n));
  peer.run_for(seconds(5));
  EXPECT_TRUE(peer.node.pins.empty());
  peer.node.fail_pin = {};
  peer.run_for(minutes(10));
  EXPECT_EQ(peer.count(kPinned), 490u);
}

TEST(Tracker, RestartResumes) {
  TestPeer peer;
  peer.node.latency = seconds(1);
  peer.options.concurrency.most = 2;
  peer.options.concurrency.start = 2;
  peer.start();
  for (uint64_t n = 0; n < 40; ++n) peer.pin(test_cid(n));
  peer.run_for(seconds(5));
  uint64_t pinned = peer.count(kPinned);
  EXPECT_GT(pinned, 0u);
  EXPECT_LT(pinned, 40u);
  peer.restart();
  EXPECT_EQ(peer.count(kPinned), pinned);
  EXPECT_EQ(peer.count(kPinQueued) + peer.count(kPinning), 40 - pinned);
  peer.run_for(minutes(1));
  EXPECT_EQ(peer.count(kPinned), 40u);
}

TEST(Tracker, RestartKeepsAttemptsAndTheNextTry) {
  TestPeer peer;
  peer.node.fail_pin = [](const ipld::Cid&) { return not_found(); };
  peer.start();
  auto cid = test_cid(1);
  peer.pin(cid);
  peer.run_for(minutes(10));
  auto before = peer.info(cid).at;
  EXPECT_GT(before.attempt_count, 3u);
  peer.restart();
  auto after = peer.info(cid).at;
  EXPECT_EQ(after.status, kPinError);
  EXPECT_EQ(after.attempt_count, before.attempt_count);
  EXPECT_EQ(after.next_try, before.next_try);
  EXPECT_EQ(after.error, before.error);
}

TEST(Tracker, MoreWorkThanFitsInMemory) {
  TestPeer peer;
  peer.options.max_ready = 16;
  peer.options.max_batch = 8;
  peer.start();
  for (uint64_t n = 0; n < 1000; ++n) peer.pin(test_cid(n));
  peer.run_for(seconds(60));
  EXPECT_EQ(peer.count(kPinned), 1000u);
  for (uint64_t n = 0; n < 1000; ++n) peer.unpin(test_cid(n));
  peer.run_for(seconds(60));
  EXPECT_TRUE(peer.node.pins.empty());
  EXPECT_EQ(peer.tracker->counts(), StatusCounts{});
}

TEST(Tracker, ManyFailuresComeBackThoughMemoryIsSmall) {
  TestPeer peer;
  peer.options.max_ready = 16;
  peer.options.max_batch = 8;
  peer.node.fail_pin = [](const ipld::Cid&) { return not_found(); };
  peer.start();
  for (uint64_t n = 0; n < 300; ++n) peer.pin(test_cid(n));
  peer.run_for(minutes(1));
  EXPECT_EQ(peer.count(kPinError), 300u);
  peer.node.fail_pin = {};
  peer.run_for(minutes(5));
  EXPECT_EQ(peer.count(kPinned), 300u);
}

TEST(Tracker, FirstAttemptsOfNewPinsGoFirst) {
  TestPeer peer;
  peer.options.concurrency.start = 1;
  peer.options.concurrency.most = 1;
  peer.node.fail_pin = [](const ipld::Cid& cid) {
    return cid == test_cid(99) ? std::nullopt : std::optional(not_found());
  };
  peer.start();
  for (uint64_t n = 0; n < 20; ++n) peer.pin(test_cid(n));
  peer.run_for(seconds(1));
  peer.node.latency = seconds(1);
  auto cursor = peer.tracker->recover_all();
  EXPECT_EQ(peer.pull(*cursor).size(), 20u);
  peer.pin(test_cid(99));
  peer.run_for(seconds(4));
  EXPECT_EQ(peer.status(test_cid(99)), kPinned);
  EXPECT_LT(peer.node.pin_calls, 26u);
}

TEST(Tracker, PinRequestsSayAllThatTheStateKnows) {
  TestPeer peer;
  ipfs::PinRequest seen;
  peer.node.on_pin = [&](const ipfs::PinRequest& request) { seen = request; };
  peer.start();
  auto pin = peer.make_pin(test_cid(1), true);
  pin.options.origins = {ipld::Multiaddr::parse("/ip4/10.0.0.1/tcp/4001").value()};
  pin.options.pin_update = test_cid(2);
  peer.apply({TestPeer::put(pin)});
  peer.settle();
  EXPECT_EQ(seen.cid, test_cid(1));
  EXPECT_EQ(seen.name, "name");
  EXPECT_EQ(seen.origins, pin.options.origins);
  EXPECT_EQ(seen.update_from, test_cid(2));
  EXPECT_TRUE(seen.recursive);
}

TEST(Tracker, ALostPositionIsOneMerge) {
  TestPeer peer;
  peer.start();
  for (uint64_t n = 0; n < 50; ++n) peer.pin(test_cid(n));
  peer.settle();
  peer.stop();
  for (uint64_t n = 0; n < 25; ++n) peer.unpin(test_cid(n));
  for (uint64_t n = 50; n < 80; ++n) peer.pin(test_cid(n));
  for (uint64_t n = 80; n < 90; ++n) peer.pin_elsewhere(test_cid(n));
  unsigned calls = peer.node.pin_calls;
  peer.feed->lose_position = true;
  peer.start();
  peer.settle();
  EXPECT_EQ(peer.count(kPinned), 55u);
  EXPECT_EQ(peer.node.pins.size(), 55u);
  EXPECT_EQ(peer.node.pin_calls - calls, 30u) << "what is settled is left alone";
  peer.pin(test_cid(200));
  peer.settle();
  EXPECT_EQ(peer.status(test_cid(200)), kPinned) << "and the feed goes on";
}

TEST(Tracker, ALostTableIsMadeAgain) {
  TestPeer peer;
  peer.start();
  for (uint64_t n = 0; n < 20; ++n) peer.pin(test_cid(n));
  peer.settle();
  peer.stop();
  peer.options.path = "/another";
  peer.start();
  peer.settle();
  EXPECT_EQ(peer.count(kPinned), 20u);
}

TEST(Tracker, ListsByFilterInOrderAndPages) {
  TestPeer peer;
  peer.node.fail_pin = [](const ipld::Cid& cid) {
    return cid.bytes().back() % 3 == 0 ? std::optional(not_found()) : std::nullopt;
  };
  peer.start();
  for (uint64_t n = 0; n < 200; ++n) n % 4 == 0 ? peer.pin_elsewhere(test_cid(n)) : peer.pin(test_cid(n));
  peer.settle();
  auto all = peer.list();
  ASSERT_EQ(all.size(), 200u);
  std::map<model::TrackerStatus, std::vector<ipld::Cid>> by_status;
  for (const auto& info : all) by_status[info.at.status].push_back(info.pin.cid);
  EXPECT_EQ(by_status.size(), 3u);
  for (auto& [status, cids] : by_status) {
    EXPECT_TRUE(std::is_sorted(cids.begin(), cids.end()));
    EXPECT_EQ(peer.count(status), cids.size()) << model::to_string(status);
    for (size_t page : {1, 7, 1000}) {
      // Each page by a cursor of its own.
      std::vector<ipld::Cid> got;
      std::string token;
      do {
        auto cursor = peer.tracker->list({.filter = status, .cursor = token}).value();
        std::vector<model::PinInfo> out;
        size_t n = peer.runtime.run_task(cursor->next(out, page)).value();
        ASSERT_EQ(n, out.size());
        ASSERT_LE(n, page);
        for (const auto& info : out) got.push_back(info.pin.cid);
        token = cursor->token();
      } while (!token.empty());
      EXPECT_EQ(got, cids) << model::to_string(status) << " page " << page;
    }
  }
  EXPECT_EQ(peer.tracker->list({.filter = kPinned, .cursor = "nonsense"}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(peer.tracker->list({.filter = kPinned, .cursor = "uAAAA"}).error().kind, ErrorKind::kInvalidArgument);
}

TEST(Tracker, JournalTellsWhoHadItWhen) {
  TestPeer peer;
  peer.start();
  auto cid = test_cid(1);
  WallTime start = peer.runtime.wall_now();
  peer.pin(cid);
  peer.run_for(minutes(1));
  peer.unpin(cid);
  peer.run_for(minutes(1));
  peer.pin(cid);
  peer.run_for(minutes(1));
  auto journal = peer.runtime.run_task(peer.tracker->journal(cid, 10)).value();
  ASSERT_EQ(journal.size(), 2u);
  EXPECT_FALSE(journal[0].to);
  EXPECT_EQ(journal[1].ended, Holding::kUnpinned);
  EXPECT_GE(journal[1].from, start);
  EXPECT_LT(journal[1].from, start + seconds(1));
  EXPECT_GE(*journal[1].to, start + minutes(1));
  EXPECT_LT(*journal[1].to, start + minutes(1) + seconds(1));
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->journal(cid, 1)).value().size(), 1u);
  peer.run_for(hours(24 * 91));
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->journal(cid, 10)).value().size(), 1u) << "retention";
}

TEST(Tracker, TellsWhatItHeldAtATime) {
  TestPeer peer;
  WallTime made = peer.runtime.wall_now();
  peer.start();
  auto cid = test_cid(1), other = test_cid(2), never = test_cid(3);
  peer.run_for(minutes(1));
  peer.pin(cid);
  peer.pin(other);
  peer.run_for(minutes(1));
  WallTime first = peer.runtime.wall_now();
  peer.unpin(cid);
  peer.run_for(minutes(1));
  WallTime between = peer.runtime.wall_now();
  peer.pin(cid);
  peer.run_for(minutes(1));
  peer.unpin(cid);
  peer.run_for(minutes(1));
  WallTime last = peer.runtime.wall_now();
  auto at = [&](WallTime time) {
    auto held = peer.runtime.run_task(peer.tracker->held_at({cid, never, other}, time)).value();
    EXPECT_EQ(held.then.size(), 3u);
    EXPECT_FALSE(held.then[1]);
    return held;
  };
  auto held = at(made + seconds(30));
  EXPECT_FALSE(held.then[0] || held.then[2]);
  EXPECT_LE(held.since, made + seconds(1));
  EXPECT_GE(held.since, made - seconds(1));
  held = at(first);
  ASSERT_TRUE(held.then[0] && held.then[2]);
  EXPECT_EQ(held.then[0]->ended, Holding::kUnpinned);
  EXPECT_LE(held.then[0]->from, first);
  EXPECT_GT(*held.then[0]->to, first - milliseconds(1));
  EXPECT_FALSE(held.then[2]->to);
  EXPECT_FALSE(at(between).then[0]);
  held = at(between + seconds(30));
  ASSERT_TRUE(held.then[0]);
  EXPECT_GE(held.then[0]->from, between);
  EXPECT_FALSE(at(last).then[0]);
  EXPECT_TRUE(at(last).then[2]);
  peer.run_for(hours(24 * 91));
  EXPECT_GT(at(last).since, last) << "what it held at a time before the retention is not known";
}

TEST(Tracker, WaitFor) {
  TestPeer peer;
  peer.start();
  peer.pin(test_cid(1));
  LogIndex index = peer.state->applied_index();
  EXPECT_TRUE(peer.runtime.run_task(peer.tracker->wait_for(index, peer.runtime.now() + seconds(1))));
  EXPECT_EQ(peer.list(kPinQueued | kPinning).size(), 1u);
  peer.apply({TestPeer::remove(test_cid(99))});  // changes nothing
  index = peer.state->applied_index();
  EXPECT_TRUE(peer.runtime.run_task(peer.tracker->wait_for(index, peer.runtime.now() + seconds(1))));
  index = LogIndex(index.value + 1);
  EXPECT_EQ(peer.runtime.run_task(peer.tracker->wait_for(index, peer.runtime.now() + seconds(1))).error().kind,
            ErrorKind::kDeadlineExceeded);
}

TEST(Tracker, IdentityOfTheNode) {
  TestPeer peer;
  peer.start();
  EXPECT_EQ(peer.info(test_cid(1)).at.on->ipfs_peer_id, "");
  peer.tracker->set_ipfs_identity("12D3KooW", {});
  EXPECT_EQ(peer.info(test_cid(1)).at.on->ipfs_peer_id, "12D3KooW");
  EXPECT_EQ(peer.info(test_cid(1)).at.on->peername, "test");
}

TEST(Tracker, ATableThatCannotBeWrittenIsOpenedAgain) {
  TestPeer peer;
  peer.start();
  peer.pin(test_cid(1));
  peer.settle();
  peer.env.fail_after(1, storage::FaultEnv::Fault::kNoSpace);
  peer.pin(test_cid(2));
  peer.run_for(seconds(10));
  EXPECT_TRUE((kPinQueued | kClusterError).has(peer.status(test_cid(2))));
  peer.env.clear_faults();
  peer.run_for(minutes(2));
  EXPECT_EQ(peer.status(test_cid(2)), kPinned);
  EXPECT_EQ(peer.count(kPinned), 2u);
}

TEST(Tracker, AClockThatGoesBackDoesNotStopRetries) {
  TestPeer peer;
  bool missing = true;
  peer.node.fail_pin = [&](const ipld::Cid&) { return missing ? std::optional(not_found()) : std::nullopt; };
  peer.start();
  peer.pin(test_cid(1));
  peer.run_for(minutes(5));
  peer.runtime.jump_wall_clock(-hours(48));
  missing = false;
  peer.run_for(minutes(20));
  EXPECT_EQ(peer.status(test_cid(1)), kPinned);
}

TEST(Tracker, AClockThatGoesBackALittleDoesNotStopRetries) {
  TestPeer peer;
  int failures = 0;
  peer.node.fail_pin = [&](const ipld::Cid&) {
    if (++failures > 5) return std::optional<Error>();
    peer.runtime.jump_wall_clock(-seconds(40));
    return std::optional(not_found());
  };
  peer.start();
  peer.pin(test_cid(1));
  peer.run_for(minutes(20));
  EXPECT_EQ(peer.status(test_cid(1)), kPinned);
}

}  // namespace
}  // namespace ipfsc::tracker
