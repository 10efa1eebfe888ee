// Members that need what the log has no more: they get the state. On a virtual clock and network.
#include <gmock/gmock.h>

#include "base/test_seeds.h"
#include "consensus/raft/checkpoint_server.h"
#include "consensus/testing/raft_cluster.h"
#include "consensus/testing/tampering_client.h"
#include "proto/peer.pb.h"
#include "storage/folder.h"

namespace ipfsc::consensus {
namespace {

using state::Outcome;
using state::testing::cid_of;
using state::testing::pin_of;
using state::testing::put_op;
using ::testing::HasSubstr;
using testing::RaftCluster;
using testing::TamperingClient;
using namespace std::chrono_literals;

class RaftCheckpoint : public RaftCluster {
 protected:
  RaftCheckpoint() {
    configure = [](RaftOptions& options) {
      options.keep_log_bytes = 2048;
      options.flush_log_bytes = 1024;
      options.checkpoints.piece_bytes = 512;
    };
  }

  /// So many that the log begins behind them.
  void fill(int from, int count) {
    for (int pin = from; pin < from + count; ++pin) {
      ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
      auto wrote = put(*leader(), pin);
      ASSERT_TRUE(wrote) << wrote.error().message;
    }
  }
  Node& follower() { return leader() == &node(1) ? node(2) : node(1); }
  TamperingClient& tamper(Node& node) {
    auto client = std::make_unique<TamperingClient>(runtime, std::move(node.client), std::string(kCheckpointMethod));
    auto& out = *client;
    node.client = std::move(client);
    return out;
  }
  LogIndex log_base(Node& node) {
    EXPECT_EQ(node.consensus, nullptr);
    auto log = LogStore::open({.path = "/raft", .env = &node.env});
    EXPECT_TRUE(log);
    return log ? (*log)->base() : LogIndex();
  }
  void reopen(Node& node) {
    auto opened = node.open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  bool catches_up(Node& behind, int last_pin, Duration limit = 60s) {
    return eventually(
        [&] {
          Node* now = leader();
          return now && behind.consensus && behind.consensus->trouble().empty() && behind.has(last_pin) &&
                 behind.state->applied_index() == now->state->applied_index();
        },
        limit);
  }
  void expect_whole(Node& node) {
    auto scan = node.state->scan_hash();
    ASSERT_TRUE(scan) << scan.error().message;
    EXPECT_TRUE(scan->equal());
  }
  /// Three members, of which one was away until the others had forgotten what it needs.
  Node& one_is_behind() {
    make(3);
    Node& away = follower();
    EXPECT_TRUE(away.close());
    fill(0, 60);
    return away;
  }
  /// Two of five were away so long, and come back to slow senders.
  std::vector<Node*> two_are_behind() {
    make(5);
    std::vector<Node*> away;
    for (auto& n : nodes) {
      if (n.get() != leader() && away.size() < 2) away.push_back(n.get());
    }
    for (Node* n : away) EXPECT_TRUE(n->close());
    fill(0, 60);
    for (Node* n : away) tamper(*n).delay = 5ms;
    for (Node* n : away) reopen(*n);
    return away;
  }
};

TEST_F(RaftCheckpoint, APeerJoinsWhenTheLogIsNoLongerWhole) {
  begin();
  fill(0, 60);
  join();
  EXPECT_TRUE(node(1).has(0));
  EXPECT_TRUE(node(1).has(59));
  expect_equal();
  expect_whole(node(1));
  ASSERT_TRUE(put(node(1), 100));
  join();
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::count(node(0).consensus->members(), MemberRole::kVoter, &Member::role) == 3; }));
  fill(200, 20);
  expect_equal();
  ASSERT_TRUE(node(1).close());
  EXPECT_GT(log_base(node(1)), LogIndex(40)) << "it never had the first entries";
  reopen(node(1));
  fill(300, 5);
  ASSERT_TRUE(catches_up(node(1), 304));
}

TEST_F(RaftCheckpoint, AFollowerThatWasAwayTooLongCatchesUp) {
  Node& away = one_is_behind();
  reopen(away);
  ASSERT_TRUE(catches_up(away, 59));
  expect_whole(away);
  ASSERT_TRUE(put(away, 100));
  expect_equal();
  // And it can lead.
  for (auto& n : nodes) {
    if (n.get() != &away) ASSERT_TRUE(n->close());
    if (n.get() != &away) reopen(*n);
  }
  fill(101, 3);
  expect_equal();
}

// Its leader has committed it and died, and the follower never sees the entry: what was made of it is not known there.
TEST_F(RaftCheckpoint, AForwardedWriteThatCameInACheckpointHasNoOutcome) {
  make(3);
  Node* old = leader();
  Node& behind = follower();
  for (auto& n : nodes) {
    if (n.get() != &behind) network.cut_one_way(n->id, behind.id);
  }
  TaskGroup tasks(runtime);
  std::optional<Result<std::vector<Outcome>>> wrote;
  auto write = [&]() -> Task<> {
    wrote = co_await behind.consensus->submit({put_op(pin_of(1000))}, in(60s));
    co_return Result<>{};
  };
  tasks.spawn("writing", write());
  ASSERT_TRUE(eventually([&] { return old->has(1000); }, 300ms));
  old->lose_power();
  reopen(*old);
  fill(0, 60);
  ASSERT_FALSE(wrote) << "it still looks for the entry";
  network.heal();
  ASSERT_TRUE(catches_up(behind, 59));
  ASSERT_TRUE(eventually([&] { return wrote.has_value(); }, 15s));
  ASSERT_FALSE(*wrote);
  EXPECT_EQ(wrote->error().kind, ErrorKind::kDeadlineExceeded) << wrote->error().message;
  EXPECT_THAT(wrote->error().message, HasSubstr("a retry with the same idempotency key is safe"));
  EXPECT_TRUE(behind.has(1000));
  ASSERT_TRUE(put(behind, 2000)) << "and it goes on";
  expect_equal();
  ASSERT_TRUE(behind.close());
  EXPECT_GT(log_base(behind), LogIndex(40)) << "it came as a checkpoint";
}

TEST_F(RaftCheckpoint, AReaderOfChangesGoesOnWhereItWas) {
  make(3);
  Node& away = follower();
  fill(500, 1);
  ASSERT_TRUE(eventually([&] { return away.has(500); }));
  auto feed = away.consensus->feed(away.state->feed_end());
  for (auto& n : nodes) {
    if (n.get() != &away) network.cut(away.id, n->id);
  }
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
  fill(0, 60);
  network.heal();
  std::set<std::string> seen;
  while (seen.size() < 60) {
    auto changes = runtime.run_task(feed->next(10), 60s);
    ASSERT_TRUE(changes) << changes.error().message;
    for (const auto& change : *changes) {
      if (change.kind == state::Change::kPin) EXPECT_TRUE(seen.insert(change.cid.bytes()).second) << "told once";
    }
  }
  for (int pin = 0; pin < 60; ++pin) EXPECT_TRUE(seen.contains(cid_of(pin).bytes()));
}

TEST_F(RaftCheckpoint, WhereverTheReceiverLosesPowerItCatchesUp) {
  Node& away = one_is_behind();
  int pin = 1000;
  size_t fetched = 0;
  for (uint64_t cut = 2; cut < 5000 && fetched < 2; cut += 1 + cut / 3) {
    SCOPED_TRACE(cut);
    away.env.cut_power_after(cut);
    if (away.open()) (void)eventually([&] { return away.env.power_is_cut(); }, 4s);
    fetched += away.env.power_is_cut() ? 0 : 1;
    away.lose_power();
    fill(pin, 20);
    pin += 20;
  }
  EXPECT_EQ(fetched, 2u) << "some got through";
  reopen(away);
  ASSERT_TRUE(catches_up(away, pin - 1));
  expect_whole(away);
  expect_equal();
}

TEST_F(RaftCheckpoint, TheSenderLosesPowerAndAnotherGoesOn) {
  Node& away = one_is_behind();
  auto& client = tamper(away);
  client.delay = 5ms;
  reopen(away);
  ASSERT_TRUE(eventually([&] { return away.consensus->fetching().has_value(); }));
  Node* sender = leader();
  EXPECT_EQ(away.consensus->fetching()->from, sender->id);
  ASSERT_TRUE(eventually([&] { return away.consensus->fetching() && away.consensus->fetching()->bytes > 0; }));
  EXPECT_LT(away.consensus->fetching()->bytes, away.consensus->fetching()->total_bytes);
  sender->lose_power();
  // The two that are left elect the one that has everything, though the other has to be given the state first.
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
  ASSERT_TRUE(catches_up(away, 59));
  EXPECT_FALSE(away.consensus->fetching());
  fill(100, 5);
  reopen(*sender);
  ASSERT_TRUE(catches_up(*sender, 104));
  expect_equal();
  expect_whole(away);
}

TEST_F(RaftCheckpoint, TheLeaderChangesMeanwhile) {
  Node& away = one_is_behind();
  tamper(away).delay = 20ms;
  reopen(away);
  ASSERT_TRUE(eventually([&] { return away.consensus->fetching().has_value(); }));
  Node* old = leader();
  Node* other = nullptr;
  for (auto& n : nodes) {
    if (n.get() != old && n.get() != &away) other = n.get();
  }
  network.cut(old->id, other->id);
  network.cut(old->id, away.id);
  ASSERT_TRUE(eventually([&] { return other->consensus->is_leader(); }));
  fill(100, 10);
  network.heal();
  ASSERT_TRUE(catches_up(away, 109));
  expect_equal();
}

TEST_F(RaftCheckpoint, ABrokenStreamGoesOnBehindTheLastWholeFile) {
  Node& away = one_is_behind();
  auto& client = tamper(away);
  std::vector<uint64_t> skipped;
  client.asked = [&](const Bytes& request) {
    proto::CheckpointRequest parsed;
    ASSERT_TRUE(parsed.ParseFromString(request));
    skipped.push_back(parsed.whole_files());
  };
  client.tamper = [&](size_t number, Bytes&) -> Result<> {
    if (client.streams < 3 && number == 8 * client.streams) return fail(ErrorKind::kUnavailable, "broken");
    return {};
  };
  reopen(away);
  ASSERT_TRUE(catches_up(away, 59));
  ASSERT_EQ(skipped.size(), 3u);
  EXPECT_EQ(skipped[0], 0u);
  EXPECT_GT(skipped[1], 0u);
  EXPECT_GE(skipped[2], skipped[1]);
  expect_whole(away);
}

TEST_F(RaftCheckpoint, DamagedStreamsAreRefused) {
  Node& away = one_is_behind();
  auto& client = tamper(away);
  size_t stream = 0;
  auto change_header = [](Bytes& message, auto change) {
    proto::CheckpointPiece piece;
    ASSERT_TRUE(piece.ParseFromString(message));
    change(*piece.mutable_header());
    message = piece.SerializeAsString();
  };
  // One way after the other; then none.
  client.tamper = [&](size_t number, Bytes& message) -> Result<> {
    stream = client.streams;
    if (number == 0 && stream == 1) {
      change_header(message, [](auto& header) { header.mutable_files(0)->set_name("../state/CURRENT"); });
    } else if (number == 0 && stream == 2) {
      change_header(message, [](auto& header) { *header.add_files() = header.files(0); });
    } else if (number == 0 && stream == 3) {
      change_header(message, [](auto& header) { header.set_index(1); });
    } else if (number == 0 && stream == 4) {
      change_header(message, [](auto& header) { header.set_cluster_id("another"); });
    } else if (number == 0 && stream == 5) {
      change_header(message, [](auto& header) { header.set_hash("0"); });
    } else if (number == 0 && stream == 6) {
      change_header(message, [](auto& header) { header.mutable_files(0)->set_size_bytes(UINT64_MAX); });
    } else if (number == 5 && stream == 7) {
      message[message.size() / 2] ^= 1;
    } else if (number == 5 && stream == 8) {
      message.resize(message.size() / 2);
    } else if (number == 3 && stream == 9) {
      message = "no piece at all";
    } else if (number == 4 && stream == 10) {
      proto::CheckpointPiece piece;
      piece.set_data(std::string(1 << 20, 'x'));
      message = piece.SerializeAsString();
    }
    return {};
  };
  reopen(away);
  ASSERT_TRUE(catches_up(away, 59, 300s));
  EXPECT_EQ(client.streams, 11u);
  expect_whole(away);
  EXPECT_FALSE(storage::folder_exists("/state.fetch", &away.env));
}

TEST_F(RaftCheckpoint, TwoAtOnceShareACheckpoint) {
  auto away = two_are_behind();
  ASSERT_TRUE(eventually([&] { return away[0]->consensus->fetching() && away[1]->consensus->fetching(); }));
  EXPECT_EQ(away[0]->consensus->fetching()->index, away[1]->consensus->fetching()->index);
  for (Node* n : away) ASSERT_TRUE(catches_up(*n, 59));
  expect_equal();
}

TEST_F(RaftCheckpoint, OneAfterTheOtherWhenThereIsRoomForOne) {
  auto limits = configure;
  configure = [limits](RaftOptions& options) {
    limits(options);
    options.checkpoints.max_streams = 1;
  };
  auto away = two_are_behind();
  for (Node* n : away) ASSERT_TRUE(catches_up(*n, 59));
  expect_equal();
}

TEST_F(RaftCheckpoint, AnUnusedCheckpointGoes) {
  Node& away = one_is_behind();
  reopen(away);
  ASSERT_TRUE(catches_up(away, 59));
  Node& sender = *leader();
  EXPECT_TRUE(storage::folder_exists("/state.checkpoint", &sender.env));
  runtime.run_for(61s);
  EXPECT_FALSE(storage::folder_exists("/state.checkpoint", &sender.env));
  // What a crash left goes at the start.
  ASSERT_TRUE(storage::make_folder("/state.fetch", &away.env));
  away.lose_power();
  reopen(away);
  EXPECT_FALSE(storage::folder_exists("/state.fetch", &away.env));
}

TEST_F(RaftCheckpoint, TheStateIsPreferredToALongLog) {
  configure = [](RaftOptions& options) {
    options.keep_log_bytes = 64 << 10;
    options.flush_log_bytes = 1024;
    options.checkpoints.instead_of_log_bytes = 4096;
  };
  begin();
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(put(node(0), i % 4));  // a small state
  nodes.push_back(std::make_unique<Node>(*this, 2));
  auto& client = tamper(node(1));
  rejoin(node(1));
  EXPECT_EQ(client.streams, 1u);
  expect_equal();
  // Less than that comes from the log.
  ASSERT_TRUE(node(1).close());
  fill(10, 5);
  reopen(node(1));
  ASSERT_TRUE(catches_up(node(1), 14));
  EXPECT_EQ(client.streams, 1u);
}

/// What the member needs after the state stays in the log until it has it, though the log grows.
TEST_F(RaftCheckpoint, ItIsGivenTheStateOnceThoughTheLogGrows) {
  Node& away = one_is_behind();
  auto& client = tamper(away);
  client.delay = 10ms;
  reopen(away);
  ASSERT_TRUE(eventually([&] { return away.consensus->fetching().has_value(); }));
  for (int pin = 100; away.consensus->fetching(); ++pin) {
    ASSERT_TRUE(put(*leader(), pin));
    runtime.run_for(2ms);
  }
  fill(50, 1);
  ASSERT_TRUE(catches_up(away, 100));
  EXPECT_EQ(client.streams, 1u);
  expect_equal();
}

/// Only when it grows without a bound a later state is offered.
TEST_F(RaftCheckpoint, TheLogIsNotKeptForEver) {
  auto limits = configure;
  configure = [limits](RaftOptions& options) {
    limits(options);
    options.checkpoints.hold_log_bytes = 4096;
  };
  Node& away = one_is_behind();
  auto& client = tamper(away);
  client.delay = 10ms;
  reopen(away);
  ASSERT_TRUE(eventually([&] { return away.consensus->fetching().has_value(); }));
  for (int pin = 100; pin < 180; ++pin) {
    ASSERT_TRUE(put(*leader(), pin));
    runtime.run_for(2ms);
  }
  ASSERT_TRUE(catches_up(away, 179));
  EXPECT_GT(client.streams, 1u);
  expect_equal();
}

TEST_F(RaftCheckpoint, AFullDiskIsSaidAndTriedAgain) {
  Node& away = one_is_behind();
  auto& client = tamper(away);
  client.tamper = [&](size_t number, Bytes&) -> Result<> {
    if (number == 5 && client.streams == 1) away.env.fail_after(1, storage::FaultEnv::Fault::kNoSpace);
    return {};
  };
  reopen(away);
  ASSERT_TRUE(eventually([&] { return client.streams > 1; }));
  away.env.clear_faults();
  ASSERT_TRUE(catches_up(away, 59));
  expect_equal();
}

/// Checkpoints happen all the time, and their streams break.
TEST_F(RaftCheckpoint, NothingAcknowledgedIsLostInAStorm) {
  size_t fetched = 0;
  between_writes = 20ms;
  for (uint64_t seed : sim_seeds(1, 5)) {
    SCOPED_TRACE(seed);
    close_all();
    configure = [seed](RaftOptions& options) {
      options.keep_log_bytes = 512;
      options.flush_log_bytes = seed % 2 == 0 ? 1024 : 4096;
      options.checkpoints.piece_bytes = 4096;
      options.checkpoints.hold_log_bytes = seed % 3 == 0 ? 4096 : 1 << 20;
      options.checkpoints.offer_again = 1s;
      options.checkpoints.keep_unused = 1s;
      options.checkpoints.retry_after = 20ms;
      options.checkpoints.max_streams = 1 + seed % 2;
    };
    make(3);
    std::mt19937_64 random(seed);
    std::vector<TamperingClient*> clients;
    for (auto& n : nodes) {
      ASSERT_TRUE(n->close());
      clients.push_back(&tamper(*n));
      clients.back()->delay = std::chrono::milliseconds(random() % 3);
      clients.back()->tamper = [&](size_t, Bytes&) -> Result<> {
        if (random() % 400 == 0) return fail(ErrorKind::kUnavailable, "broken");
        return {};
      };
    }
    for (auto& n : nodes) reopen(*n);
    storm(seed, 25);
    if (HasFatalFailure()) return;
    for (auto& n : nodes) expect_whole(*n);
    for (auto* client : clients) fetched += client->streams;
  }
  EXPECT_GT(fetched, 4u);
  EXPECT_GT(acknowledged_in_storms, 50u);
}

}  // namespace
}  // namespace ipfsc::consensus
