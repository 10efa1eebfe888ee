// PeerCalls: what this peer asks of the others for a user, and answers them: ids, statuses, recover, collection.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/runtime.h"
#include "cluster/options.h"
#include "ipfs/ipfs_node.h"
#include "model/info.h"
#include "model/status.h"
#include "proto/peer.pb.h"
#include "rpc/rpc.h"
#include "state/state.h"
#include "tracker/tracker.h"

namespace ipfsc::cluster {

/// What to do about one CID on a peer.
enum class PinCall : uint8_t { kStatus, kRecover, kSync };

/// CIDs in one question about the past.
inline constexpr size_t kMostHeldCids = 1000;

/// What a peer says of some pins in brief.
struct BriefStatus {
  model::TrackerStatus status = model::TrackerStatus::kUndefined;
  std::string why;  ///< one sentence; empty: nothing to say
};
struct BriefStatuses {
  std::vector<BriefStatus> statuses;            ///< in the order of the question
  std::vector<ipld::Multiaddr> ipfs_addresses;  ///< of the peer's IPFS node
};
inline constexpr size_t kMaxBriefStatuses = 1000;  ///< of one question

/// A block that a garbage collection has removed, or could not remove.
using OnGcKey = std::function<void(model::RepoGcKey)>;
/// One on this peer: all but the keys, which go to the function as they come.
using CollectGarbage = std::function<Task<model::RepoGc>(OnGcKey)>;

/// I/O thread only.
class PeerCalls {
 public:
  /// All outlive it.
  PeerCalls(Runtime& runtime, const ClusterOptions& options, const state::State& state, rpc::PeerClient& client)
      : runtime_(runtime), options_(options), state_(state), client_(client) {}

  /// The other members.
  std::vector<ipld::PeerId> others() const;

  /// Why a peer need not be asked: it has been silent for longer than is likely. Set once; empty = all are asked.
  using Doubt = std::function<std::optional<Error>(const ipld::PeerId&)>;
  void set_doubt(Doubt doubt) { doubt_ = std::move(doubt); }
  Result<> worth_asking(const ipld::PeerId& peer) const;

  Task<model::PeerInfo> id(ipld::PeerId peer);
  /// How that peer itself stands to the pin.
  Task<model::PinInfo> pin(ipld::PeerId peer, PinCall call, ipld::Cid cid);
  /// How that peer itself stands to at most kMaxBriefStatuses pins.
  Task<BriefStatuses> statuses(ipld::PeerId peer, const std::vector<ipld::Cid>& cids);
  /// Pages of the peer's own listing, by CID; read with next_page().
  std::unique_ptr<rpc::Stream> list(const ipld::PeerId& peer, const proto::StatusPageRequest& request);
  /// kUnavailable or kDeadlineExceeded when the peer is silent. The last page has no next_cursor.
  Task<proto::StatusPage> next_page(rpc::Stream& stream);
  /// The keys go to `on_key` only, as they come.
  Task<model::RepoGc> gc(ipld::PeerId peer, OnGcKey on_key);
  /// Whom that peer's IPFS node is connected to: peer id texts.
  Task<std::vector<std::string>> swarm(ipld::PeerId peer);
  /// Which of the pins that peer has, complete; in the order of `cids`.
  Task<std::vector<bool>> have(ipld::PeerId peer, const std::vector<ipld::Cid>& cids);

  /// What that peer held at `time`; at most kMostHeldCids.
  Task<tracker::PastHoldings> held(ipld::PeerId peer, const std::vector<ipld::Cid>& cids, WallTime time);

  /// What is said of a peer that does not answer.
  std::shared_ptr<const model::PeerFacts> facts(const ipld::PeerId& peer) const;
  model::PinInfoShort silent(const ipld::PeerId& peer, const Error& error) const;

 private:
  Runtime& runtime_;
  const ClusterOptions& options_;
  const state::State& state_;
  rpc::PeerClient& client_;
  Doubt doubt_;
};

/// What the other side of the calls works with; all outlive the router's use.
struct PeerAnswers {
  std::function<Task<model::PeerInfo>()> id;
  CollectGarbage gc;
  std::function<Task<std::vector<std::string>>()> swarm;
  tracker::PinTracker& tracker;
  Runtime& runtime;
};
/// This peer's own word.
Task<BriefStatuses> brief_statuses(tracker::PinTracker& tracker, std::vector<ipld::Cid> cids);
void serve_peer_calls(rpc::Router& router, PeerAnswers answers);

}  // namespace ipfsc::cluster
