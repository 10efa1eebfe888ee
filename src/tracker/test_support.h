// For this folder's tests: an IPFS node that does what it is told, and a peer of state, feed, node and tracker on
// virtual time and files in memory.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/log.h"
#include "base/notifier.h"
#include "base/virtual_runtime.h"
#include "ipfs/test_node.h"
#include "model/pin_proto.h"
#include "storage/fault_env.h"
#include "tracker/tracker.h"

namespace ipfsc::tracker {

inline ipld::Cid test_cid(uint64_t n) {
  return ipld::Cid::of(1, ipld::kRaw, 0x12, "content " + std::to_string(n)).value();
}
inline ipld::PeerId test_peer(char c) {
  return ipld::PeerId::from_public_key_protobuf(std::string("\x08\x01\x12\x20", 4) + std::string(32, c));
}

class FakeNode final : public ipfs::UnusedNode {
 public:
  explicit FakeNode(Runtime& runtime) : runtime_(runtime), changed_(runtime) {}

  std::map<ipld::Cid, ipfs::PinKind> pins;
  Duration latency = std::chrono::milliseconds(2);
  bool sorted = true;
  bool down = false;                                                           // everything is kUnavailable
  std::function<std::optional<Error>(const ipld::Cid&)> fail_pin, fail_unpin;  // empty = nothing fails
  std::set<ipld::Cid> hang;                                                    // pin() never ends by itself
  bool finish_cancelled = false;                                               // a cancelled pin is there all the same
  std::function<void(const ipfs::PinRequest&)> on_pin;

  unsigned pin_calls = 0, unpin_calls = 0, pinned_calls = 0, list_calls = 0;
  unsigned running = 0, most_running = 0;

  Task<ipfs::NodeId> id() override {
    CO_TRY(co_await answer());
    co_return ipfs::NodeId{.id = "node"};
  }
  Task<> pin(ipfs::PinRequest request) override {
    ++pin_calls;
    if (on_pin) on_pin(request);
    Count count(*this);
    Result<> done = hang.contains(request.cid) ? co_await hanging(request) : co_await answer();
    if (!done && !(finish_cancelled && done.error().kind == ErrorKind::kCancelled)) co_return done;
    if (fail_pin) {
      if (auto error = fail_pin(request.cid)) co_return fail(*error);
    }
    auto& kind = pins[request.cid];
    if (request.recursive || kind == ipfs::PinKind::kNone) {
      kind = request.recursive ? ipfs::PinKind::kRecursive : ipfs::PinKind::kDirect;
    }
    co_return done;
  }
  Task<> unpin(ipld::Cid cid) override {
    ++unpin_calls;
    Count count(*this);
    CO_TRY(co_await answer());
    if (fail_unpin) {
      if (auto error = fail_unpin(cid)) co_return fail(*error);
    }
    pins.erase(cid);
    co_return Result<>();
  }
  Task<ipfs::PinKind> pinned(ipld::Cid cid, bool) override {
    ++pinned_calls;
    CO_TRY(co_await answer());
    auto it = pins.find(cid);
    co_return it == pins.end() ? ipfs::PinKind::kNone : it->second;
  }
  std::unique_ptr<ipfs::PinList> list_pins() override {
    ++list_calls;
    return std::make_unique<ipfs::FixedPinList>(pins, sorted, [this] { return answer(); });
  }

 private:
  struct Count {
    explicit Count(FakeNode& n) : node(n) { node.most_running = std::max(node.most_running, ++node.running); }
    ~Count() { --node.running; }
    FakeNode& node;
  };

  Task<> answer() {
    if (latency > Duration::zero()) CO_TRY(co_await runtime_.sleep_for(latency));
    if (down) co_return fail(ErrorKind::kUnavailable, "connection refused");
    co_return Result<>();
  }
  Task<> hanging(const ipfs::PinRequest& request) {
    if (request.on_progress) {
      request.on_progress({.blocks = 1, .bytes = 100, .current = "looking", .last_progress = runtime_.now()});
    }
    co_return co_await changed_.wait();
  }

  Runtime& runtime_;
  Notifier changed_;
};

/// What consensus does: the state's history as a stream.
class TestFeed {
 public:
  TestFeed(Runtime& runtime, state::State& state) : state_(state), news_(runtime) {}
  FeedFactory factory() {
    return [this](state::FeedPosition from) { return std::make_unique<Stream>(*this, from); };
  }
  void notify() { news_.notify_all(); }
  bool lose_position = false;  // once

 private:
  class Stream final : public state::ChangeStream {
   public:
    Stream(TestFeed& feed, state::FeedPosition at) : feed_(feed), at_(at) {}
    Task<std::vector<state::Change>> next(size_t max) override {
      for (;;) {
        if (std::exchange(feed_.lose_position, false)) co_return fail(ErrorKind::kOutOfRange, "the position was lost");
        CO_TRY_ASSIGN(auto changes, feed_.state_.changes_after(at_, max));
        if (!changes.empty()) {
          at_ = changes.back().position;
          co_return changes;
        }
        CO_TRY(co_await feed_.news_.wait());
      }
    }

   private:
    TestFeed& feed_;
    state::FeedPosition at_;
  };

  state::State& state_;
  Notifier news_;
};

inline Error not_found() { return {ErrorKind::kNotFound, "no source has bafy…"}; }

/// One peer. The state is never lost by a crash here: in a real peer the log brings it back.
class TestPeer {
 public:
  explicit TestPeer(uint64_t seed = 1) : runtime(seed), node(runtime) {
    options.path = "/local";
    options.env = &env;
    options.self = self;
    options.peername = "test";
    options.write_buffer_bytes = 1 << 20;
    state::StateOptions state_options;
    state_options.path = "/state";
    state_options.env = &state_env;
    state = state::State::open(state_options).value();
    feed.emplace(runtime, *state);
    proto::Operation init;
    init.mutable_cluster_init()->set_cluster_id(std::string(16, 'c'));
    init.mutable_cluster_init()->set_incarnation(1);
    apply({init});
    errors_before_ = logged_errors();
  }
  ~TestPeer() {
    if (tracker) stop();
    EXPECT_EQ(logged_errors(), errors_before_) << "an error was logged that the test did not announce";
  }

  void start() {
    auto opened = PinTracker::open(runtime, *state, node, feed->factory(), options);
    ASSERT_TRUE(opened) << opened.error().message;
    tracker = *std::move(opened);
  }
  void stop() {
    auto stopped = runtime.run_task(tracker->stop());
    if (!env.power_is_cut()) EXPECT_TRUE(stopped) << stopped.error().message;
    tracker.reset();
  }
  void restart() {
    stop();
    start();
  }
  /// The power goes: what the tracker had not synced is lost. The node and the state keep what they have.
  void crash() {
    env.cut_power();
    stop();
    env.restore_power();
  }
  void run_for(Duration duration) { runtime.run_for(duration); }
  /// Until nothing is under way that ends by itself.
  void settle() { run_for(std::chrono::seconds(5)); }

  // --- the pinset

  void apply(const std::vector<proto::Operation>& operations) {
    proto::Entry entry;
    entry.set_format(1);
    entry.set_time_ms(static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(runtime.wall_now().time_since_epoch()).count()));
    for (const auto& operation : operations) *entry.add_operations() = operation;
    auto outcomes = state->apply(LogIndex(state->applied_index().value + 1), entry);
    ASSERT_TRUE(outcomes) << outcomes.error().message;
    feed->notify();
  }
  model::Pin make_pin(const ipld::Cid& cid, bool here, bool direct = false) {
    model::Pin pin;
    pin.cid = cid;
    pin.options.replication_factor_min = pin.options.replication_factor_max = 1;
    pin.options.name = "name";
    pin.options.mode = direct ? model::PinMode::kDirect : model::PinMode::kRecursive;
    pin.max_depth = direct ? model::kDepthDirect : model::kDepthRecursive;
    pin.allocations = {here ? self : other};
    pin.timestamp = runtime.wall_now();
    return pin;
  }
  static proto::Operation put(const model::Pin& pin) {
    proto::Operation operation;
    operation.set_actor("test");
    model::to_proto(pin, operation.mutable_pin_put()->mutable_pin());
    return operation;
  }
  static proto::Operation remove(const ipld::Cid& cid) {
    proto::Operation operation;
    operation.set_actor("test");
    operation.mutable_pin_remove()->set_cid(cid.bytes());
    return operation;
  }
  void pin(const ipld::Cid& cid, bool direct = false) { apply({put(make_pin(cid, true, direct))}); }
  void pin_elsewhere(const ipld::Cid& cid) { apply({put(make_pin(cid, false))}); }
  void unpin(const ipld::Cid& cid) { apply({remove(cid)}); }

  // --- what the tracker says

  model::PinInfo info(const ipld::Cid& cid) { return runtime.run_task(tracker->status(cid)).value(); }
  model::TrackerStatus status(const ipld::Cid& cid) { return info(cid).at.status; }
  std::vector<model::PinInfo> list(model::StatusSet filter = {}, size_t page = 1000) {
    auto cursor = tracker->list({.filter = filter}).value();
    return pull(*cursor, page);
  }
  std::vector<model::PinInfo> pull(StatusCursor& cursor, size_t page = 1000) {
    std::vector<model::PinInfo> out;
    while (runtime.run_task(cursor.next(out, page)).value() > 0) {
    }
    return out;
  }
  uint64_t count(model::TrackerStatus status) { return tracker->counts().of(status); }

  storage::FaultEnv env, state_env;
  VirtualRuntime runtime;
  const ipld::PeerId self = test_peer('s'), other = test_peer('o');
  FakeNode node;
  std::unique_ptr<state::State> state;
  std::optional<TestFeed> feed;
  TrackerOptions options;
  std::unique_ptr<PinTracker> tracker;

 private:
  uint64_t errors_before_ = 0;
};

}  // namespace ipfsc::tracker
