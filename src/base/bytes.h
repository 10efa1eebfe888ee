// Owned and borrowed byte strings. std::string is used as the owner because RocksDB, protobuf and Beast speak it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfsc {

using Bytes = std::string;
using ByteView = std::string_view;

inline const uint8_t* u8(ByteView bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }
inline uint8_t* u8(Bytes& bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }
inline ByteView as_bytes(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);
/// Accepts upper and lower case; an odd length or another character is kInvalidArgument.
Result<Bytes> from_hex(std::string_view text);

/// Base64 of RFC 4648 with padding (identity.json, basic auth).
std::string to_base64(ByteView bytes);
Result<Bytes> from_base64(std::string_view text);

/// Unsigned LEB128 as in the multiformats unsigned-varint specification: at most 9 bytes, shortest form only.
void append_varint(Bytes& out, uint64_t value);
size_t varint_size(uint64_t value);
/// Reads one varint from the front of `in` and removes it there. kInvalidArgument when truncated, not minimal or
/// longer than 9 bytes.
Result<uint64_t> take_varint(ByteView& in);

/// Big-endian fixed width: key parts that sort by value.
void append_be32(Bytes& out, uint32_t value);
void append_be64(Bytes& out, uint64_t value);
uint32_t read_be32(const char* p);
uint64_t read_be64(const char* p);

}  // namespace ipfsc
