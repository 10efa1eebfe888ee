#include "allocator/plan.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include "allocator/plan_steps.h"
#include "base/check.h"

namespace ipfsc::allocator {
namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};

std::string many(uint64_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

struct Queued {
  Urgency urgency;
  PlanPin pin;
  auto key() const { return std::tie(urgency, pin.cid); }
  bool operator<(const Queued& other) const { return key() < other.key(); }
};

}  // namespace

class Planner::Work {
 public:
  Work(Peers peers, Policy policy, PlanRequest request)
      : context_(std::move(peers), std::move(policy), std::move(request)),
        loads_(context_),
        even_before_(loads_.even()) {}

  void offer(const PlanPin& pin) {
    ++plan_.pins;
    if (pin.replication_factor_min < 1) return;  // everywhere: nobody's place to take
    Copies copies(context_, pin);
    auto step = next_step(context_, loads_, pin, copies);
    if (std::holds_alternative<Move>(step)) return keep({urgency(context_, loads_, pin, copies), pin});
    note(step);
  }

  Plan finish() {
    while (!queue_.empty() && plan_.moves.size() < context_.request.max_moves) {
      auto pin = std::move(queue_.extract(queue_.begin()).value().pin);
      // Each step names one more peer, or marks one as leaving.
      auto most_steps = 2 * (pin.allocations.size() + pin.arriving.size() + context_.peers.all().size());
      for (size_t i = 0; i <= most_steps; ++i) {
        auto step = next_step(context_, loads_, pin, Copies(context_, pin));
        auto* move = std::get_if<Move>(&step);
        if (move == nullptr) {
          note(step);
          break;
        }
        if (plan_.moves.size() == context_.request.max_moves) {
          plan_.more = true;
          break;
        }
        CHECK(i < most_steps);
        commit(pin, std::move(*move));
      }
    }
    if (!queue_.empty()) plan_.more = true;
    for (auto& [cid, reason] : blocked_) plan_.blocked.push_back({cid, std::move(reason)});
    plan_.summary = summary();
    return std::move(plan_);
  }

 private:
  /// Bounded: the least urgent is forgotten when there are too many. They are found again by the next plan.
  void keep(Queued queued) {
    queue_.insert(std::move(queued));
    if (queue_.size() <= context_.request.max_moves) return;
    queue_.erase(std::prev(queue_.end()));
    plan_.more = true;
  }

  void note(Step& step) {
    std::visit(Overload{[](Nothing) {}, [](Move&) {},
                        [&](Waiting waiting) {
                          ++plan_.waiting_pins;
                          if (!plan_.next_due || waiting.due < *plan_.next_due) plan_.next_due = waiting.due;
                        },
                        [&](Unknown) { ++plan_.unknown_pins; }, [&](Unweighed) { ++plan_.unweighed_pins; },
                        [&](Blocked& blocked) {
                          ++plan_.blocked_pins;
                          blocked_.emplace(std::move(blocked.cid), std::move(blocked.reason));
                          if (blocked_.size() > context_.request.max_blocked) blocked_.erase(std::prev(blocked_.end()));
                        }},
               step);
  }

  /// The pin and the peers as they are when the move has begun.
  void commit(PlanPin& pin, Move move) {
    if (move.to) {
      pin.allocations.push_back(*move.to);
      pin.arriving.push_back(*move.to);
      context_.peers.promise(*move.to, {.bytes = pin.size_bytes.value_or(0), .pins = 1});
    }
    if (move.from) pin.leaving.push_back(*move.from);
    if (auto weight = loads_.weight(pin)) {
      loads_.move(move.from.value_or(ipld::PeerId()), move.to.value_or(ipld::PeerId()), *weight);
    }
    plan_.moves.push_back(std::move(move));
  }

  std::string summary() const {
    std::string out;
    if (!plan_.moves.empty()) {
      out = many(plan_.moves.size(), "move");
      if (plan_.more) out += ", and more after these";
    } else {
      out = fmt::format("nothing to do: {}", why_nothing());
    }
    auto add = [&](uint64_t pins, std::string_view what) {
      if (pins > 0) out += fmt::format("; {} {}", many(pins, "pin"), what);
    };
    add(plan_.blocked_pins, "for which not enough can be done now");
    add(plan_.waiting_pins, "below the minimum, within the grace");
    add(plan_.unknown_pins, "held by peers that are not members");
    add(plan_.unweighed_pins, "of unknown size left alone");
    return out;
  }

  std::string why_nothing() const {
    switch (context_.request.goal) {
      case Goal::kRepair:
        return "no pin below its minimum can get a copy now";
      case Goal::kDrain:
      case Goal::kReplace:
        return context_.leaving.empty() ? "no peer is leaving" : "no copy can leave";
      case Goal::kRebalance:
        return even_before_ ? "the loads are even"
                            : fmt::format("no move makes the loads more even (up to {:.0f} from the mean of {:.0f})",
                                          loads_.worst(), loads_.mean());
      case Goal::kTopUp:
        return "no pin below its maximum can get a copy now";
    }
    return {};
  }

  PlanContext context_;
  Loads loads_;
  bool even_before_;
  std::set<Queued> queue_;
  std::map<ipld::Cid, std::string> blocked_;
  Plan plan_;
};

Planner::Planner(Peers peers, Policy policy, PlanRequest request)
    : work_(std::make_unique<Work>(std::move(peers), std::move(policy), std::move(request))) {}
Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;

void Planner::offer(const PlanPin& pin) { work_->offer(pin); }

void Planner::offer(std::span<const PlanPin> pins) {
  for (const auto& pin : pins) work_->offer(pin);
}

Plan Planner::finish() && { return work_->finish(); }

Plan plan_moves(Peers peers, Policy policy, PlanRequest request, std::span<const PlanPin> pins) {
  Planner planner(std::move(peers), std::move(policy), std::move(request));
  planner.offer(pins);
  return std::move(planner).finish();
}

}  // namespace ipfsc::allocator
