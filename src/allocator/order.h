// The order in which peers get copies: the Go program's balanced allocator. (Reference: behaviour 6.)
#pragma once

#include <span>
#include <string>
#include <vector>

#include "allocator/candidate.h"

namespace ipfsc::allocator {

/// Orders `peers`, which all have the metrics of `allocate_by`. Each metric divides them: a partitionable one into
/// those with the same value, any other into single peers; the next metric divides each part again. The first peer of
/// each part in turn, then the second, and so on. Parts are sorted by their weight (the sum of their peers'), then by
/// their weight with all that is inside, the highest first, then by value; equal peers by `seed`. Promises count:
/// `freespace` and `reposize` less the bytes, `numpin` less the pins. Sums saturate, so no metric, however wrong, does
/// harm. O(levels · n log n).
std::vector<const Candidate*> order_peers(std::vector<const Candidate*> peers, std::span<const std::string> allocate_by,
                                          uint64_t seed);

/// The first metric of `allocate_by` that it lacks; nullptr when it has all.
const std::string* missing_metric(const Candidate& peer, std::span<const std::string> allocate_by);

}  // namespace ipfsc::allocator
