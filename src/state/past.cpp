#include "state/past.h"

#include "state/codec.h"
#include "state/history_row.h"
#include "state/impl.h"
#include "state/stored_pin.h"

namespace ipfsc::state {

Result<Revision> revision_at(const Store& store, const Head& head, WallTime time, const storage::Snapshot* snapshot) {
  if (time < from_ms(head.history_since_ms)) {
    return fail(ErrorKind::kOutOfRange,
                fmt::format("the history begins at {}", format_rfc3339(from_ms(head.history_since_ms))));
  }
  auto it = store.iterate(kHistory, {.snapshot = snapshot});
  // The smallest index whose first row at or after it is later than `time`.
  uint64_t low = revision_index(head.history_floor).value, high = head.applied.value + 1;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    it.seek(key::history(make_revision(LogIndex(middle), 0)));
    TRY(it.status());
    bool later = true;  // nothing from here on: as if it came in the future
    if (it.valid()) {
      TRY_ASSIGN(auto row, HistoryRow::decode(it.value()));
      later = from_ms(row.time_ms) > time;
    }
    if (later) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  Revision then = low == 0 ? 0 : make_revision(LogIndex(low), 0) - 1;
  return std::max(then, head.history_floor);  // what was dropped is older than every time that is answered
}

Result<Bytes> row_at(const Store& store, Revision then, Revision last, ByteView row,
                     const storage::Snapshot* snapshot) {
  Bytes now(row), stored;
  while (last > then) {
    TRY_ASSIGN(bool found, store.get(kHistory, key::history(last), stored, snapshot));
    if (!found) return bad_row("history chain");
    TRY_ASSIGN(auto history, HistoryRow::decode(stored));
    now = history.before;
    last = history.previous;
  }
  return now;
}

// --- State's questions about the past

namespace {

/// The newest revision of the pin, and its row if it is there; 0 when nothing is known of it.
Result<std::pair<Revision, Bytes>> newest(const Store& store, ByteView cid, const storage::Snapshot* snapshot) {
  Bytes row;
  TRY_ASSIGN(bool found, store.get(kPins, cid, row, snapshot));
  if (found) {
    TRY_ASSIGN(auto view, PinView::read(row));
    return std::pair(view.revision, std::move(row));
  }
  TRY_ASSIGN(bool removed, store.get(kRemoved, cid, row, snapshot));
  return std::pair(removed ? Reader(row).number() : 0, Bytes());
}

/// The newest revision before `before` (0 = of all), and the row that it made.
Result<std::pair<Revision, Bytes>> start_of(const Store& store, ByteView cid, Revision before,
                                            const storage::Snapshot* snapshot) {
  if (before != 0) {
    Bytes stored;
    TRY_ASSIGN(bool found, store.get(kHistory, key::history(before), stored, snapshot));
    if (found) {
      TRY_ASSIGN(auto row, HistoryRow::decode(stored));
      bool of_pin = row.kind == Change::kPin || row.kind == Change::kUnpin || row.kind == Change::kMove ||
                    row.kind == Change::kWork;
      if (of_pin && row.subject == cid) return std::pair(row.previous, Bytes(row.before));
    }
  }
  return newest(store, cid, snapshot);
}

Result<std::optional<StoredPin>> to_pin(ByteView cid, ByteView row, const PeerTable& peers) {
  if (row.empty()) return std::nullopt;
  TRY_ASSIGN(auto view, PinView::read(row));
  TRY_ASSIGN(auto pin, view.to_pin(cid, peers));
  return pin;
}

}  // namespace

FeedPosition State::feed_end() const {
  auto head = impl_->head_now();
  return {head.incarnation, head.applied, kMaxOperation};
}

FeedPosition State::feed_begin() const {
  auto head = impl_->head_now();
  return {head.incarnation, revision_index(head.history_floor), revision_operation(head.history_floor)};
}

Result<FeedPosition> State::position_at(WallTime time) const {
  TRY_ASSIGN(auto use, impl_->use());
  storage::Snapshot snapshot(use->db());
  TRY_ASSIGN(auto head, use->head(snapshot));
  TRY_ASSIGN(Revision then, revision_at(*use.store, head, time, &snapshot));
  return FeedPosition{head.incarnation, revision_index(then), revision_operation(then)};
}

Result<std::vector<Change>> State::changes_after(FeedPosition position, size_t max) const {
  TRY_ASSIGN(auto use, impl_->use());
  storage::Snapshot snapshot(use->db());
  TRY_ASSIGN(auto head, use->head(snapshot));
  bool from_the_start = position.revision() == 0;
  if (!from_the_start && position.incarnation != head.incarnation) {
    return fail(ErrorKind::kOutOfRange, fmt::format("position {} of incarnation {} is not of this one ({})",
                                                    position.index.value, position.incarnation, head.incarnation));
  }
  if (position.revision() < head.history_floor) {
    return fail(ErrorKind::kOutOfRange, fmt::format("the history after position {} is gone", position.index.value));
  }
  std::vector<Change> out;
  auto it = use->iterate(kHistory, {.snapshot = &snapshot, .lower = key::history(position.revision() + 1)});
  for (it.seek_to_first(); it.valid() && out.size() < max; it.next()) {
    TRY_ASSIGN(auto row, HistoryRow::decode(it.value()));
    TRY_ASSIGN(auto change, row.to_change(read_be64(it.key().data()), head.incarnation));
    out.push_back(std::move(change));
  }
  TRY(it.status());
  return out;
}

Result<std::vector<HistoryRecord>> State::history(const ipld::Cid& cid, Revision before, size_t max) const {
  TRY_ASSIGN(auto use, impl_->use());
  storage::Snapshot snapshot(use->db());
  TRY_ASSIGN(auto head, use->head(snapshot));
  TRY_ASSIGN(auto start, start_of(*use.store, cid.bytes(), before, &snapshot));
  auto peers = impl_->peers_now();
  auto [revision, after] = std::move(start);
  std::vector<HistoryRecord> out;
  Bytes stored;
  while (revision > head.history_floor && out.size() < max) {
    TRY_ASSIGN(bool found, use->get(kHistory, key::history(revision), stored, &snapshot));
    if (!found) break;  // older than this state: it was imported
    TRY_ASSIGN(auto row, HistoryRow::decode(stored));
    if (before == 0 || revision < before) {
      auto& record = out.emplace_back();
      TRY_ASSIGN(record.change, row.to_change(revision, head.incarnation));
      TRY_ASSIGN(record.before, to_pin(cid.bytes(), row.before, *peers));
      TRY_ASSIGN(record.after, to_pin(cid.bytes(), after, *peers));
    }
    after = Bytes(row.before);
    revision = row.previous;
  }
  return out;
}

Result<std::optional<StoredPin>> State::pin_at(const ipld::Cid& cid, WallTime time) const {
  TRY_ASSIGN(auto use, impl_->use());
  storage::Snapshot snapshot(use->db());
  TRY_ASSIGN(auto head, use->head(snapshot));
  TRY_ASSIGN(Revision then, revision_at(*use.store, head, time, &snapshot));
  TRY_ASSIGN(auto start, newest(*use.store, cid.bytes(), &snapshot));
  TRY_ASSIGN(Bytes row, row_at(*use.store, then, start.first, start.second, &snapshot));
  return to_pin(cid.bytes(), row, *impl_->peers_now());
}

}  // namespace ipfsc::state
