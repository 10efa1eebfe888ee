// Pinning: validate and plan here, order in the log, answer when it is applied on this peer.
#include "cluster/cluster.h"
#include "cluster/pin_rules.h"

namespace ipfsc::cluster {
namespace {

/// The stored pin with what only the request knows echoed, or why it was not done.
Result<model::Pin> answer(const state::Outcome& outcome, const model::Pin& asked) {
  auto status = outcome.status == state::OutcomeStatus::kDuplicate ? outcome.first : outcome.status;
  switch (status) {
    case state::OutcomeStatus::kApplied:
    case state::OutcomeStatus::kUnchanged:
      break;
    case state::OutcomeStatus::kNotFound:
      return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
    case state::OutcomeStatus::kGuardFailed:
      return fail(ErrorKind::kAborted, outcome.detail);
    default:
      return fail(ErrorKind::kInvalidArgument, outcome.detail);
  }
  model::Pin pin = outcome.after ? *outcome.after : asked;
  pin.options.user_allocations = asked.options.user_allocations;
  pin.timestamp = asked.timestamp;
  return pin;
}

}  // namespace

Result<model::Pin> Cluster::plan(const ipld::Cid& cid, model::PinOptions options, const PeerView& view) {
  // Point reads are done in place: they take microseconds, less than the way to a worker and back.
  PinSituation situation{.peers = view.peers, .policy = view.policy, .now = runtime_.wall_now()};
  TRY_ASSIGN(auto existing, state_.get(cid));
  if (existing) situation.existing = std::move(existing->pin);
  if (options.pin_update && *options.pin_update != cid) {
    TRY_ASSIGN(auto from, state_.get(*options.pin_update));
    if (!from) return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
    return plan_update(options_, from->pin, cid, std::move(options), situation);
  }
  TRY_ASSIGN(auto planned, plan_pin(options_, cid, std::move(options), situation));
  if (!planned.everywhere()) picture_.promised(planned.allocations, cid);
  return planned;
}

/// A peer that has not heard all metrics yet lets the leader choose.
Task<model::Pin> Cluster::plan_anywhere(const ipld::Cid& cid, model::PinOptions options) {
  auto pin = plan(cid, options, {picture_.peers(), picture_.policy()});
  auto refused = [&pin] { return !pin && pin.error().kind == ErrorKind::kFailedPrecondition; };
  if (refused()) {  // perhaps for what was true a moment ago
    picture_.refresh();
    pin = plan(cid, options, {picture_.peers(), picture_.policy()});
  }
  if (!refused() || consensus_.is_leader() || calls_.others().empty()) co_return pin;
  auto chosen = co_await ask_for_allocation(cid, options);
  if (!chosen || chosen->empty()) co_return pin;
  auto peers = allocator::Peers::plain(*chosen);
  co_return plan(cid, std::move(options), {peers, {}});
}

Task<model::Pin> Cluster::pin(ipld::Cid cid, model::PinOptions options, Caller caller) {
  CO_TRY(check_writable());
  CO_TRY_ASSIGN(auto pin, co_await plan_anywhere(cid, std::move(options)));
  std::vector<proto::Operation> operations;
  operations.push_back(pin_operation(pin, std::move(caller.actor), std::move(caller.request_id)));
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  co_return answer(outcomes.front(), pin);
}

Task<std::vector<Result<model::Pin>>> Cluster::pin_many(std::vector<std::pair<ipld::Cid, model::PinOptions>> pins,
                                                        Caller caller) {
  CO_TRY(check_writable());
  std::vector<Result<model::Pin>> results;
  std::vector<proto::Operation> operations;
  std::vector<size_t> submitted;  // index in `results` of each operation
  for (auto& [cid, options] : pins) {
    results.push_back(co_await plan_anywhere(cid, std::move(options)));
    if (!results.back()) continue;
    submitted.push_back(results.size() - 1);
    operations.push_back(pin_operation(*results.back(), caller.actor, {}));
  }
  if (operations.empty()) co_return results;
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  for (size_t i = 0; i < outcomes.size(); ++i) results[submitted[i]] = answer(outcomes[i], *results[submitted[i]]);
  co_return results;
}

Task<ipld::Cid> Cluster::resolve(std::string path) {
  auto rest = std::string_view(path);
  for (std::string_view prefix : {"/ipfs/", "/ipld/"}) {
    if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      // A CID alone needs no IPFS node.
      if (rest.find('/') == std::string_view::npos) co_return ipld::Cid::parse(rest);
      path = "/ipfs/" + std::string(rest);
      break;
    }
  }
  co_return co_await ipfs_.resolve(std::move(path));
}

Task<model::Pin> Cluster::allocation(ipld::Cid cid) {
  CO_TRY_ASSIGN(auto stored, state_.get(cid));
  if (!stored) co_return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  co_return std::move(stored->pin);
}

}  // namespace ipfsc::cluster
