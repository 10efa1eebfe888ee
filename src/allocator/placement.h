// Where the copies of one pin are, and which peers fit beside them. Shared by allocate() and the planner.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "allocator/candidate.h"

namespace ipfsc::allocator {

/// Why a peer gets no new copies of anything, or none of this content.
enum class Unfit : uint8_t { kFits, kState, kMetric, kTrust, kRoom, kTag };
/// Suspected peers fit.
Unfit unfit(const Candidate& peer, const Policy& policy, std::optional<uint64_t> size_bytes);
/// The same for people, with names and numbers; empty when it fits.
std::string why_unfit(const Candidate& peer, const Policy& policy, std::optional<uint64_t> size_bytes);
inline bool fit(const Candidate& peer, const Policy& policy, std::optional<uint64_t> size_bytes) {
  return unfit(peer, policy, size_bytes) == Unfit::kFits;
}

/// What keeps a peer from being beside another.
struct Clash {
  const Candidate* with = nullptr;
  const SpreadRule* rule = nullptr;  ///< none: both are one IPFS node
  /// "zone=a has a copy already, at 12D3…"
  std::string text() const;
};

/// The peers that have a copy, or are to. Borrows all it is given. Each question is linear in the copies.
class Placement {
 public:
  explicit Placement(const Policy& policy) : policy_(&policy) {}

  void add(const Candidate& peer) { peers_.push_back(&peer); }
  void remove(const Candidate& peer);
  /// No copy may come to the node of `peer`, which is not counted itself: its copy will go from there.
  void avoid_node_of(const Candidate& peer) { avoided_.push_back(&peer); }
  size_t size() const { return peers_.size(); }
  bool contains(const Candidate& peer) const;
  const std::vector<const Candidate*>& peers() const { return peers_; }
  const Policy& policy() const { return *policy_; }

  /// With another peer in it: one IPFS node, or against a hard rule.
  std::optional<Clash> clash(const Candidate& peer) const;
  bool on_node_of(const Candidate& peer) const;
  /// Whether the soft rules prefer `a` to `b`.
  bool spreads_better(const Candidate& a, const Candidate& b) const;

 private:
  const Policy* policy_;
  std::vector<const Candidate*> peers_;
  std::vector<const Candidate*> avoided_;
};

/// Adds up to `most` of `ordered` (best first) to `placement`, beside which they fit, and returns them. When taking the
/// best each time gives fewer than `least`, it searches for a set that has as many: the best placed first. What it
/// returns may still be fewer.
std::vector<const Candidate*> choose(Placement& placement, std::span<const Candidate* const> ordered, size_t least,
                                     size_t most);

/// For each hard rule how many more domains would be needed for `copies` copies in all; "" when none are missing.
std::string missing_domains(const Placement& placement, std::span<const Candidate* const> candidates, size_t copies);

}  // namespace ipfsc::allocator
