// Cluster: everything a user or an event may ask of the cluster through this peer.
//
// One file per thing to ask (pin.cpp, unpin.cpp, add.cpp, status.cpp, …), all over the small Context. Errors carry the
// Go program's messages where that has one; api/ turns their kinds into HTTP statuses.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "base/task_group.h"
#include "cluster/add_session.h"
#include "cluster/claims.h"
#include "cluster/heartbeats.h"
#include "cluster/options.h"
#include "cluster/past.h"
#include "cluster/peer_calls.h"
#include "cluster/peer_picture.h"
#include "cluster/pin_rules.h"
#include "cluster/placement.h"
#include "cluster/status_cursor.h"
#include "cluster/traffic.h"
#include "consensus/consensus.h"
#include "ipfs/ipfs_node.h"
#include "model/info.h"
#include "model/pin.h"
#include "model/status.h"
#include "state/state.h"
#include "tracker/tracker.h"

namespace ipfsc::cluster {

/// Who asks, and how.
struct Caller {
  std::string actor = "rest";  ///< recorded in the history
  Bytes request_id;            ///< Idempotency-Key; empty = none
};

/// What adds have done since the start.
struct AddCounters {
  uint64_t blocks_added = 0;  ///< made, or read from CAR files
  uint64_t blocks_added_bytes = 0;
  uint64_t blocks_put = 0;  ///< taken by the IPFS node
  uint64_t blocks_put_errors = 0;
};

/// What the files of this folder work with. All references outlive the Cluster.
struct Context {
  Runtime& runtime;
  const ClusterOptions& options;
  state::State& state;
  consensus::Consensus& consensus;
  tracker::PinTracker& tracker;
  ipfs::IpfsNode& ipfs;
};

class AddWriter;
class SlowPeers;
class Mover;
class PinningRequests;

/// A pin on its way into the log.
struct PlacedPin {
  model::Pin pin;
  std::optional<proto::Work> work;  ///< under way with it; one of nothing: nothing is; unset: as it was
};

struct PinPreview {
  model::Pin pin;
  std::vector<allocator::Verdict> verdicts;
};

enum class PlanGoal : uint8_t {
  kRebalance,  ///< numbers of copies come near the mean, hard rules of spread are kept again
  kTopUp       ///< pins below their maximum get more copies
};

struct PlannedMove {
  ipld::Cid cid;
  std::optional<ipld::PeerId> from;  ///< none: one copy more
  std::optional<ipld::PeerId> to;    ///< none: one copy less
  std::string reason;
  std::optional<WallTime> started;  ///< of one under way
};

struct Movements {
  bool paused = false;
  uint64_t under_way = 0;  ///< pins that have some
  std::vector<PlannedMove> moves;
};

struct MovementPlan {
  std::vector<PlannedMove> moves;
  uint64_t pins = 0;          ///< that were looked at
  uint64_t blocked_pins = 0;  ///< for which nothing can be done now
  bool more = false;          ///< there is more to do when these have ended
  std::string summary;
};

/// I/O thread only. stop() before destruction.
class Cluster {
 public:
  Cluster(Runtime& runtime, ClusterOptions options, state::State& state, consensus::Consensus& consensus,
          tracker::PinTracker& tracker, ipfs::IpfsNode& ipfs, rpc::PeerClient& client, Traffic& traffic);
  ~Cluster();

  /// Registers what other peers may ask of this one.
  void serve(rpc::Router& router);

  /// Starts the background loops (expiry, trimming, metrics).
  void start();
  Task<> stop();

  /// Ok when every answer given now is true; else kUnavailable with the reason.
  Result<> ready() const;
  void set_ready(Result<> ready) { ready_ = std::move(ready); }

  // --- pinset (pin.cpp, unpin.cpp) ---
  /// Pins `cid` with `options` (zero factors: the defaults). The answer is the pin as stored, with what was asked for
  /// echoed. Returns when the pin is durable and applied here; the content comes later.
  Task<model::Pin> pin(ipld::Cid cid, model::PinOptions options, Caller caller);
  /// What pin() would store, and for every peer why it would get a copy or not. Changes nothing.
  Task<PinPreview> preview_pin(ipld::Cid cid, model::PinOptions options);
  /// "/ipfs/<cid>[/path]", "/ipld/…" or "/ipns/…", resolved by the IPFS node where there is more than a CID.
  Task<ipld::Cid> resolve(std::string path);
  /// The pin as it was before. What requests of the pinning service ask for too stays pinned for them, unless
  /// `all_claims`. kNotFound: "pin is not part of the pinset"; kFailedPrecondition: only such requests ask for it.
  Task<model::Pin> unpin(ipld::Cid cid, Caller caller, bool all_claims = false);
  /// The stored pin. kNotFound as above.
  Task<model::Pin> allocation(ipld::Cid cid);
  /// Many pins or unpins in one go; one result for each, in order. With `only_new` what is in the pinset already stays
  /// as it is: kAlreadyExists.
  Task<std::vector<Result<model::Pin>>> pin_many(std::vector<std::pair<ipld::Cid, model::PinOptions>> pins,
                                                 Caller caller, bool only_new = false);
  Task<std::vector<Result<model::Pin>>> unpin_many(std::vector<ipld::Cid> cids, Caller caller);
  /// The pinset in the order of binary CIDs. The cursor blocks: call its next() in run_blocking().
  Result<std::unique_ptr<state::PinCursor>> allocations(state::ListQuery query) const;
  state::Counters counters() const { return state_.counters(); }
  /// What the pinning service asks. (pinning_requests.h)
  PinningRequests& pinning() { return *pinning_; }

  // --- the past (past.cpp) ---
  /// The pin as it was at `time`, and who had it; with `peer` what that one had. kNotFound: it was no pin then.
  /// kOutOfRange: before the history, with its oldest time.
  Task<PastPin> pin_at(ipld::Cid cid, WallTime time, std::optional<ipld::PeerId> peer);
  /// The same for all pins that `query`, which has `at`, finds.
  Result<std::unique_ptr<PastCursor>> allocations_at(state::ListQuery query);
  /// For reading: single records, the history, the feed's ends. Its calls block.
  const state::State& state() const { return state_; }
  /// Changes as they are applied here. The stream must not outlive the Cluster.
  std::unique_ptr<state::ChangeStream> feed(state::FeedPosition from) { return consensus_.feed(from); }

  // --- status (status.cpp, recover.cpp) ---
  Task<model::GlobalPinInfo> status(ipld::Cid cid, bool local);
  std::unique_ptr<StatusCursor> statuses(StatusQuery query);
  /// kNotFound with `local` and a CID that is neither in the pinset nor tracked.
  Task<model::GlobalPinInfo> recover(ipld::Cid cid, bool local);
  /// The items that were queued again.
  std::unique_ptr<StatusCursor> recover_all(bool local);
  /// Compares with the IPFS node's own pins and mends what differs.
  Task<model::GlobalPinInfo> sync(ipld::Cid cid, bool local);
  /// Compares all pins; `each` gets every item whose status was wrong, as it is found and mended.
  Task<tracker::SyncReport> sync_all(std::function<Task<>(model::GlobalPinInfo)> each);

  // --- adding (add.cpp, take_blocks.cpp) ---
  /// kInvalidArgument for options that cannot be used; kUnimplemented for those not offered.
  Task<std::unique_ptr<AddSession>> add(AddParams params, Caller caller);

  const AddCounters& add_counters() const { return add_counters_; }

  // --- peers and maintenance (peers.cpp, gc.cpp, metrics.cpp) ---
  Task<model::PeerInfo> id();
  /// All peers, with how they stand; a silent one has an error.
  Task<std::vector<model::PeerInfo>> peers();
  /// Of a peer and how many blocks it has removed by now; called for itself with each, for others with each page.
  using OnGcProgress = std::function<void(const ipld::PeerId&, uint64_t removed)>;
  /// On all peers at once.
  Task<model::GlobalRepoGc> gc(bool local, OnGcProgress on_progress = {});
  /// Moves the peer's copies elsewhere, which may take long, and takes it out of the cluster; `force`: at once.
  /// kNotFound; kFailedPrecondition when some pins have nowhere to go, or it is the only peer. (remove_peer.cpp)
  /// `ban`: it, or a peer that never was one, can join no more until approve_peer().
  Task<> remove_peer(ipld::PeerId peer, bool force, bool ban);
  /// Over all pins, by the leader: copies go to where there is room (a plan may say that there is `more`), and unless
  /// `dry_run` they begin to move. Takes about a microsecond a pin. (plan.cpp)
  Task<MovementPlan> plan_movements(PlanGoal goal, bool dry_run);
  /// What is under way, the first `limit` by CID.
  Task<Movements> movements(size_t limit);
  /// While they are paused no new movement begins, whatever for, until they are resumed; those under way go on.
  Task<> pause_movements(bool pause);
  /// The peer gets no new copies and gives away those that it has; `undo`: it takes part again. kNotFound.
  /// (change_peer.cpp)
  Task<> drain_peer(ipld::PeerId peer, bool undo);
  /// As drain_peer(); `replacement` gets what it can take, with `dry_run` only the plan is made. kNotFound;
  /// kInvalidArgument when both are one.
  Task<MovementPlan> replace_peer(ipld::PeerId peer, ipld::PeerId replacement, bool dry_run);
  /// Whether the peer votes, until its own configuration says another role than it did. kNotFound; kFailedPrecondition
  /// when nobody could vote then.
  Task<> set_role(ipld::PeerId peer, proto::PeerRole role);
  /// A peer that is banned, or waits to be let in, may join. What is known of it; a member stays one.
  Task<model::PeerInfo> approve_peer(ipld::PeerId peer);
  /// Returns when the metrics of all peers that the log calls up are here, or at `deadline`: before that an allocation
  /// would find too few of them.
  Task<> wait_for_metrics(SteadyTime deadline);
  std::vector<std::string> metric_names() const;
  /// Valid now, of all peers, by peer.
  std::vector<model::Metric> metrics(std::string_view name) const;
  std::vector<model::Alert> alerts() const { return heartbeats_.alerts(); }
  /// Who reaches whom, IPFS nodes too; the links of those that cannot be asked are missing.
  Task<model::ConnectGraph> graph();
  const ClusterOptions& options() const { return options_; }
  /// Takes over what can be changed while it runs: the tags (others hear of them within half their lifetime) and how
  /// many movements may begin in a second.
  void reload(const ClusterOptions& options);
  ipfs::IpfsNode& ipfs() { return ipfs_; }

 private:
  Context context() { return {runtime_, options_, state_, consensus_, tracker_, ipfs_}; }
  Result<> check_writable() const;
  Result<PlannedPin> plan(const ipld::Cid& cid, model::PinOptions options);
  Result<PlannedPin> plan(const ipld::Cid& cid, model::PinOptions options, const PinSituation& situation);
  Result<PinSituation> situation_of(const ipld::Cid& cid) const;
  Task<PlacedPin> plan_and_place(const ipld::Cid& cid, model::PinOptions options, const Placed& sent_to);
  Task<std::vector<Result<PlacedPin>>> place_many(std::vector<std::pair<ipld::Cid, model::PinOptions>> pins,
                                                  bool only_new);
  Result<PlacedPin> placed_by(PlannedPin planned, Result<Placed> answer) const;
  static PlacedPin placed_at(PlannedPin planned, PinSituation now, std::vector<ipld::PeerId> peers);
  Task<PlacedPin> place(PlannedPin planned, const ClaimName& who, const Bytes& reservation);
  Result<model::PinOptions> merged_options(const PlannedPin& planned, const ClaimName& who) const;
  Task<std::vector<proto::Operation>> end_claim(ipld::Cid cid, ClaimName who, std::string actor);
  Task<std::vector<proto::Operation>> unpin_operations(state::StoredPin stored, Caller caller, bool all_claims);
  Task<model::Pin> pin(ipld::Cid cid, model::PinOptions options, Caller caller, Placed sent_to);
  /// What became of an earlier try, whoever took it; nullopt: there was none.
  Task<std::optional<state::Outcome>> first_outcome(Bytes request_id);
  Task<std::vector<state::Outcome>> submit(std::vector<proto::Operation> operations);
  friend class PinningRequests;  // writes claims of its own
  Result<model::Pin> unpinned(const ipld::Cid& cid, const state::Outcome& outcome,
                              std::optional<state::StoredPin> stored);
  Task<Placed> add_destinations(const AddParams& params);
  Task<Placed> place_preferring_this(proto::AllocateRequest request);
  Task<std::unique_ptr<AddWriter>> open_add_writer(const AddParams& params, const Placed& destinations, bool verified);
  Task<> pin_added(ipld::Cid root, model::PinOptions options, Caller caller, Placed sent_to,
                   std::shared_ptr<AddWriter> writer);
  Task<> release_room(Bytes reservation);
  void serve_adds(rpc::Router& router);
  Task<> take_blocks(rpc::Stream& stream);
  Task<> hold_taken(ipld::Cid root, std::shared_ptr<ipfs::BlockWriter> writer);
  Task<> hold_until_pinned(ipld::Cid root, bool here, std::shared_ptr<ipfs::BlockWriter> writer);
  std::unique_ptr<StatusCursor> list(model::StatusSet filter, std::string cursor, bool local, bool recover);
  Task<model::GlobalPinInfo> ask_about(PinCall call, ipld::Cid cid, bool local);
  Task<model::PinInfo> ask_peer(ipld::PeerId peer, PinCall call, ipld::Cid cid);
  Task<model::PeerInfo> peer_info(ipld::PeerId peer);
  std::string health_of(const allocator::Candidate& candidate) const;
  void add_standings(std::vector<model::PeerInfo>& peers);
  Task<model::RepoGc> gc_here(OnGcKey on_key);
  Task<model::RepoGc> gc_at(ipld::PeerId peer, OnGcProgress on_progress);
  void serve_removal(rpc::Router& router);
  void serve_plans(rpc::Router& router);
  Task<std::optional<Bytes>> ask_leader(std::string_view method, Bytes request, Duration time);
  Task<proto::PlanAnswer> plan_as_leader(const proto::PlanRequest& request);
  Task<MovementPlan> ask_for_plan(const proto::PlanRequest& request);
  Result<state::Peer> member(const ipld::PeerId& peer) const;
  Task<> remove_as_leader(ipld::PeerId peer, bool force, bool ban);
  Task<> empty_peer(const ipld::PeerId& peer, bool force);
  Task<> finish_removals();
  HeartbeatSources metric_sources();
  Task<> refresh_ipfs_id();
  Task<std::vector<std::string>> swarm_here();
  Task<> connect_swarms();

  Runtime& runtime_;
  ClusterOptions options_;
  state::State& state_;
  consensus::Consensus& consensus_;
  tracker::PinTracker& tracker_;
  ipfs::IpfsNode& ipfs_;
  rpc::PeerClient& client_;
  Traffic& traffic_;
  PeerCalls calls_;
  TaskGroup tasks_;
  AddCounters add_counters_;
  std::shared_ptr<SlowPeers> slow_peers_;
  std::map<ipld::Cid, std::shared_ptr<Notifier>> held_;  // roots that hold_until_pinned() waits for; told of an unpin
  Result<> ready_;
  model::IpfsId ipfs_id_;  // as last seen
  std::optional<SteadyTime> ipfs_id_seen_;
  Heartbeats heartbeats_;  // its sources use the others
  PeerPicture picture_;
  Placement placement_;
  std::unique_ptr<Mover> mover_;
  std::unique_ptr<PinningRequests> pinning_;
};

}  // namespace ipfsc::cluster
