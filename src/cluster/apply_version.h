// When the log may go over to newer rules of apply(): when nobody is left who could not follow. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "state/state.h"

namespace ipfsc::cluster {

/// From here on the log has PeerChange, and PinPut and PinMove say what is under way for the pin.
inline constexpr uint32_t kPartialChanges = 2;
/// From here on a pin has as many copies as all its claims ask for, whatever those who wrote them knew of each other,
/// and PinRemove says what is under way for it.
inline constexpr uint32_t kFittedCopies = state::kFittedCopies;

/// What the leader, whose program knows versions up to `own`, raises the apply version `now` to. `others` has for each
/// other member the newest version that its program knows by its last word, also of one that is down; nothing = not
/// heard of yet, which holds it back. nullopt: it stays.
std::optional<uint32_t> raised_apply_version(uint32_t now, uint32_t own,
                                             std::span<const std::optional<uint32_t>> others);

}  // namespace ipfsc::cluster
