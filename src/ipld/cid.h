// Content identifiers, versions 0 and 1. Source: the CID specification of multiformats.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "ipld/multihash.h"

namespace ipfsc::ipld {

/// How the bytes of a block are read: codes of the multicodec table.
enum Codec : uint64_t {
  kCbor = 0x51,
  kRaw = 0x55,
  kDagPb = 0x70,
  kDagCbor = 0x71,
  kLibp2pKey = 0x72,
  kDagJose = 0x85,
  kDagJson = 0x0129,
  kJson = 0x0200,
};

/// "dag-pb"; "0x…" for a code that is not in the table.
std::string codec_name(uint64_t codec);
/// kInvalidArgument naming it when it is not in the table.
Result<uint64_t> codec_from_name(std::string_view name);

/// Longest text that Cid::parse() looks at.
inline constexpr size_t kMaxCidChars = 512;

/// A value: copyable, ordered by its binary form, hashable. Default-constructed it is undefined: empty().
class Cid {
 public:
  Cid() = default;
  /// "Qm…" (version 0) or multibase text of version 1; kInvalidArgument otherwise, naming a base that is known but not
  /// read here. About 150 ns for base 32.
  static Result<Cid> parse(std::string_view text);
  /// The whole input must be one CID.
  static Result<Cid> from_bytes(ByteView binary);
  /// One CID from the front of `in`, which is left behind it (CAR sections).
  static Result<Cid> take(ByteView& in);
  /// `sha256_digest` must have 32 bytes.
  static Cid v0(ByteView sha256_digest);
  static Cid v1(uint64_t codec, const Multihash& hash);
  /// Hashes the block. Version 0 needs dag-pb and sha2-256 (else kInvalidArgument); errors of hash_bytes().
  static Result<Cid> of(int version, uint64_t codec, uint64_t hash_code, ByteView block);

  bool empty() const { return bytes_.empty(); }
  /// These three need a CID that is not empty().
  int version() const;
  uint64_t codec() const;
  ByteView multihash() const;  ///< valid as long as this object
  uint64_t hash_code() const;
  ByteView digest() const;

  const Bytes& bytes() const { return bytes_; }
  /// Version 0 as base58btc, version 1 as base 32 with its prefix; "" when empty(). About 80 ns for version 1.
  std::string to_string() const;
  /// The same text at the end of `out`: listings avoid a string for each line.
  void append_to(std::string& out) const;
  /// Version 1 in another base (multibase prefix); version 0 knows only its own.
  std::string to_string(char multibase_prefix) const;

  auto operator<=>(const Cid&) const = default;
  bool operator==(const Cid&) const = default;

 private:
  explicit Cid(Bytes bytes) : bytes_(std::move(bytes)) {}
  bool is_v0() const { return bytes_.size() == 34 && bytes_[0] == 0x12; }
  Bytes bytes_;
};

struct Block {
  Cid cid;
  Bytes data;
  bool operator==(const Block&) const = default;
};

/// kDataLoss when the data's hash differs, kUnimplemented naming a function that is not supported. Thread safe.
Result<> verify_block(const Cid& cid, ByteView data);

}  // namespace ipfsc::ipld

template <>
struct std::hash<ipfsc::ipld::Cid> {
  size_t operator()(const ipfsc::ipld::Cid& cid) const noexcept { return std::hash<std::string_view>()(cid.bytes()); }
};
