// Listings: what the state has and what the table has, by CID, a page at a time. Blocking: for the worker pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tracker/table.h"

namespace ipfsc::tracker {

/// One CID as state and table have it.
struct Entry {
  ipld::Cid cid;
  std::optional<state::StoredPin> pin;
  std::optional<Row> row;
};

/// Fills `pin` and `row` anew: for when they contradict each other because one was read earlier.
Result<> reread(Entry& entry, const Table& table);
Result<std::vector<Entry>> read_entries(const std::vector<ipld::Cid>& cids, const Table& table);

/// Pulls the union of the state's listing and the table's rows. One thread at a time.
class MergeReader {
 public:
  /// `filter` only narrows what the state is asked for. kInvalidArgument for a bad token.
  static Result<std::unique_ptr<MergeReader>> open(const Table& table, model::StatusSet filter,
                                                   const std::string& token);
  /// Appends a page of at most `max` entries that are as read, so row and pin may disagree. May append nothing
  /// before the end.
  Result<> next(std::vector<Entry>& out, size_t max);
  bool done() const { return done_; }
  /// To go on behind `last`, which must be of the last page.
  std::string token(const ipld::Cid& last) const;

 private:
  explicit MergeReader(const Table& table) : table_(table) {}
  Result<> read_pins(size_t max);
  Result<> read_rows(size_t max);

  const Table& table_;
  std::unique_ptr<state::PinCursor> cursor_;
  std::vector<state::StoredPin> pins_;  // read, and from next_pin_ on not given out
  size_t next_pin_ = 0;
  std::string before_pins_;  // the state's token that leads to pins_
  bool read_any_ = false;
  std::vector<RowAt> rows_;  // likewise
  size_t next_row_ = 0;
  ipld::Cid last_row_;  // of those read
  bool rows_end_ = false;
  ipld::Cid last_;  // everything up to here was given out
  bool done_ = false;
};

/// The statuses that can be listed without reading the whole state.
bool is_indexed(model::StatusSet filter);

using RunningMap = std::unordered_map<ipld::Cid, Running>;

/// Pulls a listing with a filter. One thread at a time.
class StatusReader {
 public:
  static Result<std::unique_ptr<StatusReader>> open(const Table& table, model::StatusSet filter,
                                                    const std::string& token);
  /// Appends up to `max` entries whose status is in the filter. May append nothing before the end.
  Result<> next(std::vector<Entry>& out, size_t max, const RunningMap& running);
  bool done() const { return done_; }
  std::string token() const;

 private:
  StatusReader(const Table& table, model::StatusSet filter) : table_(table), filter_(filter) {}
  Result<> next_merged(std::vector<Entry>& out, size_t max, const RunningMap& running);
  Result<> next_indexed(std::vector<Entry>& out, size_t max, const RunningMap& running);
  Result<bool> matches(Entry& entry, const RunningMap& running) const;

  const Table& table_;
  const model::StatusSet filter_;
  std::unique_ptr<MergeReader> merge_;  // null: by the index
  ipld::Cid last_;                      // behind here it goes on
  bool done_ = false;
};

}  // namespace ipfsc::tracker
