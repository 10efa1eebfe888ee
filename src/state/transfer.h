// Export and import of the pinset in the line format of the Go program: one pin object of JSON per line.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "state/state.h"

namespace ipfsc::state {

/// Gets the text in pieces of about 64 KiB, whole lines each.
using TextSink = std::function<Result<>(std::string_view text)>;
/// Fills the buffer from its front and returns how much; 0 = the end of the input.
using TextSource = std::function<Result<size_t>(std::span<char> buffer)>;

/// Writes all pins of every type in the order of their CIDs; returns how many. Pins that change meanwhile may be seen
/// before or after their change.
Result<uint64_t> export_pins(const State& state, const TextSink& sink);

struct ImportOptions {
  StateOptions state;  ///< `path` = the new directory, which must not exist
  Bytes cluster_id;    ///< 16 bytes
  uint64_t incarnation = 1;
  LogIndex index{1};  ///< the new state's applied index: the log goes on after it
  WallTime now;       ///< where its history begins; also the timestamp of pins that have none
  /// Replace these of every pin when set.
  std::optional<int> replication_factor_min, replication_factor_max;
  std::optional<std::vector<ipld::PeerId>> allocations;
  size_t max_pin_bytes = 1 << 20;  ///< longest object in the input
  size_t pins_per_run = 200'000;   ///< sorted in memory at once (about 1 KiB each)
};

struct ImportReport {
  uint64_t pins = 0;        ///< in the new state
  uint64_t duplicates = 0;  ///< objects that replaced an earlier one with the same CID
  uint64_t defaulted = 0;   ///< objects without `type` or `max_depth` (pin, recursive)
  StateInfo info;
};

/// Builds a new state directory from the text. On any error the directory is removed again and nothing else was
/// touched: kInvalidArgument says line and reason, for a bad object. The caller puts it in place
/// (State::replace_with()). Blocks; uses two threads beside the caller's for a moment (one reads JSON, one builds
/// indexes).
Result<ImportReport> import_pins(const TextSource& source, const ImportOptions& options);

}  // namespace ipfsc::state
