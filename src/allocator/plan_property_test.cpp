// What must hold for any plan: each is carried out move by move, in any order, on clusters made of seeds.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "allocator/placement.h"
#include "allocator/plan.h"
#include "allocator/test_support.h"

namespace ipfsc::allocator {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'000'000s};

/// A cluster in which movements can be carried out.
struct World {
  std::vector<Candidate> candidates;
  Policy policy;
  std::map<ipld::Cid, PlanPin> pins;

  const Candidate* find(const ipld::PeerId& id) const {
    auto at = std::ranges::find(candidates, id, &Candidate::peer);
    return at == candidates.end() ? nullptr : &*at;
  }
  static std::string node(const Candidate& c) { return c.ipfs_id.empty() ? std::string(c.peer.bytes()) : c.ipfs_id; }

  /// Nodes that have the content and can be read now.
  size_t readable(const PlanPin& pin) const {
    std::set<std::string> nodes;
    for (const auto& id : pin.allocations) {
      const auto* c = find(id);
      if (c != nullptr && lives(c->state) && !contains(pin.arriving, id)) nodes.insert(node(*c));
    }
    return nodes.size();
  }
  std::vector<PlanPin> list() const {
    std::vector<PlanPin> out;
    for (const auto& [cid, pin] : pins) out.push_back(pin);
    return out;
  }

  static void begin(PlanPin& pin, const Move& move) {
    if (move.to) {
      pin.allocations.push_back(*move.to);
      pin.arriving.push_back(*move.to);
    }
    if (move.from) pin.leaving.push_back(*move.from);
  }
  static void confirm(PlanPin& pin, const Move& move) {
    if (move.to) std::erase(pin.arriving, *move.to);
  }
  static void drop(PlanPin& pin, const Move& move) {
    if (!move.from) return;
    std::erase(pin.allocations, *move.from);
    std::erase(pin.arriving, *move.from);
    std::erase(pin.leaving, *move.from);
  }
};

World world(Random& random, bool calm) {
  World out{.candidates = some_cluster(random, calm), .policy = some_policy(random)};
  for (auto& c : out.candidates) {
    c.pins = 0;
    c.promised = {};
    if (!one_in(random, 4)) c.since = kNow - std::chrono::minutes(below(random, 10));
  }
  auto count = below(random, 30);
  for (size_t i = 0; i < count; ++i) {
    PlanPin pin{.cid = cid(static_cast<int>(i))};
    if (!one_in(random, 10)) {
      pin.replication_factor_min = 1 + static_cast<int>(below(random, 3));
      pin.replication_factor_max = pin.replication_factor_min + static_cast<int>(below(random, 3));
      auto peers = out.candidates;
      std::ranges::shuffle(peers, random);
      auto copies = 1 + below(random, static_cast<size_t>(pin.replication_factor_max));
      for (size_t k = 0; k < std::min(copies, peers.size()); ++k) pin.allocations.push_back(peers[k].peer);
      if (!calm && one_in(random, 10)) pin.allocations.back() = peer('z');
      if (!calm && one_in(random, 4)) pin.arriving.push_back(pin.allocations.back());
    }
    if (!one_in(random, 3)) pin.size_bytes = below(random, 150);
    for (auto& c : out.candidates) c.pins += contains(pin.allocations, c.peer) ? 1 : 0;
    out.pins.emplace(pin.cid, pin);
  }
  return out;
}

PlanRequest some_request(Random& random, const World& world) {
  PlanRequest out{.goal = static_cast<Goal>(below(random, 5)), .now = kNow, .grace = 5min};
  if (out.goal == Goal::kDrain || out.goal == Goal::kReplace) {
    for (const auto& c : world.candidates) {
      if (one_in(random, 4)) out.leaving.push_back(c.peer);
    }
  }
  if (out.goal == Goal::kReplace) out.replacement = world.candidates[below(random, world.candidates.size())].peer;
  out.replace_unknown = one_in(random, 2);
  if (one_in(random, 2)) out.measure = Measure::kFreeBytes;
  out.tolerance = one_in(random, 2) ? 0.1 : 0;
  if (one_in(random, 4)) out.max_moves = 1 + below(random, 5);
  return out;
}

Plan plan_of(const World& world, const PlanRequest& request, std::vector<PlanPin> pins) {
  return plan_moves(Peers(world.candidates), world.policy, request, pins);
}

/// Begins, confirms and ends the moves in a random order; after each step every pin has its minimum, or what it had.
void carry_out(World& world, const std::vector<Move>& moves, Random& random) {
  std::map<ipld::Cid, size_t> floor;
  for (const auto& [cid, pin] : world.pins) {
    if (pin.replication_factor_min < 1) continue;
    floor[cid] = std::min(static_cast<size_t>(pin.replication_factor_min), world.readable(pin));
  }
  std::vector<std::pair<size_t, int>> open;  // move, steps done
  for (size_t i = 0; i < moves.size(); ++i) open.emplace_back(i, 0);
  while (!open.empty()) {
    auto at = open.begin() + static_cast<ptrdiff_t>(below(random, open.size()));
    const auto& move = moves[at->first];
    auto& pin = world.pins.at(move.cid);
    if (at->second == 0) World::begin(pin, move);
    if (at->second == 1) World::confirm(pin, move);
    if (at->second == 2) World::drop(pin, move);
    if (++at->second == 3) open.erase(at);
    ASSERT_GE(world.readable(pin), floor[move.cid]) << "a move took a copy that was needed: " << move.reason;
  }
}

void check_moves(const World& before, const PlanRequest& request, const Plan& plan) {
  EXPECT_LE(plan.moves.size(), request.max_moves);
  EXPECT_LE(plan.blocked.size(), request.max_blocked);
  EXPECT_FALSE(plan.summary.empty());
  std::map<ipld::PeerId, uint64_t> bytes;
  std::map<ipld::Cid, PlanPin> pins = before.pins;
  for (const auto& move : plan.moves) {
    ASSERT_TRUE(move.from || move.to);
    EXPECT_FALSE(move.reason.empty());
    auto& pin = pins.at(move.cid);
    EXPECT_GE(pin.replication_factor_min, 1);
    if (move.from) {
      EXPECT_TRUE(contains(pin.allocations, *move.from) && !contains(pin.leaving, *move.from));
    }
    if (move.to) {
      const auto* to = before.find(*move.to);
      ASSERT_NE(to, nullptr);
      EXPECT_EQ(to->state, PeerState::kUp);
      EXPECT_FALSE(contains(request.leaving, *move.to)) << "to a peer that leaves";
      EXPECT_FALSE(contains(pin.allocations, *move.to));
      EXPECT_TRUE(fit(*to, before.policy, pin.size_bytes));
      bytes[*move.to] += pin.size_bytes.value_or(0);
      if (to->free_bytes) EXPECT_LE(bytes[*move.to], *to->free_bytes) << "space promised twice";
    }
    World::begin(pin, move);
  }
}

void check_end(const World& before, const World& after, const std::vector<Move>& moves) {
  std::set<std::pair<ipld::Cid, ipld::PeerId>> added;
  for (const auto& move : moves) {
    if (move.to) added.emplace(move.cid, *move.to);
  }
  for (const auto& [cid, pin] : after.pins) {
    if (pin.replication_factor_min < 1) {
      EXPECT_TRUE(pin.allocations.empty());
      continue;
    }
    auto most = std::max(before.pins.at(cid).allocations.size(), static_cast<size_t>(pin.replication_factor_max));
    auto places = std::ranges::count_if(pin.allocations, [&](const auto& id) {
      return after.find(id) == nullptr || after.find(id)->state != PeerState::kRemoved;
    });
    EXPECT_LE(static_cast<size_t>(places), most);
    for (const auto& id : pin.allocations) {
      if (!added.contains({cid, id})) continue;
      Placement others(after.policy);
      for (const auto& other : pin.allocations) {
        const auto* c = after.find(other);
        if (other != id && c != nullptr && lives(c->state)) others.add(*c);
      }
      auto clash = others.clash(*after.find(id));
      EXPECT_FALSE(clash) << clash->text();
    }
  }
}

bool can_get_one_more(const World& world, const PlanRequest& request, const PlanPin& pin) {
  Placement living(world.policy);
  for (const auto& id : pin.allocations) {
    const auto* c = world.find(id);
    if (c != nullptr && lives(c->state)) living.add(*c);
  }
  return std::ranges::any_of(world.candidates, [&](const Candidate& c) {
    return c.state == PeerState::kUp && !contains(request.leaving, c.peer) && !contains(pin.allocations, c.peer) &&
           fit(c, world.policy, pin.size_bytes) && !living.clash(c);
  });
}

/// Repair leaves no pin below its minimum that could have more, drain no copy that could go.
void check_complete(const World& before, const World& after, const PlanRequest& request, const Plan& plan) {
  if (plan.more) return;
  for (const auto& [cid, pin] : after.pins) {
    if (pin.replication_factor_min < 1) continue;
    auto min = static_cast<size_t>(pin.replication_factor_min);
    if (request.goal == Goal::kRepair && plan.waiting_pins == 0 && after.readable(pin) < min &&
        !contains(pin.allocations, peer('z')) && before.pins.at(cid).arriving.empty()) {
      EXPECT_FALSE(can_get_one_more(after, request, pin)) << "below its minimum";
    }
    if (request.goal == Goal::kTopUp && pin.allocations.size() < static_cast<size_t>(pin.replication_factor_max)) {
      EXPECT_TRUE(plan.blocked_pins > 0);
    }
    if (request.goal != Goal::kDrain) continue;
    for (const auto& id : request.leaving) {
      if (contains(pin.allocations, id)) EXPECT_TRUE(plan.blocked_pins > 0) << "neither moved nor blocked";
    }
  }
}

TEST(PlanProperties, HoldForAnyPlan) {
  std::map<Goal, size_t> moves;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto before = world(random, one_in(random, 2));
    auto request = some_request(random, before);
    auto plan = plan_of(before, request, before.list());
    moves[request.goal] += plan.moves.size();
    check_moves(before, request, plan);
    auto after = before;
    carry_out(after, plan.moves, random);
    check_end(before, after, plan.moves);
    for (auto& c : after.candidates) {
      for (const auto& move : plan.moves) c.promised.bytes += move.to == c.peer ? move.size_bytes.value_or(0) : 0;
    }
    check_complete(before, after, request, plan);

    auto shuffled = before;
    auto pins = before.list();
    std::ranges::shuffle(pins, random);
    std::ranges::shuffle(shuffled.candidates, random);
    for (auto& pin : pins) std::ranges::shuffle(pin.allocations, random);
    auto again = plan_of(shuffled, request, pins);
    EXPECT_EQ(again.moves, plan.moves) << "the order of the input matters";
    EXPECT_EQ(again.blocked, plan.blocked);
    EXPECT_EQ(again.summary, plan.summary);
    if (HasFailure()) break;
  }
  for (auto goal : {Goal::kRepair, Goal::kDrain, Goal::kReplace, Goal::kRebalance, Goal::kTopUp}) {
    EXPECT_GT(moves[goal], 500U) << static_cast<int>(goal);
  }
}

TEST(PlanProperties, PlanningAndCarryingOutComesToAnEnd) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto now = world(random, one_in(random, 2));
    auto request = some_request(random, now);
    size_t rounds = 0;
    for (auto plan = plan_of(now, request, now.list()); !plan.moves.empty(); plan = plan_of(now, request, now.list())) {
      ASSERT_LT(++rounds, 200U) << plan.summary << ": " << plan.moves[0].reason;
      carry_out(now, plan.moves, random);
      for (const auto& move : plan.moves) {
        for (auto& c : now.candidates) {
          auto size = move.size_bytes.value_or(0);
          if (move.from == c.peer) {
            --c.pins;
            if (c.free_bytes) *c.free_bytes += size;
          }
          if (move.to == c.peer) {
            ++c.pins;
            if (c.free_bytes) *c.free_bytes -= size;
          }
        }
      }
      if (HasFailure()) return;
    }
  }
}

TEST(PlanProperties, PinsOfferedInPiecesGiveTheSamePlan) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto all = world(random, one_in(random, 2));
    auto request = some_request(random, all);
    auto pins = all.list();
    Planner planner(Peers(all.candidates), all.policy, request);
    std::span<const PlanPin> rest(pins);
    while (!rest.empty()) {
      auto piece = std::min(rest.size(), 1 + below(random, 7));
      planner.offer(rest.first(piece));
      rest = rest.subspan(piece);
    }
    EXPECT_EQ(std::move(planner).finish().moves, plan_of(all, request, pins).moves);
  }
}

}  // namespace
}  // namespace ipfsc::allocator
