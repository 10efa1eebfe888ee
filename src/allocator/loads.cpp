#include "allocator/loads.h"

#include <algorithm>
#include <cmath>

namespace ipfsc::allocator {

Loads::Loads(const PlanContext& context) : measure_(context.request.measure) {
  // Free space is wanted, pins are not: the sign makes both a load.
  double sign = measure_ == Measure::kPins ? 1 : -1;
  double sum = 0;
  for (const auto& peer : context.peers.all()) {
    if (peer.state > PeerState::kSuspect || context.leaving.contains(peer.peer)) continue;
    if (measure_ == Measure::kFreeBytes && !peer.free_bytes) continue;
    double amount = measure_ == Measure::kPins
                        ? static_cast<double>(peer.pins)
                        : static_cast<double>(*peer.free_bytes) - static_cast<double>(peer.promised.bytes);
    sum += amount;
    above_[peer.peer] = sign * amount;
  }
  if (above_.empty()) return;
  mean_ = sum / static_cast<double>(above_.size());
  tolerance_ = std::abs(mean_) * context.request.tolerance;
  for (auto& [peer, load] : above_) load -= sign * mean_;
}

std::optional<double> Loads::weight(const PlanPin& pin) const {
  if (measure_ == Measure::kPins) return 1;
  if (!pin.size_bytes) return {};
  return static_cast<double>(*pin.size_bytes);
}

std::optional<double> Loads::above(const ipld::PeerId& peer) const {
  auto at = above_.find(peer);
  if (at == above_.end()) return {};
  return at->second;
}

bool Loads::better(const ipld::PeerId& from, const ipld::PeerId& to, double weight) const {
  auto source = above(from), target = above(to);
  if (!source || !target || *source <= 0 || *target >= 0 || weight <= 0) return false;
  if (*source <= tolerance_ && *target >= -tolerance_) return false;
  // Whole pins: one of three on two peers cannot come nearer to one and a half than a half.
  auto reach = measure_ == Measure::kPins ? std::max(tolerance_, 0.5) : tolerance_;
  return weight < *source - *target && *source - weight >= -reach && *target + weight <= reach;
}

void Loads::move(const ipld::PeerId& from, const ipld::PeerId& to, double weight) {
  if (auto at = above_.find(from); at != above_.end()) at->second -= weight;
  if (auto at = above_.find(to); at != above_.end()) at->second += weight;
}

bool Loads::even() const { return worst() <= tolerance_; }

double Loads::worst() const {
  double out = 0;
  for (const auto& [peer, load] : above_) out = std::max(out, std::abs(load));
  return out;
}

}  // namespace ipfsc::allocator
