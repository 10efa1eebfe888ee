// The rules: what each operation of the log does to the state. Deterministic. Inside state/ only.
#pragma once

#include "state/merge.h"
#include "state/transaction.h"

namespace ipfsc::state {

inline constexpr size_t kMaxRequestIdBytes = 256;
/// Rows of history or requests that one Trim drops at most; the outcome's detail says when more are left.
inline constexpr uint64_t kTrimRows = 100'000;

/// What a repetition is answered, from its row.
Result<Outcome> read_request(ByteView row);

class Applier {
 public:
  explicit Applier(Transaction& transaction) : t_(transaction) {}
  /// The n-th operation of the entry whose index and time are in the transaction's head. An Error is the database's;
  /// everything that is wrong with the operation is an outcome.
  Result<Outcome> apply(uint32_t n, const proto::Operation& operation);

 private:
  Result<Outcome> dispatch(const proto::Operation& operation);
  Result<Outcome> answer_again(ByteView first, const proto::Operation& operation);
  void store_request(ByteView id, const Outcome& outcome);

  // applier_pins.cpp
  Result<Outcome> pin_put(const proto::PinPut& op);
  Result<Outcome> pin_remove(const proto::PinRemove& op);
  Result<Outcome> pin_move(const proto::PinMove& op);
  Result<ClaimSet> claims_of(ByteView cid, const PinRow& existing);
  Result<> write_claims(ByteView cid, const PinRow& existing, const ClaimSet& claims);
  Result<Outcome> write_merged(ByteView cid, const PinRow& existing, const ClaimSet& claims,
                               std::vector<ipld::PeerId> allocations, const proto::Work* work);
  Result<> fit_copies(ByteView cid, const PinRow& existing, model::Pin& pin, const proto::Work* work);
  Result<Outcome> write_effective(ByteView cid, const PinRow& existing, model::Pin pin, bool many_claims, bool force,
                                  Change::Kind kind);
  Result<Outcome> remove_pin(ByteView cid, const PinRow& existing);
  Result<std::optional<model::Pin>> to_pin(ByteView cid, const PinRow& row);

  // applier_others.cpp
  Result<Outcome> record_put(const proto::RecordPut& op);
  Result<Outcome> record_remove(const proto::RecordRemove& op);
  Result<Outcome> peer_put(const proto::PeerPut& op);
  Result<Outcome> peer_change(const proto::PeerChange& op);
  Result<Outcome> peer_remove(const proto::PeerRemove& op);
  Outcome write_peer(Peer peer);
  Result<Outcome> claim(const proto::PinPut& op);
  Result<Outcome> with_work(ByteView cid, const proto::Work& work, Outcome outcome);
  Result<bool> set_work(ByteView cid, std::optional<Bytes> work);
  Result<Outcome> work_put(const proto::WorkPut& op);
  Result<Outcome> work_remove(const proto::WorkRemove& op);
  Result<Outcome> trim(const proto::Trim& op);
  Result<bool> trim_history(uint64_t before_ms);
  Result<bool> trim_requests(uint64_t before_ms, uint64_t keep);
  Result<Outcome> apply_version(const proto::ApplyVersion& op);
  Result<Outcome> cluster_init(const proto::ClusterInit& op);

  Transaction& t_;
};

/// Makes outcomes of less than success.
Outcome refused(std::string detail);
Outcome not_found(std::string detail);
Outcome guard_failed(Revision now);
Outcome unchanged(Revision now);

/// The stored form of a record: revision, then the value.
Bytes encode_record(Revision revision, ByteView value);
Result<std::pair<Revision, ByteView>> decode_record(ByteView row);

}  // namespace ipfsc::state
