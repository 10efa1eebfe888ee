// How a request of the pinning service stands, from what the peers say that are to hold its CID. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/pin.h"
#include "model/status.h"

namespace ipfsc::cluster {

enum class RequestStatus : uint8_t { kQueued, kPinning, kPinned, kFailed };
inline constexpr size_t kRequestStatuses = 4;
std::string_view to_string(RequestStatus status);

struct PeerWord {
  std::string peer;  ///< its name, or id
  model::TrackerStatus status = model::TrackerStatus::kUndefined;
  std::string why;
};

struct Judged {
  RequestStatus status = RequestStatus::kFailed;
  std::string details;  ///< for a person: how many copies there are, and what the other peers say
};

/// Pinned: the least number of copies is there; of a pin on every peer that is more than half of them. Else what is
/// under way at some peer counts, then what waits; it has failed when nobody does anything now.
/// `words`: of all peers that are to hold it.
Judged judge(const model::Pin& pin, const std::vector<PeerWord>& words);

}  // namespace ipfsc::cluster
