// SimPeer: one peer of a simulated cluster, put together as app::Peer does it, on a disk that forgets what was not
// synced, a simulated network and an IPFS node that outlives it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "base/virtual_runtime.h"
#include "cluster/cluster.h"
#include "cluster/membership.h"
#include "consensus/raft/raft_consensus.h"
#include "rpc/testing/sim_network.h"
#include "sim/sim_node.h"
#include "storage/fault_env.h"

namespace ipfsc::sim {

/// What a simulated cluster is made of. Outlives its peers.
struct World {
  explicit World(uint64_t seed);
  VirtualRuntime runtime;
  rpc::testing::SimNetwork network;
  Swarm swarm;
};

/// The runtime of one peer: its wall clock is wrong by an offset of its own, its steady clock runs fast or slow.
class PeerRuntime final : public Runtime {
 public:
  /// `drift_ppm`: by how many millionths its steady clock is too fast.
  PeerRuntime(VirtualRuntime& all, int64_t drift_ppm) : all_(all), drift_ppm_(drift_ppm) {}
  Duration wall_offset{};

  SteadyTime now() const override {
    auto time = all_.now();
    return time + time.time_since_epoch() * drift_ppm_ / kMillion;
  }
  WallTime wall_now() const override { return all_.wall_now() + wall_offset; }
  uint64_t random() override { return all_.random(); }
  boost::asio::any_io_executor executor() override { return all_.executor(); }
  void submit_blocking(std::move_only_function<void()> job) override { all_.submit_blocking(std::move(job)); }
  Task<> sleep_until(SteadyTime when) override { return all_.sleep_until(in_all(when)); }

 private:
  static constexpr int64_t kMillion = 1'000'000;
  static constexpr Duration kFar = std::chrono::hours(1);  // what is later than that is not scaled
  static constexpr Duration kRounding = std::chrono::nanoseconds(10);

  SteadyTime in_all(SteadyTime when) const {
    auto here = now();
    if (drift_ppm_ == 0 || when - here > kFar) return when;
    if (when <= here) return all_.now();
    return all_.now() + (when - here) * kMillion / (kMillion + drift_ppm_) + kRounding;
  }

  VirtualRuntime& all_;
  const int64_t drift_ppm_;
};

/// Between two metrics of a peer.
inline constexpr Duration kMetricTime = std::chrono::seconds(5);
/// Of room for content that does not come.
inline constexpr Duration kPromiseLifetime = std::chrono::seconds(5);
/// Low, so that nine peers are as many as two hundred: voters are told in turns, and tell of some only.
inline constexpr size_t kMostHeardAtOnce = 2, kMostRelayed = 1;

struct PeerSettings {
  int number = 1;  ///< gives name, id and address
  uint64_t flush_log_bytes = 32 << 20;
  uint64_t keep_log_bytes = 256 << 20;
  Duration repin_grace = std::chrono::seconds(3);
  std::string ipfs_id;  ///< of its node; empty: as its own
  Duration voter_grace = std::chrono::minutes(5);
  int64_t drift_ppm = 0;                   ///< of its steady clock
  std::pair<int, int> factors = {-1, -1};  ///< of a pin that does not say
};

class SimPeer {
 public:
  SimPeer(World& world, const PeerSettings& settings);
  /// Stops it when it runs.
  ~SimPeer();

  const std::string& name() const { return cluster_options_.peername; }
  const ipld::PeerId& id() const { return cluster_options_.self; }
  const ipld::Multiaddr& address() const { return cluster_options_.addresses.front(); }
  SimNode& node() { return node_; }
  PeerRuntime& runtime() { return runtime_; }

  /// Begins to start it; `bootstrap`: whom to join when it has no data yet (none: it begins a cluster).
  void start(std::vector<ipld::Multiaddr> bootstrap);
  bool running() const { return life_ != nullptr; }
  /// It answers users.
  bool ready() const;
  /// It knows that it was removed from the cluster: its program would end.
  bool expelled() const;
  /// Why it could not start.
  const std::optional<Error>& start_error() const { return start_error_; }
  /// A planned stop.
  Result<> stop();
  /// The power goes: what was not synced is lost. The IPFS node goes on.
  void crash();
  /// As crash(), and it comes back as a machine without data or pins.
  void lose_disk();
  /// From its `writes`-th write on the disk takes nothing: its power is gone, or it is full.
  void cut_power_after(uint64_t writes) { disk_->cut_power_after(writes); }
  bool power_is_cut() const { return disk_->power_is_cut(); }
  void fill_disk_after(uint64_t writes) { disk_->fail_after(writes, storage::FaultEnv::Fault::kNoSpace); }
  void mend_disk() { disk_->clear_faults(); }

  /// Only while it is ready(), except state().
  cluster::Cluster& cluster();
  tracker::PinTracker& tracker();
  const consensus::Consensus& consensus() const;
  /// Null while it is not open.
  const state::State* state() const;
  /// Runs `task`, which uses the peer as a user does, until it ends or the peer is stopped (it is cancelled then).
  void ask(Task<> task);
  /// How often it was started.
  int starts() const { return starts_; }

 private:
  struct Life;

  World& world_;
  PeerRuntime runtime_;
  std::optional<storage::FaultEnv> disk_;
  state::StateOptions state_options_;
  consensus::RaftOptions raft_options_;
  tracker::TrackerOptions tracker_options_;
  cluster::ClusterOptions cluster_options_;
  SimNode node_;
  std::unique_ptr<Life> life_;
  std::optional<Error> start_error_;
  int starts_ = 0;
};

}  // namespace ipfsc::sim
