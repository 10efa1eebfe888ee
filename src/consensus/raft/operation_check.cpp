#include "consensus/raft/operation_check.h"

#include "base/text.h"

namespace ipfsc::consensus {
namespace {

Result<> check_text(std::string_view field, std::string_view text) {
  if (is_utf8(text)) return {};
  return fail(ErrorKind::kInvalidArgument, fmt::format("the {} {} is not valid UTF-8", field, quoted(text)));
}

Result<> check_pin(const proto::Pin& pin) {
  TRY(check_text("name of the pin", pin.options().name()));
  for (const auto& item : pin.options().sorted_metadata()) {
    TRY(check_text("metadata key", item.key()));
    TRY(check_text("metadata value", item.value()));
  }
  for (const auto& [key, value] : pin.options().old_metadata()) {
    TRY(check_text("metadata key", key));
    TRY(check_text("metadata value", value));
  }
  return {};
}

Result<> check_work(const proto::Work& work) {
  for (const auto& move : work.moves()) TRY(check_text("reason", move.reason()));
  return {};
}

}  // namespace

Result<> check_operation(const proto::Operation& operation) {
  TRY(check_text("actor", operation.actor()));
  switch (operation.body_case()) {
    case proto::Operation::kPinPut:
      TRY(check_text("owner", operation.pin_put().owner()));
      TRY(check_text("claim", operation.pin_put().claim()));
      TRY(check_work(operation.pin_put().work()));
      return check_pin(operation.pin_put().pin());
    case proto::Operation::kPinRemove:
      TRY(check_text("owner", operation.pin_remove().owner()));
      TRY(check_work(operation.pin_remove().work()));
      return check_text("claim", operation.pin_remove().claim());
    case proto::Operation::kRecordPut:
      return check_text("kind of the record", operation.record_put().kind());
    case proto::Operation::kRecordRemove:
      return check_text("kind of the record", operation.record_remove().kind());
    case proto::Operation::kPeerPut:
      return check_text("name of the peer", operation.peer_put().name());
    case proto::Operation::kPeerChange:
      return check_text("name of the peer", operation.peer_change().name());
    case proto::Operation::kWorkPut:
      return check_work(operation.work_put().work());
    case proto::Operation::kPinMove:
      return check_work(operation.pin_move().work());
    case proto::Operation::kPeerRemove:
    case proto::Operation::kWorkRemove:
    case proto::Operation::kTrim:
    case proto::Operation::kApplyVersion:
    case proto::Operation::kClusterInit:
      return {};
    case proto::Operation::BODY_NOT_SET:
      break;
  }
  return fail(ErrorKind::kInvalidArgument, "an operation without a body cannot be written");
}

}  // namespace ipfsc::consensus
