#include "ipld/names.h"

#include <fmt/format.h>

#include <charconv>

namespace ipfsc::ipld {
namespace {

struct Name {
  uint64_t code;
  std::string_view name;
};

constexpr Name kHashes[] = {
    {0x00, "identity"},
    {0x11, "sha1"},
    {0x12, "sha2-256"},
    {0x13, "sha2-512"},
    {0x14, "sha3-512"},
    {0x15, "sha3-384"},
    {0x16, "sha3-256"},
    {0x17, "sha3-224"},
    {0x18, "shake-128"},
    {0x19, "shake-256"},
    {0x1a, "keccak-224"},
    {0x1b, "keccak-256"},
    {0x1c, "keccak-384"},
    {0x1d, "keccak-512"},
    {0x1e, "blake3"},
    {0x20, "sha2-384"},
    {0x22, "murmur3-x64-64"},
    {0x23, "murmur3-32"},
    {0x56, "dbl-sha2-256"},
    {0xd4, "md4"},
    {0xd5, "md5"},
    {0x1011, "fr32-sha256-trunc254-padbintree"},
    {0x1012, "sha2-256-trunc254-padded"},
    {0x1013, "sha2-224"},
    {0x1014, "sha2-512-224"},
    {0x1015, "sha2-512-256"},
    {0x1022, "murmur3-x64-128"},
    {0x1052, "ripemd-128"},
    {0x1053, "ripemd-160"},
    {0x1054, "ripemd-256"},
    {0x1055, "ripemd-320"},
    {0x1100, "x11"},
    {0x1d01, "kt-128"},
    {0x1d02, "kt-256"},
    {0x534d, "sm3-256"},
    {0xb401, "poseidon-bls12_381-a2-fc1"},
    {0xb402, "poseidon-bls12_381-a2-fc1-sc"},
    {0xb502, "ssz-sha2-256-bmt"},
    {0xb510, "sha2-256-chunked"},
    {0xb702, "bittorrent-pieces-root"},
    {0xd00d, "bcrypt-pbkdf"},
    {0xed20, "ed2k"},
};

// Families with one code for each multiple of 8 bits, the first being 8 bits.
struct Family {
  uint64_t first;
  uint64_t max_bits;
  std::string_view prefix;
};

constexpr Family kFamilies[] = {
    {0xb201, 512, "blake2b-"},  {0xb241, 256, "blake2s-"},    {0xb301, 256, "skein256-"},
    {0xb321, 512, "skein512-"}, {0xb361, 1024, "skein1024-"},
};

constexpr Name kCodecs[] = {
    {0x51, "cbor"},
    {0x55, "raw"},
    {0x70, "dag-pb"},
    {0x71, "dag-cbor"},
    {0x72, "libp2p-key"},
    {0x78, "git-raw"},
    {0x7b, "torrent-info"},
    {0x7c, "torrent-file"},
    {0x81, "blake3-hashseq"},
    {0x85, "dag-jose"},
    {0x86, "dag-cose"},
    {0x90, "eth-block"},
    {0x91, "eth-block-list"},
    {0x92, "eth-tx-trie"},
    {0x93, "eth-tx"},
    {0x94, "eth-tx-receipt-trie"},
    {0x95, "eth-tx-receipt"},
    {0x96, "eth-state-trie"},
    {0x97, "eth-account-snapshot"},
    {0x98, "eth-storage-trie"},
    {0xb0, "bitcoin-block"},
    {0xb1, "bitcoin-tx"},
    {0x0129, "dag-json"},
    {0x0200, "json"},
    {0x0202, "car"},
    {0x0301, "ipns-record"},
    {0xf101, "fil-commitment-unsealed"},
    {0xf102, "fil-commitment-sealed"},
};

template <size_t N>
std::optional<uint64_t> find_code(const Name (&table)[N], std::string_view name) {
  for (const auto& entry : table) {
    if (entry.name == name) return entry.code;
  }
  return std::nullopt;
}

template <size_t N>
std::optional<std::string_view> find_name(const Name (&table)[N], uint64_t code) {
  for (const auto& entry : table) {
    if (entry.code == code) return entry.name;
  }
  return std::nullopt;
}

}  // namespace

std::string multicodec_hash_name(uint64_t code) {
  if (auto name = find_name(kHashes, code)) return std::string(*name);
  for (const auto& family : kFamilies) {
    if (code < family.first || code >= family.first + family.max_bits / 8) continue;
    return fmt::format("{}{}", family.prefix, (code - family.first + 1) * 8);
  }
  return fmt::format("{:#x}", code);
}

std::optional<uint64_t> multicodec_hash_code(std::string_view name) {
  if (auto code = find_code(kHashes, name)) return code;
  for (const auto& family : kFamilies) {
    if (!name.starts_with(family.prefix)) continue;
    std::string_view digits = name.substr(family.prefix.size());
    uint64_t bits = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.starts_with('0')) return std::nullopt;
    if (bits == 0 || bits % 8 != 0 || bits > family.max_bits) return std::nullopt;
    return family.first + bits / 8 - 1;
  }
  return std::nullopt;
}

std::string multicodec_codec_name(uint64_t code) {
  if (auto name = find_name(kCodecs, code)) return std::string(*name);
  return fmt::format("{:#x}", code);
}

std::optional<uint64_t> multicodec_codec_code(std::string_view name) { return find_code(kCodecs, name); }

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace ipfsc::ipld
