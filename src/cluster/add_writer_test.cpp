#include "cluster/add_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/virtual_runtime.h"
#include "proto/peer.pb.h"
#include "rpc/testing/sim_network.h"

namespace ipfsc::cluster {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ipld::PeerId peer_of(char c) {
  return ipld::PeerId::from_public_key_protobuf(std::string("\x08\x01\x12\x20", 4) + std::string(32, c));
}
ipld::Block block_of(std::string data) {
  auto cid = ipld::Cid::of(1, ipld::kRaw, 0x12, data).value();
  return {std::move(cid), std::move(data)};
}

/// What came of an add at one peer.
struct Taken {
  std::set<std::string> blocks;
  bool durable = false;
  Bytes root;
  bool ended = false;
};

/// This peer's own.
class LocalWriter final : public ipfs::BlockWriter {
 public:
  LocalWriter(Taken& taken, const std::optional<Error>& error) : taken_(taken), error_(error) {}
  Task<> put(std::vector<ipld::Block> blocks) override {
    if (error_) co_return std::unexpected(*error_);
    for (auto& block : blocks) taken_.blocks.insert(std::move(block.data));
    co_return Result<>{};
  }
  Task<> finish() override {
    taken_.durable = true;
    co_return Result<>{};
  }

 private:
  Taken& taken_;
  const std::optional<Error>& error_;
};

struct Remote {
  Taken taken;
  bool hangs = false;           // takes nothing
  std::optional<Error> error;   // with the first block
  std::string wanted = "room";  // reservation
  rpc::Router router;
};

class AddWriterTest : public testing::Test {
 protected:
  AddWriterTest() : network(runtime), client(network.client(peer_of('a'))), tasks(runtime) {
    for (char c : {'b', 'c', 'd'}) {
      auto& remote = remotes[c];
      remote.router.add_stream("Blocks/Put", rpc::Access::kMember,
                               [this, &remote](rpc::CallInfo, rpc::Stream& stream) { return take(remote, stream); });
      network.attach(peer_of(c), remote.router);
    }
  }
  ~AddWriterTest() override {
    writer.reset();
    runtime
        .run_task([](TaskGroup& group) -> Task<> {
          co_await group.stop();
          co_return Result<>{};
        }(tasks))
        .value();
    for (char c : {'b', 'c', 'd'}) (void)runtime.run_task(network.detach(peer_of(c)));
  }

  Task<> take(Remote& remote, rpc::Stream& stream) {
    for (bool first = true;; first = false) {
      while (remote.hangs) CO_TRY(co_await runtime.sleep_for(1s));
      CO_TRY_ASSIGN(auto message, co_await stream.read());
      if (!message) break;
      proto::PutPiece piece;
      if (!piece.ParseFromString(*message)) co_return fail(ErrorKind::kInvalidArgument, "damaged");
      if (first && piece.reservation() != remote.wanted) co_return fail(ErrorKind::kFailedPrecondition, "no room");
      if (piece.blocks_size() > 0 && remote.error) co_return std::unexpected(*remote.error);
      for (const auto& block : piece.blocks()) remote.taken.blocks.insert(block.data());
      if (piece.finish()) {
        remote.taken.durable = true;
        CO_TRY(co_await stream.write(proto::PutAnswer().SerializeAsString()));
      }
      if (!piece.root().empty()) remote.taken.root = piece.root();
    }
    remote.taken.ended = true;
    co_return Result<>{};
  }

  void open(bool here, std::string peers, AddWriterOptions options) {
    std::vector<ipld::PeerId> ids;
    for (char c : peers) ids.push_back(peer_of(c));
    options.self = peer_of('a');
    if (options.reservation.empty()) options.reservation = "room";
    std::unique_ptr<ipfs::BlockWriter> local;
    if (here) local = std::make_unique<LocalWriter>(own, own_error);
    writer = std::make_unique<AddWriter>(runtime, *client, tasks, traffic, std::move(local), std::move(ids),
                                         std::move(options));
  }
  Result<> put(int n, size_t size = 10) {
    return runtime.run_task(writer->put({block_of(std::to_string(n) + std::string(size, 'x'))}));
  }
  Result<> put_all(int count, size_t size = 10) {
    for (int i = 0; i < count; ++i) TRY(put(i, size));
    return runtime.run_task(writer->finish());
  }
  std::vector<ipld::PeerId> left() {
    std::vector<ipld::PeerId> out;
    for (auto& each : writer->left_behind()) out.push_back(each.peer);
    return out;
  }

  VirtualRuntime runtime{1};
  rpc::testing::SimNetwork network;
  std::unique_ptr<rpc::PeerClient> client;
  Traffic traffic;
  TaskGroup tasks;
  Taken own;
  std::optional<Error> own_error;
  std::map<char, Remote> remotes;
  std::unique_ptr<AddWriter> writer;
};

TEST_F(AddWriterTest, EveryDestinationHasAllBeforeItReturns) {
  open(true, "bc", {.needed = 3});
  ASSERT_TRUE(put_all(20, 1000));
  EXPECT_EQ(own.blocks.size(), 20u);
  EXPECT_GE(traffic.out_bytes, 2 * 20 * 1000u);
  EXPECT_EQ(traffic.in_bytes, 0u);
  for (char c : {'b', 'c'}) {
    EXPECT_EQ(remotes[c].taken.blocks, own.blocks);
    EXPECT_TRUE(remotes[c].taken.durable);
    EXPECT_TRUE(remotes[c].taken.root.empty());
  }
  auto root = block_of("root").cid;
  writer->pinned(root);
  writer.reset();  // what was said of the root still arrives
  runtime.run_for(1s);
  for (char c : {'b', 'c'}) {
    EXPECT_EQ(remotes[c].taken.root, root.bytes());
    EXPECT_TRUE(remotes[c].taken.ended);
  }
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(AddWriterTest, ThisPeerNeedNotHoldIt) {
  open(false, "b", {});
  EXPECT_FALSE(writer->here());
  ASSERT_TRUE(put_all(3));
  EXPECT_TRUE(remotes['b'].taken.durable);
  EXPECT_TRUE(own.blocks.empty());
}

TEST_F(AddWriterTest, ASlowPeerIsLeftBehind) {
  remotes['c'].hangs = true;
  open(true, "bc", {.needed = 2, .window_bytes = 5000, .patience = 10s});
  auto start = runtime.now();
  ASSERT_TRUE(put_all(30, 1000));
  EXPECT_GE(runtime.now() - start, 10s);
  EXPECT_LT(runtime.now() - start, 12s);
  EXPECT_EQ(left(), std::vector{peer_of('c')});
  EXPECT_EQ(remotes['b'].taken.blocks.size(), 30u);
}

TEST_F(AddWriterTest, ASlowPeerIsHardlyWaitedForBySoonFollowingAdds) {
  auto slow = std::make_shared<SlowPeers>();
  auto add = [&](size_t needed) {
    auto start = runtime.now();
    open(true, "bc", {.needed = needed, .slow = slow});
    EXPECT_TRUE(put_all(3));
    return runtime.now() - start;
  };
  remotes['c'].hangs = true;
  EXPECT_GE(add(1), 10s);
  EXPECT_LE(add(1), 1s);
  EXPECT_EQ(left(), std::vector{peer_of('c')});
  runtime.run_for(2min);
  EXPECT_GE(add(1), 10s) << "it may have recovered long ago";
  // Where it is needed it is waited for, and is as any other when it has taken something again.
  remotes['c'].hangs = false;
  runtime.run_for(2s);
  EXPECT_LE(add(3), 1s);
  EXPECT_FALSE(slow->contains(peer_of('c'), runtime.now()));
}

TEST_F(AddWriterTest, ASlowPeerThatIsNeededIsWaitedForLonger) {
  remotes['c'].hangs = true;
  open(true, "bc", {.needed = 3, .window_bytes = 5000, .patience = 10s, .last_patience = 60s});
  auto late = [this]() -> Task<> {
    CO_TRY(co_await runtime.sleep_for(40s));
    remotes['c'].hangs = false;
    co_return Result<>{};
  };
  tasks.spawn("waking", late());
  ASSERT_TRUE(put_all(30, 1000));
  EXPECT_TRUE(left().empty());
  EXPECT_EQ(remotes['c'].taken.blocks.size(), 30u);
}

TEST_F(AddWriterTest, TooFewCopiesFailTheAddWithTheReasons) {
  remotes['b'].error = Error{ErrorKind::kResourceExhausted, "the disk is full"};
  remotes['c'].hangs = true;
  open(true, "bc", {.needed = 3, .last_patience = 20s});
  auto done = put_all(3);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(done.error().message, HasSubstr("only 2 of the 3 copies"));
  EXPECT_THAT(done.error().message, HasSubstr(peer_of('b').to_string() + ": the disk is full"));
}

TEST_F(AddWriterTest, AFullDiskHereIsNoHarmWhenEnoughOthersHaveIt) {
  own_error = Error{ErrorKind::kResourceExhausted, "the disk is full"};
  open(true, "bc", {.needed = 2});
  ASSERT_TRUE(put_all(5));
  EXPECT_EQ(remotes['c'].taken.blocks.size(), 5u);
  EXPECT_EQ(left(), std::vector{peer_of('a')});
  // Alone it is the add's own error.
  open(true, "", {});
  auto done = put_all(1);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "the disk is full");
}

TEST_F(AddWriterTest, AWrongBlockFailsTheAddWhateverElseThereIs) {
  own_error = Error{ErrorKind::kInvalidArgument, "not that block"};
  open(true, "b", {});
  auto done = put_all(1);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(AddWriterTest, SilentAndUnreservedPeersAreNotTried) {
  open(true, "bc", {.worth_trying = [](const ipld::PeerId& peer) -> Result<> {
         if (peer == peer_of('c')) return fail(ErrorKind::kUnavailable, "silent for 10 s");
         return {};
       }});
  ASSERT_TRUE(put_all(1));
  ASSERT_EQ(writer->left_behind().size(), 1u);
  EXPECT_EQ(writer->left_behind().front().reason, "silent for 10 s");
  remotes['b'].wanted = "another";
  open(true, "b", {});
  ASSERT_TRUE(put_all(1));
  ASSERT_EQ(left(), std::vector{peer_of('b')});
  EXPECT_EQ(writer->left_behind().front().reason, "no room");
}

TEST_F(AddWriterTest, DroppedBeforeThePinNothingIsHeld) {
  open(true, "b", {});
  ASSERT_TRUE(put_all(2));
  writer.reset();
  runtime.run_for(1s);
  EXPECT_TRUE(remotes['b'].taken.root.empty());
  EXPECT_EQ(tasks.size(), 0u);
}

}  // namespace
}  // namespace ipfsc::cluster
