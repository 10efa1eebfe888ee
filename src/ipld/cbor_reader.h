// CBOR items one after the other: what the two readers of dag-cbor share. Internal to ipld/.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipld {

enum class CborMajor : uint8_t { kUint, kNegative, kBytes, kText, kList, kMap, kTag, kSimple };

inline constexpr uint64_t kCborLinkTag = 42;

/// The first bytes of an item. `argument` is the integer, the length, the count, the tag or the bits of a float;
/// `info` tells the simple values apart: 20 false, 21 true, 22 null, 23 undefined, 25 to 27 floats of 16 to 64 bits.
struct CborHead {
  CborMajor major;
  uint8_t info;
  uint64_t argument;
};

class CborReader {
 public:
  /// `strict`: refuse what is not canonical.
  CborReader(ByteView input, bool strict) : input_(input), strict_(strict) {}

  Result<CborHead> take_head();
  /// The bytes or text whose head was taken. For a list or map take_count() checks that so many items can follow.
  Result<ByteView> take_bytes(const CborHead& head);
  Result<uint64_t> take_count(const CborHead& head);
  /// The CID whose tag was taken.
  Result<Cid> take_link(const CborHead& head);
  /// A key of a map.
  Result<ByteView> take_key();

  bool at_end() const { return at_ == input_.size(); }
  /// kInvalidArgument, with the byte offset of the item that was taken last.
  std::unexpected<Error> invalid(const std::string& why) const;

 private:
  ByteView input_;
  bool strict_;
  size_t at_ = 0;
  size_t item_ = 0;
};

}  // namespace ipfsc::ipld
