// Pinning: validate and plan here, order in the log, answer when it is applied on this peer.
#include "cluster/cluster.h"
#include "cluster/move_entries.h"
#include "cluster/replacing.h"

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
      return fail(ErrorKind::kAlreadyExists, std::string(kInPinset));  // the only guard that is used here
    default:
      return fail(ErrorKind::kInvalidArgument, outcome.detail);
  }
  model::Pin pin = outcome.after ? *outcome.after : asked;
  pin.options.user_allocations = asked.options.user_allocations;
  pin.timestamp = asked.timestamp;
  return pin;
}

}  // namespace

Task<std::optional<state::Outcome>> Cluster::first_outcome(Bytes request_id) {
  if (request_id.empty()) co_return std::nullopt;
  CO_TRY(co_await consensus_.barrier(runtime_.now() + options_.write_timeout));
  co_return state_.request(request_id);
}

Result<PinSituation> Cluster::situation_of(const ipld::Cid& cid) const {
  PinSituation situation{.existing = {}, .work = {}, .now = runtime_.wall_now()};
  TRY_ASSIGN(auto existing, state_.get(cid));
  if (!existing) return situation;
  situation.existing = std::move(existing->pin);
  situation.many_claims = existing->many_claims;
  TRY_ASSIGN(situation.work, state_.work(cid));
  return situation;
}

Result<PlannedPin> Cluster::plan(const ipld::Cid& cid, model::PinOptions options, const PinSituation& situation) {
  if (!options.pin_update || *options.pin_update == cid) return plan_pin(options_, cid, std::move(options), situation);
  TRY_ASSIGN(auto from, state_.get(*options.pin_update));
  if (!from) return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  return plan_update(options_, from->pin, cid, std::move(options), situation);
}

Result<PlannedPin> Cluster::plan(const ipld::Cid& cid, model::PinOptions options) {
  // Point reads are done in place: they take microseconds, less than the way to a worker and back.
  TRY_ASSIGN(auto situation, situation_of(cid));
  return plan(cid, std::move(options), situation);
}

/// `sent_to`: an add has sent the content there already.
Task<PlacedPin> Cluster::plan_and_place(const ipld::Cid& cid, model::PinOptions options, const Placed& sent_to) {
  CO_TRY_ASSIGN(auto planned, plan(cid, std::move(options)));
  if (planned.holders.empty()) planned.holders = sent_to.peers;
  co_return co_await place(std::move(planned), {}, sent_to.reservation);
}

/// What `who` and all others that claim the pin ask for together.
Result<model::PinOptions> Cluster::merged_options(const PlannedPin& planned, const ClaimName& who) const {
  if (!planned.many_claims && who == ClaimName{}) return planned.pin.options;
  TRY_ASSIGN(auto claims, state_.claims(planned.pin.cid));
  return with_claim(claims, who, planned.pin).options;
}

/// `planned` is the claim of `who`: the copies are those that it and the other claims ask for together.
Task<PlacedPin> Cluster::place(PlannedPin planned, const ClaimName& who, const Bytes& reservation) {
  CO_TRY_ASSIGN(auto options, merged_options(planned, who));
  auto request = allocate_request(planned.pin.cid, options, planned.holders);
  request.set_reservation(reservation);
  auto answer = co_await placement_.place(std::move(request));
  co_return placed_by(std::move(planned), std::move(answer));
}

/// `answer`: the leader's, perhaps. The pin may have moved while it was asked.
Result<PlacedPin> Cluster::placed_by(PlannedPin planned, Result<Placed> answer) const {
  TRY(answer);
  TRY_ASSIGN(auto now, situation_of(planned.pin.cid));
  return placed_at(std::move(planned), std::move(now), std::move(answer->peers));
}

PlacedPin Cluster::placed_at(PlannedPin planned, PinSituation now, std::vector<ipld::PeerId> peers) {
  auto replaced = replace_copies(now.existing, now.work, std::move(peers));
  planned.pin.allocations = std::move(replaced.allocations);
  PlacedPin out{.pin = std::move(planned.pin), .work = std::move(replaced.work)};
  // Together they hold whatever the leader makes of the pin meanwhile.
  if (now.existing && !out.work) out.work = std::move(now.work).value_or(proto::Work());
  return out;
}

/// One result for each of `pins`; the leader is asked about all of them at once.
Task<std::vector<Result<PlacedPin>>> Cluster::place_many(std::vector<std::pair<ipld::Cid, model::PinOptions>> pins,
                                                         bool only_new) {
  std::vector<Result<PlacedPin>> placed;
  placed.reserve(pins.size());
  std::vector<std::pair<size_t, PlannedPin>> asked;  // index in `placed`
  std::vector<proto::AllocateRequest> requests;
  for (auto& [cid, options] : pins) {
    auto begin = [&]() -> Result<PlacedPin> {
      TRY_ASSIGN(auto situation, situation_of(cid));
      if (only_new && situation.existing) return fail(ErrorKind::kAlreadyExists, std::string(kInPinset));
      TRY_ASSIGN(auto planned, plan(cid, std::move(options), situation));
      TRY_ASSIGN(auto merged, merged_options(planned, {}));
      auto request = allocate_request(cid, merged, planned.holders);
      if (auto here = placement_.place_here(request)) {
        TRY(*here);
        return placed_at(std::move(planned), std::move(situation), std::move((*here)->peers));
      }
      asked.emplace_back(placed.size(), std::move(planned));
      requests.push_back(std::move(request));
      return PlacedPin();
    };
    placed.push_back(begin());
  }
  if (asked.empty()) co_return placed;
  CO_TRY_ASSIGN(auto answers, co_await placement_.ask(std::move(requests)));
  for (size_t i = 0; i < asked.size(); ++i) {
    auto& [index, planned] = asked[i];
    placed[index] = placed_by(std::move(planned), std::move(answers[i]));
  }
  co_return placed;
}

Task<PinPreview> Cluster::preview_pin(ipld::Cid cid, model::PinOptions options) {
  CO_TRY_ASSIGN(auto planned, plan(cid, std::move(options)));
  CO_TRY_ASSIGN(auto merged, merged_options(planned, {}));
  auto request = allocate_request(cid, merged, planned.holders);
  request.set_only_look(true);
  CO_TRY_ASSIGN(auto placed, co_await placement_.place(std::move(request)));
  planned.pin.allocations = std::move(placed.peers);
  co_return PinPreview{std::move(planned.pin), std::move(placed.verdicts)};
}

Task<model::Pin> Cluster::pin(ipld::Cid cid, model::PinOptions options, Caller caller) {
  return pin(std::move(cid), std::move(options), std::move(caller), {});
}

Task<model::Pin> Cluster::pin(ipld::Cid cid, model::PinOptions options, Caller caller, Placed sent_to) {
  CO_TRY(check_writable());
  auto placed = co_await plan_and_place(cid, options, sent_to);
  if (!placed) {
    // A repetition gets its first answer, also when it could not be done now.
    CO_TRY_ASSIGN(auto first, co_await first_outcome(std::move(caller.request_id)));
    if (!first) co_return fail(placed.error());
    CO_TRY_ASSIGN(auto stored, state_.get(cid));
    if (stored) first->after = std::move(stored->pin);
    co_return answer(*first, {.options = std::move(options), .cid = std::move(cid), .timestamp = runtime_.wall_now()});
  }
  std::vector<proto::Operation> operations;
  operations.push_back(pin_operation(placed->pin, std::move(caller.actor), std::move(caller.request_id)));
  if (auto work = attach_work(operations.front(), std::move(placed->work), state_.info().apply_version)) {
    operations.push_back(*std::move(work));
  }
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  co_return answer(outcomes.front(), placed->pin);
}

Task<std::vector<Result<model::Pin>>> Cluster::pin_many(std::vector<std::pair<ipld::Cid, model::PinOptions>> pins,
                                                        Caller caller, bool only_new) {
  CO_TRY(check_writable());
  std::vector<Result<model::Pin>> results;
  std::vector<proto::Operation> operations, works;
  std::vector<size_t> submitted;  // index in `results` of each of `operations`
  auto version = state_.info().apply_version;
  CO_TRY_ASSIGN(auto all, co_await place_many(std::move(pins), only_new));
  for (auto& placed : all) {
    if (!placed) {
      results.push_back(fail(placed.error()));
      continue;
    }
    submitted.push_back(results.size());
    operations.push_back(pin_operation(placed->pin, caller.actor, {}));
    if (only_new) operations.back().mutable_pin_put()->set_if_revision(0);
    if (auto work = attach_work(operations.back(), std::move(placed->work), version)) works.push_back(*std::move(work));
    results.push_back(std::move(placed->pin));
  }
  if (operations.empty()) co_return results;
  std::ranges::move(works, std::back_inserter(operations));
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  for (size_t i = 0; i < submitted.size(); ++i) results[submitted[i]] = answer(outcomes[i], *results[submitted[i]]);
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
