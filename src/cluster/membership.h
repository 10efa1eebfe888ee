// Membership: how peers find, join and admit each other. Who belongs to the cluster is in the log (state's peers);
// where they are to be found comes from the log, from their greetings, and from what the user says.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/runtime.h"
#include "base/task_group.h"
#include "cluster/options.h"
#include "consensus/consensus.h"
#include "proto/peer.pb.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::cluster {

/// I/O thread only. stop() before destruction.
class Membership {
 public:
  /// All outlive it.
  Membership(Runtime& runtime, const ClusterOptions& options, state::State& state, rpc::PeerClient& client);

  /// Addresses of peers from elsewhere (--bootstrap, peerstore), with /p2p/<id>; tried after those in the log.
  void add_hints(const std::vector<ipld::Multiaddr>& addresses);

  /// Asks the peers at `bootstrap` in turn to be let in, until one does or all have refused; goes on trying while none
  /// is reached, until `deadline`. Returns what the log is to begin with (Consensus::add_member()). kUnauthenticated:
  /// the secret is another cluster's; kPermissionDenied: banned; else what the cluster said.
  Task<Bytes> join(std::vector<ipld::Multiaddr> bootstrap, SteadyTime deadline);

  /// Registers what other peers may ask. `consensus` outlives the router's use.
  void serve(rpc::Router& router, consensus::Consensus& consensus);
  /// May this peer's call be answered? (rpc::Gatekeeper)
  Result<> admit(const ipld::PeerId& caller, rpc::Access access);

  /// Of all other peers, with /p2p/<id>: for the peerstore.
  std::vector<ipld::Multiaddr> peer_addresses() const;

  /// Returns when this peer was removed, its incarnation of the cluster was left, or given_up() says something.
  Task<> wait_expelled();
  /// By the log, or by the word of another member.
  bool removed() const;
  /// A member that begins a later incarnation of this cluster (after a recovery or an import): addresses to join it.
  /// This peer's data belongs to the past then. Empty: none was heard of.
  std::vector<ipld::Multiaddr> superseded_by() const;

  /// Why this peer can never go on with its log: a newer program writes it (Consensus::given_up()), or it is an old
  /// copy (consensus/log_start.h).
  std::optional<Error> given_up() const;

  /// For a peer that has data and is told to join: kFailedPrecondition when one of the peers at `bootstrap` answers
  /// that its cluster is another one. Nobody answers: fine.
  Task<> check_same_cluster(std::vector<ipld::Multiaddr> bootstrap);

  /// Greets the others, and keeps name and addresses of this peer in the log.
  void start();
  Task<> stop();

 private:
  Task<proto::JoinAnswer> ask_to_join(ipld::PeerId peer);
  Task<Bytes> take_join(rpc::CallInfo info, Bytes request);
  Task<Bytes> take_hello(rpc::CallInfo info, Bytes request);
  Task<> watch_addresses();
  Task<> greet(ipld::PeerId peer);
  void ask_all();
  void take_word_of(const ipld::PeerId& peer, const proto::HelloAnswer& answer);
  bool means_this_one(const ipld::PeerId& peer, const proto::HelloAnswer& answer) const;
  Task<proto::HelloAnswer> say_hello(ipld::PeerId peer, Duration time);
  Task<> announce();
  proto::Operation told_change(const state::Peer& known, const std::string& name, proto::PeerRole role,
                               const std::vector<ipld::Multiaddr>& addresses) const;
  Task<> record_start();

  proto::PeerEntry own_entry() const;
  proto::PeerEntry entry_of(const ipld::PeerId& peer) const;
  bool has_come_back(const state::Peer& removed);
  Result<> check_approved(const ipld::PeerId& peer, const std::string& remote);
  Result<> note_protocol(const ipld::PeerId& peer, Result<> checked);
  void learn(const proto::PeerEntry& entry);
  void note_incarnation(const ipld::PeerId& peer, ByteView cluster_id, uint64_t incarnation);
  void update_addresses(const ipld::PeerId& peer);

  Runtime& runtime_;
  const ClusterOptions& options_;
  state::State& state_;
  rpc::PeerClient& client_;
  bool told_removed_ = false;
  std::optional<Error> old_copy_;                              // of this peer's own log
  std::optional<ipld::PeerId> successor_;                      // a member of a later incarnation
  std::map<ipld::PeerId, Error> foreign_;                      // with whose programs this one cannot talk, and why
  consensus::Consensus* consensus_ = nullptr;                  // from serve() on
  std::map<ipld::PeerId, std::vector<ipld::Multiaddr>> told_;  // by greetings since the start: the newest word
  std::map<ipld::PeerId, std::vector<ipld::Multiaddr>> hints_;
  std::map<ipld::PeerId, std::vector<ipld::Multiaddr>> used_;  // what the client has
  std::map<ipld::PeerId, uint64_t> vouched_for_;  // members, by the word of members that had applied so much
  std::optional<SteadyTime> asked_all_;
  std::map<ipld::PeerId, SteadyTime> waiting_;  // for approval, and when that was said last
  TaskGroup tasks_;
};

}  // namespace ipfsc::cluster
