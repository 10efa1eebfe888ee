// Who is up or suspect: one observer's judgement of the others, from their heartbeats. It is cheap and quick to change;
// what a majority of voters makes of such judgements is down_judge.h. Pure: the caller brings the time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "monitor/failure_detector.h"

namespace ipfsc::monitor {

enum class Standing : uint8_t {
  kUnheard = 0,  ///< not heard since it is watched, or since this observer slept: nothing can be said
  kUp = 1,
  kSuspect = 2,  ///< silent for longer than is likely
};
/// "unheard", "up", "suspect".
std::string_view to_string(Standing standing);

/// How one peer stands with one observer.
struct PeerStanding {
  ipld::PeerId peer;
  Standing standing = Standing::kUnheard;
  double phi = 0;      ///< 0 … FailureDetector::kMostPhi
  Duration since{};    ///< how long it has stood so
  Duration silence{};  ///< since the last heartbeat; before the first, since it is watched
  bool operator==(const PeerStanding&) const = default;
};

/// What one observer says of the peers that are not up, on its way to the voters. Who is not named is up. Durations
/// are ages when it was made, so that no clock travels.
struct HealthView {
  ipld::PeerId observer;
  std::vector<PeerStanding> doubts;  ///< ordered by peer, each kUnheard or kSuspect
  bool operator==(const HealthView&) const = default;
};

struct PeerHealthOptions {
  DetectorOptions detector;
  size_t max_peers = 1024;  ///< watched; more are not (they are never suspected)
};

/// One observer's standings. Not thread safe.
class PeerHealth {
 public:
  explicit PeerHealth(ipld::PeerId self, PeerHealthOptions options = {});

  /// The members of the cluster now: new ones are watched from now on, those that left are forgotten. Oneself is left
  /// out. O(peers · log peers).
  void watch(const std::set<ipld::PeerId>& members, SteadyTime now);
  /// A heartbeat came; `interval` as FailureDetector::heartbeat(). Of a peer that is not watched: ignored.
  void heartbeat(const ipld::PeerId& peer, SteadyTime now, Duration interval = {});
  /// Judges everybody; to be called several times a second, and before anything of this class is read. A tick that is
  /// late itself says that we slept: all windows are cleared, everybody is kUnheard, and silence counts from now.
  /// Returns whether that happened (DownJudge::restart() is due then). O(peers).
  bool tick(SteadyTime now);

  /// As of the last tick. nullopt = not watched.
  std::optional<PeerStanding> standing(const ipld::PeerId& peer, SteadyTime now) const;
  /// Of all who are watched, ordered by peer.
  std::vector<PeerStanding> standings(SteadyTime now) const;
  HealthView view(SteadyTime now) const;

  /// How long a peer is silent before it is suspected.
  Duration detection_time() const { return detector_.detection_time(); }

 private:
  struct Watched {
    Standing standing = Standing::kUnheard;
    SteadyTime since;
    SteadyTime heard;  // or when the watch began
  };
  static void set(Watched& watched, Standing standing, SteadyTime now);
  PeerStanding standing_of(const ipld::PeerId& peer, const Watched& watched, SteadyTime now) const;

  ipld::PeerId self_;
  PeerHealthOptions options_;
  FailureDetector detector_;
  std::map<ipld::PeerId, Watched> watched_;
};

}  // namespace ipfsc::monitor
