#include "allocator/allocate.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "allocator/order.h"
#include "allocator/placement.h"

namespace ipfsc::allocator {
namespace {

using List = std::vector<const Candidate*>;

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

std::string_view how_it_holds(PeerState state) {
  switch (state) {
    case PeerState::kUp:
      return "holds it";
    case PeerState::kSuspect:
      return "holds it, suspected to be down";
    case PeerState::kDraining:
      return "holds it, draining";
    default:
      return "holds it, not reachable now";
  }
}

/// One run of allocate(). The steps are in the order of run().
class Decision {
 public:
  Decision(const AllocationRequest& request, std::vector<Verdict>* verdicts)
      : request_(request), policy_(request.policy), verdicts_(verdicts), placement_(request.policy) {
    if (verdicts_ != nullptr) verdicts_->clear();
  }

  Result<Allocation> run() {
    TRY(check_factors(request_.replication_factor_min, request_.replication_factor_max));
    if (request_.replication_factor_min == -1) return Allocation{};
    min_ = static_cast<size_t>(request_.replication_factor_min);
    max_ = static_cast<size_t>(request_.replication_factor_max);
    sort_out_holders();
    TRY(take_requested());
    TRY(keep_living_holders());
    find_fresh();
    auto held = holders_that_fit();
    take_fresh(living() < min_ ? min_ - living() : 0, false);
    keep_down_holders();
    take_fresh(placement_.size() < min_ ? min_ - placement_.size() : 0, true);
    explain_fresh();
    if (placement_.size() < min_) return not_enough(held);
    return result();
  }

 private:
  void sort_out_holders() {
    strangers_.reserve(request_.current.size());  // pointers to them are kept
    for (const auto& peer : request_.current) {
      const auto* known = request_.peers.find(peer);
      if (known == nullptr) known = &strangers_.emplace_back(Candidate{.peer = peer, .state = PeerState::kDown});
      if (known->state == PeerState::kRemoved) {
        refuse(*known, [] { return "removed from the cluster"; });
      } else if (auto& list = lives(known->state) ? living_ : down_; !contains(list, known)) {
        list.push_back(known);
      }
    }
    living_ = best_first(living_);
    // Not before the living ones, even where they are requested: a copy that can be read is worth more.
    std::ranges::sort(down_, {}, [&](const auto* peer) { return std::pair(!requested(*peer), peer->peer); });
  }

  /// As order_peers(), the ones that lack a metric last.
  List best_first(const List& peers) const {
    List complete, lacking;
    for (const auto* peer : peers) {
      (missing_metric(*peer, policy_.allocate_by) == nullptr ? complete : lacking).push_back(peer);
    }
    complete = order_peers(std::move(complete), policy_.allocate_by, request_.seed);
    std::ranges::copy(order_peers(std::move(lacking), {}, request_.seed), std::back_inserter(complete));
    return complete;
  }

  bool holds(const Candidate& peer) const { return contains(request_.current, peer.peer); }
  bool requested(const Candidate& peer) const { return contains(request_.requested, peer.peer); }
  size_t living() const {
    return static_cast<size_t>(
        std::ranges::count_if(placement_.peers(), [](const auto* peer) { return lives(peer->state); }));
  }

  // --- requested peers

  Result<> take_requested() {
    List fresh;
    for (const auto& peer : request_.requested) {
      if (contains(request_.current, peer)) continue;
      const auto* known = request_.peers.find(peer);
      if (known == nullptr) return cannot_take(peer, "it is not a member");
      if (!fit(*known, policy_, request_.size_bytes)) {
        return cannot_take(peer, why_unfit(*known, policy_, request_.size_bytes));
      }
      if (!contains(fresh, known)) fresh.push_back(known);
    }
    for (const auto* peer : living_) {
      if (!requested(*peer) || placement_.size() == max_ || placement_.on_node_of(*peer)) continue;
      take(*peer, "requested, holds it");
    }
    for (const auto* peer : best_first(fresh)) {
      if (auto clash = placement_.clash(*peer)) return cannot_take(peer->peer, clash->text());
      take(*peer, "requested");
      ++requested_;
    }
    return {};
  }

  Result<> cannot_take(const ipld::PeerId& peer, std::string_view why) {
    if (verdicts_ != nullptr) {
      std::erase_if(*verdicts_, [&](const Verdict& v) { return v.peer == peer; });
      verdicts_->push_back({peer, false, contains(request_.current, peer), std::string(why)});
    }
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("user-allocations: {} cannot take this pin: {}", peer.to_string(), why));
  }

  // --- holders

  Result<> keep_living_holders() {
    auto rest = living_;
    std::erase_if(rest, [&](const auto* peer) { return placement_.contains(*peer); });
    while (!rest.empty()) {
      auto best = std::ranges::min_element(rest, [&](const auto* a, const auto* b) { return better_holder(*a, *b); });
      const auto& peer = **best;
      rest.erase(best);
      if (placement_.on_node_of(peer)) {
        refuse(peer, [&] { return placement_.clash(peer)->text(); });
        continue;
      }
      if (placement_.size() < max_) TRY(stand_beside_requested(peer));
      take(peer, how_it_holds(peer.state));
    }
    return {};
  }

  /// A holder may break a hard rule: it was there before the rule. A new copy may not, by which it is kept from its
  /// place.
  Result<> stand_beside_requested(const Candidate& holder) {
    for (const auto* peer : placement_.peers()) {
      if (holds(*peer)) continue;
      Placement alone(policy_);
      alone.add(*peer);
      if (auto clash = alone.clash(holder)) {
        return cannot_take(peer->peer, fmt::format("{} holds it and stays, and one copy is allowed for each {}",
                                                   holder.peer.to_string(), clash->rule->tag));
      }
    }
    return {};
  }

  bool better_holder(const Candidate& a, const Candidate& b) const {
    if (a.state != b.state) return a.state < b.state;
    bool clash_a = placement_.clash(a).has_value(), clash_b = placement_.clash(b).has_value();
    if (clash_a != clash_b) return clash_b;
    return placement_.spreads_better(a, b);  // else as they are: best_first()
  }

  size_t holders_that_fit() const {
    auto together = placement_;
    for (const auto* peer : down_) {
      if (!together.clash(*peer)) together.add(*peer);
    }
    return static_cast<size_t>(std::ranges::count_if(together.peers(), [&](const auto* p) { return holds(*p); }));
  }

  void keep_down_holders() {
    for (const auto* peer : down_) {
      if (placement_.contains(*peer)) continue;
      if (auto clash = placement_.clash(*peer)) {
        refuse(*peer, [&] { return clash->text(); });
      } else {
        take(*peer, how_it_holds(peer->state));
      }
    }
  }

  // --- others

  void find_fresh() {
    for (const auto& peer : request_.peers.all()) {
      if (peer.state == PeerState::kRemoved || holds(peer) || requested(peer)) continue;
      if (!fit(peer, policy_, request_.size_bytes)) {
        unfit_.push_back(&peer);
      } else {
        (peer.state == PeerState::kUp ? fresh_ : suspects_).push_back(&peer);
      }
    }
    fresh_ = order_peers(std::move(fresh_), policy_.allocate_by, request_.seed);
    suspects_ = order_peers(std::move(suspects_), policy_.allocate_by, request_.seed);
  }

  /// At least `least` where that is possible, suspected peers included; and more up to the maximum when `fill`.
  void take_fresh(size_t least, bool fill) {
    auto room = max_ - placement_.size();
    least = std::min(least, room);
    auto chosen = choose(placement_, left(fresh_), least, fill ? room : least);
    if (chosen.size() < least) {
      auto more = choose(placement_, left(suspects_), 0, least - chosen.size());
      chosen.insert(chosen.end(), more.begin(), more.end());
    }
    if (chosen.size() < least) {
      for (const auto* peer : chosen) placement_.remove(*peer);
      auto all = left(fresh_);
      std::ranges::copy(left(suspects_), std::back_inserter(all));
      chosen = choose(placement_, all, least, least);
    }
    for (const auto* peer : chosen) accept(*peer, [&] { return place_of(*peer); });
  }

  List left(const List& peers) const {
    List out;
    std::ranges::copy_if(peers, std::back_inserter(out), [&](const auto* peer) { return !placement_.contains(*peer); });
    return out;
  }

  std::string place_of(const Candidate& peer) const {
    auto text = [&](const List& list, std::string_view of) {
      auto at = std::ranges::find(list, &peer) - list.begin();
      auto out = fmt::format("place {} of {} {}", at + 1, list.size(), of);
      for (const auto& name : policy_.allocate_by) out += fmt::format(", {}={}", name, peer.metrics.at(name).value);
      if (peer.promised.bytes > 0) out += fmt::format(", {} bytes promised", peer.promised.bytes);
      return out;
    };
    return peer.state == PeerState::kUp ? text(fresh_, "candidates") : text(suspects_, "suspected peers");
  }

  void explain_fresh() {
    if (verdicts_ == nullptr) return;
    for (const auto* list : {&fresh_, &suspects_}) {
      for (const auto* peer : left(*list)) {
        auto clash = placement_.clash(*peer);
        refuse(*peer, [&] { return clash ? clash->text() : fmt::format("not needed; {}", place_of(*peer)); });
      }
    }
    for (const auto* peer : unfit_) refuse(*peer, [&] { return why_unfit(*peer, policy_, request_.size_bytes); });
  }

  // --- outcome

  void take(const Candidate& peer, std::string_view why) {
    if (placement_.size() >= max_) {
      refuse(peer, [&] { return fmt::format("{}, but there are {} copies already", why, max_); });
      return;
    }
    placement_.add(peer);
    accept(peer, [&] { return why; });
  }

  void accept(const Candidate& peer, auto why) { note(peer, true, why); }
  void refuse(const Candidate& peer, auto why) { note(peer, false, why); }
  void note(const Candidate& peer, bool chosen, auto why) {
    if (verdicts_ != nullptr) verdicts_->push_back({peer.peer, chosen, holds(peer), std::string(why())});
  }

  std::unexpected<Error> not_enough(size_t held) const {
    auto candidates = fresh_;
    std::ranges::copy(suspects_, std::back_inserter(candidates));
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("not enough peers to allocate CID. Needed at least: {}. Wanted at most: {}. "
                            "Available candidates: {}. See logs for more info.{}",
                            min_ - std::min(held, min_), max_ - std::min(held, max_), candidates.size() + requested_,
                            missing_domains(placement_, candidates, min_)));
  }

  Allocation result() const {
    Allocation out;
    for (const auto* peer : placement_.peers()) {
      out.peers.push_back(peer->peer);
      if (!holds(*peer)) out.added.push_back(peer->peer);
    }
    std::ranges::sort(out.peers);
    for (const auto& peer : request_.current) {
      if (!std::ranges::binary_search(out.peers, peer)) out.dropped.push_back(peer);
    }
    std::ranges::sort(out.dropped);
    out.dropped.erase(std::ranges::unique(out.dropped).begin(), out.dropped.end());
    return out;
  }

  const AllocationRequest& request_;
  const Policy& policy_;
  std::vector<Verdict>* verdicts_;
  Placement placement_;
  size_t min_ = 0, max_ = 0;
  size_t requested_ = 0;              // that are no holders
  std::vector<Candidate> strangers_;  // holders that are not members
  List living_, down_;                // holders
  List fresh_, suspects_, unfit_;     // neither holders nor requested
};

}  // namespace

Result<> check_factors(int min, int max) {
  auto refuse = [](std::string_view what) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("cluster.replication_factor_{}", what));
  };
  if (min == 0 || max == 0) return refuse("min and max must be set");
  if (min < -1) return refuse("min is wrong");
  if (max < -1) return refuse("max is wrong");
  if ((min == -1) != (max == -1)) return refuse("min and max must be -1 when one of them is");
  if (min > max) return refuse("min is larger than max");
  return {};
}

Result<Allocation> allocate(const AllocationRequest& request, std::vector<Verdict>* verdicts) {
  return Decision(request, verdicts).run();
}

}  // namespace ipfsc::allocator
