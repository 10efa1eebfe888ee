#include "cluster/pinning_status.h"

#include <fmt/format.h>

namespace ipfsc::cluster {
namespace {

constexpr size_t kMostNamed = 5;     // peers in the details
constexpr size_t kMostBytes = 1000;  // of one peer's reason

RequestStatus stands(model::TrackerStatus status) {
  using enum model::TrackerStatus;
  switch (status) {
    case kPinned:
      return RequestStatus::kPinned;
    case kPinning:
      return RequestStatus::kPinning;
    case kClusterError:
    case kPinError:
    case kUnpinError:
      return RequestStatus::kFailed;
    default:
      // Also what is lost and will be fetched again, and a peer that has not seen the log's newest entries.
      return RequestStatus::kQueued;
  }
}

}  // namespace

std::string_view to_string(RequestStatus status) {
  constexpr std::array<std::string_view, kRequestStatuses> kNames = {"queued", "pinning", "pinned", "failed"};
  return kNames[static_cast<size_t>(status)];
}

Judged judge(const model::Pin& pin, const std::vector<PeerWord>& words) {
  if (words.empty()) return {RequestStatus::kFailed, "no peer is to hold it"};
  std::array<size_t, kRequestStatuses> count{};
  for (const auto& word : words) ++count[static_cast<size_t>(stands(word.status))];
  auto of = [&](RequestStatus status) { return count[static_cast<size_t>(status)]; };
  size_t enough =
      pin.everywhere() ? words.size() / 2 + 1 : static_cast<size_t>(std::max(1, pin.options.replication_factor_min));
  Judged out;
  if (of(RequestStatus::kPinned) >= enough) {
    out.status = RequestStatus::kPinned;
  } else if (of(RequestStatus::kPinning) > 0) {
    out.status = RequestStatus::kPinning;
  } else if (of(RequestStatus::kQueued) > 0) {
    out.status = RequestStatus::kQueued;
  }
  out.details = fmt::format("pinned on {} of {} peers", of(RequestStatus::kPinned), words.size());
  size_t named = 0, others = words.size() - of(RequestStatus::kPinned);
  for (const auto& word : words) {
    if (word.status == model::TrackerStatus::kPinned || named == kMostNamed) continue;
    ++named;
    out.details += fmt::format("; {}: {}", word.peer, model::to_string(word.status));
    if (!word.why.empty()) out.details += fmt::format(", {}", word.why.substr(0, kMostBytes));
  }
  if (others > named) out.details += fmt::format("; {} more", others - named);
  return out;
}

}  // namespace ipfsc::cluster
