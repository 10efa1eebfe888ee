#include "consensus/raft/operation_check.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

namespace ipfsc::consensus {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Puts bytes that are not UTF-8 into each string field of the message in turn, sub-messages included, and checks the
/// whole.
int spoil_each_string(Message& message, const std::function<void(const std::string&)>& check) {
  int count = 0;
  const auto* reflection = message.GetReflection();
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      if (field->is_repeated()) {
        reflection->AddString(&message, field, "\xff");
      } else {
        reflection->SetString(&message, field, "\xff");
      }
      check(field->full_name());
      reflection->ClearField(&message, field);
      ++count;
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      Message* inner =
          field->is_repeated() ? reflection->AddMessage(&message, field) : reflection->MutableMessage(&message, field);
      count += spoil_each_string(*inner, check);
      reflection->ClearField(&message, field);
    }
  }
  return count;
}

TEST(OperationCheck, NoTextThatCannotBeReadBackIsAccepted) {
  const auto* body = proto::Operation::descriptor()->FindOneofByName("body");
  int count = 0;
  for (int i = 0; i < body->field_count(); ++i) {
    proto::Operation operation;
    Message* inner = operation.GetReflection()->MutableMessage(&operation, body->field(i));
    EXPECT_TRUE(check_operation(operation).has_value()) << body->field(i)->name();
    count += spoil_each_string(*inner, [&](const std::string& field) {
      auto checked = check_operation(operation);
      EXPECT_FALSE(checked.has_value()) << field;
      if (!checked) EXPECT_EQ(checked.error().kind, ErrorKind::kInvalidArgument);
    });
  }
  EXPECT_GT(count, 10);
  proto::Operation operation;
  EXPECT_FALSE(check_operation(operation).has_value());
  operation.mutable_trim();
  operation.set_actor("\xc3");
  EXPECT_FALSE(check_operation(operation).has_value());
}

}  // namespace
}  // namespace ipfsc::consensus
