#include "sim/sim_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cluster/mover.h"

namespace ipfsc::sim {
namespace {

std::string short_name(const ipld::Cid& cid) { return cid.to_string().substr(50); }

/// All peers run, belong to the cluster, are up, or drained and empty, and have applied the same.
std::string disagreement(const Peers& peers) {
  for (const auto& peer : peers) {
    if (!peer->ready()) return peer->name() + " does not answer users";
    if (!peer->consensus().trouble().empty()) return peer->name() + ": " + peer->consensus().trouble();
  }
  const auto& first = *peers.front()->state();
  for (const auto& peer : peers) {
    const auto& state = *peer->state();
    if (state.applied_index() != first.applied_index()) return peer->name() + " is behind, or before the others";
    for (const auto& other : peers) {
      auto known = state.peer(other->id());
      if (!known || !known->member) return fmt::format("{} is no member for {}", other->name(), peer->name());
      if (known->state == proto::PEER_STATE_DRAINING) {
        if (known->pins > 0) return fmt::format("{} is drained and has {} copies", other->name(), known->pins);
      } else if (known->state != proto::PEER_STATE_UP) {
        return other->name() + " is not up";
      }
    }
  }
  if (cluster::movements_paused(first)) return "movements are paused";
  if (first.counters().work > 0) return fmt::format("{} movements are under way", first.counters().work);
  return {};
}

std::string wrong_copies(const Peers& peers, const model::Pin& pin) {
  if (pin.everywhere()) return {};
  auto copies = static_cast<int>(pin.allocations.size());
  if (copies < pin.options.replication_factor_min || copies > pin.options.replication_factor_max) {
    return fmt::format("{} has {} copies, not {}…{}", short_name(pin.cid), copies, pin.options.replication_factor_min,
                       pin.options.replication_factor_max);
  }
  for (const auto& allocation : pin.allocations) {
    if (std::ranges::none_of(peers, [&](const auto& peer) { return peer->id() == allocation; })) {
      return fmt::format("{} is allocated to a peer that does not exist", short_name(pin.cid));
    }
  }
  return {};
}

/// Its last changes, newest first: who made them, and who holds it then.
std::string history_of(const Peers& peers, const ipld::Cid& cid) {
  auto history = peers.front()->state()->history(cid, 0, 10);
  if (!history) return history.error().message;
  std::string out;
  for (const auto& record : *history) {
    out += fmt::format("\n    entry {}, {}:", record.change.position.index.value, record.change.actor);
    if (!record.after) continue;
    for (const auto& holder : record.after->pin.allocations) {
      auto peer = std::ranges::find(peers, holder, [](const auto& peer) { return peer->id(); });
      out += ' ' + (peer == peers.end() ? holder.to_string() : (*peer)->name());
    }
    out += fmt::format(" of {}…{}", record.after->pin.options.replication_factor_min,
                       record.after->pin.options.replication_factor_max);
  }
  return out;
}

std::string wrong_holding(World& world, SimPeer& peer, const ipld::Cid& cid,
                          const std::optional<state::StoredPin>& pin) {
  auto wanted = ipfs::PinKind::kNone;
  auto shown = model::TrackerStatus::kUnpinned;
  if (pin && pin->pin.allocated_to(peer.id())) {
    wanted = pin->pin.direct() ? ipfs::PinKind::kDirect : ipfs::PinKind::kRecursive;
    shown = model::TrackerStatus::kPinned;
  } else if (pin) {
    shown = model::TrackerStatus::kRemote;
  }
  auto held = peer.node().pins().find(cid);
  auto kind = held == peer.node().pins().end() ? ipfs::PinKind::kNone : held->second;
  auto info = world.runtime.run_task(peer.tracker().status(cid));
  if (!info) return fmt::format("{} cannot say the status of {}", peer.name(), short_name(cid));
  if (kind != wanted) {
    return fmt::format("the pin of {} on the node of {} is {}, not {}: {} {}", short_name(cid), peer.name(),
                       ipfs::to_string(kind), ipfs::to_string(wanted), model::to_string(info->at.status),
                       info->at.error);
  }
  if (info->at.status != shown) {
    return fmt::format("{} says {} of {}, not {}: {} {}", peer.name(), model::to_string(info->at.status),
                       short_name(cid), model::to_string(shown), info->at.reason, info->at.error);
  }
  return {};
}

}  // namespace

void StateBook::look(const Peers& peers) {
  for (const auto& peer : peers) {
    if (peer->state() == nullptr) continue;
    auto info = peer->state()->info();
    if (!info.cluster_id.empty()) see(peer->name(), info.applied, info.hash);
  }
}

void StateBook::see(const std::string& peer, LogIndex applied, const state::StateHash& hash) {
  auto [seen, fresh] = seen_.try_emplace(applied, Seen{peer, hash});
  if (fresh || seen->second.hash == hash) return;
  complaints_.push_back(
      fmt::format("the states of {} and {} differ at entry {}", seen->second.peer, peer, applied.value));
}

std::string unrest(World& world, const Peers& peers, const std::vector<ipld::Cid>& cids) {
  if (auto why = disagreement(peers); !why.empty()) return why;
  for (const auto& cid : cids) {
    auto pin = peers.front()->state()->get(cid);
    if (!pin) return pin.error().message;
    if (*pin) {
      if (auto why = wrong_copies(peers, (*pin)->pin); !why.empty()) return why + history_of(peers, cid);
    }
    for (const auto& peer : peers) {
      if (auto why = wrong_holding(world, *peer, cid, *pin); !why.empty()) return why;
    }
  }
  return {};
}

}  // namespace ipfsc::sim
