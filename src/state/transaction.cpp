#include "state/transaction.h"

#include "base/check.h"
#include "state/codec.h"
#include "state/index_rows.h"

namespace ipfsc::state {
namespace {

using IndexRow = std::pair<FamilyId, Bytes>;

/// Sorted and without repetition: long texts are cut and may then give one row twice.
std::vector<IndexRow> index_rows(const PinView& pin, ByteView cid) {
  std::vector<IndexRow> rows;
  each_index_row(pin, cid, [&rows](FamilyId id, Bytes key) { rows.emplace_back(id, std::move(key)); });
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

}  // namespace

Transaction::Transaction(const Store& store, Head head, SharedPeers peers, std::vector<uint64_t> peer_pins)
    : head(std::move(head)),
      peer_pins(std::move(peer_pins)),
      store_(store),
      batch_(64 << 10),
      peers_(std::move(peers)) {}

void Transaction::begin_operation(uint32_t n, std::string_view actor) {
  n_ = n;
  actor_ = actor;
}

Result<const Bytes*> Transaction::find(FamilyId id, ByteView key) {
  auto& slots = slots_[id];
  auto it = slots.lower_bound(key);
  if (it == slots.end() || it->first != key) {
    Slot slot;
    Bytes value;
    TRY_ASSIGN(bool found, store_.get(id, key, value));
    if (found) slot.value = std::move(value);
    it = slots.emplace_hint(it, Bytes(key), std::move(slot));
  }
  return it->second.value ? &*it->second.value : nullptr;
}

Result<std::map<Bytes, Bytes>> Transaction::find_all(FamilyId id, ByteView prefix) {
  auto it = store_.iterate(id, {.lower = Bytes(prefix), .upper = storage::prefix_end(prefix)});
  auto& slots = slots_[id];
  for (it.seek_to_first(); it.valid(); it.next()) slots.try_emplace(Bytes(it.key()), Slot{Bytes(it.value())});
  TRY(it.status());
  std::map<Bytes, Bytes> out;
  for (auto slot = slots.lower_bound(prefix); slot != slots.end() && slot->first.starts_with(prefix); ++slot) {
    if (slot->second.value) out.emplace(slot->first, *slot->second.value);
  }
  return out;
}

Transaction::Slot& Transaction::looked_up(FamilyId id, ByteView key) {
  auto it = slots_[id].find(key);
  CHECK(it != slots_[id].end());
  return it->second;
}

void Transaction::hash_out(FamilyId id, ByteView key, const Slot& slot) {
  if (slot.value && hash_tag(id) != 0) subtract(head.hash, hasher_.row(id, key, *slot.value));
}

void Transaction::put(FamilyId id, ByteView key, Bytes value) {
  auto& slot = looked_up(id, key);
  hash_out(id, key, slot);
  if (hash_tag(id) != 0) add(head.hash, hasher_.row(id, key, value));
  batch_.put(store_.family(id), key, value);
  slot.value = std::move(value);
}

void Transaction::erase(FamilyId id, ByteView key) {
  auto& slot = looked_up(id, key);
  hash_out(id, key, slot);
  if (slot.value) batch_.erase(store_.family(id), key);
  slot.value.reset();
}

Result<PinRow> Transaction::find_pin(ByteView cid) {
  PinRow out;
  TRY_ASSIGN(out.row, find(kPins, cid));
  if (out.row != nullptr) {
    TRY(out.view.parse(*out.row));
  }
  return out;
}

void Transaction::count(const PinView& pin, uint64_t step) {
  count_pin(pin, step, head.counters, peer_pins);
  if (!pin.held_by_name()) return;
  for (auto number : pin.allocations) dirty_peer_pins_.insert(number);
}

void Transaction::write_index(ByteView cid, const PinView* before, const PinView* after) {
  if (before == nullptr && after != nullptr) {  // the usual case: nothing to compare
    each_index_row(*after, cid, [this](FamilyId id, const Bytes& key) { put_unread(id, key, {}); });
    return;
  }
  std::vector<IndexRow> old_rows, new_rows, gone, come;
  if (before != nullptr) old_rows = index_rows(*before, cid);
  if (after != nullptr) new_rows = index_rows(*after, cid);
  std::set_difference(old_rows.begin(), old_rows.end(), new_rows.begin(), new_rows.end(), std::back_inserter(gone));
  std::set_difference(new_rows.begin(), new_rows.end(), old_rows.begin(), old_rows.end(), std::back_inserter(come));
  for (const auto& [id, key] : gone) erase_unread(id, key);
  for (const auto& [id, key] : come) put_unread(id, key, {});
}

Result<> Transaction::write_links(ByteView cid, const PinRow& before, bool removed, HistoryRow& history) {
  auto& counters = head.counters;
  if (!before && counters.removed > 0) {
    TRY_ASSIGN(const Bytes* last, find(kRemoved, cid));
    if (last != nullptr) {
      history.previous = Reader(*last).number();
      erase(kRemoved, cid);
      --counters.removed;
    }
  }
  if (!removed) return {};
  TRY(find(kRemoved, cid));
  Bytes last;
  put_number(last, revision());
  put(kRemoved, cid, std::move(last));
  ++counters.removed;
  if (counters.work > 0) {
    TRY_ASSIGN(const Bytes* work, find(kWork, cid));
    if (work != nullptr) {
      erase(kWork, cid);
      --counters.work;
    }
  }
  return {};
}

Result<> Transaction::write_pin(ByteView cid, const PinRow& before, ByteView body, Change::Kind kind) {
  bool removed = body.empty();
  Bytes row;
  PinView after;
  if (!removed) {
    row = encode_revision(revision());
    row.append(body);
    TRY(after.parse(row));
  }
  write_index(cid, before ? &before.view : nullptr, removed ? nullptr : &after);
  if (before) count(before.view, ~uint64_t{0});
  if (!removed) count(after, 1);
  HistoryRow history{.kind = kind, .subject = cid};
  if (before) history.before = *before.row;
  TRY(write_links(cid, before, removed, history));
  remember(history);
  if (removed) {
    erase(kPins, cid);
  } else {
    put(kPins, cid, std::move(row));
  }
  return {};
}

void Transaction::remember(HistoryRow row) {
  row.time_ms = head.time_ms;
  row.actor = actor_;
  put_unread(kHistory, key::history(revision()), row.encode());
  ++head.counters.history;
}

PeerTable& Transaction::change_peers() {
  if (!changed_peers_) {
    changed_peers_ = std::make_shared<PeerTable>(*peers_);
    peers_ = changed_peers_;
  }
  return *changed_peers_;
}

PeerNumber Transaction::number_of(const ipld::PeerId& id) {
  PeerNumber number = peers_->find(id);
  if (number.value != 0) return number;
  number = change_peers().add(id);
  mark_peer(number);
  peer_pins.resize(number.value + 1);
  return number;
}

storage::WriteBatch& Transaction::finish() {
  for (auto number : dirty_peers_) {
    put_unread(kMeta, key::peer(PeerNumber(number)), PeerTable::encode(*peers_->at(PeerNumber(number))));
  }
  for (auto number : dirty_peer_pins_) {
    Bytes value;
    put_number(value, peer_pins[number]);
    put_unread(kMeta, key::peer_pins(PeerNumber(number)), value);
  }
  put_unread(kMeta, key::kHead, head.encode());
  return batch_;
}

}  // namespace ipfsc::state
