#include "allocator/reservations.h"

#include <algorithm>

#include "base/check.h"

namespace ipfsc::allocator {
namespace {

void add(Promised& sum, const Promised& more) {
  sum.bytes += more.bytes;
  sum.guessed_bytes += more.guessed_bytes;
  sum.pins += more.pins;
}

void subtract(Promised& sum, const Promised& less) {
  CHECK(sum.bytes >= less.bytes && sum.guessed_bytes >= less.guessed_bytes && sum.pins >= less.pins);
  sum.bytes -= less.bytes;
  sum.guessed_bytes -= less.guessed_bytes;
  sum.pins -= less.pins;
}

}  // namespace

void Reservations::promise(const ipld::PeerId& peer, const ipld::Cid& cid, std::optional<uint64_t> size_bytes,
                           SteadyTime now) {
  auto& of = peers_[peer];
  drop(of, peer, cid);
  Promised amount{.bytes = size_bytes.value_or(0), .guessed_bytes = size_bytes ? 0 : options_.guessed_bytes, .pins = 1};
  auto expires = now + options_.expire;
  if (by_expiry_.size() >= options_.max_promises) {
    if (!of.lump) of.lump.emplace();
    add(of.lump->amount, amount);
    of.lump->expires = std::max(of.lump->expires, expires);
    return;
  }
  add(of.sum, amount);
  of.promises.emplace(cid, Promise{amount, expires, {}});
  by_expiry_.emplace(expires, peer, cid);
}

void Reservations::arrived(const ipld::PeerId& peer, const ipld::Cid& cid, SteadyTime now) {
  auto of = peers_.find(peer);
  if (of == peers_.end()) return;
  auto promise = of->second.promises.find(cid);
  if (promise == of->second.promises.end() || promise->second.arrived) return;
  promise->second.arrived = now;
  of->second.arrived.emplace(now, cid);
}

void Reservations::measured(const ipld::PeerId& peer, SteadyTime now) {
  auto of = peers_.find(peer);
  if (of == peers_.end()) return;
  auto& arrived = of->second.arrived;
  while (!arrived.empty() && arrived.begin()->first + options_.settle <= now) {
    drop(of->second, peer, ipld::Cid(arrived.begin()->second));
  }
}

void Reservations::release(const ipld::PeerId& peer, const ipld::Cid& cid) {
  if (auto of = peers_.find(peer); of != peers_.end()) drop(of->second, peer, cid);
}

void Reservations::forget(const ipld::PeerId& peer) {
  auto of = peers_.find(peer);
  if (of == peers_.end()) return;
  for (const auto& [cid, promise] : of->second.promises) by_expiry_.erase({promise.expires, peer, cid});
  peers_.erase(of);
}

void Reservations::expire(SteadyTime now) {
  while (!by_expiry_.empty() && std::get<SteadyTime>(*by_expiry_.begin()) <= now) {
    auto [expires, peer, cid] = *by_expiry_.begin();
    drop(peers_.at(peer), peer, cid);
  }
  for (auto at = peers_.begin(); at != peers_.end();) {
    auto& of = at->second;
    if (of.lump && of.lump->expires <= now) of.lump.reset();
    at = of.promises.empty() && !of.lump ? peers_.erase(at) : std::next(at);
  }
}

Promised Reservations::promised(const ipld::PeerId& peer) const {
  auto of = peers_.find(peer);
  if (of == peers_.end()) return {};
  auto out = of->second.sum;
  if (of->second.lump) add(out, of->second.lump->amount);
  return out;
}

void Reservations::drop(OfPeer& of, const ipld::PeerId& peer, const ipld::Cid& cid) {
  auto at = of.promises.find(cid);
  if (at == of.promises.end()) return;
  const auto& promise = at->second;
  subtract(of.sum, promise.amount);
  by_expiry_.erase({promise.expires, peer, cid});
  if (promise.arrived) of.arrived.erase({*promise.arrived, cid});
  of.promises.erase(at);
}

}  // namespace ipfsc::allocator
