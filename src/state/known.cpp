// The messages are named by hand: to look for them by reflection would cost more than applying the operation. A new
// message inside an operation is to be named here; State.KnowsEveryMessageInsideAnOperation finds one that is not.
#include "state/known.h"

#include <algorithm>

namespace ipfsc::state {
namespace {

bool is_flat_known(const google::protobuf::Message& message) {
  return message.GetReflection()->GetUnknownFields(message).empty();
}

bool is_pin_known(const proto::Pin& pin) {
  return is_flat_known(pin) && is_flat_known(pin.options()) &&
         std::ranges::all_of(pin.options().sorted_metadata(), is_flat_known);
}

bool is_work_known(const proto::Work& work) {
  return is_flat_known(work) && std::ranges::all_of(work.moves(), is_flat_known);
}

}  // namespace

bool is_known(const proto::Operation& operation) {
  if (!is_flat_known(operation)) return false;
  switch (operation.body_case()) {
    case proto::Operation::kPinPut:
      return is_flat_known(operation.pin_put()) && is_pin_known(operation.pin_put().pin()) &&
             is_work_known(operation.pin_put().work());
    case proto::Operation::kPinRemove:
      return is_flat_known(operation.pin_remove()) && is_work_known(operation.pin_remove().work());
    case proto::Operation::kPinMove:
      return is_flat_known(operation.pin_move()) && is_work_known(operation.pin_move().work());
    case proto::Operation::kRecordPut:
      return is_flat_known(operation.record_put());
    case proto::Operation::kRecordRemove:
      return is_flat_known(operation.record_remove());
    case proto::Operation::kPeerPut:
      return is_flat_known(operation.peer_put());
    case proto::Operation::kPeerChange:
      return is_flat_known(operation.peer_change()) && is_flat_known(operation.peer_change().addresses());
    case proto::Operation::kPeerRemove:
      return is_flat_known(operation.peer_remove());
    case proto::Operation::kWorkPut:
      return is_flat_known(operation.work_put()) && is_work_known(operation.work_put().work());
    case proto::Operation::kWorkRemove:
      return is_flat_known(operation.work_remove());
    case proto::Operation::kTrim:
      return is_flat_known(operation.trim());
    case proto::Operation::kApplyVersion:
      return is_flat_known(operation.apply_version());
    case proto::Operation::kClusterInit:
      return is_flat_known(operation.cluster_init());
    case proto::Operation::BODY_NOT_SET:
      break;
  }
  return false;
}

}  // namespace ipfsc::state
