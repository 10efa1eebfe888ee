// Passwords as the configuration has them: in clear text, or as a scrypt hash (RFC 7914) in the PHC format
// "$scrypt$ln=15,r=8,p=1$<salt>$<hash>".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfsc::api::auth {

struct ScryptHash {
  unsigned log_n = 15, r = 8, p = 1;  ///< 32 MiB, about 0.1 s of a core
  Bytes salt, hash;
  bool operator==(const ScryptHash&) const = default;

  /// Blocks for as long as its costs say.
  Result<bool> matches(std::string_view password) const;
  std::string to_string() const;
};

/// nullopt: a password in clear text. kInvalidArgument for a hash that cannot be used: malformed, costlier than
/// 256 MiB, or of another function.
Result<std::optional<ScryptHash>> parse_password_hash(std::string_view text);

/// With a salt of its own. Blocks.
Result<ScryptHash> hash_password(std::string_view password);

}  // namespace ipfsc::api::auth
