#include "cluster/pinning_record.h"

#include <algorithm>

#include "proto/pinning.pb.h"

namespace ipfsc::cluster {
namespace {

constexpr std::string_view kOwnerPrefix = "pinning:";
constexpr uint64_t kPeersToldApart = 1000;  // by the digits of a microsecond's nanoseconds

uint64_t to_number(WallTime time) { return static_cast<uint64_t>(time.time_since_epoch().count()); }
WallTime to_time(uint64_t number) { return WallTime(Duration(static_cast<int64_t>(number))); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool name_matches(std::string_view name, std::string_view wanted, NameMatch match) {
  auto same = [](char a, char b) { return lower(a) == lower(b); };
  switch (match) {
    case NameMatch::kExact:
      return name == wanted;
    case NameMatch::kPartial:
      return name.find(wanted) != std::string_view::npos;
    case NameMatch::kIExact:
      return std::ranges::equal(name, wanted, same);
    case NameMatch::kIPartial:
      return wanted.empty() || !std::ranges::search(name, wanted, same).empty();
  }
  return false;
}

}  // namespace

std::string RequestId::to_string() const {
  Bytes bytes;
  append_be64(bytes, to_number(created));
  append_be64(bytes, random);
  return to_hex(bytes);
}

std::optional<RequestId> RequestId::parse(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  auto bytes = from_hex(text);
  if (!bytes) return std::nullopt;
  RequestId id{to_time(read_be64(bytes->data())), read_be64(bytes->data() + 8)};
  // One text for one id: capitals are another.
  if (id.to_string() != text) return std::nullopt;
  return id;
}

std::string pinning_owner(std::string_view user) { return std::string(kOwnerPrefix) + std::string(user); }

std::optional<std::string_view> pinning_user(std::string_view owner) {
  if (!owner.starts_with(kOwnerPrefix)) return std::nullopt;
  return owner.substr(kOwnerPrefix.size());
}

Bytes pinning_prefix(std::string_view user) {
  Bytes key;
  append_varint(key, user.size());
  key += user;
  return key;
}

Bytes pinning_key(std::string_view user, const RequestId& id) {
  Bytes key = pinning_prefix(user);
  append_be64(key, ~to_number(id.created));
  append_be64(key, id.random);
  return key;
}

Bytes pinning_key_before(std::string_view user, WallTime time) {
  // Nothing was made before 1970.
  if (time < WallTime()) time = WallTime();
  return pinning_key(user, {time, ~uint64_t{0}});
}

Bytes encode_pinning(const PinningPin& pin) {
  proto::PinningRecord record;
  record.set_cid(pin.cid.bytes());
  record.set_name(pin.name);
  for (const auto& [key, value] : pin.meta) {
    auto& item = *record.add_meta();
    item.set_key(key);
    item.set_value(value);
  }
  for (const auto& origin : pin.origins) record.add_origins(origin.bytes());
  return record.SerializeAsString();
}

Result<PinningRequest> decode_pinning(std::string_view user, ByteView key, ByteView value) {
  auto damaged = [] { return fail(ErrorKind::kDataLoss, "a record of a pinning request is damaged"); };
  auto prefix = pinning_prefix(user).size();
  proto::PinningRecord record;
  if (key.size() != prefix + 16 || !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return damaged();
  }
  PinningRequest request;
  request.id = {to_time(~read_be64(key.data() + prefix)), read_be64(key.data() + prefix + 8)};
  auto cid = ipld::Cid::from_bytes(record.cid());
  if (!cid) return damaged();
  request.pin.cid = *std::move(cid);
  request.pin.name = std::move(*record.mutable_name());
  for (auto& item : *record.mutable_meta()) {
    request.pin.meta.emplace(std::move(*item.mutable_key()), std::move(*item.mutable_value()));
  }
  for (const auto& bytes : record.origins()) {
    auto origin = ipld::Multiaddr::from_bytes(bytes);
    if (!origin) return damaged();
    request.pin.origins.push_back(*std::move(origin));
  }
  return request;
}

WallTime request_time(WallTime now, WallTime last, uint64_t peer_number) {
  using std::chrono::microseconds;
  auto next = std::max(std::chrono::floor<microseconds>(now), std::chrono::floor<microseconds>(last) + microseconds(1));
  return WallTime(next) + Duration(static_cast<int64_t>(peer_number % kPeersToldApart));
}

bool PinningFilter::matches(const PinningRequest& request) const {
  if (before && request.id.created >= *before) return false;
  if (after && request.id.created <= *after) return false;
  if (!cids.empty() && std::ranges::find(cids, request.pin.cid) == cids.end()) return false;
  if (name && !name_matches(request.pin.name, *name, match)) return false;
  return std::ranges::all_of(meta, [&](const auto& wanted) {
    auto it = request.pin.meta.find(wanted.first);
    return it != request.pin.meta.end() && it->second == wanted.second;
  });
}

}  // namespace ipfsc::cluster
