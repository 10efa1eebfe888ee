#include "api/common/caller.h"

#include <fmt/format.h>

namespace ipfsc::api::common {
namespace {

constexpr size_t kMaxIdempotencyKeyBytes = 256;

}  // namespace

std::string actor_of(const net::Request& request, std::string_view api) {
  std::string actor(api);
  if (auto login = net::parse_basic_auth(request.header("Authorization").value_or(""))) actor += ":" + login->first;
  return actor;
}

Result<Bytes> idempotency_key(const net::Request& request) {
  auto key = request.header("Idempotency-Key");
  if (!key) return Bytes();
  if (key->empty() || key->size() > kMaxIdempotencyKeyBytes) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("the header Idempotency-Key must have 1 to {} bytes", kMaxIdempotencyKeyBytes));
  }
  return Bytes(*key);
}

}  // namespace ipfsc::api::common
