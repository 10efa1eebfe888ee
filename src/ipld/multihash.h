// Multihashes: a hash function's code, the digest's length and the digest, in one byte string.
// Source: the multihash specification and the multicodec table of multiformats.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ipfsc::ipld {

/// Functions that this program computes. BLAKE2 has one code for each digest length: kBlake2bFirst is 8 bits,
/// kBlake2bLast 512 bits; kBlake2sFirst is 8 bits, kBlake2sLast 256 bits.
enum class HashCode : uint64_t {
  kIdentity = 0x00,
  kSha2_256 = 0x12,
  kSha2_512 = 0x13,
  kSha3_512 = 0x14,
  kSha3_384 = 0x15,
  kSha3_256 = 0x16,
  kSha3_224 = 0x17,
  kBlake2bFirst = 0xb201,
  kBlake2b256 = 0xb220,
  kBlake2b512 = 0xb240,
  kBlake2bLast = 0xb240,
  kBlake2sFirst = 0xb241,
  kBlake2s256 = 0xb260,
  kBlake2sLast = 0xb260,
};

/// Longest digest that a multihash may carry here; also the most that the identity function takes.
inline constexpr size_t kMaxDigestBytes = 128;
/// A digest that was cut shorter than this proves nothing: such multihashes parse, and fail to verify.
inline constexpr size_t kMinVerifiableDigestBytes = 20;

/// "sha2-256" (any case) → its code, also of functions that are known by name only; kInvalidArgument when unknown.
Result<HashCode> hash_code_from_name(std::string_view name);
/// "sha2-256"; "0x…" for a code that is not in the table.
std::string hash_name(uint64_t code);
/// True when hash_bytes() can compute it.
bool hash_supported(uint64_t code);

/// A well-formed multihash: a value, ordered by its bytes. Its function need not be one that can be computed.
class Multihash {
 public:
  Multihash() = default;
  /// The whole input must be one multihash: kInvalidArgument when truncated, overlong or longer than kMaxDigestBytes.
  static Result<Multihash> parse(ByteView whole);
  /// The same from the front of `in`, which is left behind it.
  static Result<Multihash> take(ByteView& in);
  /// `digest` must not exceed kMaxDigestBytes.
  static Multihash wrap(uint64_t code, ByteView digest);

  uint64_t code() const;
  ByteView digest() const;
  const Bytes& bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

  auto operator<=>(const Multihash&) const = default;
  bool operator==(const Multihash&) const = default;

 private:
  explicit Multihash(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
};

/// Hashes `data`; thread safe, about 1.6 GB/s for sha2-256. kUnimplemented with the function's name when it is not
/// supported, kInvalidArgument when the identity function gets more than kMaxDigestBytes.
Result<Multihash> hash_bytes(uint64_t code, ByteView data);
inline Result<Multihash> hash_bytes(HashCode code, ByteView data) {
  return hash_bytes(static_cast<uint64_t>(code), data);
}
/// The 32 raw bytes, without a multihash's front.
Bytes sha2_256(ByteView data);

/// kDataLoss when `data` does not have this multihash; errors of hash_bytes() and of Multihash::parse(). A digest
/// that was cut to at least kMinVerifiableDigestBytes is compared on the bytes it has.
Result<> verify_bytes(ByteView multihash, ByteView data);

}  // namespace ipfsc::ipld
