#include "state/cursor_token.h"

#include "ipld/multihash.h"
#include "state/codec.h"
#include "state/stored_pin.h"

namespace ipfsc::state {
namespace {

constexpr char kVersion = 1;
constexpr size_t kFingerprintBytes = 8, kChecksumBytes = 4;

template <class T, class F>
void put_optional(Bytes& out, const std::optional<T>& value, F put) {
  out.push_back(value ? '\1' : '\0');
  if (value) put(*value);
}

/// Of everything that decides which pins the listing has, in which order.
Bytes fingerprint(const ListQuery& query) {
  Bytes all;
  auto text = [&all](std::string_view value) { put_bytes(all, value); };
  put_number(all, static_cast<uint64_t>(query.order));
  put_optional(all, query.name, text);
  put_optional(all, query.name_prefix, text);
  put_number(all, query.metadata.size());
  for (const auto& [name, value] : query.metadata) {
    text(name);
    text(value);
  }
  put_optional(all, query.peer, [&](const ipld::PeerId& peer) { text(peer.bytes()); });
  put_optional(all, query.owner, text);
  put_number(all, query.types);
  put_optional(all, query.at, [&](WallTime at) { put_signed(all, at.time_since_epoch().count()); });
  return ipld::sha2_256(all).substr(0, kFingerprintBytes);
}

Bytes checksum(ByteView bytes) { return ipld::sha2_256(bytes).substr(0, kChecksumBytes); }

std::unexpected<Error> bad_cursor(std::string_view why) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("cursor: {}", why));
}

}  // namespace

std::string encode_cursor(const ListQuery& query, const CursorPlace& place) {
  Bytes bytes(1, kVersion);
  bytes += fingerprint(query);
  put_number(bytes, place.part);
  bytes += place.position;
  bytes += checksum(bytes);
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

Result<CursorPlace> decode_cursor(const ListQuery& query, std::string_view token) {
  std::string text(token.substr(0, 4096));
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.append((4 - text.size() % 4) % 4, '=');
  auto bytes = from_base64(text);
  if (!bytes || bytes->size() < 1 + kFingerprintBytes + 1 + kChecksumBytes)
    return bad_cursor("not one of this program");
  ByteView body = ByteView(*bytes).substr(0, bytes->size() - kChecksumBytes);
  if (checksum(body) != bytes->substr(body.size())) return bad_cursor("not one of this program");
  if (body[0] != kVersion) return bad_cursor("of another version of this program");
  if (body.substr(1, kFingerprintBytes) != fingerprint(query)) return bad_cursor("of a listing with other filters");
  Reader in(body.substr(1 + kFingerprintBytes));
  CursorPlace place;
  place.part = static_cast<uint32_t>(in.number());
  place.position = in.rest();
  if (!in.ok()) return bad_cursor("not one of this program");
  return place;
}

}  // namespace ipfsc::state
