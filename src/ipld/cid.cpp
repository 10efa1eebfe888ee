#include "ipld/cid.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "ipld/multibase.h"
#include "ipld/multibase_internal.h"
#include "ipld/names.h"

namespace ipfsc::ipld {
namespace {

constexpr size_t kV0Bytes = 34;  // 0x12, 0x20, 32 bytes of sha2-256
constexpr size_t kV0Chars = 46;
constexpr size_t kSha256Bytes = 32;
constexpr auto kSha2_256 = static_cast<uint64_t>(HashCode::kSha2_256);

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "invalid cid: " + std::move(why));
}

bool looks_v0(ByteView in) { return in.size() >= 2 && in[0] == 0x12 && in[1] == 0x20; }

// The length of the CID at the front of `in`.
Result<size_t> measure(ByteView in) {
  if (looks_v0(in)) {
    if (in.size() < kV0Bytes) return invalid(fmt::format("version 0 has {} bytes, here are {}", kV0Bytes, in.size()));
    return kV0Bytes;
  }
  ByteView rest = in;
  auto version = take_varint(rest);
  if (!version) return invalid("version: " + version.error().message);
  if (*version != 1) return invalid(fmt::format("expected 1 as the cid version number, got: {}", *version));
  auto codec = take_varint(rest);
  if (!codec) return invalid("codec: " + codec.error().message);
  auto code = take_varint(rest);
  if (!code) return invalid("hash function: " + code.error().message);
  auto size = take_varint(rest);
  if (!size) return invalid("digest length: " + size.error().message);
  if (*size > kMaxDigestBytes) return invalid(fmt::format("digest length {} is over {}", *size, kMaxDigestBytes));
  if (*size > rest.size()) return invalid(fmt::format("digest of {} bytes announced, {} there", *size, rest.size()));
  return in.size() - rest.size() + *size;
}

Result<> check_whole(ByteView binary) {
  TRY_ASSIGN(size_t size, measure(binary));
  if (size != binary.size()) return invalid(fmt::format("{} bytes after its end", binary.size() - size));
  return {};
}

}  // namespace

std::string codec_name(uint64_t codec) { return multicodec_codec_name(codec); }

Result<uint64_t> codec_from_name(std::string_view name) {
  if (auto code = multicodec_codec_code(to_lower(name))) return *code;
  return fail(ErrorKind::kInvalidArgument, fmt::format("unrecognized codec: {}", quoted(name)));
}

Result<Cid> Cid::parse(std::string_view text) {
  if (text.size() < 2) return invalid("cid too short");
  if (text.size() > kMaxCidChars) {
    return invalid(fmt::format("{} characters are more than the {} that are read", text.size(), kMaxCidChars));
  }
  bool v0 = text.size() == kV0Chars && text.starts_with("Qm");
  auto bytes = v0 ? base58_decode(text) : multibase_decode(text);
  if (!bytes) return invalid(std::move(bytes.error().message));
  if (v0 && (bytes->size() != kV0Bytes || !looks_v0(*bytes))) return invalid("not a sha2-256 multihash");
  if (!v0 && looks_v0(*bytes)) return invalid("version 0 is written without a multibase prefix");
  TRY(check_whole(*bytes));
  return Cid(*std::move(bytes));
}

Result<Cid> Cid::from_bytes(ByteView binary) {
  TRY(check_whole(binary));
  return Cid(Bytes(binary));
}

Result<Cid> Cid::take(ByteView& in) {
  TRY_ASSIGN(size_t size, measure(in));
  Cid out{Bytes(in.substr(0, size))};
  in.remove_prefix(size);
  return out;
}

Cid Cid::v0(ByteView sha256_digest) {
  CHECK(sha256_digest.size() == kSha256Bytes);
  return Cid(Multihash::wrap(kSha2_256, sha256_digest).bytes());
}

Cid Cid::v1(uint64_t codec, const Multihash& hash) {
  CHECK(!hash.empty());
  Bytes out;
  out.reserve(1 + varint_size(codec) + hash.bytes().size());
  append_varint(out, 1);
  append_varint(out, codec);
  out.append(hash.bytes());
  return Cid(std::move(out));
}

Result<Cid> Cid::of(int version, uint64_t codec, uint64_t hash_code, ByteView block) {
  if (version != 0 && version != 1) return invalid(fmt::format("there is no version {}", version));
  if (version == 0 && (codec != kDagPb || hash_code != kSha2_256)) {
    return invalid(fmt::format("version 0 is for dag-pb with sha2-256, not for {} with {}", codec_name(codec),
                               hash_name(hash_code)));
  }
  TRY_ASSIGN(auto hash, hash_bytes(hash_code, block));
  return version == 0 ? Cid(hash.bytes()) : v1(codec, hash);
}

int Cid::version() const {
  CHECK(!empty());
  return is_v0() ? 0 : 1;
}

uint64_t Cid::codec() const {
  CHECK(!empty());
  if (is_v0()) return kDagPb;
  ByteView in = bytes_;
  in.remove_prefix(1);
  return *take_varint(in);
}

ByteView Cid::multihash() const {
  CHECK(!empty());
  ByteView in = bytes_;
  if (is_v0()) return in;
  in.remove_prefix(1);
  CHECK(take_varint(in).has_value());
  return in;
}

uint64_t Cid::hash_code() const {
  ByteView in = multihash();
  return *take_varint(in);
}

ByteView Cid::digest() const {
  ByteView in = multihash();
  CHECK(take_varint(in).has_value() && take_varint(in).has_value());
  return in;
}

std::string Cid::to_string() const {
  std::string out;
  out.reserve(bytes_.size() * 8 / 5 + 2);
  append_to(out);
  return out;
}

void Cid::append_to(std::string& out) const {
  if (empty()) return;
  if (is_v0()) return append_base58(out, bytes_);
  append_multibase(out, 'b', bytes_);
}

std::string Cid::to_string(char multibase_prefix) const {
  CHECK(multibase_supported(multibase_prefix));
  return empty() || is_v0() ? to_string() : multibase_encode(multibase_prefix, bytes_);
}

Result<> verify_block(const Cid& cid, ByteView data) {
  auto verified = verify_bytes(cid.multihash(), data);
  if (!verified) return fail(verified.error().with_context("block " + cid.to_string()));
  return {};
}

}  // namespace ipfsc::ipld
