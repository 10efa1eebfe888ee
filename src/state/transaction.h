// The changes of one log entry before they are written as one batch: rows read and changed, and what is kept in step
// with them (indexes, counters, hash, history). Inside state/ only.
#pragma once

#include <map>
#include <set>

#include "state/hash.h"
#include "state/history_row.h"
#include "state/store.h"
#include "state/stored_pin.h"

namespace ipfsc::state {

/// A pin's row with its reading; the views point into it. Null row = no pin.
struct PinRow {
  const Bytes* row = nullptr;
  PinView view;
  explicit operator bool() const { return row != nullptr; }
  Revision revision() const { return row == nullptr ? 0 : view.revision; }
};

class Transaction {
 public:
  Transaction(const Store& store, Head head, SharedPeers peers, std::vector<uint64_t> peer_pins);

  /// Where the coming changes belong: the n-th operation of the entry, asked for by `actor` (not copied).
  void begin_operation(uint32_t n, std::string_view actor);
  Revision revision() const { return make_revision(head.applied, n_); }

  /// The row as this entry sees it; null = none. Valid until the same row is changed.
  Result<const Bytes*> find(FamilyId id, ByteView key);
  /// Rows of a family under a prefix, as this entry sees them.
  Result<std::map<Bytes, Bytes>> find_all(FamilyId id, ByteView prefix);
  /// Only for rows that find() or find_all() has looked for: the hash needs what was there.
  void put(FamilyId id, ByteView key, Bytes value);
  void erase(FamilyId id, ByteView key);
  /// Rows that nothing in the entry reads.
  void put_unread(FamilyId id, ByteView key, ByteView value) { batch_.put(store_.family(id), key, value); }
  void erase_unread(FamilyId id, ByteView key) { batch_.erase(store_.family(id), key); }
  void erase_range(FamilyId id, ByteView begin, ByteView end) { batch_.erase_range(store_.family(id), begin, end); }

  Result<PinRow> find_pin(ByteView cid);
  /// Makes the pin's row `body` under this operation's revision; an empty body removes it. Indexes, counters, hash,
  /// history, work and `removed` follow.
  Result<> write_pin(ByteView cid, const PinRow& before, ByteView body, Change::Kind kind);
  /// Adds a row to the history.
  void remember(HistoryRow row);

  const PeerTable& peers() const { return *peers_; }
  /// A copy that this entry may change; those that are marked are written.
  PeerTable& change_peers();
  void mark_peer(PeerNumber number) {
    dirty_peers_.insert(number.value);
    dirty_peer_pins_.insert(number.value);
  }
  /// The peer's number, given now if it has none.
  PeerNumber number_of(const ipld::PeerId& id);
  SharedPeers shared_peers() const { return peers_; }

  /// Adds head and peers; the batch is then complete.
  storage::WriteBatch& finish();
  const Store& store() const { return store_; }

  Head head;
  std::vector<uint64_t> peer_pins;  ///< by number

 private:
  struct Slot {
    std::optional<Bytes> value;
  };
  using Slots = std::map<Bytes, Slot, std::less<>>;

  Slot& looked_up(FamilyId id, ByteView key);
  void hash_out(FamilyId id, ByteView key, const Slot& slot);
  void count(const PinView& pin, uint64_t step);
  void write_index(ByteView cid, const PinView* before, const PinView* after);
  Result<> write_links(ByteView cid, const PinRow& before, bool removed, HistoryRow& history);

  const Store& store_;
  storage::WriteBatch batch_;
  std::array<Slots, kFamilies> slots_;
  RowHasher hasher_;
  SharedPeers peers_;
  std::shared_ptr<PeerTable> changed_peers_;
  std::set<uint32_t> dirty_peers_, dirty_peer_pins_;
  uint32_t n_ = 0;
  std::string_view actor_;
};

}  // namespace ipfsc::state
