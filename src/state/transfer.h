// Export and import of the pinset in the line format of the Go program: one pin object of JSON per line.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
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
  WallTime now;       ///< where its history begins
  /// Replace these of every pin when set.
  std::optional<int> replication_factor_min, replication_factor_max;
  std::optional<std::vector<ipld::PeerId>> allocations;
  size_t max_pin_bytes = 1 << 20;  ///< longest object in the input
  size_t pins_per_run = 100'000;   ///< sorted in memory at once, about 500 bytes each; two runs are in memory
};

struct ImportReport {
  uint64_t pins = 0;        ///< in the new state
  uint64_t duplicates = 0;  ///< objects that replaced an earlier one with the same CID
  uint64_t repaired = 0;    ///< objects of type "bad-type" (an old import of Go's left them): they become "pin"
  /// Those that pins are allocated to, with the number of these pins.
  std::vector<std::pair<ipld::PeerId, uint64_t>> holders;
  StateInfo info;
};

/// Builds a new state directory from the text: one pin object after the other, any white space between. On any error
/// what was built is removed and nothing else was touched: kInvalidArgument says line and reason for a bad object. The
/// caller puts the directory in place (State::install(), or a rename while no State is open). Blocks, with two
/// threads beside the caller's.
Result<ImportReport> import_pins(const TextSource& source, const ImportOptions& options);

}  // namespace ipfsc::state
