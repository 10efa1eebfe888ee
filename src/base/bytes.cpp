#include "base/bytes.h"

#include <array>
#include <bit>
#include <cstring>

namespace ipfsc {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kMaxVarintBytes = 9;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<int8_t, 256> base64_values() {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (int i = 0; i < 64; ++i) table[static_cast<uint8_t>(kBase64[i])] = static_cast<int8_t>(i);
  return table;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) {
    out.push_back(kHexDigits[c >> 4]);
    out.push_back(kHexDigits[c & 15]);
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorKind::kInvalidArgument, "odd length hex string");
  Bytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = hex_value(text[i]);
    int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) {
      return fail(ErrorKind::kInvalidArgument, "invalid hex digit at position " + std::to_string(high < 0 ? i : i + 1));
    }
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  size_t i = 0;
  const uint8_t* p = u8(bytes);
  for (; i + 3 <= bytes.size(); i += 3) {
    uint32_t group = p[i] << 16 | p[i + 1] << 8 | p[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) out.push_back(kBase64[group >> shift & 63]);
  }
  if (size_t rest = bytes.size() - i; rest == 1) {
    uint32_t group = p[i] << 16;
    out += {kBase64[group >> 18 & 63], kBase64[group >> 12 & 63], '=', '='};
  } else if (rest == 2) {
    uint32_t group = p[i] << 16 | p[i + 1] << 8;
    out += {kBase64[group >> 18 & 63], kBase64[group >> 12 & 63], kBase64[group >> 6 & 63], '='};
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  static constexpr auto kValues = base64_values();
  if (text.size() % 4 != 0) return fail(ErrorKind::kInvalidArgument, "base64 length is not a multiple of 4");
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    int value = i >= text.size() - padding ? 0 : kValues[static_cast<uint8_t>(text[i])];
    if (value < 0)
      return fail(ErrorKind::kInvalidArgument, "invalid base64 character at position " + std::to_string(i));
    group = group << 6 | static_cast<uint32_t>(value);
    if (i % 4 == 3) {
      out.push_back(static_cast<char>(group >> 16));
      out.push_back(static_cast<char>(group >> 8));
      out.push_back(static_cast<char>(group));
      group = 0;
    }
  }
  out.resize(out.size() - padding);
  return out;
}

void append_varint(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

size_t varint_size(uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

Result<uint64_t> take_varint(ByteView& in) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxVarintBytes; ++i) {
    if (i >= in.size()) return fail(ErrorKind::kInvalidArgument, "truncated varint");
    auto byte = static_cast<uint8_t>(in[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (byte == 0 && i > 0) return fail(ErrorKind::kInvalidArgument, "varint is not in its shortest form");
      in.remove_prefix(i + 1);
      return value;
    }
  }
  return fail(ErrorKind::kInvalidArgument, "varint is longer than 9 bytes");
}

void append_be32(Bytes& out, uint32_t value) {
  value = __builtin_bswap32(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_be64(Bytes& out, uint64_t value) {
  value = __builtin_bswap64(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

uint32_t read_be32(const char* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return __builtin_bswap32(value);
}

uint64_t read_be64(const char* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return __builtin_bswap64(value);
}

}  // namespace ipfsc
