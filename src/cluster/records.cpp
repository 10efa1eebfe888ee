#include "cluster/records.h"

#include "cluster/record_entries.h"

namespace ipfsc::cluster {

Result<std::optional<state::Record>> Records::get(std::string_view kind, ByteView key) const {
  return state_.record(kind, key);
}

Result<std::vector<state::Record>> Records::list(std::string_view kind, ByteView after, size_t max) const {
  return state_.records(kind, after, max);
}

Task<state::Outcome> Records::submit(proto::Operation operation) {
  if (options_.follower_mode) {
    co_return fail(ErrorKind::kFailedPrecondition,
                   "this peer is configured to be in follower mode. Write operations are disabled");
  }
  std::vector<proto::Operation> operations;
  operations.push_back(std::move(operation));
  auto deadline = runtime_.now() + options_.write_timeout;
  CO_TRY_ASSIGN(auto outcomes, co_await consensus_.submit(std::move(operations), deadline));
  co_return std::move(outcomes.front());
}

Task<> Records::put(std::string kind, Bytes key, Bytes value, uint64_t if_revision, std::string actor) {
  auto operation = put_record(kind, key, value, std::move(actor));
  operation.mutable_record_put()->set_if_revision(if_revision);
  CO_TRY_ASSIGN(auto outcome, co_await submit(std::move(operation)));
  switch (outcome.status) {
    case state::OutcomeStatus::kApplied:
    case state::OutcomeStatus::kUnchanged:
      co_return Result<>{};
    case state::OutcomeStatus::kGuardFailed:
      co_return fail(ErrorKind::kAborted, std::move(outcome.detail));
    default:
      co_return fail(ErrorKind::kInvalidArgument, std::move(outcome.detail));
  }
}

Task<> Records::remove(std::string kind, Bytes key, std::string actor) {
  CO_TRY_ASSIGN(auto outcome, co_await submit(remove_record(kind, key, std::move(actor))));
  if (outcome.status == state::OutcomeStatus::kNotFound || outcome.status == state::OutcomeStatus::kUnchanged) {
    co_return fail(ErrorKind::kNotFound, "there is no such record");
  }
  co_return Result<>{};
}

}  // namespace ipfsc::cluster
