#include "ipfs/embedded/embedded_node.h"

#include <gmock/gmock.h>

#include "ipfs/embedded/test_support.h"

namespace ipfsc::ipfs::test {
namespace {

using testing::HasSubstr;

using EmbeddedNodeTest = NodeTest;

TEST_F(EmbeddedNodeTest, GivesBackWhatWasPut) {
  auto dag = make_dag(1, 20);
  ASSERT_TRUE(add(dag.blocks));
  EXPECT_EQ(count_present(dag.blocks), dag.blocks.size());
  EXPECT_TRUE(has(dag.root));
  auto other = raw_block("other");
  EXPECT_FALSE(has(other.cid));
  auto missing = run(node().get_block(other.cid));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr(other.cid.to_string()));
}

TEST_F(EmbeddedNodeTest, FindsABlockUnderEveryCidOfItsMultihash) {
  auto leaf = pb_leaf("data");
  ASSERT_TRUE(add({leaf}));
  auto as_raw = ipld::Cid::v1(ipld::kRaw, *ipld::Multihash::parse(leaf.cid.multihash()));
  EXPECT_EQ(run(node().get_block(as_raw)).value(), leaf.data);
}

TEST_F(EmbeddedNodeTest, IdentityCidsCarryTheirBytes) {
  auto cid = ipld::Cid::v1(ipld::kRaw, ipld::Multihash::wrap(0, "inline"));
  EXPECT_TRUE(has(cid));
  EXPECT_EQ(run(node().get_block(cid)).value(), "inline");
  EXPECT_TRUE(pin(cid));
  EXPECT_TRUE(add({{cid, "inline"}}));
}

TEST_F(EmbeddedNodeTest, RefusesBlocksThatDoNotMatchTheirCid) {
  auto good = raw_block("good");
  for (size_t size : {size_t{10}, size_t{100'000}, size_t{5 << 20}}) {  // kept and hashed here, on the pool; sent
    auto bad = raw_block(Bytes(std::min<size_t>(size, 1 << 20), 'x'));
    bad.data.back() = 'y';
    std::vector<ipld::Block> blocks(std::max<size_t>(size >> 20, 1), bad);
    auto result = add(blocks);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(result.error().message, HasSubstr(bad.cid.to_string()));
    EXPECT_FALSE(has(bad.cid));
  }
}

TEST_F(EmbeddedNodeTest, RefusesBlocksThatAreTooLarge) {
  options_.max_block_bytes = 1000;
  auto result = add({raw_block(Bytes(1001, 'x'))});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(EmbeddedNodeTest, LargeAddsAreFlushedAndSurviveAReopen) {
  auto dag = make_dag(2, 60, 200'000);  // 12 MB
  ASSERT_TRUE(add(dag.blocks, {.verified = true}));
  ASSERT_TRUE(pin(dag.root));
  close();
  env_.cut_power();
  env_.restore_power();
  EXPECT_EQ(count_present(dag.blocks), dag.blocks.size());
  EXPECT_EQ(pins().size(), 1u);
}

TEST_F(EmbeddedNodeTest, AnUnfinishedAddIsJustGarbage) {
  auto dag = make_dag(3, 10);
  {
    auto writer = run(node().put_blocks({.size_hint_bytes = 100 << 20}));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(run((*writer)->put(dag.blocks)));
  }
  auto result = run(node().gc({}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(count_present(dag.blocks), 0u);
}

// --- Pins

TEST_F(EmbeddedNodeTest, PinsNeedEveryBlock) {
  auto dag = make_dag(4, 30);
  std::vector<ipld::Block> most(dag.blocks.begin() + 1, dag.blocks.end());
  ASSERT_TRUE(add(most));
  auto result = pin(dag.root);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(
      result.error().message,
      "block " + dag.blocks[0].cid.to_string() + " of " + dag.root.to_string() +
          " is missing: not on any peer; this node is not on the public IPFS network: attach Kubo or set gateways");
  EXPECT_EQ(run(node().pinned(dag.root, true)).value(), PinKind::kNone);
  EXPECT_TRUE(pin(dag.root, /*recursive=*/false));  // a direct pin needs the root only
  ASSERT_TRUE(add({dag.blocks[0]}));
  EXPECT_TRUE(pin(dag.root));
  EXPECT_EQ(run(node().pinned(dag.root, true)).value(), PinKind::kRecursive);
}

TEST_F(EmbeddedNodeTest, PinKindsReplaceEachOtherAsInKubo) {
  auto block = raw_block("x");
  ASSERT_TRUE(add({block}));
  ASSERT_TRUE(pin(block.cid, false));
  EXPECT_EQ(run(node().pinned(block.cid, false)).value(), PinKind::kDirect);
  ASSERT_TRUE(pin(block.cid, true));
  EXPECT_EQ(run(node().pinned(block.cid, false)).value(), PinKind::kRecursive);
  ASSERT_TRUE(pin(block.cid, false));
  EXPECT_EQ(run(node().pinned(block.cid, false)).value(), PinKind::kRecursive);
  EXPECT_TRUE(run(node().unpin(block.cid)));
  EXPECT_TRUE(run(node().unpin(block.cid)));
  EXPECT_EQ(run(node().pinned(block.cid, true)).value(), PinKind::kNone);
}

TEST_F(EmbeddedNodeTest, ListsPinsSorted) {
  std::set<ipld::Cid> expected;
  for (int i = 0; i < 20; ++i) {
    auto block = raw_block("pin " + std::to_string(i));
    ASSERT_TRUE(add({block}));
    ASSERT_TRUE(pin(block.cid, i % 2 == 0));
    expected.insert(block.cid);
  }
  auto listed = pins();
  ASSERT_EQ(listed.size(), 20u);
  auto want = expected.begin();
  for (const auto& item : listed) EXPECT_EQ(item.cid, *want++);
  EXPECT_TRUE(node().list_pins()->sorted());
}

TEST_F(EmbeddedNodeTest, PinReportsProgress) {
  auto dag = make_dag(5, 500);
  ASSERT_TRUE(add(dag.blocks));
  PinProgress last;
  ASSERT_TRUE(run(node().pin({.cid = dag.root, .on_progress = [&](const PinProgress& p) { last = p; }})));
  EXPECT_GE(last.blocks, dag.blocks.size());
}

TEST_F(EmbeddedNodeTest, RefusesToWalkUnknownCodecs) {
  auto block = make_block(ipld::kDagJson, R"({"a":1})");
  ASSERT_TRUE(add({block}));
  auto result = pin(block.cid);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUnimplemented);
  EXPECT_THAT(result.error().message, HasSubstr("dag-json"));
  EXPECT_TRUE(pin(block.cid, false));
}

TEST_F(EmbeddedNodeTest, AMalformedNodeIsNamed) {
  auto block = make_block(ipld::kDagPb, "\x12\xff\xff");
  ASSERT_TRUE(add({block}));
  auto result = pin(block.cid);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr(block.cid.to_string()));
}

// --- Fetching

TEST_F(EmbeddedNodeTest, FetchesWhatIsMissing) {
  auto source = std::make_shared<FakeSource>();
  sources_ = {source};
  auto dag = make_dag(6, 300);
  source->add(dag.blocks);
  PinProgress last;
  ASSERT_TRUE(run(node().pin({.cid = dag.root, .on_progress = [&](const PinProgress& p) { last = p; }})));
  std::set<ipld::Cid> distinct;
  for (const auto& block : dag.blocks) distinct.insert(block.cid);
  EXPECT_EQ(last.fetched_blocks, distinct.size());
  EXPECT_EQ(source->asked, distinct.size());
  close();
  env_.cut_power();
  env_.restore_power();
  EXPECT_EQ(count_present(dag.blocks), dag.blocks.size());
  EXPECT_EQ(pins().size(), 1u);
}

TEST_F(EmbeddedNodeTest, FetchesALargeDag) {
  auto source = std::make_shared<FakeSource>();
  sources_ = {source};
  auto dag = make_dag(61, 60, 200'000);
  source->add(dag.blocks);
  ASSERT_TRUE(pin(dag.root));
  close();
  env_.cut_power();
  env_.restore_power();
  EXPECT_EQ(count_present(dag.blocks), dag.blocks.size());
}

TEST_F(EmbeddedNodeTest, FetchesADirectPinAlone) {
  auto source = std::make_shared<FakeSource>();
  sources_ = {source};
  auto dag = make_dag(62, 30);
  source->add(dag.blocks);
  ASSERT_TRUE(pin(dag.root, /*recursive=*/false));
  EXPECT_EQ(source->asked, 1u);
}

TEST_F(EmbeddedNodeTest, NamesTheBlockThatNoSourceHas) {
  auto source = std::make_shared<FakeSource>();
  auto gateway = std::make_shared<FakeSource>("gateways", SourceReach::kPublic);
  sources_ = {gateway, source};
  auto dag = make_dag(7, 30);
  source->add(dag.blocks);
  const auto& gone = dag.blocks[3];
  source->blocks.erase(Bytes(gone.cid.multihash()));
  auto result = pin(dag.root);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(result.error().message, "block " + gone.cid.to_string() + " of " + dag.root.to_string() +
                                        " is missing: cluster peers: not on any peer; gateways: not on any peer");
  // The next attempt fetches only what is still missing.
  source->asked = 0;
  source->add({gone});
  ASSERT_TRUE(pin(dag.root));
  EXPECT_LT(source->asked, dag.blocks.size());
}

TEST_F(EmbeddedNodeTest, TakesNoWrongBytes) {
  auto liar = std::make_shared<FakeSource>();
  sources_ = {liar};
  auto dag = make_dag(8, 20);
  liar->add(dag.blocks);
  auto& bytes = liar->blocks[Bytes(dag.blocks[5].cid.multihash())];
  bytes[0] ^= 1;
  auto result = pin(dag.root);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("cluster peers: sent bytes that are not this block"));
  close();
  auto honest = std::make_shared<FakeSource>("gateways", SourceReach::kPublic);
  honest->add(dag.blocks);
  sources_.push_back(honest);
  EXPECT_TRUE(pin(dag.root));
  EXPECT_EQ(count_present(dag.blocks), dag.blocks.size());
}

TEST_F(EmbeddedNodeTest, ASilentSourceIsGivenUp) {
  options_.fetch_timeout = std::chrono::seconds(10);
  auto silent = std::make_shared<FakeSource>();
  silent->runtime = &runtime_;
  silent->delay = std::chrono::hours(1);
  sources_ = {silent};
  auto block = raw_block("x");
  auto before = runtime_.now();
  auto result = pin(block.cid);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("deadline exceeded"));
  EXPECT_LE(runtime_.now() - before, std::chrono::seconds(11));
}

TEST_F(EmbeddedNodeTest, StopEndsARunningPin) {
  auto silent = std::make_shared<FakeSource>();
  silent->runtime = &runtime_;
  silent->delay = std::chrono::hours(1);
  sources_ = {silent};
  open();
  std::optional<Result<>> ended;
  spawn_into(runtime_.executor(), node_->pin({.cid = raw_block("x").cid}), [&](Result<> r) { ended = r; });
  runtime_.run_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(ended);
  EXPECT_TRUE(run(node_->stop()));
  runtime_.run_ready();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(run(node_->has(raw_block("x").cid)).error().kind, ErrorKind::kCancelled);
}

TEST_F(EmbeddedNodeTest, ACancelledPinLeavesNothingBehind) {
  auto silent = std::make_shared<FakeSource>();
  silent->runtime = &runtime_;
  silent->delay = std::chrono::hours(1);
  sources_ = {silent};
  open();
  std::optional<Result<>> ended;
  boost::asio::cancellation_signal signal;
  spawn_into(
      runtime_.executor(), node_->pin({.cid = raw_block("x").cid}), [&](Result<> r) { ended = r; }, signal.slot());
  runtime_.run_for(std::chrono::milliseconds(10));
  signal.emit(boost::asio::cancellation_type::all);
  runtime_.run_ready();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(node().core().running_pins.empty());
  EXPECT_TRUE(node().core().writer_epochs.empty());
}

// --- The rest

TEST_F(EmbeddedNodeTest, KeepsItsId) {
  auto first = run(node().id()).value().id;
  EXPECT_THAT(first, testing::StartsWith("12D3Koo"));
  close();
  EXPECT_EQ(run(node().id()).value().id, first);
}

TEST_F(EmbeddedNodeTest, StatHasRealFigures) {
  space_.free_bytes = 9'000'000'000;
  auto before = run(node().stat()).value();
  ASSERT_TRUE(add(make_dag(9, 60, 200'000).blocks));
  auto after = run(node().stat()).value();
  EXPECT_GT(after.repo_size_bytes, before.repo_size_bytes + 10'000'000);
  EXPECT_GE(after.num_objects, 60u);
  EXPECT_EQ(after.storage_max_bytes, (after.repo_size_bytes + 9'000'000'000) / 10 * 9);
  EXPECT_EQ(after.refusing, "");
}

TEST_F(EmbeddedNodeTest, AnOpeningCanBeCancelledAtAnyMoment) {
  for (int moment = 0; moment < 20; ++moment) {
    std::unique_ptr<EmbeddedNode> opened;
    TaskGroup opening(runtime_);
    opening.spawn("opening", [](auto& self, auto& node) -> Task<> {
      CO_TRY_ASSIGN(node, co_await EmbeddedNode::open(self.runtime_, self.options_, {}));
      co_return Result<>{};
    }(*this, opened));
    ASSERT_TRUE(run([](auto& runtime, auto& group, int steps) -> Task<> {
      for (int i = 0; i < steps; ++i) co_await boost::asio::post(runtime.executor(), boost::asio::use_awaitable);
      co_await group.stop();
      co_return Result<>{};
    }(runtime_, opening, moment)));
    if (opened) ASSERT_TRUE(run(opened->stop()));
  }
  open();
}

TEST_F(EmbeddedNodeTest, TwoNodesCannotShareAStore) {
  open();
  auto second = run(EmbeddedNode::open(runtime_, options_, {}));
  ASSERT_FALSE(second);
}

TEST_F(EmbeddedNodeTest, ConnectSaysThatThereIsNoLibp2p) {
  auto result = run(node().connect(*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/4001")));
  EXPECT_EQ(result.error().kind, ErrorKind::kUnimplemented);
}

// --- Verify

TEST_F(EmbeddedNodeTest, VerifyFindsAFlippedByte) {
  auto dag = make_dag(10, 20, 5000);
  ASSERT_TRUE(add(dag.blocks, {.size_hint_bytes = 100 << 20}));
  auto fine = run(node().verify({}));
  ASSERT_TRUE(fine);
  EXPECT_EQ(fine->corrupt, 0u);
  EXPECT_EQ(fine->blocks, dag.blocks.size());
  close();
  // Flip one byte of a leaf, wherever it lies.
  const auto& victim = dag.blocks[7];
  std::vector<std::string> files;
  ASSERT_TRUE(env_.GetChildren("/store", &files).ok());
  size_t flipped = 0;
  for (const auto& file : files) {
    std::string content;
    if (!file.ends_with(".blob") || !rocksdb::ReadFileToString(&env_, "/store/" + file, &content).ok()) continue;
    auto at = content.find(victim.data.substr(100, 50));
    if (at == std::string::npos) continue;
    content[at] ^= 1;
    ASSERT_TRUE(rocksdb::WriteStringToFile(&env_, content, "/store/" + file, true).ok());
    ++flipped;
  }
  ASSERT_EQ(flipped, 1u);
  std::vector<CorruptBlock> corrupt;
  VerifyProgress last;
  auto result = run(node().verify({.on_progress = [&](const VerifyProgress& p) { last = p; },
                                   .on_corrupt = [&](const CorruptBlock& b) { corrupt.push_back(b); }}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->corrupt, 1u);
  EXPECT_EQ(last.blocks, dag.blocks.size());
  ASSERT_EQ(corrupt.size(), 1u);
  EXPECT_EQ(corrupt[0].cid.multihash(), victim.cid.multihash());
  auto read = run(node().get_block(victim.cid));
  EXPECT_EQ(read.error().kind, ErrorKind::kDataLoss);
}

// --- Disk space

TEST_F(EmbeddedNodeTest, BelowTheReserveItRefusesAndResumesAtTwice) {
  auto block = raw_block("x"), other = raw_block("other");
  ASSERT_TRUE(add({block}));
  ASSERT_TRUE(pin(block.cid));
  space_.free_bytes = 200 << 20;
  runtime_.run_for(std::chrono::seconds(6));
  auto refused = add({other});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("200 MiB free"));
  EXPECT_EQ(pin(block.cid, false).error().kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(run(node().stat()).value().refusing, "");
  EXPECT_TRUE(run(node().unpin(block.cid)));
  EXPECT_TRUE(run(node().gc({})));
  EXPECT_FALSE(has(block.cid));
  space_.free_bytes = 300 << 20;
  runtime_.run_for(std::chrono::seconds(6));
  EXPECT_FALSE(add({other}));
  space_.free_bytes = 513 << 20;
  runtime_.run_for(std::chrono::seconds(6));
  EXPECT_TRUE(add({other}));
}

TEST(SpaceGuard, WritesCountBetweenMeasurements) {
  SpaceGuard guard(100);
  EXPECT_TRUE(guard.check());
  guard.measured(250, std::nullopt);
  guard.wrote(140);
  EXPECT_TRUE(guard.check());
  guard.wrote(20);
  EXPECT_FALSE(guard.check());
  guard.measured(199, std::nullopt);
  EXPECT_FALSE(guard.check());
  guard.measured(200, std::nullopt);
  EXPECT_TRUE(guard.check());
  guard.measured(100, std::nullopt);
  EXPECT_TRUE(guard.check());
  guard.measured(300, Error{ErrorKind::kUnavailable, "broken"});
  EXPECT_EQ(guard.check().error().message, "broken");
}

TEST_F(EmbeddedNodeTest, AFullDiskIsAClearErrorAndEndsWhenSpaceReturns) {
  auto before = make_dag(12, 10), small = make_dag(13, 10), large = make_dag(14, 60, 200'000);
  ASSERT_TRUE(add(before.blocks));
  ASSERT_TRUE(pin(before.root));
  for (const auto& dag : {small, large}) {
    env_.fail_after(3, storage::FaultEnv::Fault::kNoSpace);
    Result<> failed;
    for (int i = 0; i < 5 && failed; ++i) failed = add(make_dag(100 + i, 60, 200'000).blocks);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::kResourceExhausted) << failed.error().message;
    EXPECT_THAT(failed.error().message, HasSubstr("full"));
    EXPECT_EQ(count_present(before.blocks), before.blocks.size());
    env_.clear_faults();
    runtime_.run_for(std::chrono::seconds(10));
    auto added = add(dag.blocks);
    ASSERT_TRUE(added) << added.error().message;
    ASSERT_TRUE(pin(dag.root));
  }
  close();
  EXPECT_EQ(count_present(before.blocks), before.blocks.size());
  EXPECT_EQ(count_present(small.blocks), small.blocks.size());
  EXPECT_EQ(count_present(large.blocks), large.blocks.size());
}

}  // namespace
}  // namespace ipfsc::ipfs::test
