#include "consensus/raft/write_queue.h"

#include "base/check.h"

namespace ipfsc::consensus {
namespace {

constexpr uint64_t kEntryOverhead = 16;  // the entry's own fields

std::unexpected<Error> lost_write() {
  return fail(ErrorKind::kUnavailable, "the write was lost with its leader: try again");
}

constexpr std::string_view kRetry = "a retry with the same idempotency key is safe";

}  // namespace

Result<> WriteQueue::admit(uint64_t bytes) const {
  if (bytes + kEntryOverhead > limits_.max_entry_bytes) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("a write of {} bytes is larger than a log entry may be ({} bytes)", bytes,
                            limits_.max_entry_bytes));
  }
  if (waiting_.size() >= limits_.max_waiting_writes || waiting_bytes_ + bytes > limits_.max_waiting_bytes) {
    return fail(ErrorKind::kResourceExhausted,
                fmt::format("{} writes wait for the log already: try again later", waiting_.size()));
  }
  return {};
}

void WriteQueue::add(PendingWritePtr write) {
  waiting_bytes_ += write->bytes;
  deadlines_.emplace(write->deadline, write.get());
  waiting_.push_back(std::move(write));
}

WriteGroup WriteQueue::next_group(uint64_t time_ms) {
  WriteGroup group;
  if (waiting_.empty()) return group;
  group.entry = std::make_shared<proto::Entry>();
  group.entry->set_format(1);
  group.entry->set_time_ms(time_ms);
  uint64_t bytes = kEntryOverhead;
  while (!waiting_.empty() && bytes + waiting_.front()->bytes <= limits_.max_entry_bytes) {
    PendingWritePtr write = std::move(waiting_.front());
    waiting_.pop_front();
    bytes += write->bytes;
    waiting_bytes_ -= write->bytes;
    for (auto& operation : write->operations) group.entry->mutable_operations()->Add(std::move(operation));
    write->operations = {};
    group.writes.push_back(std::move(write));
  }
  return group;
}

void WriteQueue::proposed(WriteGroup group, Proposed at) {
  group.term = at.term;
  for (auto& write : group.writes) write->index = at.index;
  auto [it, fresh] = groups_.try_emplace(at.index);
  if (!fresh) {  // an earlier leadership of ours stood there; another leader has cut it off
    for (auto& write : it->second.writes) {
      answer(*write, lost_write());
    }
  }
  it->second = std::move(group);
}

void WriteQueue::put_back(WriteGroup group) {
  int next = group.entry->operations_size();
  for (auto it = group.writes.rbegin(); it != group.writes.rend(); ++it) {
    PendingWrite& write = **it;
    next -= static_cast<int>(write.count);
    if (!write.done) continue;
    for (size_t i = 0; i < write.count; ++i) {
      write.operations.push_back(std::move(*group.entry->mutable_operations(next + static_cast<int>(i))));
    }
    waiting_bytes_ += write.bytes;
    waiting_.push_front(std::move(*it));
  }
}

std::shared_ptr<proto::Entry> WriteQueue::committed(LogIndex index, Term term) {
  auto it = groups_.find(index);
  if (it == groups_.end()) return nullptr;
  if (it->second.term == term) {
    for (auto& write : it->second.writes) write->committed = true;
    return it->second.entry;
  }
  for (auto& write : it->second.writes) answer(*write, lost_write());
  groups_.erase(it);
  return nullptr;
}

void WriteQueue::give_up(WriteGroup group, const std::string& reason) {
  for (auto& write : group.writes) {
    answer(*write, fail(ErrorKind::kDeadlineExceeded,
                        fmt::format("the outcome of the write is unknown: {}; {}", reason, kRetry)));
  }
}

void WriteQueue::passed_over(LogIndex upto) {
  while (!groups_.empty() && groups_.begin()->first <= upto) {
    auto group = groups_.extract(groups_.begin());
    give_up(std::move(group.mapped()), fmt::format("it may be committed at {}", group.key().value));
  }
}

bool WriteQueue::applied(LogIndex index, Term term, std::vector<state::Outcome>&& outcomes) {
  auto it = groups_.find(index);
  if (it == groups_.end()) return false;
  WriteGroup group = std::move(it->second);
  groups_.erase(it);
  if (group.term != term) {
    for (auto& write : group.writes) answer(*write, lost_write());
    return true;
  }
  size_t next = 0;
  for (auto& write : group.writes) {
    CHECK(next + write->count <= outcomes.size());
    auto first = outcomes.begin() + static_cast<ptrdiff_t>(next);
    next += write->count;
    if (!write->done) continue;
    answer(*write, std::vector<state::Outcome>(std::move_iterator(first),
                                               std::move_iterator(first + static_cast<ptrdiff_t>(write->count))));
  }
  return true;
}

void WriteQueue::answer(PendingWrite& write, Result<std::vector<state::Outcome>> result) {
  if (!write.done) return;
  deadlines_.erase({write.deadline, &write});
  answers_.emplace_back(std::move(write.done), std::move(result));
  write.done = nullptr;
}

void WriteQueue::forget_waiting(const PendingWrite& write) {
  auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& other) { return other.get() == &write; });
  if (it == waiting_.end()) return;
  waiting_bytes_ -= write.bytes;
  waiting_.erase(it);
}

void WriteQueue::cancel(PendingWrite& write) {
  if (!write.done) return;
  answer(write, fail(ErrorKind::kCancelled, "cancelled"));
  if (write.index == LogIndex() && !write.sent) forget_waiting(write);
}

void WriteQueue::expire(SteadyTime now, const std::string& why_waiting) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    PendingWrite& write = *deadlines_.begin()->second;
    if (write.index == LogIndex() && write.sent) {
      answer(write, fail(ErrorKind::kDeadlineExceeded, fmt::format("the leader has not answered yet; {}", kRetry)));
    } else if (write.index == LogIndex()) {
      answer(write, fail(ErrorKind::kUnavailable, why_waiting + ": nothing was written"));
      forget_waiting(write);  // the last owner may be gone after this
    } else if (write.committed) {
      answer(write, fail(ErrorKind::kDeadlineExceeded,
                         fmt::format("committed at {}, not yet visible here; {}", write.index.value, kRetry)));
    } else {
      answer(write, fail(ErrorKind::kDeadlineExceeded,
                         fmt::format("written to the log at {}, not yet committed; {}", write.index.value, kRetry)));
    }
  }
}

void WriteQueue::fail_waiting(const Error& error) {
  for (auto& write : std::exchange(waiting_, {})) answer(*write, fail(error));
  waiting_bytes_ = 0;
}

void WriteQueue::fail_proposed(const std::string& reason) {
  for (auto& [index, group] : std::exchange(groups_, {})) {
    for (auto& write : group.writes) {
      std::string what = write->committed ? fmt::format("committed at {}, not visible here", index.value)
                                          : std::string("the outcome of the write is unknown");
      answer(*write, fail(ErrorKind::kDeadlineExceeded, fmt::format("{}: {}; {}", what, reason, kRetry)));
    }
  }
}

std::optional<SteadyTime> WriteQueue::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void WriteQueue::answer_all() {
  for (auto& [done, result] : std::exchange(answers_, {})) done(std::move(result));
}

}  // namespace ipfsc::consensus
