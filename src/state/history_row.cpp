#include "state/history_row.h"

#include "state/codec.h"
#include "state/head.h"
#include "state/stored_pin.h"

namespace ipfsc::state {
namespace {
constexpr uint8_t kHasBefore = 0x80;    // in the kind's byte
constexpr uint8_t kHasPrevious = 0x40;  // only without kHasBefore
}  // namespace

Bytes HistoryRow::encode() const {
  Bytes out;
  out.reserve(24 + actor.size() + subject.size() + record_key.size() + before.size());
  bool chained = before.empty() && previous != 0;
  out.push_back(static_cast<char>(kind | (before.empty() ? 0 : kHasBefore) | (chained ? kHasPrevious : 0)));
  put_number(out, time_ms);
  put_bytes(out, actor);
  put_bytes(out, subject);
  if (kind == Change::kRecord) put_bytes(out, record_key);
  if (chained) put_number(out, previous);
  out.append(before);
  return out;
}

Result<HistoryRow> HistoryRow::decode(ByteView row) {
  Reader in(row);
  HistoryRow out;
  auto first = in.take(1);
  uint8_t flags = first.empty() ? 0 : static_cast<uint8_t>(first[0]);
  out.kind = static_cast<Change::Kind>(flags & 0x3f);
  out.time_ms = in.number();
  out.actor = in.bytes();
  out.subject = in.bytes();
  if (out.kind == Change::kRecord) out.record_key = in.bytes();
  if (flags & kHasPrevious) out.previous = in.number();
  if (!in.ok() || out.kind < Change::kPin || out.kind > Change::kCluster) return bad_row("history");
  if (flags & kHasBefore) {
    out.before = in.rest();
    TRY_ASSIGN(auto before, PinView::read(out.before));
    out.previous = before.revision;
  }
  return out;
}

Result<Change> HistoryRow::to_change(Revision revision, uint64_t incarnation) const {
  Change out;
  out.position = {incarnation, revision_index(revision), revision_operation(revision)};
  out.kind = kind;
  out.time = from_ms(time_ms);
  out.actor = actor;
  switch (kind) {
    case Change::kPin:
    case Change::kUnpin:
    case Change::kMove:
    case Change::kWork: {
      auto cid = ipld::Cid::from_bytes(subject);
      if (!cid) return bad_row("history CID");
      out.cid = *std::move(cid);
      break;
    }
    case Change::kPeer: {
      auto peer = ipld::PeerId::from_bytes(subject);
      if (!peer) return bad_row("history peer");
      out.peer = *std::move(peer);
      break;
    }
    case Change::kRecord:
      out.record_kind = subject;
      out.record_key = record_key;
      break;
    case Change::kCluster:
      break;
  }
  return out;
}

}  // namespace ipfsc::state
