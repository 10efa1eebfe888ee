// The next movement of one pin, for each goal.
#pragma once

#include <variant>

#include "allocator/copies.h"
#include "allocator/loads.h"

namespace ipfsc::allocator {

struct Nothing {};
/// Below its minimum, but that is not acted on before `due`.
struct Waiting {
  WallTime due;
};
/// Would have enough copies if the peers that are not members had them.
struct Unknown {};
struct Unweighed {};

using Step = std::variant<Nothing, Waiting, Unknown, Unweighed, Blocked, Move>;

/// The lowest is done first.
struct Urgency {
  int64_t kind = 0;
  int64_t copies = 0;
  int64_t amount = 0;
  auto operator<=>(const Urgency&) const = default;
};

Step repair_step(const PlanContext& context, const PlanPin& pin, const Copies& copies);
Step leave_step(const PlanContext& context, const PlanPin& pin, const Copies& copies);
Step top_up_step(const PlanContext& context, const PlanPin& pin, const Copies& copies);
Step rebalance_step(const PlanContext& context, const PlanPin& pin, const Copies& copies, const Loads& loads);

/// The step that the context's goal asks for.
Step next_step(const PlanContext& context, const Loads& loads, const PlanPin& pin, const Copies& copies);
Urgency urgency(const PlanContext& context, const Loads& loads, const PlanPin& pin, const Copies& copies);

}  // namespace ipfsc::allocator
