#include "state/applier.h"
#include "state/codec.h"

namespace ipfsc::state {
namespace {

template <class Op>
bool guard_holds(const Op& op, Revision now) {
  return !op.has_if_revision() || op.if_revision() == now;
}

Result<std::vector<ipld::Multiaddr>> addresses_of(const google::protobuf::RepeatedPtrField<std::string>& binary) {
  std::vector<ipld::Multiaddr> out;
  for (const auto& bytes : binary) {
    auto address = ipld::Multiaddr::from_bytes(bytes);
    if (!address) return fail(ErrorKind::kInvalidArgument, "addresses: " + address.error().message);
    out.push_back(*std::move(address));
  }
  return out;
}

}  // namespace

Bytes encode_record(Revision revision, ByteView value) {
  Bytes row;
  put_number(row, revision);
  row.append(value);
  return row;
}

Result<std::pair<Revision, ByteView>> decode_record(ByteView row) {
  Reader in(row);
  Revision revision = in.number();
  if (!in.ok()) return bad_row("record");
  return std::pair(revision, in.rest());
}

// --- records

Result<Outcome> Applier::record_put(const proto::RecordPut& op) {
  if (op.kind().empty()) return refused("a record needs a kind");
  Bytes row_key = key::record(op.kind(), op.key());
  TRY_ASSIGN(const Bytes* row, t_.find(kRecords, row_key));
  std::pair<Revision, ByteView> old{0, {}};
  if (row != nullptr) {
    TRY_ASSIGN(old, decode_record(*row));
  }
  if (!guard_holds(op, old.first)) return guard_failed(old.first);
  if (row != nullptr && old.second == op.value()) return unchanged(old.first);
  if (row == nullptr) ++t_.head.counters.records;
  t_.put(kRecords, row_key, encode_record(t_.revision(), op.value()));
  t_.remember({.kind = Change::kRecord, .subject = op.kind(), .record_key = op.key()});
  return Outcome{.revision = t_.revision()};
}

Result<Outcome> Applier::record_remove(const proto::RecordRemove& op) {
  Bytes row_key = key::record(op.kind(), op.key());
  TRY_ASSIGN(const Bytes* row, t_.find(kRecords, row_key));
  if (row == nullptr) return not_found("there is no such record");
  TRY_ASSIGN(auto old, decode_record(*row));
  if (!guard_holds(op, old.first)) return guard_failed(old.first);
  t_.erase(kRecords, row_key);
  --t_.head.counters.records;
  t_.remember({.kind = Change::kRecord, .subject = op.kind(), .record_key = op.key()});
  return Outcome{};
}

// --- peers

Result<Outcome> Applier::peer_put(const proto::PeerPut& op) {
  auto id = ipld::PeerId::from_bytes(op.peer());
  if (!id) return refused("peer: " + id.error().message);
  auto addresses = addresses_of(op.addresses());
  if (!addresses) return refused(addresses.error().message);
  return write_peer({.number = t_.number_of(*id),
                     .id = *id,
                     .member = true,
                     .name = op.name(),
                     .role = op.role(),
                     .configured_role = op.configured_role(),
                     .state = op.state(),
                     .addresses = *std::move(addresses)});
}

Result<Outcome> Applier::peer_change(const proto::PeerChange& op) {
  auto id = ipld::PeerId::from_bytes(op.peer());
  if (!id) return refused("peer: " + id.error().message);
  const Peer* known = t_.peers().at(t_.peers().find(*id));
  if (known == nullptr || !known->member) return not_found("it is not a member");
  if (op.has_if_state() && op.if_state() != known->state) return guard_failed(0);
  Peer peer = *known;
  if (op.has_name()) peer.name = op.name();
  if (op.has_role()) peer.role = op.role();
  if (op.has_configured_role()) peer.configured_role = op.configured_role();
  if (op.has_state()) peer.state = op.state();
  if (op.has_addresses()) {
    auto addresses = addresses_of(op.addresses().addresses());
    if (!addresses) return refused(addresses.error().message);
    peer.addresses = *std::move(addresses);
  }
  return write_peer(std::move(peer));
}

/// Over the row of its number.
Outcome Applier::write_peer(Peer peer) {
  const Peer& known = *t_.peers().at(peer.number);
  bool stays = known.member && known.state == peer.state;
  peer.since = stays ? known.since : from_ms(t_.head.time_ms);
  if (known == peer) return unchanged(0);
  t_.remember({.kind = Change::kPeer, .subject = peer.id.bytes()});
  t_.mark_peer(peer.number);
  *t_.change_peers().at(peer.number) = std::move(peer);
  return Outcome{};
}

Result<Outcome> Applier::peer_remove(const proto::PeerRemove& op) {
  auto id = ipld::PeerId::from_bytes(op.peer());
  if (!id) return refused("peer: " + id.error().message);
  PeerNumber number = t_.peers().find(*id);
  const Peer* known = t_.peers().at(number);
  if (!op.ban() && (known == nullptr || !known->member)) return not_found("it is not a member");
  if (known != nullptr && !known->member && known->state == proto::PEER_STATE_BANNED) return unchanged(0);
  number = t_.number_of(*id);
  Peer& peer = *t_.change_peers().at(number);
  peer.member = false;
  peer.state = op.ban() ? proto::PEER_STATE_BANNED : proto::PEER_STATE_REMOVED;
  peer.since = from_ms(t_.head.time_ms);
  t_.mark_peer(number);
  t_.remember({.kind = Change::kPeer, .subject = op.peer()});
  return Outcome{};
}

// --- work

/// Of a pin that exists; nullopt: there is none. True: it was something else, which is not in the history yet.
Result<bool> Applier::set_work(ByteView cid, std::optional<Bytes> work) {
  TRY_ASSIGN(const Bytes* row, t_.find(kWork, cid));
  if (row != nullptr ? work && *row == *work : !work) return false;
  if (!work) {
    t_.erase(kWork, cid);
    --t_.head.counters.work;
  } else {
    if (row == nullptr) ++t_.head.counters.work;
    t_.put(kWork, cid, *std::move(work));
  }
  return true;
}

Result<Outcome> Applier::work_put(const proto::WorkPut& op) {
  TRY_ASSIGN(PinRow pin, t_.find_pin(op.cid()));
  if (!pin) return not_found("pin is not part of the pinset");
  TRY_ASSIGN(bool changed, set_work(op.cid(), op.work().SerializeAsString()));
  if (!changed) return unchanged(pin.revision());
  t_.remember({.kind = Change::kWork, .subject = op.cid()});
  return Outcome{.revision = pin.revision()};
}

Result<Outcome> Applier::work_remove(const proto::WorkRemove& op) {
  TRY_ASSIGN(bool changed, set_work(op.cid(), std::nullopt));
  if (!changed) return not_found("there is no work on this pin");
  t_.remember({.kind = Change::kWork, .subject = op.cid()});
  return Outcome{};
}

// --- retention

Result<Outcome> Applier::trim(const proto::Trim& op) {
  TRY_ASSIGN(bool more_history, trim_history(std::min<uint64_t>(op.history_before_ms(), t_.head.time_ms)));
  TRY_ASSIGN(bool more_requests, trim_requests(op.requests_before_ms(), op.requests_keep()));
  return Outcome{.detail = more_history || more_requests ? "more is left to trim" : ""};
}

/// True when rows before the time are left.
Result<bool> Applier::trim_history(uint64_t before_ms) {
  auto it = t_.store().iterate(kHistory, {.lower = key::history(t_.head.history_floor + 1)});
  uint64_t rows = 0;
  Revision last = 0;
  bool more = false;
  for (it.seek_to_first(); it.valid(); it.next()) {
    TRY_ASSIGN(auto row, HistoryRow::decode(it.value()));
    if (row.time_ms >= before_ms) break;
    if (rows == kTrimRows) {
      more = true;
      before_ms = row.time_ms;  // what is left can be answered from here on
      break;
    }
    ++rows;
    last = read_be64(it.key().data());
    if (row.kind != Change::kUnpin) continue;
    TRY_ASSIGN(const Bytes* removed, t_.find(kRemoved, row.subject));
    if (removed != nullptr && Reader(*removed).number() == last) {
      t_.erase(kRemoved, row.subject);
      --t_.head.counters.removed;
    }
  }
  TRY(it.status());
  if (rows > 0) {
    t_.erase_range(kHistory, key::history(0), key::history(last + 1));
    t_.head.counters.history -= rows;
    t_.head.history_floor = last;
  }
  t_.head.history_since_ms = std::max(t_.head.history_since_ms, before_ms);
  return more;
}

Result<bool> Applier::trim_requests(uint64_t before_ms, uint64_t keep) {
  Bytes prefix(key::kRequestOrderPrefix);
  auto it = t_.store().iterate(kRequests, {.lower = prefix, .upper = storage::prefix_end(prefix)});
  uint64_t rows = 0;
  auto& count = t_.head.counters.requests;
  for (it.seek_to_first(); it.valid(); it.next()) {
    Reader in(it.value());
    bool old = in.number() < before_ms;
    bool too_many = keep != 0 && count > keep;
    if (!old && !too_many) break;
    Bytes request = key::request(in.rest());
    TRY_ASSIGN(const Bytes* row, t_.find(kRequests, request));
    // Another Trim of this entry may have dropped it, and its id may have been used again since.
    if (row == nullptr || Reader(*row).number() != read_be64(it.key().data() + prefix.size())) continue;
    if (rows++ == kTrimRows) return true;
    t_.erase(kRequests, request);
    t_.erase_unread(kRequests, it.key());
    --count;
  }
  TRY(it.status());
  return false;
}

// --- the cluster

Result<Outcome> Applier::apply_version(const proto::ApplyVersion& op) {
  if (op.version() <= t_.head.apply_version) return unchanged(0);
  TRY(check_apply_version(op.version()));
  t_.head.apply_version = op.version();
  t_.remember({.kind = Change::kCluster});
  return Outcome{};
}

Result<Outcome> Applier::cluster_init(const proto::ClusterInit& op) {
  if (op.cluster_id().size() != 16) return refused("a cluster id has 16 bytes");
  if (op.incarnation() <= t_.head.incarnation) {
    bool same = op.incarnation() == t_.head.incarnation && op.cluster_id() == t_.head.cluster_id;
    return same ? unchanged(0) : refused(fmt::format("incarnation {} is not new", op.incarnation()));
  }
  t_.head.cluster_id = op.cluster_id();
  t_.head.incarnation = op.incarnation();
  t_.remember({.kind = Change::kCluster});
  return Outcome{};
}

}  // namespace ipfsc::state
