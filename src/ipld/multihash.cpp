#include "ipld/multihash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "base/text.h"
#include "ipld/blake2.h"
#include "ipld/names.h"

namespace ipfsc::ipld {
namespace {

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "invalid multihash: " + std::move(why));
}

// Fetching a digest by name costs more than hashing 1 KiB: each is fetched once and kept for the process's life.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* md = EVP_MD_fetch(nullptr, name, nullptr);
  CHECK(md != nullptr);
  return md;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// A context that is used again with the same digest keeps the digest's own state block.
Bytes evp_digest(EVP_MD_CTX* context, const EVP_MD* md, ByteView data) {
  Bytes out(static_cast<size_t>(EVP_MD_get_size(md)), '\0');
  CHECK(EVP_DigestInit_ex2(context, md, nullptr) == 1);
  CHECK(EVP_DigestUpdate(context, data.data(), data.size()) == 1);
  CHECK(EVP_DigestFinal_ex(context, u8(out), nullptr) == 1);
  return out;
}

Bytes evp_digest(const EVP_MD* md, ByteView data) {
  thread_local std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return evp_digest(context.get(), md, data);
}

bool is_blake2b(uint64_t code) {
  return code >= static_cast<uint64_t>(HashCode::kBlake2bFirst) &&
         code <= static_cast<uint64_t>(HashCode::kBlake2bLast);
}
bool is_blake2s(uint64_t code) {
  return code >= static_cast<uint64_t>(HashCode::kBlake2sFirst) &&
         code <= static_cast<uint64_t>(HashCode::kBlake2sLast);
}

// The whole digest; the code is supported and not the identity.
Bytes digest_of(uint64_t code, ByteView data) {
  if (is_blake2b(code)) return blake2b(code - static_cast<uint64_t>(HashCode::kBlake2bFirst) + 1, data);
  if (is_blake2s(code)) return blake2s(code - static_cast<uint64_t>(HashCode::kBlake2sFirst) + 1, data);
  static const EVP_MD* const sha2_512 = fetch("SHA512");
  static const EVP_MD* const sha3_224 = fetch("SHA3-224");
  static const EVP_MD* const sha3_256 = fetch("SHA3-256");
  static const EVP_MD* const sha3_384 = fetch("SHA3-384");
  static const EVP_MD* const sha3_512 = fetch("SHA3-512");
  switch (static_cast<HashCode>(code)) {
    case HashCode::kSha2_512:
      return evp_digest(sha2_512, data);
    case HashCode::kSha3_224:
      return evp_digest(sha3_224, data);
    case HashCode::kSha3_256:
      return evp_digest(sha3_256, data);
    case HashCode::kSha3_384:
      return evp_digest(sha3_384, data);
    case HashCode::kSha3_512:
      return evp_digest(sha3_512, data);
    default:
      break;
  }
  CHECK(code == static_cast<uint64_t>(HashCode::kSha2_256));
  return sha2_256(data);
}

Result<> check_supported(uint64_t code) {
  if (hash_supported(code)) return {};
  return fail(ErrorKind::kUnimplemented, fmt::format("the hash function {} is not supported", hash_name(code)));
}

}  // namespace

Result<HashCode> hash_code_from_name(std::string_view name) {
  if (auto code = multicodec_hash_code(to_lower(name))) return static_cast<HashCode>(*code);
  return fail(ErrorKind::kInvalidArgument, fmt::format("unrecognized hash function: {}", quoted(name)));
}

std::string hash_name(uint64_t code) { return multicodec_hash_name(code); }

bool hash_supported(uint64_t code) {
  return code == static_cast<uint64_t>(HashCode::kIdentity) ||
         (code >= static_cast<uint64_t>(HashCode::kSha2_256) && code <= static_cast<uint64_t>(HashCode::kSha3_224)) ||
         is_blake2b(code) || is_blake2s(code);
}

Result<Multihash> Multihash::take(ByteView& in) {
  ByteView rest = in;
  auto code = take_varint(rest);
  if (!code) return invalid("function code: " + code.error().message);
  auto size = take_varint(rest);
  if (!size) return invalid("digest length: " + size.error().message);
  if (*size > kMaxDigestBytes) {
    return invalid(fmt::format("a digest of {} bytes is longer than {}", *size, kMaxDigestBytes));
  }
  if (*size > rest.size()) return invalid(fmt::format("{} digest bytes announced, {} there", *size, rest.size()));
  rest.remove_prefix(*size);
  Multihash out(Bytes(in.substr(0, in.size() - rest.size())));
  in = rest;
  return out;
}

Result<Multihash> Multihash::parse(ByteView whole) {
  TRY_ASSIGN(auto hash, take(whole));
  if (!whole.empty()) return invalid(fmt::format("{} bytes after the digest", whole.size()));
  return hash;
}

Multihash Multihash::wrap(uint64_t code, ByteView digest) {
  CHECK(digest.size() <= kMaxDigestBytes);
  Bytes out;
  out.reserve(varint_size(code) + varint_size(digest.size()) + digest.size());
  append_varint(out, code);
  append_varint(out, digest.size());
  out.append(digest);
  return Multihash(std::move(out));
}

uint64_t Multihash::code() const {
  ByteView in = bytes_;
  return take_varint(in).value_or(0);
}

ByteView Multihash::digest() const {
  ByteView in = bytes_;
  if (in.empty() || !take_varint(in) || !take_varint(in)) return {};
  return in;
}

Bytes sha2_256(ByteView data) {
  static const EVP_MD* const md = fetch("SHA256");
  thread_local std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return evp_digest(context.get(), md, data);
}

Result<Multihash> hash_bytes(uint64_t code, ByteView data) {
  TRY(check_supported(code));
  if (code != static_cast<uint64_t>(HashCode::kIdentity)) return Multihash::wrap(code, digest_of(code, data));
  if (data.size() > kMaxDigestBytes) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("the identity hash takes at most {} bytes, this block has {}",
                                                         kMaxDigestBytes, data.size()));
  }
  return Multihash::wrap(code, data);
}

Result<> verify_bytes(ByteView multihash, ByteView data) {
  TRY_ASSIGN(auto expected, Multihash::parse(multihash));
  uint64_t code = expected.code();
  TRY(check_supported(code));
  ByteView digest = expected.digest();
  bool equal = false;
  if (code == static_cast<uint64_t>(HashCode::kIdentity)) {
    equal = data == digest;
  } else {
    Bytes actual = digest_of(code, data);
    if (digest.size() > actual.size() || (digest.size() < actual.size() && digest.size() < kMinVerifiableDigestBytes)) {
      return fail(ErrorKind::kInvalidArgument,
                  fmt::format("a {} digest of {} bytes cannot be verified", hash_name(code), digest.size()));
    }
    equal = ByteView(actual).substr(0, digest.size()) == digest;
  }
  if (equal) return {};
  return fail(ErrorKind::kDataLoss,
              fmt::format("{} bytes do not have the {} digest {}", data.size(), hash_name(code), to_hex(digest)));
}

}  // namespace ipfsc::ipld
