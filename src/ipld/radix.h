// Conversion between bytes and digits of a base that is no power of two (36, 58). Internal to ipld/.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ipfsc::ipld {

/// Numbers are worked on in limbs of kBase^kDigits < 2^59, so that a step handles 32 bits or kDigits digits at once.
/// Time grows by the square of the length. Leading zero bytes become leading zero digits, one each.
template <unsigned kBase, unsigned kDigits>
class Radix {
 public:
  static void encode(const char (&alphabet)[kBase + 1], ByteView bytes, std::string& out) {
    size_t zeros = 0;
    while (zeros < bytes.size() && bytes[zeros] == 0) ++zeros;
    out.append(zeros, alphabet[0]);
    bytes.remove_prefix(zeros);
    if (bytes.empty()) return;
    Limbs limbs(bytes.size() * 8 / kMinLimbBits + 1);
    size_t used = to_limbs(bytes, limbs.data());
    char digits[kDigits];
    for (size_t i = used; i-- > 0;) {
      write_digits(alphabet, limbs.data()[i], digits);
      size_t skip = 0;
      if (i == used - 1) {
        while (skip < kDigits && digits[skip] == alphabet[0]) ++skip;
      }
      out.append(digits + skip, kDigits - skip);
    }
  }

  /// `values` maps a character to its digit, or to a negative number. False, with the position in `wrong`, at a
  /// character that is no digit.
  static bool decode(const std::array<int8_t, 256>& values, std::string_view text, Bytes& out, size_t& wrong) {
    size_t zeros = 0;
    while (zeros < text.size() && values[static_cast<uint8_t>(text[zeros])] == 0) ++zeros;
    std::string_view digits = text.substr(zeros);
    Limbs words(digits.size() * kMaxDigitBits / 64 + 1);
    size_t used = 0;
    for (size_t at = 0; at < digits.size();) {
      size_t count = at == 0 ? (digits.size() - 1) % kDigits + 1 : kDigits;
      uint64_t carry = 0;
      for (size_t i = 0; i < count; ++i) {
        int value = values[static_cast<uint8_t>(digits[at + i])];
        if (value < 0) {
          wrong = zeros + at + i;
          return false;
        }
        carry = carry * kBase + static_cast<unsigned>(value);
      }
      at += count;
      for (size_t i = 0; i < used; ++i) {
        unsigned __int128 t = static_cast<unsigned __int128>(words.data()[i]) * kLimb + carry;
        words.data()[i] = static_cast<uint64_t>(t);
        carry = static_cast<uint64_t>(t >> 64);
      }
      if (carry != 0) words.data()[used++] = carry;
    }
    append_words(words.data(), used, zeros, out);
    return true;
  }

 private:
  static constexpr uint64_t power(unsigned exponent) {
    uint64_t p = 1;
    for (unsigned i = 0; i < exponent; ++i) p *= kBase;
    return p;
  }
  static constexpr uint64_t kLimb = power(kDigits);
  static constexpr unsigned kLowDigits = kDigits / 2;
  static constexpr unsigned kHighDigits = kDigits - kLowDigits;
  static_assert(power(kHighDigits) <= UINT32_MAX);
  static constexpr size_t kMinLimbBits = std::bit_width(kLimb) - 1;
  static constexpr size_t kMaxDigitBits = std::bit_width(kBase);
  // Division of t < kLimb·2^32 by kLimb: the upper 64 bits of t times a rounded-down reciprocal of 63 bits. The
  // quotient is at most 1 too small: dropped bits of t and of the reciprocal make an error far below 1 before the
  // last rounding down.
  static constexpr unsigned kShift = std::bit_width(kLimb) + 32 - 64;
  static constexpr unsigned kScale = 30;
  static constexpr uint64_t kReciprocal =
      static_cast<uint64_t>((static_cast<unsigned __int128>(1) << (64 + kShift + kScale)) / kLimb);
  static_assert(64 + kShift + kScale < 128);
  static_assert(std::bit_width(kLimb) <= 60 && kMinLimbBits >= 48);

  /// A CID's limbs lie on the stack.
  class Limbs {
   public:
    explicit Limbs(size_t count) {
      if (count > std::size(small_)) large_.resize(count);
    }
    uint64_t* data() { return large_.empty() ? small_ : large_.data(); }

   private:
    uint64_t small_[16];
    std::vector<uint64_t> large_;
  };

  /// All kDigits, in two chains of 32-bit divisions that the processor runs side by side.
  static void write_digits(const char* alphabet, uint64_t limb, char* digits) {
    auto high = static_cast<uint32_t>(limb / power(kLowDigits));
    auto low = static_cast<uint32_t>(limb % power(kLowDigits));
    for (unsigned i = 1; i <= kLowDigits; ++i, low /= kBase, high /= kBase) {
      digits[kDigits - i] = alphabet[low % kBase];
      digits[kHighDigits - i] = alphabet[high % kBase];
    }
    if constexpr (kHighDigits > kLowDigits) digits[0] = alphabet[high];
  }

  /// Least significant limb first; returns their number, the last of them is not zero.
  static size_t to_limbs(ByteView bytes, uint64_t* limbs) {
    size_t used = 0;
    for (size_t at = 0; at < bytes.size();) {
      size_t count = at == 0 ? (bytes.size() - 1) % 4 + 1 : 4;
      uint64_t carry = 0;
      for (size_t i = 0; i < count; ++i) carry = carry << 8 | static_cast<uint8_t>(bytes[at + i]);
      at += count;
      for (size_t i = 0; i < used; ++i) {
        unsigned __int128 t = static_cast<unsigned __int128>(limbs[i]) << 32 | carry;
        auto product = static_cast<unsigned __int128>(static_cast<uint64_t>(t >> kShift)) * kReciprocal;
        auto quotient = static_cast<uint64_t>(product >> (64 + kScale));
        uint64_t rest = static_cast<uint64_t>(t) - quotient * kLimb;
        bool more = rest >= kLimb;
        rest -= more ? kLimb : 0;
        quotient += more;
        limbs[i] = rest;
        carry = quotient;
      }
      if (carry != 0) limbs[used++] = carry;
    }
    return used;
  }

  static void append_words(const uint64_t* words, size_t used, size_t zeros, Bytes& out) {
    size_t top_bytes = used == 0 ? 0 : (std::bit_width(words[used - 1]) + 7) / 8;
    out.reserve(out.size() + zeros + used * 8);
    out.append(zeros, '\0');
    for (size_t i = used; i-- > 0;) {
      uint64_t big_endian = __builtin_bswap64(words[i]);
      size_t count = i == used - 1 ? top_bytes : 8;
      out.append(reinterpret_cast<const char*>(&big_endian) + 8 - count, count);
    }
  }
};

}  // namespace ipfsc::ipld
