// Runs attempts: what is ready waits here for a place, what runs is watched here.
#pragma once

#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>

#include "base/notifier.h"
#include "base/runtime.h"
#include "ipfs/ipfs_node.h"
#include "tracker/concurrency.h"
#include "tracker/table.h"

namespace ipfsc::tracker {

/// I/O thread only. Of each CID at most one attempt runs. Before it is destroyed: cancel_all(), then wait_idle().
class Dispatcher {
 public:
  /// `on_ended` gets the result of each attempt; it is called from completions, and must not call back.
  Dispatcher(Runtime& runtime, ipfs::IpfsNode& node, const TrackerOptions& options,
             std::function<void(ipld::Cid, Attempted)> on_ended);
  Dispatcher(const Dispatcher&) = delete;

  /// Takes in what the table says of a CID: a job to start, or nothing to do (any more). False when there was no room
  /// for the job: it is in the table, and has to be offered again.
  [[nodiscard]] bool update(const Outcome& outcome, WallTime now);
  /// A job that was read from the table. Ignored when the CID is here already.
  void offer(Job job);
  /// The result of the CID's attempt is in the table.
  void recorded(const ipld::Cid& cid);
  /// Begins as many attempts as there are places.
  void dispatch();

  /// Marks slow attempts and gives up those without progress. Call it a few times a second while running() > 0.
  void watch();

  size_t ready() const { return ready_; }
  size_t room() const { return options_.max_ready > ready_ ? options_.max_ready - ready_ : 0; }
  unsigned running() const { return running_; }
  size_t recording() const { return active_.size() - running_; }
  unsigned slow() const { return slow_; }
  uint64_t pin_adds() const { return pin_adds_; }
  uint64_t pin_add_errors() const { return pin_add_errors_; }
  unsigned limit() const { return limit_.limit(); }
  NodeGate& gate() { return gate_; }
  const NodeGate& gate() const { return gate_; }

  std::optional<Running> running(const ipld::Cid& cid) const;
  /// All that run.
  std::unordered_map<ipld::Cid, Running> snapshot() const;
  /// When the oldest operation here began: one that waits or runs when it was asked for, one that is tried again (if it
  /// runs) with its attempt. None: there is none. Looks at all of them, up to max_ready and those that run.
  std::optional<WallTime> oldest() const;
  /// Moves what runs from the status that the table counts it under to pinning and unpinning.
  void correct(StatusCounts& counts) const;

  void cancel_all();
  boost::asio::awaitable<void> wait_idle();

 private:
  enum class Queue : uint8_t { kFirst, kUnpin, kOther };
  enum class Stage : uint8_t { kReady, kRunning, kRecording };
  struct Item {
    Job job;
    Queue queue = Queue::kOther;
    Stage stage = Stage::kReady;
    bool slow = false;
    bool timed_out = false;
    bool superseded = false;  // the table wants another end by now
    SteadyTime started{};
    WallTime started_wall{};
    ipfs::PinProgress progress;
    std::unique_ptr<boost::asio::cancellation_signal> signal;
    size_t place = 0;  // in active_

    SteadyTime last_progress() const { return std::max(started, progress.last_progress); }
  };

  static Queue queue_of(const Job& job);
  void make_ready(Item& item, Job job);
  void remove_ready(const ipld::Cid& cid);
  Item* pick();
  Item* pop(Queue queue);
  bool allowed(Queue queue, SteadyTime now) const;
  void start(Item& item);
  void ended(Item& item, Result<> result);
  Duration timeout_of(const Item& item) const;
  void deactivate(Item& item);
  void learn(const Item& item, const Result<>& result);
  Running describe(const Item& item) const;
  Task<> attempt(Item* item);
  Task<> pin(Item* item);

  Runtime& runtime_;
  ipfs::IpfsNode& node_;
  const TrackerOptions& options_;
  std::function<void(ipld::Cid, Attempted)> on_ended_;
  ConcurrencyLimit limit_;
  NodeGate gate_;
  std::unordered_map<ipld::Cid, Item> items_;
  std::array<std::deque<ipld::Cid>, 3> queues_;  // may name items that are gone or not ready: they are passed over
  std::array<size_t, 3> waiting_{};              // ready items by queue
  std::vector<Item*> active_;                    // those that run or are being recorded
  size_t ready_ = 0;
  unsigned running_ = 0, slow_ = 0, other_running_ = 0;
  uint64_t pin_adds_ = 0, pin_add_errors_ = 0;
  uint64_t picks_ = 0;
  bool dispatching_ = false, cancelled_ = false;
  Notifier idle_;
};

}  // namespace ipfsc::tracker
