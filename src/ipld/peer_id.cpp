#include "ipld/peer_id.h"

#include <fmt/format.h>

#include <array>

#include "base/check.h"
#include "ipld/cid.h"
#include "ipld/multibase.h"
#include "ipld/multihash.h"

namespace ipfsc::ipld {
namespace {

constexpr size_t kMaxInlineKeyBytes = 42;
constexpr size_t kSha256Bytes = 32;
constexpr auto kIdentity = static_cast<uint64_t>(HashCode::kIdentity);
constexpr auto kSha2_256 = static_cast<uint64_t>(HashCode::kSha2_256);
constexpr size_t kMaxTextChars = 128;

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "failed to parse peer ID: " + std::move(why));
}

}  // namespace

Result<PeerId> PeerId::parse(std::string_view text) {
  if (text.empty()) return invalid("it is empty");
  if (text.size() > kMaxTextChars) return invalid(fmt::format("{} characters are too many", text.size()));
  if (text.starts_with("1") || text.starts_with("Qm")) {
    auto bytes = base58_decode(text);
    if (!bytes) return invalid(std::move(bytes.error().message));
    return from_bytes(*bytes);
  }
  auto cid = Cid::parse(text);
  if (!cid) return invalid(std::move(cid.error().message));
  if (cid->codec() != kLibp2pKey) return invalid(fmt::format("a CID of the codec {}", codec_name(cid->codec())));
  return from_bytes(cid->multihash());
}

Result<PeerId> PeerId::from_bytes(ByteView multihash) {
  auto hash = Multihash::parse(multihash);
  if (!hash) return invalid(std::move(hash.error().message));
  uint64_t code = hash->code();
  if (code != kIdentity && code != kSha2_256) return invalid(fmt::format("a {} multihash", hash_name(code)));
  size_t size = hash->digest().size();
  bool fits = code == kIdentity ? size > 0 && size <= kMaxInlineKeyBytes : size == kSha256Bytes;
  if (!fits) return invalid(fmt::format("a {} multihash of {} bytes", hash_name(code), size));
  return PeerId(Bytes(multihash));
}

PeerId PeerId::from_public_key_protobuf(ByteView key) {
  CHECK(!key.empty());
  if (key.size() <= kMaxInlineKeyBytes) return PeerId(Multihash::wrap(kIdentity, key).bytes());
  return PeerId(Multihash::wrap(kSha2_256, sha2_256(key)).bytes());
}

// A listing names the same few peers a million times, and base58 is a long division: each thread keeps the last ones.
std::string PeerId::to_string() const {
  struct Kept {
    Bytes bytes;
    std::string text;
  };
  thread_local std::array<Kept, 64> kept;
  if (bytes_.size() < 2) return base58_encode(bytes_);
  Kept& slot = kept[static_cast<uint8_t>(bytes_.back()) % kept.size()];
  if (slot.bytes != bytes_) slot = {bytes_, base58_encode(bytes_)};
  return slot.text;
}

std::string PeerId::to_cid_string() const {
  if (empty()) return {};
  return Cid::v1(kLibp2pKey, *Multihash::parse(bytes_)).to_string('k');
}

}  // namespace ipfsc::ipld
