// Movements that a user asks for, planned by the leader: rebalance, top-up, replace.
#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "cluster/mover.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr std::string_view kPlan = "Membership/Plan";
constexpr std::string_view kReplaced = "goes when the copies that replace it are there";
constexpr Duration kPlanTime = std::chrono::minutes(10);  // all pins are looked at
constexpr Duration kLeaderTime = std::chrono::seconds(10);

/// Of a planned move or of one under way.
template <class Move>
PlannedMove from_proto(ipld::Cid cid, const Move& move) {
  PlannedMove out{.cid = std::move(cid), .from = {}, .to = {}, .reason = move.reason()};
  if (auto from = ipld::PeerId::from_bytes(move.from())) out.from = *std::move(from);
  if (auto to = ipld::PeerId::from_bytes(move.to())) out.to = *std::move(to);
  return out;
}

MovementPlan from_proto(const proto::PlanAnswer& answer) {
  MovementPlan plan{.moves = {},
                    .pins = answer.pins(),
                    .blocked_pins = answer.blocked_pins(),
                    .more = answer.more(),
                    .summary = answer.summary()};
  for (const auto& move : answer.moves()) {
    auto cid = ipld::Cid::from_bytes(move.cid());
    if (cid) plan.moves.push_back(from_proto(*std::move(cid), move));
  }
  return plan;
}

Result<allocator::PlanRequest> goal_of(const proto::PlanRequest& request) {
  if (request.goal() == proto::PlanRequest::TOP_UP) return allocator::PlanRequest{.goal = allocator::Goal::kTopUp};
  if (request.goal() == proto::PlanRequest::REBALANCE)
    return allocator::PlanRequest{.goal = allocator::Goal::kRebalance};
  allocator::PlanRequest wanted{.goal = allocator::Goal::kReplace};
  TRY_ASSIGN(auto leaving, ipld::PeerId::from_bytes(request.leaving()));
  wanted.leaving.push_back(std::move(leaving));
  TRY_ASSIGN(wanted.replacement, ipld::PeerId::from_bytes(request.replacement()));
  return wanted;
}

proto::PlanAnswer to_proto(const allocator::Plan& plan) {
  proto::PlanAnswer answer;
  for (const auto& move : plan.moves) {
    auto& to = *answer.add_moves();
    to.set_cid(move.cid.bytes());
    if (move.from) to.set_from(move.from->bytes());
    if (move.to) to.set_to(move.to->bytes());
    to.set_reason(move.reason);
  }
  answer.set_pins(plan.pins);
  answer.set_blocked_pins(plan.blocked_pins);
  answer.set_more(plan.more);
  answer.set_summary(plan.summary);
  return answer;
}

}  // namespace

void Cluster::serve_plans(rpc::Router& router) {
  router.add_unary(std::string(kPlan), rpc::Access::kMember, [this](rpc::CallInfo, Bytes bytes) -> Task<Bytes> {
    proto::PlanRequest request;
    if (!request.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
    CO_TRY_ASSIGN(auto plan, co_await plan_as_leader(request));
    co_return plan.SerializeAsString();
  });
}

/// The leader's answer to `request`; empty = this peer leads and has to answer itself.
Task<std::optional<Bytes>> Cluster::ask_leader(std::string_view method, Bytes request, Duration time) {
  CO_TRY(co_await consensus_.wait_ready(runtime_.now() + kLeaderTime));
  if (consensus_.is_leader()) co_return std::optional<Bytes>();
  auto leader = consensus_.leader();
  if (!leader) co_return fail(ErrorKind::kUnavailable, consensus_.trouble());
  CO_TRY_ASSIGN(auto answer, co_await client_.call(*leader, method, std::move(request), runtime_.now() + time));
  co_return std::optional<Bytes>(std::move(answer));
}

Task<proto::PlanAnswer> Cluster::plan_as_leader(const proto::PlanRequest& request) {
  if (!consensus_.is_leader()) co_return fail(ErrorKind::kUnavailable, "this peer is not the leader");
  CO_TRY_ASSIGN(auto wanted, goal_of(request));
  CO_TRY_ASSIGN(auto plan, co_await mover_->plan_all(std::move(wanted)));
  if (!request.dry_run()) {
    auto planned = plan.moves.size();
    CO_TRY_ASSIGN(plan.moves, co_await mover_->begin(std::move(plan.moves)));
    plan.more |= plan.moves.size() < planned;
  }
  co_return to_proto(plan);
}

Task<MovementPlan> Cluster::plan_movements(PlanGoal goal, bool dry_run) {
  if (!dry_run) CO_TRY(check_writable());
  proto::PlanRequest request;
  request.set_goal(goal == PlanGoal::kTopUp ? proto::PlanRequest::TOP_UP : proto::PlanRequest::REBALANCE);
  request.set_dry_run(dry_run);
  co_return co_await ask_for_plan(request);
}

Task<MovementPlan> Cluster::ask_for_plan(const proto::PlanRequest& request) {
  CO_TRY_ASSIGN(auto remote, co_await ask_leader(kPlan, request.SerializeAsString(), kPlanTime));
  if (!remote) {
    CO_TRY_ASSIGN(auto answer, co_await plan_as_leader(request));
    co_return from_proto(answer);
  }
  proto::PlanAnswer answer;
  if (!answer.ParseFromString(*remote)) co_return fail(ErrorKind::kInternal, "the leader's answer is damaged");
  co_return from_proto(answer);
}

Task<Movements> Cluster::movements(size_t limit) {
  Movements all{.paused = movements_paused(state_), .under_way = state_.counters().work, .moves = {}};
  ipld::Cid after;
  while (all.moves.size() < limit) {
    auto page = co_await run_blocking(runtime_, [&] { return state_.work_after(after, limit - all.moves.size()); });
    CO_TRY(page);
    if (page->empty()) break;
    after = page->back().cid;
    for (auto& item : *page) {
      for (const auto& move : item.work.moves()) {
        all.moves.push_back(from_proto(item.cid, move));
        all.moves.back().started = WallTime(std::chrono::milliseconds(move.started_ms()));
      }
      for (const auto& bytes : item.work.leaving()) {
        auto from = ipld::PeerId::from_bytes(bytes);
        if (from)
          all.moves.push_back(
              {.cid = item.cid, .from = *std::move(from), .to = {}, .reason = std::string(kReplaced), .started = {}});
      }
    }
  }
  co_return all;
}

Task<> Cluster::pause_movements(bool pause) {
  CO_TRY(check_writable());
  std::vector<proto::Operation> operations;
  operations.push_back(cluster::pause_movements(pause));
  CO_TRY(co_await submit(std::move(operations)));
  log.info("movements are {}", pause ? "paused" : "resumed");
  co_return Result<>{};
}

}  // namespace ipfsc::cluster
