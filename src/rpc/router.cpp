#include "base/check.h"
#include "rpc/rpc.h"

namespace ipfsc::rpc {

void Router::add_unary(std::string name, Access access, UnaryHandler handler) {
  CHECK(methods_.emplace(std::move(name), Method{access, std::move(handler), {}}).second);
}

void Router::add_stream(std::string name, Access access, StreamHandler handler) {
  CHECK(methods_.emplace(std::move(name), Method{access, {}, std::move(handler)}).second);
}

const Router::Method* Router::find(std::string_view name) const {
  auto it = methods_.find(name);
  return it == methods_.end() ? nullptr : &it->second;
}

}  // namespace ipfsc::rpc
