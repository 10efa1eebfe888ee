#include "state/stored_pin.h"

#include "state/codec.h"

namespace ipfsc::state {
namespace {

// Persistent. The common ones come first, so that they fit one byte with the type.
enum Flag : uint64_t {
  kTypeMask = 0x7,
  kHasName = 1 << 3,
  kHasAllocations = 1 << 4,
  kEverywhere = 1 << 5,
  kHasTimestamp = 1 << 6,
  kHasDepth = 1 << 7,
  kHasExpiry = 1 << 8,
  kHasMetadata = 1 << 9,
  kHasOrigins = 1 << 10,
  kHasReference = 1 << 11,
  kHasUpdate = 1 << 12,
  kHasShardSize = 1 << 13,
  kManyClaims = 1 << 14,
  kKnownFlags = (1 << 15) - 1,
};

uint64_t flags_of(const model::Pin& pin, bool many_claims) {
  uint64_t flags = static_cast<uint64_t>(pin.type);
  auto set = [&flags](bool condition, Flag flag) { flags |= condition ? flag : 0; };
  set(!pin.options.name.empty(), kHasName);
  set(!pin.allocations.empty(), kHasAllocations);
  set(pin.everywhere(), kEverywhere);
  set(pin.timestamp.has_value(), kHasTimestamp);
  set(pin.max_depth != model::kDepthRecursive, kHasDepth);
  set(pin.options.expire_at.has_value(), kHasExpiry);
  set(!pin.options.metadata.empty(), kHasMetadata);
  set(!pin.options.origins.empty(), kHasOrigins);
  set(pin.reference.has_value(), kHasReference);
  set(pin.options.pin_update.has_value(), kHasUpdate);
  set(pin.options.shard_size != 0, kHasShardSize);
  set(many_claims, kManyClaims);
  return flags;
}

Result<ipld::Cid> to_cid(ByteView bytes) {
  auto cid = ipld::Cid::from_bytes(bytes);
  if (!cid) return bad_row("CID");
  return *std::move(cid);
}

}  // namespace

int64_t to_seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); }
WallTime from_seconds(int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

Bytes encode_revision(Revision revision) {
  Bytes out;
  put_number(out, revision_index(revision).value);
  put_number(out, revision_operation(revision));
  return out;
}

Bytes encode_body(const model::Pin& pin, const PeerNumbers& numbers, bool many_claims) {
  Bytes out;
  out.reserve(48 + pin.options.name.size());
  const auto& options = pin.options;
  uint64_t flags = flags_of(pin, many_claims);
  put_number(out, flags);
  if (!(flags & kEverywhere)) {
    put_signed(out, options.replication_factor_min);
    put_signed(out, options.replication_factor_max);
  }
  if (flags & kHasTimestamp) put_signed(out, to_seconds(*pin.timestamp));
  if (flags & kHasName) put_bytes(out, options.name);
  if (flags & kHasAllocations) {
    put_number(out, numbers.size());
    for (auto number : numbers) put_number(out, number);
  }
  if (flags & kHasDepth) put_signed(out, pin.max_depth);
  if (flags & kHasExpiry) put_signed(out, to_seconds(*options.expire_at));
  if (flags & kHasMetadata) {
    put_number(out, options.metadata.size());
    for (const auto& [name, value] : options.metadata) {
      put_bytes(out, name);
      put_bytes(out, value);
    }
  }
  if (flags & kHasOrigins) {
    put_number(out, options.origins.size());
    for (const auto& origin : options.origins) put_bytes(out, origin.bytes());
  }
  if (flags & kHasReference) put_bytes(out, pin.reference->bytes());
  if (flags & kHasUpdate) put_bytes(out, options.pin_update->bytes());
  if (flags & kHasShardSize) put_number(out, options.shard_size);
  return out;
}

Result<PinView> PinView::read(ByteView row) {
  Result<PinView> pin(std::in_place);
  TRY(pin->parse(row));
  return pin;
}

Result<> PinView::parse(ByteView row) {
  Reader in(row);
  uint64_t index = in.number();
  revision = make_revision(LogIndex(index), static_cast<uint32_t>(in.number()));
  body = in.rest();
  uint64_t flags = in.number();
  if ((flags & ~uint64_t{kKnownFlags}) != 0 || (flags & kTypeMask) > 4) return bad_row("pin flags");
  type = static_cast<model::PinType>(flags & kTypeMask);
  everywhere = flags & kEverywhere;
  many_claims = flags & kManyClaims;
  replication_factor_min = everywhere ? model::kEverywhere : static_cast<int>(in.signed_number());
  replication_factor_max = everywhere ? model::kEverywhere : static_cast<int>(in.signed_number());
  timestamp.reset();
  if (flags & kHasTimestamp) timestamp = in.signed_number();
  name = flags & kHasName ? in.bytes() : ByteView();
  allocations.clear();
  if (flags & kHasAllocations) {
    for (uint64_t left = in.number(); left > 0 && in.ok(); --left) {
      allocations.push_back(static_cast<uint32_t>(in.number()));
    }
  }
  return parse_rest(in, flags);
}

/// What most pins do not have.
Result<> PinView::parse_rest(Reader& in, uint64_t flags) {
  max_depth = flags & kHasDepth ? static_cast<int>(in.signed_number()) : model::kDepthRecursive;
  expire_at.reset();
  if (flags & kHasExpiry) expire_at = in.signed_number();
  metadata.clear();
  if (flags & kHasMetadata) {
    for (uint64_t left = in.number(); left > 0 && in.ok(); --left) {
      auto key = in.bytes();
      metadata.emplace_back(key, in.bytes());
    }
  }
  origins.clear();
  if (flags & kHasOrigins) {
    for (uint64_t left = in.number(); left > 0 && in.ok(); --left) origins.push_back(in.bytes());
  }
  reference = flags & kHasReference ? in.bytes() : ByteView();
  pin_update = flags & kHasUpdate ? in.bytes() : ByteView();
  shard_size = flags & kHasShardSize ? in.number() : 0;
  if (!in.finished()) return bad_row("pin");
  return {};
}

Result<StoredPin> PinView::to_pin(ByteView cid, const PeerTable& peers) const {
  Result<StoredPin> out(std::in_place);
  TRY(fill_pin(cid, peers, *out));
  return out;
}

Result<> PinView::fill_pin(ByteView cid, const PeerTable& peers, StoredPin& out) const {
  out.revision = revision;
  out.many_claims = many_claims;
  auto& pin = out.pin;
  auto& options = pin.options;
  auto parsed = ipld::Cid::from_bytes(cid);
  if (!parsed) return bad_row("CID");
  pin.cid = *std::move(parsed);
  pin.type = type;
  pin.max_depth = max_depth;
  options.mode = pin.direct() ? model::PinMode::kDirect : model::PinMode::kRecursive;
  options.replication_factor_min = replication_factor_min;
  options.replication_factor_max = replication_factor_max;
  options.name = name;
  options.shard_size = shard_size;
  if (timestamp) pin.timestamp = from_seconds(*timestamp);
  if (expire_at) options.expire_at = from_seconds(*expire_at);
  pin.allocations.reserve(allocations.size());
  for (auto number : allocations) {
    const Peer* peer = peers.at(PeerNumber(number));
    if (peer == nullptr) return bad_row("pin with an unknown peer");
    pin.allocations.push_back(peer->id);
  }
  for (const auto& [key, value] : metadata) options.metadata.emplace_hint(options.metadata.end(), key, value);
  for (auto bytes : origins) {
    auto origin = ipld::Multiaddr::from_bytes(bytes);
    if (!origin) return bad_row("origin");
    options.origins.push_back(*std::move(origin));
  }
  if (!reference.empty()) {
    TRY_ASSIGN(pin.reference, to_cid(reference));
  }
  if (!pin_update.empty()) {
    TRY_ASSIGN(options.pin_update, to_cid(pin_update));
  }
  return {};
}

}  // namespace ipfsc::state
