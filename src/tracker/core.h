// The tracker's decisions, as functions of values: what a row becomes when something happens.
//
// A row exists for each CID that this peer has to hold, holds, or may hold. What the node holds follows from the phase:
// a settled row's CID is held as wanted; of any other it is not known, because as soon as an attempt may begin a crash
// can cut it off half-way. So a row goes only when the node has said that the pin is gone: nothing is ever left behind
// in the node that no row knows of. Unpinning what is not pinned is no error and cheap.
//
// What has to be done follows from the row alone (next_of()); so does its status, but for what runs just now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "model/status.h"
#include "tracker/retry.h"
#include "tracker/tracker.h"

namespace ipfsc::tracker {

/// Numbers are persistent (docs/formats.md), here and in Phase and Failure.
enum class Want : uint8_t { kNothing = 0, kDirect = 1, kRecursive = 2 };
enum class Phase : uint8_t {
  kSettled = 0,  ///< the node holds what is wanted; never with kNothing: such a row is gone
  kQueued = 1,   ///< an attempt begins as soon as there is a place, or runs
  kWaiting = 2,  ///< an attempt failed; the next is at next_try, or runs
  kLost = 3,     ///< was settled, and the node does not have it any more; pinned again at next_try
};

/// Times have whole milliseconds (Moment::now has).
struct Row {
  Want want = Want::kNothing;
  Phase phase = Phase::kQueued;
  bool recent = false;                    ///< the pin was young when it was asked for: its first attempt has priority
  uint32_t attempts = 0;                  ///< failed ones of this operation; 0 when settled
  WallTime since{};                       ///< last change of phase or of what is wanted
  std::optional<WallTime> holding_since;  ///< the node has held it from then on, in whatever mode
  WallTime next_try{};                    ///< kWaiting, kLost
  Failure failure = Failure::kOther;      ///< kWaiting
  std::string error;                      ///< kWaiting
  uint64_t bytes = 0;                     ///< kWaiting: how far the last attempt came
  bool operator==(const Row&) const = default;
};

/// Longest error text that a row keeps.
inline constexpr size_t kMaxErrorBytes = 1024;
/// Go's text.
inline constexpr std::string_view kLostError = "the item should be pinned but it is not";

// --- what can happen

/// The state says what is wanted here.
struct Wanted {
  Want want = Want::kNothing;
  bool recent = false;
  bool renewed = false;  ///< somebody asked for it (again): a failed attempt is repeated at once
};

/// An attempt ended. `target` is what it was to reach.
struct Attempted {
  Want target = Want::kNothing;
  std::optional<Error> error;
  uint64_t bytes = 0;
};

/// "Try again now."
struct Recover {};

/// The node said what it holds, and no attempt for the CID ran meanwhile.
struct Observed {
  Want held = Want::kNothing;
  bool remove_orphan = false;  ///< what nobody wants here is unpinned
};

enum class Finding : uint8_t { kNone, kLost, kGained, kOrphan };

struct Step {
  std::optional<Row> row;        ///< none = the row goes, or there still is none
  std::optional<Holding> ended;  ///< a line for the journal
  Finding finding = Finding::kNone;
};

struct Moment {
  WallTime now;
  uint64_t random = 0;
};

Step step(std::optional<Row> row, const Wanted& event, const Moment& moment);
Step step(std::optional<Row> row, const Attempted& event, const Moment& moment, const RetryOptions& options);
Step step(std::optional<Row> row, const Recover& event, const Moment& moment);
Step step(std::optional<Row> row, const Observed& event, const Moment& moment, const RetryOptions& options);

enum class Next : uint8_t {
  kNothing,
  kStart,  ///< an attempt to reach row->want
  kWait,   ///< look again at row->next_try
};
Next next_of(const std::optional<Row>& row);

// --- what is shown

/// What the state says about a CID, seen from this peer.
struct Wish {
  bool in_pinset = false;
  bool meta = false;  ///< a sharded item: held by nobody itself
  Want want = Want::kNothing;
  std::optional<WallTime> timestamp;
};
Wish wish_of(const model::Pin& pin, const ipld::PeerId& self);

/// An attempt that runs.
struct Running {
  Want target = Want::kNothing;
  WallTime since{};
  uint64_t bytes = 0;
  Duration idle{};      ///< since the last progress
  std::string current;  ///< what the node says that it does
};

struct ShowContext {
  WallTime now{};
  std::string paused_pins, paused_unpins;  ///< why no such attempt begins now; empty = they do
  unsigned priority_pin_max_retries = 5;
};

/// Status of a row without a running attempt: one of pinned, pin_queued, pin_error, unexpectedly_unpinned,
/// unpin_queued, unpin_error.
model::TrackerStatus row_status(const Row& row);
constexpr model::TrackerStatus running_status(Want target) {
  return target == Want::kNothing ? model::TrackerStatus::kUnpinning : model::TrackerStatus::kPinning;
}
/// Whether row and state tell the same; when not, the feed has not come so far, or one of them was read too early.
bool agree(const Wish& wish, const Row* row);
/// The status alone, without its texts.
model::TrackerStatus status_of(const Wish& wish, const Row* row, const Running* running);
/// All but `on`.
model::PinInfoShort describe(const Wish& wish, const Row* row, const Running* running, const ShowContext& context);

}  // namespace ipfsc::tracker
