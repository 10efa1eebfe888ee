// Point reads of statuses: those that come while one is at the worker pool go there together. A trip to the pool costs
// more than a read.
#pragma once

#include <memory>
#include <vector>

#include "base/notifier.h"
#include "base/runtime.h"
#include "base/task_group.h"
#include "tracker/listing.h"

namespace ipfsc::tracker {

/// I/O thread only.
class StatusReads {
 public:
  /// What is read together is stopped with `tasks`; later reads fail with kCancelled.
  StatusReads(Runtime& runtime, TaskGroup& tasks) : runtime_(runtime), tasks_(tasks) {}

  /// An entry for each CID, in their order; pin and row of an entry agree. `table` outlives the call.
  Task<std::vector<Entry>> read(const std::vector<ipld::Cid>& cids, const Table& table);

 private:
  struct Group {
    explicit Group(Runtime& runtime) : done(runtime) {}
    std::vector<ipld::Cid> cids;
    std::vector<Entry> entries;
    Result<> result = fail(ErrorKind::kCancelled, "the pin tracker stops");
    bool finished = false;
    Notifier done;
  };
  Task<> run(const Table& table);

  Runtime& runtime_;
  TaskGroup& tasks_;
  std::shared_ptr<Group> waiting_;
  bool running_ = false;
};

}  // namespace ipfsc::tracker
