// What the tests of the embedded node share: small DAGs, a node on a virtual clock, block sources that obey.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/virtual_runtime.h"
#include "ipfs/embedded/core.h"
#include "ipfs/embedded/embedded_node.h"
#include "ipld/dag_cbor.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"
#include "storage/fault_env.h"

namespace ipfsc::ipfs::test {

inline ipld::Block make_block(uint64_t codec, Bytes data) {
  auto cid = ipld::Cid::of(1, codec, static_cast<uint64_t>(ipld::HashCode::kSha2_256), data);
  EXPECT_TRUE(cid);
  return {*cid, std::move(data)};
}

inline ipld::Block raw_block(Bytes data) { return make_block(ipld::kRaw, std::move(data)); }

/// A dag-pb node with these links, named "0", "1", …
inline ipld::Block link_block(const std::vector<ipld::Cid>& links, Bytes data = "") {
  ipld::PbNode node;
  for (const auto& cid : links)
    node.links.push_back({.cid = cid, .name = std::to_string(node.links.size()), .tsize = 1});
  ipld::UnixFs directory{.type = ipld::UnixFsType::kDirectory};
  if (!data.empty()) directory.data = std::move(data);
  node.data = ipld::encode_unixfs(directory);
  return make_block(ipld::kDagPb, ipld::encode_pb(node));
}

/// A dag-pb leaf, as files of CIDv0 have them.
inline ipld::Block pb_leaf(Bytes data) {
  ipld::UnixFs file{.type = ipld::UnixFsType::kFile, .data = data, .file_size = data.size()};
  ipld::PbNode node;
  node.data = ipld::encode_unixfs(file);
  return make_block(ipld::kDagPb, ipld::encode_pb(node));
}

struct Dag {
  ipld::Cid root;
  std::vector<ipld::Block> blocks;
};

/// A random DAG of about `leaves` leaves of both kinds, with shared parts; the same for the same seed.
inline Dag make_dag(uint64_t seed, size_t leaves, size_t leaf_bytes = 100) {
  std::mt19937_64 random(seed);
  Dag dag;
  std::vector<ipld::Cid> level;
  for (size_t i = 0; i < leaves; ++i) {
    Bytes data = std::to_string(seed) + "/" + std::to_string(i);
    while (data.size() < leaf_bytes) data.push_back(static_cast<char>(random()));
    dag.blocks.push_back(random() % 2 ? raw_block(data) : pb_leaf(data));
    level.push_back(dag.blocks.back().cid);
  }
  do {
    std::vector<ipld::Cid> next;
    for (size_t i = 0; i < level.size(); i += 4) {
      std::vector<ipld::Cid> links(level.begin() + i, level.begin() + std::min(i + 4, level.size()));
      if (random() % 3 == 0) links.push_back(level[random() % level.size()]);
      dag.blocks.push_back(link_block(links, std::to_string(seed)));
      next.push_back(dag.blocks.back().cid);
    }
    level = std::move(next);
  } while (level.size() > 1);
  dag.root = level.front();
  return dag;
}

/// Blocks by multihash. What is asked is written down.
class FakeSource final : public BlockSource {
 public:
  explicit FakeSource(std::string name = "cluster peers", SourceReach reach = SourceReach::kCluster)
      : name_(std::move(name)), reach_(reach) {}
  std::string name() const override { return name_; }
  SourceReach reach(const FetchHints&) const override { return reach_; }
  Task<Bytes> fetch(ipld::Cid cid, FetchHints, size_t) override {
    ++asked;
    if (delay.count() > 0 && runtime != nullptr) CO_TRY(co_await runtime->sleep_for(delay));
    auto it = blocks.find(Bytes(cid.multihash()));
    if (it == blocks.end()) co_return fail(ErrorKind::kNotFound, "not on any peer");
    co_return it->second;
  }
  void add(const std::vector<ipld::Block>& from) {
    for (const auto& block : from) blocks[Bytes(block.cid.multihash())] = block.data;
  }

  std::map<Bytes, Bytes> blocks;
  size_t asked = 0;
  Runtime* runtime = nullptr;
  Duration delay{};

 private:
  std::string name_;
  SourceReach reach_;
};

/// The disk's free space as a number.
class SpaceEnv final : public rocksdb::EnvWrapper {
 public:
  explicit SpaceEnv(rocksdb::Env* base) : rocksdb::EnvWrapper(base) {}
  const char* Name() const override { return "SpaceEnv"; }
  rocksdb::Status GetFreeSpace(const std::string&, uint64_t* free) override {
    *free = free_bytes;
    return rocksdb::Status::OK();
  }
  /// RocksDB waits a second after each background error.
  void SleepForMicroseconds(int) override {}
  std::atomic<uint64_t> free_bytes{100ull << 30};
};

/// Runs blocking jobs after random delays, so that they come in any order; the same seed gives the same order.
class JitterRuntime final : public Runtime {
 public:
  explicit JitterRuntime(VirtualRuntime& base) : base_(base) {}
  SteadyTime now() const override { return base_.now(); }
  WallTime wall_now() const override { return base_.wall_now(); }
  uint64_t random() override { return base_.random(); }
  boost::asio::any_io_executor executor() override { return base_.executor(); }
  Task<> sleep_until(SteadyTime when) override { return base_.sleep_until(when); }
  void submit_blocking(std::move_only_function<void()> job) override {
    spawn_into(executor(), later(std::chrono::microseconds(base_.random() % 1000), std::move(job)), [](Result<>) {});
  }

 private:
  Task<> later(Duration delay, std::move_only_function<void()> job) {
    CO_TRY(co_await base_.sleep_for(delay));
    job();
    co_return Result<>{};
  }
  VirtualRuntime& base_;
};

class NodeTest : public testing::Test {
 protected:
  NodeTest() {
    options_.path = "/store";
    options_.env = &space_;
    options_.write_buffer_bytes = 1 << 20;
  }
  ~NodeTest() override { close(); }

  EmbeddedNode& node() {
    if (!node_) open();
    return *node_;
  }
  void open() {
    auto opened = runtime_.run_task(EmbeddedNode::open(*used_, options_, sources_));
    ASSERT_TRUE(opened) << opened.error().message;
    node_ = std::move(*opened);
  }
  void close() {
    if (!node_) return;
    EXPECT_TRUE(run(node_->stop()));
    node_.reset();
  }
  template <class T>
  Result<T> run(Task<T> task) {
    return runtime_.run_task(std::move(task));
  }

  Result<> add(const std::vector<ipld::Block>& blocks, WriterOptions options = {}) {
    return run(add_task(node(), blocks, options));
  }
  static Task<> add_task(EmbeddedNode& node, std::vector<ipld::Block> blocks, WriterOptions options = {}) {
    CO_TRY_ASSIGN(auto writer, co_await node.put_blocks(options));
    CO_TRY(co_await writer->put(std::move(blocks)));
    co_return co_await writer->finish();
  }
  Result<> pin(const ipld::Cid& cid, bool recursive = true) {
    return run(node().pin({.cid = cid, .recursive = recursive}));
  }
  bool has(const ipld::Cid& cid) { return run(node().has(cid)).value(); }
  size_t count_present(const std::vector<ipld::Block>& blocks) {
    size_t count = 0;
    for (const auto& block : blocks) {
      auto data = run(node().get_block(block.cid));
      if (data) {
        EXPECT_EQ(*data, block.data);
        ++count;
      }
    }
    return count;
  }
  std::vector<PinnedItem> pins() {
    std::vector<PinnedItem> out;
    auto list = node().list_pins();
    while (run(list->next(out, 3)).value() > 0) {
    }
    return out;
  }

  VirtualRuntime runtime_{7};
  JitterRuntime jitter_{runtime_};
  Runtime* used_ = &runtime_;
  storage::FaultEnv env_;
  SpaceEnv space_{&env_};
  EmbeddedOptions options_;
  std::vector<std::shared_ptr<BlockSource>> sources_;
  std::unique_ptr<EmbeddedNode> node_;
};

}  // namespace ipfsc::ipfs::test
