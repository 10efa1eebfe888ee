#include "state/applier.h"

#include "base/check.h"
#include "base/version.h"
#include "state/codec.h"
#include "state/known.h"

namespace ipfsc::state {

Outcome refused(std::string detail) { return {.status = OutcomeStatus::kRefused, .detail = std::move(detail)}; }
Outcome not_found(std::string detail) { return {.status = OutcomeStatus::kNotFound, .detail = std::move(detail)}; }
Outcome guard_failed(Revision now) {
  return {.status = OutcomeStatus::kGuardFailed,
          .revision = now,
          .detail = now == 0 ? "it is not there" : "it was changed meanwhile"};
}
Outcome unchanged(Revision now) { return {.status = OutcomeStatus::kUnchanged, .revision = now}; }

Result<Outcome> Applier::apply(uint32_t n, const proto::Operation& operation) {
  if (!is_known(operation)) {
    return fail(
        ErrorKind::kUnimplemented,
        fmt::format("operation {} is not of a kind that this program ({}) knows: use a newer one", n, kVersion));
  }
  t_.begin_operation(n, operation.actor());
  const auto& id = operation.request_id();
  if (id.empty()) {
    TRY_ASSIGN(Outcome outcome, dispatch(operation));
    outcome.index = t_.head.applied;
    return outcome;
  }
  if (id.size() > kMaxRequestIdBytes) {
    Outcome outcome = refused(fmt::format("the request id is longer than {} bytes", kMaxRequestIdBytes));
    outcome.index = t_.head.applied;
    return outcome;
  }
  TRY_ASSIGN(const Bytes* first, t_.find(kRequests, key::request(id)));
  if (first != nullptr) return answer_again(*first, operation);
  TRY_ASSIGN(Outcome outcome, dispatch(operation));
  outcome.index = t_.head.applied;
  store_request(id, outcome);
  return outcome;
}

Result<Outcome> Applier::dispatch(const proto::Operation& operation) {
  switch (operation.body_case()) {
    case proto::Operation::kPinPut:
      return pin_put(operation.pin_put());
    case proto::Operation::kPinRemove:
      return pin_remove(operation.pin_remove());
    case proto::Operation::kPinMove:
      return pin_move(operation.pin_move());
    case proto::Operation::kRecordPut:
      return record_put(operation.record_put());
    case proto::Operation::kRecordRemove:
      return record_remove(operation.record_remove());
    case proto::Operation::kPeerPut:
      return peer_put(operation.peer_put());
    case proto::Operation::kPeerChange:
      return peer_change(operation.peer_change());
    case proto::Operation::kPeerRemove:
      return peer_remove(operation.peer_remove());
    case proto::Operation::kWorkPut:
      return work_put(operation.work_put());
    case proto::Operation::kWorkRemove:
      return work_remove(operation.work_remove());
    case proto::Operation::kTrim:
      return trim(operation.trim());
    case proto::Operation::kApplyVersion:
      return apply_version(operation.apply_version());
    case proto::Operation::kClusterInit:
      return cluster_init(operation.cluster_init());
    case proto::Operation::BODY_NOT_SET:
      break;
  }
  CHECK(false);  // is_known()
}

// A row of `requests`: the operation's revision, status, revision that it led to, detail.
void Applier::store_request(ByteView id, const Outcome& outcome) {
  Bytes row;
  put_number(row, t_.revision());
  put_number(row, static_cast<uint64_t>(outcome.status));
  put_number(row, outcome.revision);
  row.append(outcome.detail);
  t_.put(kRequests, key::request(id), std::move(row));
  Bytes order;
  put_number(order, t_.head.time_ms);
  order.append(id);
  t_.put_unread(kRequests, key::request_order(t_.revision()), order);
  ++t_.head.counters.requests;
}

Result<Outcome> read_request(ByteView row) {
  Reader in(row);
  Outcome outcome;
  outcome.status = OutcomeStatus::kDuplicate;
  outcome.index = revision_index(in.number());
  outcome.first = static_cast<OutcomeStatus>(in.number());
  outcome.revision = in.number();
  outcome.detail = in.rest();
  if (!in.ok()) return bad_row("request");
  return outcome;
}

Result<Outcome> Applier::answer_again(ByteView first, const proto::Operation& operation) {
  TRY_ASSIGN(Outcome outcome, read_request(first));
  ByteView cid;
  if (operation.has_pin_put()) cid = operation.pin_put().pin().cid();
  if (operation.has_pin_move()) cid = operation.pin_move().cid();
  if (!cid.empty()) {
    TRY_ASSIGN(auto row, t_.find_pin(cid));
    TRY_ASSIGN(outcome.after, to_pin(cid, row));
  }
  return outcome;
}

}  // namespace ipfsc::state
