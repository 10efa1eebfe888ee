#include "cluster/cluster.h"
#include "cluster/pin_rules.h"

namespace ipfsc::cluster {

Task<model::Pin> Cluster::unpin(ipld::Cid cid, Caller caller) {
  CO_TRY(check_writable());
  CO_TRY_ASSIGN(auto stored, state_.get(cid));
  // A repeated request gets its first answer from the log, so it is not turned away here.
  if (!stored && caller.request_id.empty()) co_return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  if (stored) CO_TRY(check_unpin(stored->pin));
  proto::Operation operation;
  operation.set_actor(std::move(caller.actor));
  operation.set_request_id(std::move(caller.request_id));
  operation.mutable_pin_remove()->set_cid(cid.bytes());
  std::vector<proto::Operation> operations;
  operations.push_back(std::move(operation));
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  const auto& outcome = outcomes.front();
  auto status = outcome.status == state::OutcomeStatus::kDuplicate ? outcome.first : outcome.status;
  if (status == state::OutcomeStatus::kNotFound) co_return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  if (status == state::OutcomeStatus::kRefused) co_return fail(ErrorKind::kInvalidArgument, outcome.detail);
  // What was just added and is not wanted any more is garbage from now on.
  if (auto held = held_.find(cid); held != held_.end()) held->second->notify_all();
  if (outcome.before) co_return *outcome.before;
  if (stored) co_return std::move(stored->pin);
  model::Pin gone;  // a repetition after the pin has left: only its CID is known
  gone.cid = cid;
  co_return gone;
}

}  // namespace ipfsc::cluster
