// Reading and writing of stored rows: LEB128 numbers and length-prefixed bytes. Inside state/ only.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace ipfsc::state {

inline void put_number(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}
inline void put_signed(Bytes& out, int64_t value) {
  put_number(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}
inline void put_bytes(Bytes& out, ByteView bytes) {
  put_number(out, bytes.size());
  out.append(bytes);
}

/// Reads from the front; after the first thing that does not fit, ok() is false and everything reads as 0 or empty.
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}

  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !in_.empty(); shift += 7) {
      auto byte = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    spoil();
    return 0;
  }
  int64_t signed_number() {
    uint64_t value = number();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  ByteView bytes() { return take(number()); }
  ByteView take(size_t size) {
    if (size > in_.size()) {
      spoil();
      return {};
    }
    ByteView out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }
  ByteView rest() const { return in_; }
  bool ok() const { return ok_; }
  /// ok() and nothing left.
  bool finished() const { return ok_ && in_.empty(); }
  void spoil() {
    ok_ = false;
    in_ = {};
  }

 private:
  ByteView in_;
  bool ok_ = true;
};

/// A row that cannot be read: the database is damaged.
inline std::unexpected<Error> bad_row(std::string_view what) {
  return fail(ErrorKind::kDataLoss, "the state has a damaged row: " + std::string(what));
}

}  // namespace ipfsc::state
