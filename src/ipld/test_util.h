// Helpers of this folder's tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipld {

inline Bytes hex(std::string_view digits) { return from_hex(digits).value(); }

/// kind(result) == ErrorKind::kInvalidArgument reads better than two assertions.
template <class T>
ErrorKind kind(const Result<T>& result) {
  return result ? ErrorKind{} : result.error().kind;
}
template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(engine_); }
  Bytes bytes(size_t size) {
    Bytes out(size, '\0');
    for (char& c : out) c = static_cast<char>(engine_());
    return out;
  }
  /// A few bytes changed, removed, doubled or cut off.
  Bytes mutate(Bytes bytes) {
    for (size_t i = 1 + below(3); i > 0 && !bytes.empty(); --i) {
      size_t at = below(bytes.size());
      switch (below(5)) {
        case 0:
          bytes[at] = static_cast<char>(engine_());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 2:
          bytes.erase(at, 1 + below(4));
          break;
        case 3:
          bytes.insert(at, bytes.substr(at, 1 + below(8)));
          break;
        default:
          bytes.resize(at);
          break;
      }
    }
    return bytes;
  }

 private:
  std::mt19937_64 engine_;
};

inline Cid raw_cid(ByteView block) {
  return Cid::of(1, kRaw, static_cast<uint64_t>(HashCode::kSha2_256), block).value();
}

}  // namespace ipfsc::ipld
