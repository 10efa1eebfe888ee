#include "model/pin.h"

#include <algorithm>
#include <array>

namespace ipfsc::model {
namespace {
constexpr std::array<std::string_view, 5> kTypeNames = {"bad-type", "pin", "meta-pin", "clusterdag-pin", "shard-pin"};
}

std::string_view to_string(PinType type) { return kTypeNames[static_cast<size_t>(type)]; }

std::optional<PinType> pin_type_from(std::string_view text) {
  auto it = std::find(kTypeNames.begin(), kTypeNames.end(), text);
  if (it == kTypeNames.end()) return std::nullopt;
  return static_cast<PinType>(it - kTypeNames.begin());
}

std::string_view to_string(PinMode mode) { return mode == PinMode::kDirect ? "direct" : "recursive"; }

bool Pin::allocated_to(const ipld::PeerId& peer) const {
  if (type == PinType::kMeta) return false;
  return everywhere() || std::find(allocations.begin(), allocations.end(), peer) != allocations.end();
}

}  // namespace ipfsc::model
