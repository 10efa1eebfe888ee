#include "state/keys.h"

#include "state/codec.h"

namespace ipfsc::state {
namespace {
constexpr int64_t kLastSecond = (int64_t{1} << 40) - 1;

std::string_view indexed(std::string_view text) { return text.substr(0, kIndexedTextBytes); }

Bytes with_capacity(size_t size) {
  Bytes out;
  out.reserve(size);
  return out;
}
}  // namespace

void append_text_prefix(Bytes& out, std::string_view text) {
  if (text.find('\0') == std::string_view::npos) {
    out.append(text);
    return;
  }
  for (char c : text) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
}

void append_text(Bytes& out, std::string_view text) {
  append_text_prefix(out, text);
  out.push_back('\0');
  out.push_back('\1');
}

std::optional<std::string> take_text(ByteView& in) {
  std::string out;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '\0') {
      out.push_back(in[i]);
      continue;
    }
    if (++i == in.size()) return std::nullopt;
    if (in[i] == '\1') {
      in.remove_prefix(i + 1);
      return out;
    }
    if (in[i] != '\xff') return std::nullopt;
    out.push_back('\0');
  }
  return std::nullopt;
}

void append_seconds(Bytes& out, int64_t seconds) {
  auto value = static_cast<uint64_t>(std::clamp<int64_t>(seconds, 0, kLastSecond));
  for (int shift = 32; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

int64_t read_seconds(ByteView key) {
  uint64_t value = 0;
  for (size_t i = 0; i < 5; ++i) value = value << 8 | static_cast<unsigned char>(key[i]);
  return static_cast<int64_t>(value);
}

namespace key {

Bytes by_peer(PeerNumber peer, ByteView cid) {
  Bytes out = with_capacity(cid.size() + 5);
  put_number(out, peer.value);
  out.append(cid);
  return out;
}

Bytes by_name(std::string_view name, ByteView cid) {
  Bytes out = with_capacity(name.size() + cid.size() + 2);
  append_text(out, indexed(name));
  out.append(cid);
  return out;
}

Bytes by_meta(std::string_view name, std::string_view value, ByteView cid) {
  Bytes out = with_capacity(name.size() + value.size() + cid.size() + 4);
  append_text(out, indexed(name));
  append_text(out, indexed(value));
  out.append(cid);
  return out;
}

Bytes by_time(int64_t seconds, ByteView cid) {
  Bytes out = with_capacity(cid.size() + 5);
  append_seconds(out, kLastSecond - std::clamp<int64_t>(seconds, 0, kLastSecond));
  out.append(cid);
  return out;
}

Bytes by_expiry(int64_t seconds, ByteView cid) {
  Bytes out = with_capacity(cid.size() + 5);
  append_seconds(out, seconds);
  out.append(cid);
  return out;
}

Bytes claim(ByteView cid, std::string_view owner, std::string_view claim) {
  Bytes out(cid);
  append_text(out, owner);
  out.append(claim);
  return out;
}

Bytes history(Revision revision) {
  Bytes out;
  append_be64(out, revision);
  return out;
}

Bytes request(ByteView id) { return Bytes("i").append(id); }

Bytes request_order(Revision revision) {
  Bytes out(kRequestOrderPrefix);
  append_be64(out, revision);
  return out;
}

Bytes record(std::string_view kind, ByteView key) {
  Bytes out;
  append_text(out, kind);
  out.append(key);
  return out;
}

Bytes peer(PeerNumber number) {
  Bytes out(kPeerPrefix);
  append_be32(out, number.value);
  return out;
}

Bytes peer_pins(PeerNumber number) {
  Bytes out(kPeerPinsPrefix);
  append_be32(out, number.value);
  return out;
}

}  // namespace key
}  // namespace ipfsc::state
