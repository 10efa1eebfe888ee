#include "ipld/multibase.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "ipld/multibase_internal.h"
#include "ipld/radix.h"

namespace ipfsc::ipld {
namespace {

constexpr char kBase16[] = "0123456789abcdef";
constexpr char kBase16Upper[] = "0123456789ABCDEF";
constexpr char kBase32[] = "abcdefghijklmnopqrstuvwxyz234567";
constexpr char kBase32Upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr char kBase36[] = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr char kBase36Upper[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr char kBase58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Values = std::array<int8_t, 256>;

template <size_t N>
constexpr Values values_of(const char (&alphabet)[N]) {
  Values values{};
  values.fill(-1);
  for (size_t i = 0; i + 1 < N; ++i) values[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return values;
}

constexpr Values both_cases(Values values) {
  for (int c = 'a'; c <= 'z'; ++c) values[c - 'a' + 'A'] = values[c];
  return values;
}

constexpr Values kValues16 = both_cases(values_of(kBase16));
constexpr Values kValues32 = both_cases(values_of(kBase32));
constexpr Values kValues36 = both_cases(values_of(kBase36));
constexpr Values kValues58 = values_of(kBase58);
constexpr Values kValues64Url = values_of(kBase64Url);

using Radix58 = Radix<58, 10>;
using Radix36 = Radix<36, 11>;

std::unexpected<Error> wrong_digit(std::string_view base, std::string_view text, size_t position) {
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("{} at position {} is not a {} digit", quoted(text.substr(position, 1)), position, base));
}

// kBits bits a digit, in groups that end on a byte: 2 digits a byte (16), 8 in 5 (32), 4 in 3 (64).
template <unsigned kBits>
void encode_bits(const char* alphabet, ByteView bytes, std::string& out) {
  constexpr size_t kGroupBytes = kBits == 4 ? 1 : kBits == 5 ? 5 : 3;
  constexpr size_t kGroupDigits = kGroupBytes * 8 / kBits;
  size_t start = out.size();
  out.resize(start + (bytes.size() * 8 + kBits - 1) / kBits);
  char* p = out.data() + start;
  const uint8_t* in = u8(bytes);
  size_t left = bytes.size();
  for (; left >= kGroupBytes; left -= kGroupBytes, in += kGroupBytes) {
    uint64_t group = 0;
    for (size_t i = 0; i < kGroupBytes; ++i) group = group << 8 | in[i];
    for (size_t d = 0; d < kGroupDigits; ++d) {
      *p++ = alphabet[group >> (kBits * (kGroupDigits - 1 - d)) & ((1u << kBits) - 1)];
    }
  }
  if (left == 0) return;
  uint64_t group = 0;
  for (size_t i = 0; i < left; ++i) group = group << 8 | in[i];
  size_t digits = (left * 8 + kBits - 1) / kBits;
  group <<= digits * kBits - left * 8;
  for (size_t d = 0; d < digits; ++d) *p++ = alphabet[group >> (kBits * (digits - 1 - d)) & ((1u << kBits) - 1)];
}

// `offset` = characters in front of `text`, for messages.
template <unsigned kBits>
Result<Bytes> decode_bits(const Values& values, std::string_view name, std::string_view whole, size_t offset) {
  std::string_view text = whole.substr(offset);
  Bytes out(text.size() * kBits / 8, '\0');
  size_t spare = text.size() * kBits % 8;
  if (spare >= kBits) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("{} {} digits are no whole bytes", text.size(), name));
  }
  uint8_t* p = u8(out);
  uint32_t group = 0;
  unsigned bits = 0;
  int seen = 0;
  for (char c : text) {
    int value = values[static_cast<uint8_t>(c)];
    seen |= value;
    group = group << kBits | static_cast<uint32_t>(value);
    bits += kBits;
    if (bits >= 8) {
      bits -= 8;
      *p++ = static_cast<uint8_t>(group >> bits);
    }
  }
  if (seen < 0) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (values[static_cast<uint8_t>(text[i])] < 0) return wrong_digit(name, whole, offset + i);
    }
  }
  if ((group & ((1u << spare) - 1)) != 0) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("the last {} digit has bits beyond the last byte", name));
  }
  return out;
}

template <class Codec>
Result<Bytes> decode_radix(const Values& values, std::string_view name, std::string_view whole, size_t offset) {
  Bytes out;
  size_t wrong = 0;
  if (!Codec::decode(values, whole.substr(offset), out, wrong)) return wrong_digit(name, whole, offset + wrong);
  return out;
}

Result<> check_length(std::string_view text) {
  if (text.size() <= kMaxMultibaseChars) return {};
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("{} characters are more than the {} that are read", text.size(), kMaxMultibaseChars));
}

// Registered bases that are not read here.
std::string_view other_base(char prefix) {
  switch (prefix) {
    case '\0':
      return "identity";
    case '0':
      return "base2";
    case '7':
      return "base8";
    case '9':
      return "base10";
    case 'v':
      return "base32hex";
    case 'V':
      return "base32hexupper";
    case 't':
      return "base32hexpad";
    case 'T':
      return "base32hexpadupper";
    case 'c':
      return "base32pad";
    case 'C':
      return "base32padupper";
    case 'h':
      return "base32z";
    case 'R':
      return "base45";
    case 'Z':
      return "base58flickr";
    case 'm':
      return "base64";
    case 'M':
      return "base64pad";
    case 'U':
      return "base64urlpad";
    default:
      return {};
  }
}

}  // namespace

Result<Bytes> multibase_decode(std::string_view text) {
  if (text.empty()) return fail(ErrorKind::kInvalidArgument, "cannot decode multibase for zero length string");
  TRY(check_length(text));
  switch (text[0]) {
    case 'b':
    case 'B':
      return decode_bits<5>(kValues32, "base32", text, 1);
    case 'z':
      return decode_radix<Radix58>(kValues58, "base58btc", text, 1);
    case 'k':
    case 'K':
      return decode_radix<Radix36>(kValues36, "base36", text, 1);
    case 'f':
    case 'F':
      return decode_bits<4>(kValues16, "base16", text, 1);
    case 'u':
      return decode_bits<6>(kValues64Url, "base64url", text, 1);
    default:
      break;
  }
  if (auto name = other_base(text[0]); !name.empty()) {
    return fail(ErrorKind::kUnimplemented, fmt::format("selected encoding not supported: multibase {}", name));
  }
  if (text.starts_with("\xF0\x9F\x9A\x80")) {
    return fail(ErrorKind::kUnimplemented, "selected encoding not supported: multibase base256emoji");
  }
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("selected encoding not supported: {} is no multibase prefix", quoted(text.substr(0, 1))));
}

bool multibase_supported(char prefix) { return std::string_view("fFbBkKzu").contains(prefix) && prefix != '\0'; }

void append_multibase(std::string& out, char prefix, ByteView bytes) {
  out.push_back(prefix);
  switch (prefix) {
    case 'b':
      return encode_bits<5>(kBase32, bytes, out);
    case 'B':
      return encode_bits<5>(kBase32Upper, bytes, out);
    case 'z':
      return Radix58::encode(kBase58, bytes, out);
    case 'k':
      return Radix36::encode(kBase36, bytes, out);
    case 'K':
      return Radix36::encode(kBase36Upper, bytes, out);
    case 'f':
      return encode_bits<4>(kBase16, bytes, out);
    case 'F':
      return encode_bits<4>(kBase16Upper, bytes, out);
    default:
      break;
  }
  CHECK(prefix == 'u');
  encode_bits<6>(kBase64Url, bytes, out);
}

std::string multibase_encode(char prefix, ByteView bytes) {
  std::string out;
  append_multibase(out, prefix, bytes);
  return out;
}

void append_base58(std::string& out, ByteView bytes) { Radix58::encode(kBase58, bytes, out); }

std::string base58_encode(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 138 / 100 + 1);
  append_base58(out, bytes);
  return out;
}

Result<Bytes> base58_decode(std::string_view text) {
  TRY(check_length(text));
  return decode_radix<Radix58>(kValues58, "base58btc", text, 0);
}

}  // namespace ipfsc::ipld
