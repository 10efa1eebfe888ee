// State's inside, shared by its source files.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "state/store.h"

namespace ipfsc::state {

/// A cursor that lets go of its view of the data when the database is closed under it.
class ViewHolder {
 public:
  virtual void drop_view() = 0;

 protected:
  ~ViewHolder() = default;
};

class StateImpl {
 public:
  explicit StateImpl(StateOptions options) : options(std::move(options)) {}
  ~StateImpl();

  // --- open and closed
  Result<> open();  // with `life` held for writing
  Result<> reopen();
  Result<> install(const std::string& from);
  void remove_replaced() const;

  // --- the log
  Result<std::vector<Outcome>> apply(LogIndex index, const proto::Entry& entry);
  Result<> flush();
  Result<StateInfo> checkpoint(const std::string& path);
  void poll_flush();  // with `life` held
  void poison(const Error& error);

  // --- reads
  /// The open database, with the lock that keeps it open.
  struct Use {
    std::shared_lock<std::shared_mutex> lock;
    const Store* store = nullptr;
    const Store* operator->() const { return store; }
  };
  Result<Use> use() const;
  /// Call it after the rows were read: rows only name peers that were known before them.
  SharedPeers peers_now() const;
  Head head_now() const;

  const StateOptions options;
  std::atomic<uint64_t> applied{0}, flushed{0};
  std::atomic<size_t> bytes_since_flush{0};

  mutable std::shared_mutex life;  // writing = opening, closing
  std::unique_ptr<Store> store;    // null while it could not be opened
  std::mutex holders_mutex;
  std::set<ViewHolder*> holders;

  mutable std::mutex published_mutex;  // of the next four
  Head head;
  SharedPeers peers;
  std::vector<uint64_t> peer_pins;
  std::optional<Error> poisoned;

 private:
  void close();
  Result<> finish_install() const;
  Result<> check_usable() const;
  Result<std::vector<Outcome>> apply_entry(LogIndex index, const proto::Entry& entry);
  Result<> start_flush_when_full();

  std::mutex apply_mutex_;  // a second caller of apply() would be a bug; this keeps it a slow one
  std::mutex flush_mutex_;  // of flush_target_
  std::optional<LogIndex> flush_target_;
  std::atomic<bool> flush_event_{false};
};

}  // namespace ipfsc::state
