#include "ipld/blake2.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace ipfsc::ipld {
namespace {

static_assert(std::endian::native == std::endian::little);  // words are loaded and stored as they lie

// RFC 7693 section 2.7; rounds 10 and 11 of BLAKE2b use rows 0 and 1 again.
constexpr uint8_t kSigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

struct Blake2b {
  using Word = uint64_t;
  static constexpr int kRounds = 12;
  static constexpr int kRotate[4] = {32, 24, 16, 63};
  static constexpr Word kIv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
};

struct Blake2s {
  using Word = uint32_t;
  static constexpr int kRounds = 10;
  static constexpr int kRotate[4] = {16, 12, 8, 7};
  static constexpr Word kIv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

template <class Variant>
struct Hasher {
  using Word = typename Variant::Word;
  static constexpr size_t kBlockBytes = 16 * sizeof(Word);

  std::array<Word, 8> h;

  explicit Hasher(size_t digest_bytes) {
    std::copy_n(Variant::kIv, 8, h.begin());
    h[0] ^= 0x01010000 ^ static_cast<Word>(digest_bytes);
  }

  static void mix(Word& a, Word& b, Word& c, Word& d, Word x, Word y) {
    a += b + x;
    d = std::rotr(static_cast<Word>(d ^ a), Variant::kRotate[0]);
    c += d;
    b = std::rotr(static_cast<Word>(b ^ c), Variant::kRotate[1]);
    a += b + y;
    d = std::rotr(static_cast<Word>(d ^ a), Variant::kRotate[2]);
    c += d;
    b = std::rotr(static_cast<Word>(b ^ c), Variant::kRotate[3]);
  }

  // `total` = message bytes up to and including this block; its high word is zero for anything that fits in memory,
  // except in BLAKE2s beyond 4 GiB.
  void compress(const char* block, uint64_t total, bool last) {
    Word m[16];
    std::memcpy(m, block, sizeof m);
    Word v[16];
    std::copy_n(h.begin(), 8, v);
    std::copy_n(Variant::kIv, 8, v + 8);
    v[12] ^= static_cast<Word>(total);
    if constexpr (sizeof(Word) == 4) v[13] ^= static_cast<Word>(total >> 32);
    if (last) v[14] = ~v[14];
#pragma clang loop unroll(full)
    for (int round = 0; round < Variant::kRounds; ++round) {
      const uint8_t* s = kSigma[round % 10];
      mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
      mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
      mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
      mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
      mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
      mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
      mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
      mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; ++i) h[i] ^= v[i] ^ v[i + 8];
  }

  Bytes run(size_t digest_bytes, ByteView data) {
    uint64_t total = 0;
    while (data.size() > kBlockBytes) {  // the last block, full or not, is the one with the flag
      total += kBlockBytes;
      compress(data.data(), total, false);
      data.remove_prefix(kBlockBytes);
    }
    char block[kBlockBytes] = {};
    if (!data.empty()) std::memcpy(block, data.data(), data.size());
    compress(block, total + data.size(), true);
    return Bytes(reinterpret_cast<const char*>(h.data()), digest_bytes);
  }
};

}  // namespace

Bytes blake2b(size_t digest_bytes, ByteView data) {
  CHECK(digest_bytes >= 1 && digest_bytes <= kMaxBlake2bBytes);
  return Hasher<Blake2b>(digest_bytes).run(digest_bytes, data);
}

Bytes blake2s(size_t digest_bytes, ByteView data) {
  CHECK(digest_bytes >= 1 && digest_bytes <= kMaxBlake2sBytes);
  return Hasher<Blake2s>(digest_bytes).run(digest_bytes, data);
}

}  // namespace ipfsc::ipld
