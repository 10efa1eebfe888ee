// tracker_bench DIR [PINS]: PINS new pins allocated here go through feed, table and a node that answers at once; then
// as many of other peers; then listings. One JSON line a figure. The CPU figures are of the whole process.
#include <fmt/format.h>

#include <filesystem>
#include <unordered_set>

#include "base/notifier.h"
#include "base/real_runtime.h"
#include "bench/measure.h"
#include "ipfs/test_node.h"
#include "ipld/multihash.h"
#include "model/pin_proto.h"
#include "tracker/tracker.h"

namespace ipfsc::tracker {
namespace {

namespace fs = std::filesystem;
using bench::Clock, bench::directory_bytes, bench::must, bench::resident_mib, bench::since;

void print(std::string_view what, double value, std::string_view unit) {
  bench::print_figure("tracker", what, value, unit);
}

double cpu() { return bench::cpu_seconds(CLOCK_PROCESS_CPUTIME_ID); }

ipld::PeerId peer(std::string_view name) {
  return *ipld::PeerId::from_bytes(ipld::Multihash::wrap(0x12, ipld::sha2_256(name)).bytes());
}
ipld::Cid cid(std::string_view kind, size_t i) {
  return ipld::Cid::v1(ipld::kRaw, ipld::Multihash::wrap(0x12, ipld::sha2_256(fmt::format("{} {}", kind, i))));
}

/// Pins nothing, at once; what `missing` says is not found.
class IdleNode final : public ipfs::UnusedNode {
 public:
  explicit IdleNode(Runtime& runtime) : runtime_(runtime) {}
  std::unordered_set<ipld::Cid> missing;

  Task<ipfs::NodeId> id() override { co_return ipfs::NodeId{}; }
  Task<> pin(ipfs::PinRequest request) override {
    co_await boost::asio::post(runtime_.executor(), boost::asio::use_awaitable);
    if (missing.contains(request.cid)) co_return fail(ErrorKind::kNotFound, "no source has it");
    co_return Result<>();
  }
  Task<> unpin(ipld::Cid) override { co_return Result<>(); }
  Task<ipfs::PinKind> pinned(ipld::Cid, bool) override { co_return ipfs::PinKind::kRecursive; }

 private:
  Runtime& runtime_;
};

class Feed final : public state::ChangeStream {
 public:
  Feed(Runtime& runtime, state::State& state, Notifier& news, state::FeedPosition at)
      : runtime_(runtime), state_(state), news_(news), at_(at) {}
  Task<std::vector<state::Change>> next(size_t max) override {
    for (;;) {
      CO_TRY_ASSIGN(auto changes, co_await run_blocking(runtime_, [&] { return state_.changes_after(at_, max); }));
      if (!changes.empty()) {
        at_ = changes.back().position;
        co_return changes;
      }
      CO_TRY(co_await news_.wait());
    }
  }

 private:
  Runtime& runtime_;
  state::State& state_;
  Notifier& news_;
  state::FeedPosition at_;
};

class Bench {
 public:
  Bench(const fs::path& path, size_t pins) : path_(path), pins_(pins), node_(runtime_), news_(runtime_) {
    fs::remove_all(path_);
    fs::create_directories(path_);
    state::StateOptions options;
    options.path = path_ / "state";
    state_ = must(state::State::open(options));
    proto::Operation init;
    init.mutable_cluster_init()->set_cluster_id(std::string(16, 'c'));
    init.mutable_cluster_init()->set_incarnation(1);
    apply({init});
  }

  void run() {
    start();
    put("here", self_);
    through_feed("here", model::TrackerStatus::kPinned);
    put("elsewhere", other_);
    through_feed("elsewhere", model::TrackerStatus::kRemote);
    for (size_t i = 0; i < 1000; ++i) node_.missing.insert(cid("missing", i));
    put("missing", self_, 1000);
    through_feed("missing", model::TrackerStatus::kPinError, 1000);
    list("list-all", {}, true);
    list("list-all", {}, true);
    list("list-all-without-json", {}, false);
    list("list-pinned", model::TrackerStatus::kPinned, false);
    page();
    status();
    must(runtime_.run_task(tracker_->stop()));
    tracker_.reset();
    print("disk", directory_bytes(path_ / "local") / static_cast<double>(pins_), "bytes/pin");
    auto begin = Clock::now();
    start();
    print("open", since(begin), "s");
    must(runtime_.run_task(tracker_->stop()));
    print("resident", resident_mib(), "MiB");
  }

 private:
  void start() {
    TrackerOptions options;
    options.path = path_ / "local";
    options.self = self_;
    tracker_ = must(PinTracker::open(
        runtime_, *state_, node_,
        [this](state::FeedPosition from) { return std::make_unique<Feed>(runtime_, *state_, news_, from); }, options));
  }
  void apply(const std::vector<proto::Operation>& operations) {
    proto::Entry entry;
    entry.set_format(1);
    entry.set_time_ms(1'700'000'000'000);
    for (const auto& operation : operations) *entry.add_operations() = operation;
    must(state_->apply(LogIndex(state_->applied_index().value + 1), entry));
  }
  void put(std::string_view kind, const ipld::PeerId& where, size_t count = 0) {
    std::vector<proto::Operation> operations;
    if (count == 0) count = pins_;
    for (size_t i = 0; i < count; ++i) {
      model::Pin pin;
      pin.cid = cid(kind, i);
      pin.options.replication_factor_min = pin.options.replication_factor_max = 3;
      pin.options.name = fmt::format("file-{:07}", i);
      pin.allocations = {where, peer("a"), peer("b")};
      pin.timestamp = WallTime(std::chrono::seconds(1'700'000'000));
      proto::Operation operation;
      operation.set_actor("rest");
      model::to_proto(pin, operation.mutable_pin_put()->mutable_pin());
      operations.push_back(std::move(operation));
      if (operations.size() == 300 || i + 1 == count) apply(std::exchange(operations, {}));
    }
  }
  void through_feed(std::string_view what, model::TrackerStatus status, size_t count = 0) {
    if (count == 0) count = pins_;
    auto begin = Clock::now();
    double cpu_begin = cpu();
    news_.notify_all();
    must(runtime_.run_task([&]() -> Task<> {
      CO_TRY(co_await tracker_->wait_for(state_->applied_index(), runtime_.now() + std::chrono::hours(1)));
      while (tracker_->counts().of(status) < count) co_await runtime_.sleep_for(std::chrono::milliseconds(2));
      co_return Result<>();
    }()));
    print(what, static_cast<double>(count) / since(begin), "pins/s");
    print(fmt::format("{}-cpu", what), (cpu() - cpu_begin) / static_cast<double>(count) * 1e6, "us/pin");
    print(fmt::format("{}-limit", what), tracker_->activity().limit, "attempts");
  }
  void list(std::string_view what, model::StatusSet filter, bool as_json) {
    auto begin = Clock::now();
    double cpu_begin = cpu();
    size_t count = 0;
    must(runtime_.run_task([&]() -> Task<> {
      CO_TRY_ASSIGN(auto cursor, tracker_->list({.filter = filter}));
      std::string json;
      for (std::vector<model::PinInfo> page;; page.clear()) {
        CO_TRY_ASSIGN(size_t n, co_await cursor->next(page, 1000));
        if (n == 0) co_return Result<>();
        count += n;
        json.clear();
        if (as_json) {
          for (const auto& info : page) model::append_json(json, info);
        }
      }
    }()));
    print(what, static_cast<double>(count) / since(begin), "pins/s");
    print(fmt::format("{}-cpu", what), (cpu() - cpu_begin) / static_cast<double>(count) * 1e6, "us/pin");
    print(fmt::format("{}-resident", what), resident_mib(), "MiB");
  }
  void page() {
    auto begin = Clock::now();
    must(runtime_.run_task([&]() -> Task<> {
      CO_TRY_ASSIGN(auto cursor, tracker_->list({.filter = model::kErrorStatuses}));
      std::vector<model::PinInfo> page;
      CO_TRY(co_await cursor->next(page, 100));
      if (page.size() != 100) co_return fail(ErrorKind::kInternal, "expected a whole page");
      co_return Result<>();
    }()));
    print("page-of-100-errors", since(begin) * 1e3, "ms");
  }
  void status() {
    constexpr size_t kCount = 50'000;
    double cpu_begin = cpu();
    must(runtime_.run_task([&]() -> Task<> {
      for (size_t i = 0; i < kCount; ++i) CO_TRY(co_await tracker_->status(cid("here", i * 7919 % pins_)));
      co_return Result<>();
    }()));
    print("status-cpu", (cpu() - cpu_begin) / kCount * 1e6, "us");
  }

  const fs::path path_;
  const size_t pins_;
  const ipld::PeerId self_ = peer("self"), other_ = peer("other");
  RealRuntime runtime_;
  IdleNode node_;
  Notifier news_;
  std::unique_ptr<state::State> state_;
  std::unique_ptr<PinTracker> tracker_;
};

}  // namespace
}  // namespace ipfsc::tracker

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: tracker_bench DIR [PINS]\n");
    return 2;
  }
  ipfsc::tracker::Bench(argv[1], argc > 2 ? std::stoul(argv[2]) : 200'000).run();
}
