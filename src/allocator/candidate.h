// What an allocation is decided from: the peers as they are known at this moment, and the rules for choosing among
// them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/peer_id.h"

namespace ipfsc::allocator {

/// up → suspect → down → removed, and draining (up, but on its way out).
enum class PeerState : uint8_t { kUp, kSuspect, kDraining, kDown, kRemoved };
/// "up", "suspected to be down", "draining", "down", "removed".
std::string_view to_string(PeerState state);
/// Whether its copies can be read now. A suspicion alone takes nothing away.
inline bool lives(PeerState state) { return state <= PeerState::kDraining; }

/// The latest valid metric of one name. Partitionable ones (`tag:<name>`) group peers by `value`, others sort them by
/// `weight`, the highest first.
struct Metric {
  std::string value;
  int64_t weight = 0;
  bool partitionable = false;
};

/// What a peer was given and its metrics do not show yet (reservations.h).
struct Promised {
  uint64_t bytes = 0;          ///< of content whose size is known: this space is taken
  uint64_t guessed_bytes = 0;  ///< for content of unknown size: makes the peer less attractive, never ineligible
  uint64_t pins = 0;
  bool operator==(const Promised&) const = default;
};

struct Candidate {
  ipld::PeerId peer;
  PeerState state = PeerState::kUp;
  std::optional<WallTime> since;          ///< when it entered that state, by the log's time; none: long ago
  std::map<std::string, Metric> metrics;  ///< by name, only valid ones
  std::map<std::string, std::string> tags;
  std::optional<uint64_t> free_bytes;  ///< as its last metric says; none: not known
  Promised promised;
  std::string ipfs_id;  ///< of its IPFS node; empty: not known, so a node of its own
  bool trusted = true;
  uint64_t pins = 0;  ///< allocated to it now, for balancing by number
};

/// All peers of the cluster, sorted by id, so that nothing depends on the order they are listed in. A value; pointers
/// and spans from it are valid until it is assigned to or destroyed.
class Peers {
 public:
  Peers() = default;
  /// Each peer at most once. O(n log n).
  explicit Peers(std::vector<Candidate> candidates);
  /// Peers that are up and of which nothing else is known.
  static Peers plain(const std::vector<ipld::PeerId>& peers);

  std::span<const Candidate> all() const { return candidates_; }
  /// nullptr when it is not one of them. O(log n).
  const Candidate* find(const ipld::PeerId& peer) const;
  /// Counts what was just given to `peer`, so that the next decision sees it. Unknown peers are ignored.
  void promise(const ipld::PeerId& peer, const Promised& more);

 private:
  std::vector<Candidate> candidates_;
};

/// Copies of a pin and the values of a tag. Hard: no two copies have the same value, and peers without the tag get
/// none. Soft: the value with the fewest copies first.
struct SpreadRule {
  std::string tag;
  bool hard = false;
};

/// `pin_only_on_trusted_peers` and `pin_only_on_untrusted_peers`.
enum class Trust : uint8_t { kAny, kTrustedOnly, kUntrustedOnly };

struct Policy {
  std::vector<std::string> allocate_by;  ///< names of metrics; a peer without one of them gets no new copies
  std::vector<SpreadRule> spread;        ///< the most important first
  Trust trust = Trust::kAny;
  /// Several hard rules together can need a search. After so many steps it is given up, as if there were no solution.
  size_t max_search_steps = 2'000;
};

/// A number made of the CID that is the same everywhere: breaks ties, so that equal peers share the pins.
uint64_t seed_of(const ipld::Cid& cid);

}  // namespace ipfsc::allocator
