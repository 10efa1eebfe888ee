// How far the load of each peer is from the mean.
#pragma once

#include <map>

#include "allocator/copies.h"

namespace ipfsc::allocator {

/// In pins, or in bytes: a peer with less free space than the mean has that much load above it. Peers that are leaving,
/// or cannot be read, or of which the free space is not known have none.
class Loads {
 public:
  explicit Loads(const PlanContext& context);

  /// What one copy of the pin weighs; none: its size is not known.
  std::optional<double> weight(const PlanPin& pin) const;
  /// Load above the mean, below it when negative; none: not counted.
  std::optional<double> above(const ipld::PeerId& peer) const;
  /// Whether a copy of that weight may move: it makes the loads more even, takes at least one of the two nearer to the
  /// tolerance, and none beyond it. Every such move lowers the sum of the squares, so there is an end.
  bool better(const ipld::PeerId& from, const ipld::PeerId& to, double weight) const;
  void move(const ipld::PeerId& from, const ipld::PeerId& to, double weight);

  bool too_high(const ipld::PeerId& peer) const { return above(peer).value_or(0) > tolerance_; }
  /// All within the tolerance.
  bool even() const;
  double mean() const { return mean_; }
  /// The greatest distance from the mean.
  double worst() const;

 private:
  Measure measure_;
  double mean_ = 0;
  double tolerance_ = 0;
  std::map<ipld::PeerId, double> above_;
};

}  // namespace ipfsc::allocator
