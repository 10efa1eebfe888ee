// Placement: which peers get a pin. The leader decides for all, since only it knows what it has promised to whom.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "allocator/allocate.h"
#include "base/notifier.h"
#include "cluster/peer_calls.h"
#include "cluster/peer_picture.h"
#include "consensus/consensus.h"
#include "proto/peer.pb.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::cluster {

struct Placed {
  std::vector<ipld::PeerId> peers;           ///< sorted; empty = everywhere
  std::vector<allocator::Verdict> verdicts;  ///< of an AllocateRequest that only looks
  Bytes reservation;                         ///< of one for an add, when the leader has decided
};

/// I/O thread only.
class Placement {
 public:
  /// All references outlive it.
  Placement(Runtime& runtime, state::State& state, consensus::Consensus& consensus, PeerPicture& picture,
            rpc::PeerClient& client);

  void serve(rpc::Router& router);
  /// Decided by the leader; what comes while it is being asked goes to it together. A leader that does not answer is
  /// not waited for: then it is decided here, by what this peer has heard, and the log orders it as anything.
  /// Errors: those of allocator::allocate().
  Task<Placed> place(proto::AllocateRequest request);
  /// The same where nobody has to be asked; else nullopt.
  std::optional<Result<Placed>> place_here(const proto::AllocateRequest& request);
  /// The same of many that place_here() has passed on, with one result for each.
  Task<std::vector<Result<Placed>>> ask(std::vector<proto::AllocateRequest> requests);

 private:
  struct Waiting {
    proto::AllocateRequest request;
    std::optional<proto::AllocateAnswer> answer;
  };
  using WaitingPtr = std::shared_ptr<Waiting>;

  proto::AllocateAnswer decide(const proto::AllocateRequest& request);
  Result<proto::AllocateAnswer> try_to_decide(const proto::AllocateRequest& request);
  Task<> ask_leader();

  Runtime& runtime_;
  state::State& state_;
  consensus::Consensus& consensus_;
  PeerPicture& picture_;
  rpc::PeerClient& client_;
  std::deque<WaitingPtr> waiting_;
  bool asking_ = false;
  Notifier changed_;
};

/// What place() is asked for a pin; zero factors are not allowed any more.
proto::AllocateRequest allocate_request(const ipld::Cid& cid, const model::PinOptions& options,
                                        const std::vector<ipld::PeerId>& holders);

}  // namespace ipfsc::cluster
