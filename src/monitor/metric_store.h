// The metrics of all peers, as this one received them. Pure: the caller brings the time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/info.h"
#include "monitor/moment.h"

namespace ipfsc::monitor {

/// A metric on its way from the peer that took it. Its ttl travels, no time of day: clocks of peers may differ.
struct Reading {
  model::Metric metric;  ///< `expire` and `received_at` are the receiver's to set
  Duration ttl{};        ///< what was left of its validity when it was sent
  /// Tells two readings of one metric apart; the sender's business, only compared for equality. A reading that is sent
  /// twice has the same stamp and is kept once.
  uint64_t stamp = 0;
  bool operator==(const Reading&) const = default;
};

struct MetricStoreOptions {
  size_t max_peers = 1024;  ///< a reading of one more is refused
  /// Of one peer. For one more the name that expired longest ago gives way; while all are valid, it is refused.
  size_t max_names = 64;
  size_t window = 25;  ///< readings kept of one metric of one peer, Go's number
  /// Names and values kept of one peer; older readings give way, the newest of each metric stays.
  size_t max_bytes_per_peer = 256 << 10;
  size_t max_name_bytes = 256;
  size_t max_value_bytes = 4 << 10;           ///< of one value; more is refused
  Duration max_ttl = std::chrono::hours(24);  ///< longer ones are cut to this
};

/// The newest readings and a bounded window of older ones by peer and name. A metric is valid for its ttl from its
/// reception on, on the receiver's monotonic clock. Memory: at most max_peers · max(max_bytes_per_peer, max_names ·
/// (max_name_bytes + max_value_bytes)), plus about 150 bytes a reading. Not thread safe.
class MetricStore {
 public:
  explicit MetricStore(MetricStoreOptions options = {}) : options_(options) {}

  /// Keeps a reading that is new; a repeated one (stamp of the newest) changes nothing. O(log peers + log names).
  /// kInvalidArgument: no peer or no name, or name or value too long; kResourceExhausted: a bound on peers or names.
  Result<> add(Reading reading, Moment now);
  /// A peer that left: everything of it goes.
  void forget(const ipld::PeerId& peer);
  /// Forgets all who are not in `members`.
  void retain(const std::set<ipld::PeerId>& members);

  /// The newest metric of that name of each peer where it is valid and has not expired, ordered by peer. An invalid one
  /// hides the valid one before it, as in Go. O(peers · log names).
  std::vector<model::Metric> latest(std::string_view name, SteadyTime now) const;
  /// Of one peer, valid or not.
  std::optional<model::Metric> newest(std::string_view name, const ipld::PeerId& peer) const;
  /// The window of one metric of one peer, oldest first.
  std::vector<model::Metric> window(std::string_view name, const ipld::PeerId& peer) const;
  /// All names that any peer has, sorted.
  std::vector<std::string> names() const;
  /// The valid, unexpired newest metrics of a peer with what is left of their ttl: what a heartbeat of this peer
  /// carries. Ordered by name.
  std::vector<Reading> readings(const ipld::PeerId& peer, SteadyTime now) const;

  /// A metric that ceased to come, with how long ago it expired.
  struct Lapsed {
    model::Metric metric;
    Duration since{};
  };
  /// Newest metrics that are expired, ordered by peer and name.
  std::vector<Lapsed> lapsed(SteadyTime now) const;

  size_t peers() const { return peers_.size(); }
  size_t bytes(const ipld::PeerId& peer) const;  ///< names and values kept

 private:
  struct Sample {
    std::string value;
    int64_t weight = 0;
    bool valid = false;
    bool partitionable = false;
    uint64_t stamp = 0;
    SteadyTime expires;
    WallTime shown_expire, received_at;
  };
  using Series = std::deque<Sample>;  // never empty, oldest first
  struct OfPeer {
    std::map<std::string, Series, std::less<>> by_name;
    size_t bytes = 0;
  };

  static model::Metric metric_of(const ipld::PeerId& peer, const std::string& name, const Sample& sample);
  const Series* find(std::string_view name, const ipld::PeerId& peer) const;
  static bool make_room_for_name(OfPeer& of, SteadyTime now);
  static void drop_oldest(OfPeer& of, Series& series);
  void trim(OfPeer& of, Series& fresh) const;

  MetricStoreOptions options_;
  std::map<ipld::PeerId, OfPeer> peers_;
};

}  // namespace ipfsc::monitor
