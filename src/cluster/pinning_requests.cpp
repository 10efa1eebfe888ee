// What changes requests of the pinning service.
#include "cluster/pinning_requests.h"

#include "cluster/move_entries.h"
#include "cluster/record_entries.h"
#include "ipld/multihash.h"
#include "proto/pinning.pb.h"

namespace ipfsc::cluster {
namespace {

std::string actor_of(const PinningCaller& caller) { return caller.user.empty() ? "pinning" : "pinning:" + caller.user; }

ClaimName claim_of(const std::string& user, const RequestId& id) { return {pinning_owner(user), id.to_string()}; }

/// The id under which the log remembers the outcome of the n-th operation of what `caller` asks; "" without a key.
Bytes outcome_id(const PinningCaller& caller, std::string_view doing, size_t n) {
  if (caller.idempotency_key.empty()) return {};
  Bytes text = pinning_prefix(caller.user);
  append_varint(text, doing.size());
  text += doing;
  append_varint(text, n);
  text += caller.idempotency_key;
  return "pinning " + ipld::sha2_256(text);
}

std::unexpected<Error> no_such_request() { return fail(ErrorKind::kNotFound, "there is no request with this id"); }

constexpr size_t kRecordAt = 1;  // of the operations of a new request: the record's
constexpr size_t kOldAt = 2;     // the end of the one that it replaces

}  // namespace

Result<RequestId> PinningRequests::new_id(const std::string& user) {
  auto self = cluster_.state_.peer(cluster_.options_.self);
  uint64_t number = self ? self->number.value : 0;
  for (;;) {
    last_created_ = request_time(cluster_.runtime_.wall_now(), last_created_, number);
    RequestId id{last_created_, cluster_.runtime_.random()};
    // Only this peer gives times with its number; after a restart with a clock that was set back it may have given
    // them.
    Bytes same_time = pinning_key(user, id);
    same_time.resize(same_time.size() - sizeof id.random);
    TRY_ASSIGN(auto taken, cluster_.state_.records(kPinningRecords, same_time, 1));
    if (taken.empty() || !taken.front().key.starts_with(same_time)) return id;
  }
}

Result<std::optional<PinningRequest>> PinningRequests::find(const std::string& user, const std::string& id) const {
  auto parsed = RequestId::parse(id);
  if (!parsed) return std::nullopt;
  TRY_ASSIGN(auto record, cluster_.state_.record(kPinningRecords, pinning_key(user, *parsed)));
  if (!record) return std::nullopt;
  return decode_pinning(user, record->key, record->value);
}

Task<PinningRequest> PinningRequests::must_find(std::string user, std::string id) {
  CO_TRY_ASSIGN(auto request, find(user, id));
  if (!request && RequestId::parse(id)) {  // this peer may not have heard yet of one that was made through another
    CO_TRY(co_await cluster_.consensus_.barrier(cluster_.runtime_.now() + cluster_.options_.write_timeout));
    CO_TRY_ASSIGN(request, find(user, id));
  }
  if (!request) co_return no_such_request();
  co_return *std::move(request);
}

Result<> PinningRequests::check_room(const std::string& user, const ipld::Cid& cid) const {
  TRY_ASSIGN(auto claims, cluster_.state_.claims(cid));
  auto owner = pinning_owner(user);
  auto mine = std::ranges::count(claims, owner, &state::Claim::owner);
  if (static_cast<size_t>(mine) < options_.requests_for_one_cid) return {};
  return fail(ErrorKind::kFailedPrecondition,
              fmt::format("there are {} requests for {} already, the most that one user may have for one CID: delete "
                          "those that are not needed",
                          mine, cid.to_string()));
}

/// The claim, the record, and the end of the one that is replaced, as one entry.
Task<PinningRequests::Operations> PinningRequests::claim_operations(const PinningCaller& caller,
                                                                    const PinningRequest& request,
                                                                    const std::optional<PinningRequest>& old) {
  const auto& cid = request.pin.cid;
  model::PinOptions options;
  options.name = request.pin.name;
  options.metadata = request.pin.meta;
  options.origins = request.pin.origins;
  if (old && old->pin.cid != cid) options.pin_update = old->pin.cid;
  auto who = claim_of(caller.user, request.id);
  CO_TRY_ASSIGN(auto situation, cluster_.situation_of(cid));
  CO_TRY_ASSIGN(auto planned, plan_pin(cluster_.options_, cid, std::move(options), situation));
  if (old && planned.holders.empty()) {
    // Only the difference is to be fetched where the old content is.
    CO_TRY_ASSIGN(auto stored, cluster_.state_.get(old->pin.cid));
    if (stored) planned.holders = stored->pin.allocations;
  }
  CO_TRY_ASSIGN(auto placed, co_await cluster_.place(std::move(planned), who, {}));
  Operations operations;
  operations.push_back(pin_operation(placed.pin, actor_of(caller), {}));
  operations.back().mutable_pin_put()->set_owner(who.owner);
  operations.back().mutable_pin_put()->set_claim(who.claim);
  auto work = attach_work(operations.back(), std::move(placed.work), cluster_.state_.info().apply_version);
  operations.push_back(
      put_record(kPinningRecords, pinning_key(caller.user, request.id), encode_pinning(request.pin), actor_of(caller)));
  if (old) {
    auto key = pinning_key(caller.user, old->id);
    operations.push_back(remove_record(kPinningRecords, key, actor_of(caller)));
    proto::ReplacedRecord replaced;
    replaced.set_cid(old->pin.cid.bytes());
    replaced.set_owner(who.owner);
    replaced.set_claim(old->id.to_string());
    replaced.set_by_cid(cid.bytes());
    replaced.set_by_claim(who.claim);
    operations.push_back(put_record(kReplacedRecords, key, replaced.SerializeAsString(), actor_of(caller)));
    operations.back().mutable_record_put()->set_if_revision(0);
  }
  if (work) operations.push_back(*std::move(work));
  co_return operations;
}

/// What the first try of a repetition made; nullopt: this is the first.
Task<std::optional<PinningItem>> PinningRequests::earlier(const PinningCaller& caller, const std::string& doing,
                                                          const ipld::Cid& cid) {
  CO_TRY_ASSIGN(auto first, co_await cluster_.first_outcome(outcome_id(caller, doing, kRecordAt)));
  if (!first) co_return std::nullopt;
  auto owner = pinning_owner(caller.user);
  CO_TRY_ASSIGN(auto claims, cluster_.state_.claims(cid));
  for (const auto& claim : claims) {
    auto id = RequestId::parse(claim.claim);
    if (claim.owner != owner || !id) continue;
    CO_TRY_ASSIGN(auto record, cluster_.state_.record(kPinningRecords, pinning_key(caller.user, *id)));
    if (!record || record->revision != first->revision) continue;
    CO_TRY_ASSIGN(auto request, decode_pinning(caller.user, record->key, record->value));
    co_return co_await item(std::move(request));
  }
  co_return fail(ErrorKind::kAborted,
                 "the Idempotency-Key was used before: for another CID, or its request has been deleted since");
}

Task<> PinningRequests::undo(const PinningCaller& caller, const PinningRequest& request) {
  CO_TRY_ASSIGN(auto operations, co_await end_operations(caller, request));
  CO_TRY(co_await cluster_.submit(std::move(operations)));
  co_return Result<>{};
}

Task<PinningItem> PinningRequests::put(PinningCaller caller, PinningPin pin, std::optional<std::string> replaced) {
  CO_TRY(cluster_.check_writable());
  std::string doing = replaced ? "replace " + *replaced : "add";
  CO_TRY_ASSIGN(auto repeated, co_await earlier(caller, doing, pin.cid));
  if (repeated) co_return *std::move(repeated);
  std::optional<PinningRequest> old;
  if (replaced) {
    CO_TRY_ASSIGN(old, co_await must_find(caller.user, *replaced));
  }
  CO_TRY(check_room(caller.user, pin.cid));
  CO_TRY_ASSIGN(auto id, new_id(caller.user));
  PinningRequest request{id, std::move(pin)};
  CO_TRY_ASSIGN(auto operations, co_await claim_operations(caller, request, old));
  for (size_t n = 0; n < operations.size(); ++n) operations[n].set_request_id(outcome_id(caller, doing, n));
  CO_TRY_ASSIGN(auto outcomes, co_await cluster_.submit(std::move(operations)));
  using enum state::OutcomeStatus;
  if (outcomes[kRecordAt].status == kDuplicate) {  // two tries at once
    CO_TRY_ASSIGN(repeated, co_await earlier(caller, doing, request.pin.cid));
    if (repeated) co_return *std::move(repeated);
    co_return fail(ErrorKind::kAborted, "the Idempotency-Key was forgotten meanwhile");
  }
  if (outcomes.front().status == kRefused) {
    CO_TRY(co_await undo(caller, request));
    co_return fail(ErrorKind::kInvalidArgument, outcomes.front().detail);
  }
  if (old && outcomes[kOldAt].status != kApplied) {  // it was deleted or replaced at the same moment
    CO_TRY(co_await undo(caller, request));
    co_return no_such_request();
  }
  co_return co_await item(std::move(request));
}

Task<PinningItem> PinningRequests::add(PinningCaller caller, PinningPin pin) {
  return put(std::move(caller), std::move(pin), std::nullopt);
}

Task<PinningItem> PinningRequests::replace(PinningCaller caller, std::string id, PinningPin pin) {
  return put(std::move(caller), std::move(pin), std::move(id));
}

/// The record's comes first, and says whether the request was there.
Task<PinningRequests::Operations> PinningRequests::end_operations(const PinningCaller& caller,
                                                                  const PinningRequest& request) {
  auto who = claim_of(caller.user, request.id);
  Operations operations;
  operations.push_back(remove_record(kPinningRecords, pinning_key(caller.user, request.id), actor_of(caller)));
  CO_TRY_ASSIGN(auto end, co_await cluster_.end_claim(request.pin.cid, who, actor_of(caller)));
  std::ranges::move(end, std::back_inserter(operations));
  co_return operations;
}

Task<> PinningRequests::remove(PinningCaller caller, std::string id) {
  CO_TRY(cluster_.check_writable());
  auto doing = "remove " + id;
  auto request = co_await must_find(caller.user, id);
  if (!request && request.error().kind == ErrorKind::kNotFound) {
    CO_TRY_ASSIGN(auto first, co_await cluster_.first_outcome(outcome_id(caller, doing, 0)));
    if (first && first->first == state::OutcomeStatus::kApplied) co_return Result<>{};
  }
  CO_TRY(request);
  CO_TRY_ASSIGN(auto operations, co_await end_operations(caller, *request));
  for (size_t n = 0; n < operations.size(); ++n) operations[n].set_request_id(outcome_id(caller, doing, n));
  CO_TRY_ASSIGN(auto outcomes, co_await cluster_.submit(std::move(operations)));
  const auto& outcome = outcomes.front();
  auto status = outcome.status == state::OutcomeStatus::kDuplicate ? outcome.first : outcome.status;
  if (status == state::OutcomeStatus::kNotFound) co_return no_such_request();
  co_return Result<>{};
}

}  // namespace ipfsc::cluster
