// Who had what at a time past: what the log says was allocated, and what the peers' own journals confirm.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "ipld/peer_id.h"
#include "model/pin.h"
#include "tracker/tracker.h"

namespace ipfsc::cluster {

/// How one peer stood to a pin.
struct Holder {
  ipld::PeerId peer;
  std::string peername;
  std::optional<bool> allocated;  ///< none: pinned everywhere, and whether it was a member then is not known any more
  std::optional<bool> confirmed;  ///< that it held the content; none: not known, `error` says why
  std::optional<tracker::Holding> holding;  ///< confirmed
  std::string error;
};

struct PastPin {
  model::Pin pin;
  std::vector<Holder> holders;  ///< by peer id: those allocated, those that held it, and those that cannot say
};

/// Pulls a listing of the past. One call at a time; must not outlive the Cluster. Memory: one batch.
class PastCursor {
 public:
  virtual ~PastCursor() = default;
  /// Appends up to `max` pins; none = the end. A peer that was silent once is not asked again.
  virtual Task<> next(std::vector<PastPin>& out, size_t max) = 0;
  /// As state::PinCursor.
  virtual std::string token() const = 0;
};

}  // namespace ipfsc::cluster
