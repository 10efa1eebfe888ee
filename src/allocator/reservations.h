// What was promised to peers and their metrics do not show yet, so that free space is not given away twice.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "allocator/candidate.h"

namespace ipfsc::allocator {

struct ReservationOptions {
  Duration expire = std::chrono::minutes(30);  ///< of a promise that nobody heard of again
  /// A metric that is heard this soon after an arrival may have been measured before it.
  Duration settle = std::chrono::seconds(2);
  uint64_t guessed_bytes = 1 << 20;  ///< for content whose size is not known
  /// Promises that are kept one by one. Beyond it they are still counted, as one lump for each peer which ends when
  /// its youngest part expires.
  size_t max_promises = 200'000;
};

/// A value. Times are those of one monotonic clock, given by the caller. Not thread safe.
///
/// A promise ends when a metric of the peer is heard after its content has arrived (before that the metric does not
/// count it, or only a part of it), when it is released, or when it expires.
class Reservations {
 public:
  explicit Reservations(ReservationOptions options = {}) : options_(options) {}

  /// `peer` is to hold `cid`; `size_bytes` none: not known. A second promise of the same takes the place of the first.
  void promise(const ipld::PeerId& peer, const ipld::Cid& cid, std::optional<uint64_t> size_bytes, SteadyTime now);
  /// The peer says that it has the content.
  void arrived(const ipld::PeerId& peer, const ipld::Cid& cid, SteadyTime now);
  /// A metric of free space was heard from the peer.
  void measured(const ipld::PeerId& peer, SteadyTime now);
  /// It will not come: unpinned, or allocated elsewhere.
  void release(const ipld::PeerId& peer, const ipld::Cid& cid);
  void forget(const ipld::PeerId& peer);
  /// Drops what has expired; to be called now and then. O(dropped · log n).
  void expire(SteadyTime now);

  /// O(log peers).
  Promised promised(const ipld::PeerId& peer) const;
  /// Promises that are kept one by one.
  size_t size() const { return by_expiry_.size(); }

 private:
  struct Promise {
    Promised amount;
    SteadyTime expires;
    std::optional<SteadyTime> arrived;
  };
  struct Lump {
    Promised amount;
    SteadyTime expires;
  };
  struct OfPeer {
    std::map<ipld::Cid, Promise> promises;
    std::set<std::pair<SteadyTime, ipld::Cid>> arrived;  ///< those of `promises` that have, the earliest first
    Promised sum;                                        ///< of `promises`
    std::optional<Lump> lump;
  };
  using Expiry = std::tuple<SteadyTime, ipld::PeerId, ipld::Cid>;

  void drop(OfPeer& of, const ipld::PeerId& peer, const ipld::Cid& cid);

  ReservationOptions options_;
  std::map<ipld::PeerId, OfPeer> peers_;
  std::set<Expiry> by_expiry_;
};

}  // namespace ipfsc::allocator
