// Adding: network → steps → blocks (on a pool thread) → the IPFS node, each stage working while the next one writes.
#include <algorithm>
#include <deque>

#include "base/log.h"
#include "cluster/add_writer.h"
#include "cluster/block_maker.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("adder");

/// Bytes that one pool job turns into blocks.
constexpr size_t kJobBytes = 2 << 20;
/// Steps without bytes count as this much, so that many small files are bounded too.
constexpr size_t kStepCost = 256;
/// A batch up to this is made in place: that takes less than the way to a worker and back.
constexpr size_t kInPlaceBytes = 16 << 10;
constexpr Duration kHoldFirst = std::chrono::milliseconds(20);
constexpr Duration kHoldMost = std::chrono::seconds(5);
constexpr Duration kHoldLimit = std::chrono::minutes(30);

/// What the session and its background stages share. I/O thread only, except `maker` inside a pool job.
struct Upload {
  Upload(Runtime& rt, AddCounters& count) : runtime(rt), counters(count), changed(rt) {}

  Runtime& runtime;
  AddCounters& counters;
  Notifier changed;
  std::unique_ptr<BlockMaker> maker;
  std::shared_ptr<AddWriter> writer;
  std::deque<UploadStep> steps;
  size_t queued_bytes = 0;
  AddSession::Outputs outputs;
  std::optional<Error> error;
  bool storing = false;    // a batch is on its way to the node
  bool abandoned = false;  // the session is gone
  bool complete = false;   // everything up to kFinish is with the node

  void fail_with(Error e) {
    if (!error) error = std::move(e);
    changed.notify_all();
  }
};
using UploadPtr = std::shared_ptr<Upload>;

size_t cost(const UploadStep& step) { return step.bytes.size() + step.path.size() + kStepCost; }

struct Batch {
  std::vector<UploadStep> steps;
  size_t bytes = 0;
};

Batch take_batch(Upload& upload) {
  Batch batch;
  while (!upload.steps.empty() && batch.bytes < kJobBytes) {
    size_t bytes = cost(upload.steps.front());
    batch.bytes += bytes;
    upload.queued_bytes -= bytes;
    batch.steps.push_back(std::move(upload.steps.front()));
    upload.steps.pop_front();
  }
  return batch;
}

Task<> store(UploadPtr upload, std::vector<ipld::Block> blocks) {
  size_t count = blocks.size();
  upload->counters.blocks_added += count;
  for (const auto& block : blocks) upload->counters.blocks_added_bytes += block.data.size();
  auto stored = co_await upload->writer->put(std::move(blocks));
  upload->storing = false;
  (stored ? upload->counters.blocks_put : upload->counters.blocks_put_errors) += count;
  if (!stored) upload->fail_with(stored.error());
  upload->changed.notify_all();
  co_return Result<>{};
}

/// Tells the session when the stages end before the upload is complete, however that comes.
struct EndOfStages {
  Upload& upload;
  ~EndOfStages() {
    if (!upload.complete) upload.fail_with({ErrorKind::kCancelled, "the peer is stopping"});
  }
};

/// Makes blocks out of steps until the upload ends; hands them to the node while it makes the next ones.
Task<> make_blocks(UploadPtr upload, TaskGroup& tasks) {
  EndOfStages end{*upload};
  while (!upload->abandoned && !upload->error && !upload->complete) {
    if (upload->steps.empty()) {
      CO_TRY(co_await upload->changed.wait());
      continue;
    }
    auto batch = take_batch(*upload);
    upload->changed.notify_all();
    bool last = batch.steps.back().kind == UploadStep::kFinish;
    auto make = [&] { return upload->maker->process(std::move(batch.steps)); };
    auto made = batch.bytes <= kInPlaceBytes ? make() : co_await run_blocking(upload->runtime, make);
    if (!made) {
      upload->fail_with(made.error());
      break;
    }
    std::ranges::move(made->outputs, std::back_inserter(upload->outputs));
    while (upload->storing) CO_TRY(co_await upload->changed.wait());
    if (!made->blocks.empty() && !upload->error) {
      upload->storing = true;
      tasks.spawn("storing blocks", store(upload, std::move(made->blocks)));
    }
    if (last) {
      while (upload->storing) CO_TRY(co_await upload->changed.wait());
      upload->complete = !upload->error;
      upload->changed.notify_all();
    }
  }
  co_return Result<>{};
}

class PipelinedAdd final : public AddSession {
 public:
  using Pin = std::function<Task<>(ipld::Cid)>;
  PipelinedAdd(UploadPtr upload, size_t window_bytes, Pin pin, std::function<void()> give_up)
      : upload_(std::move(upload)), window_bytes_(window_bytes), pin_(std::move(pin)), give_up_(std::move(give_up)) {}
  ~PipelinedAdd() override {
    upload_->abandoned = true;
    upload_->changed.notify_all();
    if (give_up_) give_up_();
  }

  Task<Outputs> begin_file(std::string path) override { return push({UploadStep::kBeginFile, std::move(path), {}}); }
  Task<Outputs> write(Bytes bytes) override { return push({UploadStep::kBytes, {}, std::move(bytes)}); }
  Task<Outputs> end_file() override { return push({UploadStep::kEndFile, {}, {}}); }
  Task<Outputs> add_symlink(std::string path, std::string target) override {
    return push({UploadStep::kSymlink, std::move(path), std::move(target)});
  }
  Task<Outputs> add_directory(std::string path) override { return push({UploadStep::kDirectory, std::move(path), {}}); }

  Task<Outputs> finish() override {
    CO_TRY_ASSIGN(auto outputs, co_await push({UploadStep::kFinish, {}, {}}));
    while (!upload_->complete && !upload_->error) CO_TRY(co_await upload_->changed.wait());
    if (upload_->error) co_return std::unexpected(*upload_->error);
    std::ranges::move(upload_->outputs, std::back_inserter(outputs));
    upload_->outputs.clear();
    CO_TRY(co_await upload_->writer->finish());
    if (!outputs.empty()) {
      for (auto& left : upload_->writer->left_behind()) outputs.back().left_behind.push_back(std::move(left.peer));
    }
    if (pin_) CO_TRY(co_await pin_(upload_->maker->root()));
    give_up_ = {};
    co_return outputs;
  }

 private:
  Task<Outputs> push(UploadStep step) {
    auto& upload = *upload_;
    while (upload.queued_bytes > window_bytes_ && !upload.error) CO_TRY(co_await upload.changed.wait());
    if (upload.error) co_return std::unexpected(*upload.error);
    upload.queued_bytes += cost(step);
    bool wake = upload.steps.empty();
    upload.steps.push_back(std::move(step));
    if (wake) upload.changed.notify_all();
    co_return std::exchange(upload.outputs, {});
  }

  UploadPtr upload_;
  size_t window_bytes_;
  Pin pin_;
  std::function<void()> give_up_;  // unless it has come to its end
};

}  // namespace

Task<std::unique_ptr<AddSession>> Cluster::add(AddParams params, Caller caller) {
  CO_TRY(check_writable());
  params.pin.pin_update.reset();
  params.pin.mode = model::PinMode::kRecursive;
  fill_in_factors(options_, params.pin);
  // What would make the final pin fail is told before the first byte is taken.
  auto placed = co_await add_destinations(params);
  if (!placed) {
    // A repetition gets its first answer, also when there is no place for it now: its blocks come here.
    CO_TRY_ASSIGN(auto first, co_await first_outcome(caller.request_id));
    if (!first) co_return fail(placed.error());
    params.local = true;
    placed = Placed{.peers = {options_.self}};
  }
  const auto& destinations = *placed;
  auto upload = std::make_shared<Upload>(runtime_, add_counters_);
  if (params.format == AddFormat::kCar) {
    CO_TRY_ASSIGN(upload->maker, make_car_maker(params, destinations.peers));
  } else {
    CO_TRY_ASSIGN(upload->maker, make_unixfs_maker(params, destinations.peers));
  }
  CO_TRY_ASSIGN(upload->writer, co_await open_add_writer(params, destinations, upload->maker->hashes_blocks()));
  PipelinedAdd::Pin pin_root;
  if (!params.no_pin) {
    pin_root = [this, upload = upload.get(), options = params.pin, caller, destinations](ipld::Cid root) -> Task<> {
      return pin_added(std::move(root), options, caller, destinations, upload->writer);
    };
  }
  std::function<void()> give_up;
  if (!destinations.reservation.empty()) {
    give_up = [this, reservation = destinations.reservation] {
      tasks_.spawn("giving back reserved room", release_room(reservation));
    };
  }
  tasks_.spawn("adding", make_blocks(upload, tasks_));
  co_return std::make_unique<PipelinedAdd>(std::move(upload), options_.add_window_bytes, std::move(pin_root),
                                           std::move(give_up));
}

/// A question to the leader that ends the reservation on its way. Unheard, it lapses by itself.
Task<> Cluster::release_room(Bytes reservation) {
  proto::AllocateRequest request;
  request.set_replication_factor_min(-1);
  request.set_replication_factor_max(-1);
  request.set_only_look(true);
  request.set_reservation(std::move(reservation));
  CO_TRY(co_await placement_.place(std::move(request)));
  co_return Result<>{};
}

/// With this peer among them, unless it cannot keep it.
Task<Placed> Cluster::place_preferring_this(proto::AllocateRequest request) {
  auto with_this = request;
  with_this.add_user_allocations(options_.self.bytes());
  auto chosen = co_await placement_.place(std::move(with_this));
  if (chosen || chosen.error().kind != ErrorKind::kInvalidArgument) co_return chosen;
  co_return co_await placement_.place(std::move(request));
}

/// Whoever is to hold it, everybody included. With `local` this peer is one of them where it can be.
Task<Placed> Cluster::add_destinations(const AddParams& params) {
  auto request = allocate_request({}, params.pin, {});
  request.set_for_add(!params.local && !params.no_pin);
  request.set_size_bytes(params.size_hint_bytes.value_or(0));
  bool prefers_this = params.local && params.pin.user_allocations.empty();
  CO_TRY_ASSIGN(auto placed, co_await (prefers_this ? place_preferring_this(std::move(request))
                                                    : placement_.place(std::move(request))));
  if (!placed.peers.empty()) co_return placed;
  placed.peers = calls_.others();
  placed.peers.push_back(options_.self);
  std::ranges::sort(placed.peers);
  co_return placed;
}

Task<std::unique_ptr<AddWriter>> Cluster::open_add_writer(const AddParams& params, const Placed& destinations,
                                                          bool verified) {
  AddWriterOptions options{.self = options_.self,
                           .reservation = destinations.reservation,
                           .worth_trying = [this](const auto& peer) { return calls_.worth_asking(peer); },
                           .window_bytes = options_.add_window_bytes,
                           .slow = slow_peers_};
  std::vector<ipld::PeerId> others;
  bool only_here = params.local || params.no_pin;
  if (!only_here) {
    std::ranges::copy_if(destinations.peers, std::back_inserter(others),
                         [this](const auto& peer) { return peer != options_.self; });
    int least = params.pin.replication_factor_min;
    if (least > 0) options.needed = static_cast<size_t>(least);
  }
  std::unique_ptr<ipfs::BlockWriter> local;
  if (others.size() < destinations.peers.size()) {
    CO_TRY_ASSIGN(local, co_await ipfs_.put_blocks({.verified = verified}));
  }
  options.needed = std::min(options.needed, others.size() + (local ? 1 : 0));
  co_return std::make_unique<AddWriter>(runtime_, client_, tasks_, traffic_, std::move(local), std::move(others),
                                        std::move(options));
}

Task<> Cluster::pin_added(ipld::Cid root, model::PinOptions options, Caller caller, Placed sent_to,
                          std::shared_ptr<AddWriter> writer) {
  // What is pinned already stays where it is.
  CO_TRY_ASSIGN(auto before, state_.get(root));
  if (before) sent_to.peers.clear();
  CO_TRY_ASSIGN(auto pinned, co_await pin(root, std::move(options), std::move(caller), std::move(sent_to)));
  writer->pinned(root);
  if (writer->here()) {
    tasks_.spawn("holding added blocks",
                 hold_until_pinned(std::move(root), pinned.allocated_to(options_.self), std::move(writer)));
  }
  co_return Result<>{};
}

/// Keeps the writer, and so the blocks from garbage collection, until this peer (`here`) or another has pinned them:
/// what is allocated elsewhere is fetched from here.
Task<> Cluster::hold_until_pinned(ipld::Cid root, bool here, std::shared_ptr<ipfs::BlockWriter> writer) {
  auto until = runtime_.now() + kHoldLimit;
  auto& slot = held_[root];
  if (!slot) slot = std::make_shared<Notifier>(runtime_);
  auto forget = [this, &root](const auto* unpinned) {
    if (unpinned->use_count() == 2) held_.erase(root);
  };
  auto unpinned = slot;
  std::unique_ptr<std::shared_ptr<Notifier>, decltype(forget)> at_end(&unpinned, forget);
  for (auto pause = kHoldFirst; runtime_.now() < until; pause = std::min(pause * 2, kHoldMost)) {
    auto woken = co_await unpinned->wait_until(runtime_.now() + pause);
    if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return woken;
    CO_TRY_ASSIGN(auto info, co_await status(root, here));
    using enum model::TrackerStatus;
    bool waited_for =
        info.matches(kPinQueued | kPinning | model::StatusSet(kPinError) | model::StatusSet(kClusterError));
    if (info.matches(kPinned) || !waited_for) co_return Result<>{};
  }
  log.warn("{} was added but is not pinned yet; its blocks may be collected", root.to_string());
  co_return Result<>{};
}

}  // namespace ipfsc::cluster
