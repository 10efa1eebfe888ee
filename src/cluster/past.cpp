// Who had what at a time past.
#include "cluster/past.h"

#include <algorithm>
#include <map>

#include "base/gather.h"
#include "cluster/cluster.h"
#include "cluster/members.h"

namespace ipfsc::cluster {
namespace {

/// What the peers say about one time. Its questions are one call to each peer for a batch of CIDs.
class Witnesses {
 public:
  Witnesses(Runtime& runtime, const ClusterOptions& options, PeerCalls& calls, tracker::PinTracker& tracker,
            const state::State& state, WallTime time, const std::optional<ipld::PeerId>& only)
      : runtime_(runtime), self_(options.self), calls_(calls), tracker_(tracker), time_(time), only_(only) {
    for (auto& peer : state.peers()) {
      if (!only || peer.id == *only) peers_.push_back(std::move(peer));
    }
    std::ranges::sort(peers_, {}, &state::Peer::id);
  }

  /// Fills the holders of `pins`, at most kMostHeldCids.
  Task<> hear(std::vector<PastPin>& pins) {
    if (pins.empty()) co_return Result<>{};
    std::vector<ipld::Cid> cids;
    for (const auto& pin : pins) cids.push_back(pin.pin.cid);
    std::vector<Task<tracker::PastHoldings>> asks;
    std::vector<const state::Peer*> asked;
    for (const auto& peer : peers_) {
      if (silent_.contains(peer.id)) continue;
      if (!belongs(peer)) {
        silent_[peer.id] = "it is no member of the cluster";
        continue;
      }
      asks.push_back(peer.id == self_ ? tracker_.held_at(cids, time_) : calls_.held(peer.id, cids, time_));
      asked.push_back(&peer);
    }
    auto answers = co_await gather(runtime_, std::move(asks));
    std::map<ipld::PeerId, tracker::PastHoldings> heard;
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i]) {
        heard[asked[i]->id] = *std::move(answers[i]);
      } else if (answers[i].error().kind == ErrorKind::kCancelled) {
        co_return fail(answers[i].error());
      } else {
        silent_[asked[i]->id] = answers[i].error().message;
      }
    }
    for (size_t i = 0; i < pins.size(); ++i) {
      for (const auto& peer : peers_) add_holder(pins[i], i, peer, heard);
    }
    co_return Result<>{};
  }

 private:
  /// What is pinned everywhere was to be on the members of that time: the log remembers the present ones.
  std::optional<bool> allocated(const model::Pin& pin, const state::Peer& peer) const {
    if (!pin.allocations.empty()) return std::ranges::find(pin.allocations, peer.id) != pin.allocations.end();
    if (!pin.everywhere()) return false;
    if (peer.since.time_since_epoch() == Duration::zero() || peer.since > time_) return std::nullopt;
    return belongs(peer);
  }

  void add_holder(PastPin& pin, size_t place, const state::Peer& peer,
                  const std::map<ipld::PeerId, tracker::PastHoldings>& heard) const {
    Holder holder{.peer = peer.id, .peername = peer.name, .allocated = allocated(pin.pin, peer)};
    if (auto found = heard.find(peer.id); found != heard.end()) {
      holder.holding = found->second.then[place];
      if (holder.holding || time_ >= found->second.since) {
        holder.confirmed = holder.holding.has_value();
      } else {
        holder.error = fmt::format("its journal begins at {}", format_rfc3339(found->second.since));
      }
    } else {
      holder.error = silent_.at(peer.id);
    }
    bool nothing_to_say = holder.allocated == false && (belongs(peer) ? holder.confirmed == false : true);
    if (only_ || !nothing_to_say) pin.holders.push_back(std::move(holder));
  }

  Runtime& runtime_;
  const ipld::PeerId self_;
  PeerCalls& calls_;
  tracker::PinTracker& tracker_;
  const WallTime time_;
  const std::optional<ipld::PeerId> only_;
  std::vector<state::Peer> peers_;
  std::map<ipld::PeerId, std::string> silent_;  // and why
};

class PastListing final : public PastCursor {
 public:
  PastListing(Runtime& runtime, std::unique_ptr<state::PinCursor> cursor, Witnesses witnesses)
      : runtime_(runtime), cursor_(std::move(cursor)), witnesses_(std::move(witnesses)) {}

  Task<> next(std::vector<PastPin>& out, size_t max) override {
    std::vector<state::StoredPin> found;
    CO_TRY(co_await run_blocking(runtime_, [&]() -> Result<> {
      while (found.empty() && !cursor_->done()) TRY(cursor_->next(found, std::min(max, kMostHeldCids)));
      return {};
    }));
    std::vector<PastPin> pins;
    for (auto& stored : found) pins.push_back({.pin = std::move(stored.pin), .holders = {}});
    CO_TRY(co_await witnesses_.hear(pins));
    std::ranges::move(pins, std::back_inserter(out));
    co_return Result<>{};
  }
  std::string token() const override { return cursor_->token(); }

 private:
  Runtime& runtime_;
  std::unique_ptr<state::PinCursor> cursor_;
  Witnesses witnesses_;
};

}  // namespace

Task<PastPin> Cluster::pin_at(ipld::Cid cid, WallTime time, std::optional<ipld::PeerId> peer) {
  CO_TRY_ASSIGN(auto stored, co_await run_blocking(runtime_, [&] { return state_.pin_at(cid, time); }));
  if (!stored)
    co_return fail(ErrorKind::kNotFound, fmt::format("pin was not part of the pinset at {}", format_rfc3339(time)));
  std::vector<PastPin> pins;
  pins.push_back({.pin = std::move(stored->pin), .holders = {}});
  Witnesses witnesses(runtime_, options_, calls_, tracker_, state_, time, peer);
  CO_TRY(co_await witnesses.hear(pins));
  co_return std::move(pins.front());
}

Result<std::unique_ptr<PastCursor>> Cluster::allocations_at(state::ListQuery query) {
  Witnesses witnesses(runtime_, options_, calls_, tracker_, state_, query.at.value_or(runtime_.wall_now()), query.peer);
  TRY_ASSIGN(auto cursor, state_.list(std::move(query)));
  return std::make_unique<PastListing>(runtime_, std::move(cursor), std::move(witnesses));
}

}  // namespace ipfsc::cluster
