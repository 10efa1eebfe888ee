// Heartbeats: what the peers tell each other of themselves every second, and what follows from it: metrics for
// allocation, who is up, suspect or down, alerts, the graph of connections.
//
// Every peer sends to the voters; who is no voter gets the others' heartbeats with the answer, and what the voters
// think of them. That a peer is down is written into the log by the leader, when a majority of the voters suspects it.
#pragma once

#include <map>
#include <set>

#include "base/runtime.h"
#include "base/task_group.h"
#include "cluster/options.h"
#include "consensus/consensus.h"
#include "model/health.h"
#include "monitor/alert_book.h"
#include "monitor/down_judge.h"
#include "monitor/heartbeat_codec.h"
#include "monitor/informers.h"
#include "monitor/metric_store.h"
#include "monitor/peer_health.h"
#include "monitor/reachability.h"
#include "rpc/rpc.h"
#include "state/state.h"
#include "tracker/tracker.h"

namespace ipfsc::cluster {

struct HeartbeatSources {
  monitor::Source ping, disk, numpin, pinqueue, bandwidth;
};

/// I/O thread only. stop() before destruction.
class Heartbeats {
 public:
  /// All outlive it.
  Heartbeats(Runtime& runtime, const ClusterOptions& options, state::State& state, consensus::Consensus& consensus,
             tracker::PinTracker& tracker, rpc::PeerClient& client, HeartbeatSources sources);

  void serve(rpc::Router& router);
  void start();
  Task<> stop();

  /// Of all peers, as they are known here.
  const monitor::MetricStore& metrics() const { return metrics_; }
  std::vector<model::Alert> alerts() const { return alerts_.list(); }
  /// Whom the IPFS node of each peer is connected to.
  using Swarms = std::map<ipld::PeerId, std::vector<std::string>>;
  model::ConnectGraph graph(Swarms swarms) const;
  /// nullopt: of this peer itself, or not watched.
  std::optional<monitor::PeerStanding> standing(const ipld::PeerId& peer) const;
  /// The last heartbeat of a peer, if any came.
  const monitor::Heartbeat* last(const ipld::PeerId& peer) const;

 private:
  struct Heard {
    monitor::Heartbeat heartbeat;
    Bytes bytes;
    SteadyTime at;
  };

  Task<> send_loop();
  Task<> judge_loop();
  Task<> probe_loop();
  Task<> send(ipld::PeerId peer, Bytes heartbeat);
  /// To whom this peer's own goes now, and until each gets the next.
  std::pair<std::vector<ipld::PeerId>, Duration> receivers();
  Task<> write_states(std::vector<proto::Operation> operations);
  Task<Bytes> take(rpc::CallInfo info, Bytes request);
  void hear(const ipld::PeerId& peer, monitor::Heartbeat heartbeat, Bytes bytes, SteadyTime at, Duration interval);
  monitor::Heartbeat own();
  void judge();
  bool votes() const { return voters_.contains(options_.self); }
  std::vector<monitor::PeerStanding> others_doubts() const;
  std::optional<uint32_t> raised_apply_version(const std::vector<ipld::PeerId>& others) const;
  void look_for_voters();
  monitor::Moment moment() const { return {runtime_.now(), runtime_.wall_now()}; }

  Runtime& runtime_;
  const ClusterOptions& options_;
  state::State& state_;
  consensus::Consensus& consensus_;
  tracker::PinTracker& tracker_;
  rpc::PeerClient& client_;
  monitor::MetricStore metrics_;
  monitor::PeerHealth health_;
  monitor::DownJudge judge_;
  monitor::AlertBook alerts_;
  monitor::LinkTable links_;
  monitor::Reachability reach_;
  std::vector<std::unique_ptr<monitor::Informer>> informers_;
  std::set<ipld::PeerId> voters_;  // a moment ago
  std::map<ipld::PeerId, Heard> heard_;
  std::map<ipld::PeerId, ipld::PeerId> told_up_to_;  // the last of heard_ that each peer was told
  std::set<ipld::PeerId> sending_;                   // an answer is awaited
  std::set<ipld::PeerId> missed_;                    // gave no answer: the next goes there at once
  ipld::PeerId turn_;                                // whose turn it was, where the voters take turns
  Duration interval_{};                              // as receivers() said last
  uint64_t run_, sequence_ = 0;
  Bytes sent_;  // the last of this peer's own, encoded; those that are no voters get it with an answer
  SteadyTime sent_at_{};
  bool leading_ = false, writing_ = false;
  SteadyTime alerts_at_{};
  TaskGroup tasks_;
};

}  // namespace ipfsc::cluster
