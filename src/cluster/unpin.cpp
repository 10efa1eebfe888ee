#include "cluster/cluster.h"
#include "cluster/pin_rules.h"

namespace ipfsc::cluster {
namespace {

proto::Operation remove_pin(const ipld::Cid& cid, const Caller& caller) {
  proto::Operation operation;
  operation.set_actor(caller.actor);
  operation.set_request_id(caller.request_id);
  operation.mutable_pin_remove()->set_cid(cid.bytes());
  return operation;
}

}  // namespace

/// The pin as it was before `outcome`; `stored`: as it was when it was asked for.
Result<model::Pin> Cluster::unpinned(const ipld::Cid& cid, const state::Outcome& outcome,
                                     std::optional<state::StoredPin> stored) {
  auto status = outcome.status == state::OutcomeStatus::kDuplicate ? outcome.first : outcome.status;
  if (status == state::OutcomeStatus::kNotFound) return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  if (status == state::OutcomeStatus::kRefused) return fail(ErrorKind::kInvalidArgument, outcome.detail);
  // What was just added and is not wanted any more is garbage from now on.
  if (auto held = held_.find(cid); held != held_.end()) held->second->notify_all();
  if (outcome.before) return *outcome.before;
  if (stored) return std::move(stored->pin);
  model::Pin gone;  // a repetition after the pin has left: only its CID is known
  gone.cid = cid;
  return gone;
}

Task<model::Pin> Cluster::unpin(ipld::Cid cid, Caller caller) {
  CO_TRY(check_writable());
  CO_TRY_ASSIGN(auto stored, state_.get(cid));
  // A repeated request gets its first answer from the log, so it is not turned away here.
  if (!stored && caller.request_id.empty()) co_return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  if (stored) CO_TRY(check_unpin(stored->pin));
  std::vector<proto::Operation> operations;
  operations.push_back(remove_pin(cid, caller));
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  co_return unpinned(cid, outcomes.front(), std::move(stored));
}

Task<std::vector<Result<model::Pin>>> Cluster::unpin_many(std::vector<ipld::Cid> cids, Caller caller) {
  CO_TRY(check_writable());
  caller.request_id.clear();  // of the whole: a repetition finds nothing to do
  std::vector<Result<model::Pin>> results;
  std::vector<proto::Operation> operations;
  std::vector<size_t> submitted;  // index in `results` of each operation
  for (const auto& cid : cids) {
    CO_TRY_ASSIGN(auto stored, state_.get(cid));
    auto may = stored ? check_unpin(stored->pin) : fail(ErrorKind::kNotFound, std::string(kNotInPinset));
    if (may) {
      submitted.push_back(results.size());
      operations.push_back(remove_pin(cid, caller));
      results.emplace_back(std::move(stored->pin));
    } else {
      results.push_back(fail(may.error()));
    }
  }
  if (operations.empty()) co_return results;
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  for (size_t i = 0; i < outcomes.size(); ++i) {
    results[submitted[i]] = unpinned(cids[submitted[i]], outcomes[i], std::nullopt);
  }
  co_return results;
}

}  // namespace ipfsc::cluster
