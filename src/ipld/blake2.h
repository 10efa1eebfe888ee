// BLAKE2b and BLAKE2s without a key, for any digest length. Source: RFC 7693. (OpenSSL has one length of each.)
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace ipfsc::ipld {

inline constexpr size_t kMaxBlake2bBytes = 64;
inline constexpr size_t kMaxBlake2sBytes = 32;

/// `digest_bytes` from 1 to kMaxBlake2bBytes. About 0.5 GB/s.
Bytes blake2b(size_t digest_bytes, ByteView data);
/// `digest_bytes` from 1 to kMaxBlake2sBytes. About 0.3 GB/s.
Bytes blake2s(size_t digest_bytes, ByteView data);

}  // namespace ipfsc::ipld
