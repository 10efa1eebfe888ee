// Multibase text: a prefix character that names the base, then the digits.
// Source: the multibase specification; RFC 4648 for bases 16, 32 and 64.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ipfsc::ipld {

/// Longest text that is decoded. Bases 36 and 58 cost time by the square of the length: 2 ms at this length.
inline constexpr size_t kMaxMultibaseChars = 16 * 1024;

/// Text with its prefix: f F (16), b B (32), k K (36), z (58btc), u (64url). Bases 16, 32 and 36 take both cases.
/// kUnimplemented naming the base for another registered one, else kInvalidArgument. Padding, and last digits with
/// bits that no encoder writes, are refused.
Result<Bytes> multibase_decode(std::string_view text);
/// `prefix` must be one of those above.
std::string multibase_encode(char prefix, ByteView bytes);

/// Base58 of Bitcoin without a prefix. About 200 ns for a CID of version 0.
std::string base58_encode(ByteView bytes);
Result<Bytes> base58_decode(std::string_view text);

}  // namespace ipfsc::ipld
