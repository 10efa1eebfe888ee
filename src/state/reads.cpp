// Single reads: pins, claims, expiry, work, peers, records, counters.
#include "state/applier.h"
#include "state/codec.h"
#include "state/hash.h"
#include "state/impl.h"
#include "state/stored_pin.h"

namespace ipfsc::state {

StateInfo State::info() const { return impl_->head_now().info(); }
Counters State::counters() const { return impl_->head_now().counters; }
StateHash State::state_hash() const { return impl_->head_now().hash; }
WallTime State::history_since() const { return from_ms(impl_->head_now().history_since_ms); }

uint64_t State::property(const std::string& name) const {
  auto use = impl_->use();
  return use ? use->store->db().property(name) : 0;
}

Result<HashScan> State::scan_hash() const {
  TRY_ASSIGN(auto use, impl_->use());
  storage::Snapshot snapshot(use->db());
  TRY_ASSIGN(auto head, use->head(snapshot));
  HashScan out{.applied = head.applied, .rolling = head.hash};
  RowHasher hasher;
  for (int family = 0; family < kFamilies; ++family) {
    auto id = static_cast<FamilyId>(family);
    if (hash_tag(id) == 0) continue;
    auto it = use->iterate(id, {.snapshot = &snapshot, .fill_cache = false, .readahead_bytes = 1 << 20});
    for (it.seek_to_first(); it.valid(); it.next()) add(out.scanned, hasher.row(id, it.key(), it.value()));
    TRY(it.status());
  }
  return out;
}

// --- pins

Result<std::optional<StoredPin>> State::get(const ipld::Cid& cid) const {
  TRY_ASSIGN(auto use, impl_->use());
  Bytes row;
  TRY_ASSIGN(bool found, use->get(kPins, cid.bytes(), row));
  if (!found) return std::nullopt;
  TRY_ASSIGN(auto view, PinView::read(row));
  TRY_ASSIGN(auto pin, view.to_pin(cid.bytes(), *impl_->peers_now()));
  return pin;
}

Result<std::vector<Claim>> State::claims(const ipld::Cid& cid) const {
  TRY_ASSIGN(auto use, impl_->use());
  storage::Snapshot snapshot(use->db());
  std::vector<Claim> out;
  Bytes row;
  TRY_ASSIGN(bool found, use->get(kPins, cid.bytes(), row, &snapshot));
  if (!found) return out;
  auto peers = impl_->peers_now();
  TRY_ASSIGN(auto view, PinView::read(row));
  if (!view.many_claims) {
    TRY_ASSIGN(auto pin, view.to_pin(cid.bytes(), *peers));
    pin.pin.allocations.clear();
    out.push_back({.pin = std::move(pin.pin)});
    return out;
  }
  auto it =
      use->iterate(kClaims, {.snapshot = &snapshot, .lower = cid.bytes(), .upper = storage::prefix_end(cid.bytes())});
  for (it.seek_to_first(); it.valid(); it.next()) {
    ByteView rest = it.key().substr(cid.bytes().size());
    auto owner = take_text(rest);
    if (!owner) return bad_row("claim key");
    TRY_ASSIGN(auto claim, PinView::read(it.value()));
    TRY_ASSIGN(auto pin, claim.to_pin(cid.bytes(), *peers));
    out.push_back({.owner = *std::move(owner), .claim = std::string(rest), .pin = std::move(pin.pin)});
  }
  TRY(it.status());
  return out;
}

Result<std::vector<Expiring>> State::expiring_before(WallTime time, size_t max) const {
  TRY_ASSIGN(auto use, impl_->use());
  std::vector<Expiring> out;
  if (to_seconds(time) < 0) return out;
  auto it = use->iterate(kByExpiry, {.upper = key::by_expiry(to_seconds(time) + 1, {})});
  for (it.seek_to_first(); it.valid() && out.size() < max; it.next()) {
    auto cid = ipld::Cid::from_bytes(it.key().substr(5));
    if (!cid) return bad_row("expiry key");
    out.push_back({*std::move(cid), from_seconds(read_seconds(it.key()))});
  }
  TRY(it.status());
  return out;
}

Result<std::optional<WallTime>> State::next_expiry() const {
  TRY_ASSIGN(auto use, impl_->use());
  auto it = use->iterate(kByExpiry, {});
  it.seek_to_first();
  TRY(it.status());
  if (!it.valid()) return std::nullopt;
  return from_seconds(read_seconds(it.key()));
}

Result<std::optional<proto::Work>> State::work(const ipld::Cid& cid) const {
  TRY_ASSIGN(auto use, impl_->use());
  Bytes row;
  TRY_ASSIGN(bool found, use->get(kWork, cid.bytes(), row));
  if (!found) return std::nullopt;
  proto::Work work;
  if (!work.ParseFromString(row)) return bad_row("work");
  return work;
}

Result<std::vector<WorkItem>> State::work_after(const ipld::Cid& after, size_t max) const {
  TRY_ASSIGN(auto use, impl_->use());
  std::vector<WorkItem> out;
  auto it = use->iterate(kWork, {.lower = after.empty() ? Bytes() : after.bytes() + '\0'});
  for (it.seek_to_first(); it.valid() && out.size() < max; it.next()) {
    auto cid = ipld::Cid::from_bytes(it.key());
    if (!cid) return bad_row("work key");
    auto& item = out.emplace_back();
    item.cid = *std::move(cid);
    if (!item.work.ParseFromArray(it.value().data(), static_cast<int>(it.value().size()))) return bad_row("work");
  }
  TRY(it.status());
  return out;
}

// --- peers and records

std::vector<Peer> State::peers() const {
  std::lock_guard lock(impl_->published_mutex);
  std::vector<Peer> out = impl_->peers->all();
  for (auto& peer : out) peer.pins = impl_->peer_pins[peer.number.value];
  return out;
}

std::optional<Peer> State::peer(const ipld::PeerId& id) const {
  std::lock_guard lock(impl_->published_mutex);
  const Peer* peer = impl_->peers->at(impl_->peers->find(id));
  if (peer == nullptr) return std::nullopt;
  Peer out = *peer;
  out.pins = impl_->peer_pins[peer->number.value];
  return out;
}

Result<std::optional<Outcome>> State::request(ByteView id) const {
  TRY_ASSIGN(auto use, impl_->use());
  Bytes row;
  TRY_ASSIGN(bool found, use->get(kRequests, key::request(id), row));
  if (!found) return std::nullopt;
  return read_request(row);
}

Result<std::optional<Record>> State::record(std::string_view kind, ByteView key) const {
  TRY_ASSIGN(auto use, impl_->use());
  Bytes row;
  TRY_ASSIGN(bool found, use->get(kRecords, key::record(kind, key), row));
  if (!found) return std::nullopt;
  TRY_ASSIGN(auto stored, decode_record(row));
  return Record{std::string(kind), Bytes(key), Bytes(stored.second), stored.first};
}

Result<std::vector<Record>> State::records(std::string_view kind, ByteView after, size_t max) const {
  TRY_ASSIGN(auto use, impl_->use());
  Bytes prefix = key::record(kind, {});
  Bytes lower = after.empty() ? prefix : key::record(kind, after) + '\0';
  std::vector<Record> out;
  auto it = use->iterate(kRecords, {.lower = std::move(lower), .upper = storage::prefix_end(prefix)});
  for (it.seek_to_first(); it.valid() && out.size() < max; it.next()) {
    TRY_ASSIGN(auto stored, decode_record(it.value()));
    out.push_back({std::string(kind), Bytes(it.key().substr(prefix.size())), Bytes(stored.second), stored.first});
  }
  TRY(it.status());
  return out;
}

}  // namespace ipfsc::state
