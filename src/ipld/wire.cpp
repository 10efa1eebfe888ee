#include "ipld/wire.h"

#include <fmt/format.h>

#include <cstring>

namespace ipfsc::ipld::wire {
namespace {

constexpr size_t kMaxIntegerBytes = 10;

template <class Word>
Result<uint64_t> take_fixed(ByteView& in) {
  Word word;
  if (in.size() < sizeof word) return fail(ErrorKind::kInvalidArgument, "truncated fixed-size integer");
  std::memcpy(&word, in.data(), sizeof word);
  in.remove_prefix(sizeof word);
  return word;
}

}  // namespace

Result<uint64_t> take_integer(ByteView& in, bool shortest) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxIntegerBytes; ++i) {
    if (i >= in.size()) return fail(ErrorKind::kInvalidArgument, "truncated integer");
    auto byte = static_cast<uint8_t>(in[i]);
    if (i == kMaxIntegerBytes - 1 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    if (shortest && byte == 0 && i > 0) {
      return fail(ErrorKind::kInvalidArgument, "an integer is not in its shortest form");
    }
    in.remove_prefix(i + 1);
    return value;
  }
  return fail(ErrorKind::kInvalidArgument, "an integer has more than 64 bits");
}

Result<Field> take_field(ByteView& in, bool shortest) {
  TRY_ASSIGN(uint64_t tag, take_integer(in, shortest));
  Field field{.number = tag >> 3, .type = static_cast<Type>(tag & 7), .value = 0, .bytes = {}};
  if (field.number == 0) return fail(ErrorKind::kInvalidArgument, "field number 0");
  switch (field.type) {
    case kVarint: {
      TRY_ASSIGN(field.value, take_integer(in, shortest));
      return field;
    }
    case kFixed64: {
      TRY_ASSIGN(field.value, take_fixed<uint64_t>(in));
      return field;
    }
    case kFixed32: {
      TRY_ASSIGN(field.value, take_fixed<uint32_t>(in));
      return field;
    }
    case kLengthDelimited: {
      TRY_ASSIGN(uint64_t size, take_integer(in, shortest));
      if (size > in.size()) {
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("field {} announces {} bytes, {} are there", field.number, size, in.size()));
      }
      field.bytes = in.substr(0, size);
      in.remove_prefix(size);
      return field;
    }
  }
  return fail(ErrorKind::kInvalidArgument, fmt::format("field {} has wire type {}", field.number, tag & 7));
}

void append_tag(Bytes& out, uint64_t number, Type type) { append_varint(out, number << 3 | type); }

void append_integer(Bytes& out, uint64_t number, uint64_t value) {
  append_tag(out, number, kVarint);
  append_varint(out, value);
}

void append_bytes(Bytes& out, uint64_t number, ByteView bytes) {
  append_tag(out, number, kLengthDelimited);
  append_varint(out, bytes.size());
  out.append(bytes);
}

size_t integer_size(uint64_t value) { return 1 + varint_size(value); }
size_t bytes_size(size_t size) { return 1 + varint_size(size) + size; }

}  // namespace ipfsc::ipld::wire
