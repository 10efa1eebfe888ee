#include "api/rest/change_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ipfsc::api::rest {
namespace {

using state::Change;

constexpr std::pair<Change::Kind, std::string_view> kNames[] = {
    {Change::kPin, "pin"},   {Change::kUnpin, "unpin"},   {Change::kMove, "move"},       {Change::kWork, "work"},
    {Change::kPeer, "peer"}, {Change::kRecord, "record"}, {Change::kCluster, "cluster"},
};

}  // namespace

std::string_view type_name(Change::Kind kind) {
  auto found = std::ranges::find(kNames, kind, [](const auto& entry) { return entry.first; });
  return found == std::end(kNames) ? std::string_view{} : found->second;
}

std::optional<Change::Kind> type_from(std::string_view name) {
  auto found = std::ranges::find(kNames, name, [](const auto& entry) { return entry.second; });
  if (found == std::end(kNames)) return std::nullopt;
  return found->first;
}

std::string position_text(const state::FeedPosition& position) {
  return fmt::format("{}.{}.{}", position.incarnation, position.index.value, position.n);
}

std::optional<state::FeedPosition> position_from(std::string_view text) {
  std::array<uint64_t, 3> numbers{};
  const char* at = text.data();
  const char* end = at + text.size();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
    auto [next, error] = std::from_chars(at, end, numbers[i]);
    if (error != std::errc{}) return std::nullopt;
    at = next;
  }
  constexpr uint64_t kMostIndex = UINT64_MAX >> state::kOperationBits;
  if (at != end || numbers[1] > kMostIndex || numbers[2] > state::kMaxOperation) return std::nullopt;
  return state::FeedPosition{numbers[0], LogIndex(numbers[1]), static_cast<uint32_t>(numbers[2])};
}

void add_change(model::JsonObject& object, const Change& change) {
  object.plain("position", position_text(change.position));
  object.plain("type", type_name(change.kind));
  object.time("time", change.time);
  object.text("actor", change.actor);
  if (!change.cid.empty()) object.plain("cid", change.cid.to_string());
  if (change.kind == Change::kPeer) object.plain("peer", change.peer.to_string());
  if (change.kind == Change::kRecord) object.text("record", change.record_kind);
}

}  // namespace ipfsc::api::rest
