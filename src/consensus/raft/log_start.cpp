#include "consensus/log_start.h"

#include <fmt/format.h>

namespace ipfsc::consensus {
namespace {

constexpr std::string_view kRecord = "log-start";  // persistent: docs/formats.md

// A new incarnation numbers its members anew.
Bytes key_of(const state::State& state, uint64_t raft_id) {
  Bytes key;
  append_be64(key, state.info().incarnation);
  append_be64(key, raft_id);
  return key;
}

}  // namespace

Result<KnownStart> known_start(const state::State& state, uint64_t raft_id) {
  KnownStart known{.start = {.raft_id = raft_id}};
  TRY_ASSIGN(auto record, state.record(kRecord, key_of(state, raft_id)));
  if (!record) return known;
  if (record->value.size() != 16) return fail(ErrorKind::kInternal, "a damaged record of a start of the log");
  known.start.count = read_be64(record->value.data());
  known.start.random = read_be64(record->value.data() + 8);
  known.revision = record->revision;
  return known;
}

Result<> check_not_old(const LogStart& start, const LogStart& known) {
  bool old = start.count < known.count || (start.count == known.count && start.random != known.random);
  if (start.count == 0 || !old) return {};
  return fail(
      ErrorKind::kDataLoss,
      fmt::format("the log of member {} is an old copy: this is its start {}, and the cluster has seen start {} "
                  "of the log itself; set it aside with `ipfs-cluster-service state cleanup` and join the "
                  "cluster anew with --bootstrap",
                  start.raft_id, start.count, known.count));
}

proto::Operation record_start(const state::State& state, const LogStart& start, const KnownStart& known) {
  proto::Operation operation;
  operation.set_actor("membership");
  auto& put = *operation.mutable_record_put();
  put.set_kind(std::string(kRecord));
  put.set_key(key_of(state, start.raft_id));
  append_be64(*put.mutable_value(), start.count);
  append_be64(*put.mutable_value(), start.random);
  put.set_if_revision(known.revision);
  return operation;
}

}  // namespace ipfsc::consensus
