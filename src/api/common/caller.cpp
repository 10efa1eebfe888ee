#include "api/common/caller.h"

#include <fmt/format.h>

#include "api/auth/identity.h"

namespace ipfsc::api::common {
namespace {

constexpr size_t kMaxIdempotencyKeyBytes = 256;

}  // namespace

std::string actor_of(const net::Request& request, std::string_view api) {
  auto user = auth::identity_of(request).user;
  if (user.empty()) {
    // On an open API it is what the client says.
    if (auto login = net::parse_basic_auth(request.header("Authorization").value_or(""))) user = login->first;
  }
  return user.empty() ? std::string(api) : fmt::format("{}:{}", api, user);
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
