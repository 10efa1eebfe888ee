#include "cluster/move_entries.h"

#include "cluster/apply_version.h"
#include "cluster/pin_rules.h"

namespace ipfsc::cluster {
namespace {

constexpr const char* kActor = "failover";

}  // namespace

void append_change(std::vector<proto::Operation>& out, const state::StoredPin& seen, CopyChange change,
                   uint32_t apply_version) {
  proto::Operation operation;
  operation.set_actor(kActor);
  auto& move = *operation.mutable_pin_move();
  move.set_cid(seen.pin.cid.bytes());
  if (change.add) move.add_add(change.add->bytes());
  for (const auto& peer : change.remove) move.add_remove(peer.bytes());
  if (apply_version >= kPartialChanges) {
    move.set_if_revision(seen.revision);
    *move.mutable_work() = std::move(change.work);
    out.push_back(std::move(operation));
    return;
  }
  if (change.add || !change.remove.empty()) out.push_back(std::move(operation));
  out.push_back(work_operation(seen.pin.cid, change.work, kActor));
}

std::optional<proto::Operation> attach_work(proto::Operation& put, std::optional<proto::Work> work,
                                            uint32_t apply_version) {
  if (!work) return std::nullopt;
  if (apply_version < kPartialChanges) {
    auto cid = ipld::Cid::from_bytes(put.pin_put().pin().cid());
    if (!cid) return std::nullopt;
    return work_operation(*cid, *work, put.actor());
  }
  *put.mutable_pin_put()->mutable_work() = *std::move(work);
  return std::nullopt;
}

}  // namespace ipfsc::cluster
