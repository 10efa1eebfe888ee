// Protobuf's wire format, as much as IPLD and libp2p use. Internal to ipld/.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ipfsc::ipld::wire {

enum Type : uint8_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

struct Field {
  uint64_t number = 0;
  Type type = kVarint;
  uint64_t value = 0;  ///< of kVarint and the fixed ones
  ByteView bytes;      ///< of kLengthDelimited: a view into the input
};

/// One field from the front of `in`. kInvalidArgument when truncated, for groups and for field number 0; with
/// `shortest` also for integers that are not in their shortest form.
Result<Field> take_field(ByteView& in, bool shortest);
/// All 64 bits (the multiformats varint has 63).
Result<uint64_t> take_integer(ByteView& in, bool shortest);

void append_tag(Bytes& out, uint64_t number, Type type);
void append_integer(Bytes& out, uint64_t number, uint64_t value);
void append_bytes(Bytes& out, uint64_t number, ByteView bytes);

/// Sizes of what the functions above append, for field numbers below 16.
size_t integer_size(uint64_t value);
size_t bytes_size(size_t size);

}  // namespace ipfsc::ipld::wire
