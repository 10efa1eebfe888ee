#include "cluster/record_entries.h"

namespace ipfsc::cluster {

proto::Operation put_record(std::string_view kind, ByteView key, ByteView value, std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  auto& put = *operation.mutable_record_put();
  put.set_kind(std::string(kind));
  put.set_key(std::string(key));
  put.set_value(std::string(value));
  return operation;
}

proto::Operation remove_record(std::string_view kind, ByteView key, std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  operation.mutable_record_remove()->set_kind(std::string(kind));
  operation.mutable_record_remove()->set_key(std::string(key));
  return operation;
}

}  // namespace ipfsc::cluster
