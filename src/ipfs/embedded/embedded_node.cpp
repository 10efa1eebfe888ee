#include "ipfs/embedded/embedded_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/log.h"
#include "ipfs/embedded/collector.h"
#include "ipfs/embedded/core.h"
#include "ipfs/embedded/pinner.h"
#include "ipfs/embedded/verify.h"
#include "ipfs/embedded/writer.h"
#include "ipfs/path.h"
#include "ipld/keys.h"

namespace ipfsc::ipfs {
namespace {

const LogComponent log("ipfs");

/// What an opening may need to write.
constexpr uint64_t kReopenBytes = 64 << 20;

/// Made once and kept. Nobody connects to it, so the private key is not needed.
Result<std::string> stored_peer_id(BlockStore& store) {
  TRY_ASSIGN(auto id, store.setting("peer_id"));
  if (id) return *id;
  std::string made = ipld::PrivateKey::generate_ed25519().peer_id().to_string();
  TRY(store.set_setting("peer_id", made));
  return made;
}

uint64_t storage_max(const EmbeddedOptions& options, uint64_t used, uint64_t free) {
  if (options.storage_max_bytes != 0 || free == std::numeric_limits<uint64_t>::max()) return options.storage_max_bytes;
  return (used + free) / 10 * 9;
}

class EmbeddedPinList final : public PinList {
 public:
  explicit EmbeddedPinList(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  bool sorted() const override { return true; }
  Task<size_t> next(std::vector<PinnedItem>& out, size_t max) override {
    Call call(*core_);
    if (!call) co_return stopped_error();
    CO_TRY_ASSIGN(auto items,
                  co_await run_blocking(core_->runtime, [&] { return core_->store->pins_after(after_, max); }));
    if (!items.empty()) after_ = items.back().cid.bytes();
    size_t count = items.size();
    std::ranges::move(items, std::back_inserter(out));
    co_return count;
  }

 private:
  std::shared_ptr<Core> core_;
  Bytes after_;
};

}  // namespace

Task<std::unique_ptr<EmbeddedNode>> EmbeddedNode::open(Runtime& runtime, EmbeddedOptions options,
                                                       std::vector<std::shared_ptr<BlockSource>> sources) {
  std::unique_ptr<BlockStore> store;
  std::string id;
  CO_TRY(co_await run_blocking(runtime, [&]() -> Result<> {
    TRY_ASSIGN(store, BlockStore::open(options));
    TRY_ASSIGN(id, stored_peer_id(*store));
    return {};
  }));
  auto core = std::make_shared<Core>(runtime, std::move(options), std::move(store), std::move(sources));
  std::unique_ptr<EmbeddedNode> node(new EmbeddedNode(std::move(core), std::move(id)));
  auto measured = co_await node->measure();
  if (!measured) log.warn("the disk of the block store cannot be measured: {}", measured.error().message);
  node->background_.spawn("watch the disk of the block store", node->watch_disk());
  node->running_ = true;
  co_return node;
}

EmbeddedNode::EmbeddedNode(std::shared_ptr<Core> core, std::string id)
    : core_(std::move(core)),
      collector_(std::make_unique<Collector>(*core_)),
      id_(std::move(id)),
      background_(core_->runtime) {}

// An opening that was cancelled leaves a node that nobody has used.
EmbeddedNode::~EmbeddedNode() { CHECK(!running_ || core_->store == nullptr); }

Task<> EmbeddedNode::stop() {
  if (core_->stopped) co_return Result<>{};
  core_->stopped = true;
  core_->store->cancel_compactions();
  core_->stopping.notify_all();
  co_await background_.stop();
  while (core_->calls > 0) CO_TRY(co_await core_->calls_changed.wait());
  co_await core_->commit_tasks.stop();
  co_return co_await run_blocking(core_->runtime, [this]() -> Result<> {
    core_->store.reset();
    return {};
  });
}

Task<NodeId> EmbeddedNode::id() { co_return NodeId{.id = id_, .agent_version = core_->options.agent_version}; }

// --- Pins

Task<> EmbeddedNode::pin(PinRequest request) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  if (request.cid.empty()) co_return fail(ErrorKind::kInvalidArgument, "a pin without a CID");
  co_return co_await pin_dag(*core_, std::move(request));
}

Task<> EmbeddedNode::unpin(ipld::Cid cid) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  auto item = std::make_shared<CommitItem>();
  item->pin = PinChange{std::move(cid), std::nullopt};
  co_return co_await core_->commits.commit(std::move(item));
}

Task<PinKind> EmbeddedNode::pinned(ipld::Cid cid, bool recursive_wanted) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  CO_TRY_ASSIGN(auto record, co_await run_blocking(core_->runtime, [&] { return core_->store->pin(cid); }));
  co_return record ? record->kind : PinKind::kNone;
}

std::unique_ptr<PinList> EmbeddedNode::list_pins() { return std::make_unique<EmbeddedPinList>(core_); }

// --- Blocks

Task<std::unique_ptr<BlockWriter>> EmbeddedNode::put_blocks(WriterOptions options) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  CO_TRY(core_->space.check());
  co_return std::make_unique<EmbeddedWriter>(core_, options);
}

Task<Bytes> EmbeddedNode::get_block(ipld::Cid cid) {
  std::vector<ipld::Cid> one{std::move(cid)};
  CO_TRY_ASSIGN(auto blocks, co_await get_blocks(std::move(one)));
  co_return std::move(blocks.front());
}

Task<std::vector<Result<Bytes>>> EmbeddedNode::get_blocks(std::vector<ipld::Cid> cids) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  auto read = [this](const ipld::Cid& cid) -> Result<Bytes> {
    if (cid.empty()) return fail(ErrorKind::kInvalidArgument, "a block without a CID");
    if (auto bytes = inline_block(cid)) return Bytes(*bytes);
    auto data = core_->store->get(cid.multihash());
    if (data && core_->options.verify_on_read) {
      if (auto right = ipld::verify_block(cid, *data); !right) data = std::unexpected(right.error());
    }
    if (!data) return fail(data.error().with_context("block " + cid.to_string()));
    return data;
  };
  co_return co_await run_blocking(core_->runtime, [&]() -> Result<std::vector<Result<Bytes>>> {
    std::vector<Result<Bytes>> out;
    for (const auto& cid : cids) out.push_back(read(cid));
    return out;
  });
}

Task<bool> EmbeddedNode::has(ipld::Cid cid) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  if (cid.empty() || inline_block(cid)) co_return !cid.empty();
  CO_TRY_ASSIGN(auto entry,
                co_await run_blocking(core_->runtime, [&] { return core_->store->entry(cid.multihash()); }));
  co_return entry.has_value();
}

// --- Repo

Task<RepoStat> EmbeddedNode::stat() {
  Call call(*core_);
  if (!call) co_return stopped_error();
  RepoStat stat;
  CO_TRY(co_await run_blocking(core_->runtime, [&]() -> Result<> {
    TRY_ASSIGN(stat.repo_size_bytes, core_->store->disk_bytes());
    TRY_ASSIGN(stat.disk_free_bytes, core_->store->disk_free_bytes());
    stat.num_objects = core_->store->approximate_blocks();
    return {};
  }));
  stat.storage_max_bytes = storage_max(core_->options, stat.repo_size_bytes, stat.disk_free_bytes);
  if (auto space = core_->space.check(); !space) stat.refusing = space.error().message;
  co_return stat;
}

Task<GcResult> EmbeddedNode::gc(std::function<void(const GcItem&)> on_item) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  auto result = co_await until_stop(*core_, collector_->run(on_item));
  core_->space_changed.notify_all();  // measure again
  co_return result;
}

Task<VerifyResult> EmbeddedNode::verify(VerifyRequest request) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  co_return co_await until_stop(*core_, verify_store(*core_, request));
}

Task<> EmbeddedNode::connect(ipld::Multiaddr address) {
  co_return fail(ErrorKind::kUnimplemented,
                 fmt::format("the embedded IPFS node has no libp2p and cannot connect to {}: attach Kubo for that",
                             address.to_string()));
}

Task<ipld::Cid> EmbeddedNode::resolve(std::string path) {
  CO_TRY_ASSIGN(auto resolved, co_await resolve_path(*this, std::move(path)));
  co_return resolved.cid;
}

// --- Watching the disk

Task<> EmbeddedNode::watch_disk() {
  while (true) {
    // A store in trouble is looked at more often.
    auto interval = core_->space.refusing()
                        ? std::min<Duration>(core_->options.space_check_interval, std::chrono::seconds(1))
                        : core_->options.space_check_interval;
    auto woken = co_await core_->space_changed.wait_until(core_->runtime.now() + interval);
    if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return woken;
    auto measured = co_await measure();
    if (!measured) log.debug("the disk of the block store: {}", measured.error().message);
    CO_TRY(co_await collect_when_high());
  }
}

/// Measures the disk, and lets a store that stopped at an error go on when there is room.
Task<> EmbeddedNode::measure() {
  auto& store = *core_->store;
  uint64_t free = 0;
  CO_TRY(co_await run_blocking(core_->runtime, [&]() -> Result<> {
    TRY_ASSIGN(free, store.disk_free_bytes());
    TRY_ASSIGN(used_bytes_, store.disk_bytes());
    return {};
  }));
  bool before = core_->space.refusing();
  core_->space.measured(free, store.background_error());
  if (store.background_error() && free >= kReopenBytes) {
    auto reopened = co_await run_blocking(core_->runtime, [&] { return store.reopen(); });
    if (reopened) {
      log.info("the block store was reopened after an error and writes again");
    } else {
      log.debug("{}", reopened.error().message);
    }
    core_->space.measured(free, store.background_error());
  }
  core_->bytes_since_check = 0;
  bool after = core_->space.refusing();
  if (after && !before) log.warn("{}", core_->space.check().error().message);
  if (before && !after) log.info("there is room on the disk again: adds and pins are accepted");
  co_return Result<>{};
}

Task<> EmbeddedNode::collect_when_high() {
  const auto& options = core_->options;
  uint64_t max = storage_max(options, used_bytes_, core_->space.free_bytes());
  bool high = options.gc_high_water > 0 && max > 0 && static_cast<double>(used_bytes_) >= options.gc_high_water * max;
  if (!high || core_->runtime.now() < next_collection_ || collector_->running()) co_return Result<>{};
  log.info("the repo has {} MiB of {} MiB: collecting garbage", used_bytes_ >> 20, max >> 20);
  auto result = co_await collector_->run({});
  next_collection_ = core_->runtime.now() + options.gc_min_interval;
  if (!result && result.error().kind != ErrorKind::kCancelled) log.warn("{}", result.error().message);
  co_return co_await measure();
}

}  // namespace ipfsc::ipfs
