// links: api
#include "api/auth/jwt.h"
#include "api/auth/password.h"
#include "api/auth/tokens.h"
#include "base/check.h"

using namespace ipfsc;
using namespace ipfsc::api::auth;

/// Nothing but what was signed with the key is taken, and that is. A password's hash comes back as it was.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_bytes(data, size);
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  auto key = [](std::string_view issuer) -> std::optional<Bytes> { return "key of " + std::string(issuer); };
  if (auto issuer = verify_jwt(text, key, now)) {
    CHECK(!issuer->empty());
    // Another key does not open it.
    CHECK(!verify_jwt(text, [](std::string_view) -> std::optional<Bytes> { return "another"; }, now));
  }
  auto hash = parse_password_hash(text);
  if (hash && *hash) {
    auto again = parse_password_hash((*hash)->to_string());
    CHECK(again && *again && **again == **hash);
  }
  if (auto name = token_name(text)) CHECK(check_token_name(*name));
  (void)decode_token("name", text);
  return 0;
}
