// Peers by number. Numbers are given by the log in the order of first mention, from 1, and never used twice.
// Inside state/ only.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/strong.h"
#include "ipld/peer_id.h"
#include "proto/log.pb.h"
#include "state/state.h"

namespace ipfsc::state {

/// A value; readers share an immutable copy.
class PeerTable {
 public:
  /// 0 = not known.
  PeerNumber find(const ipld::PeerId& id) const;
  /// Null when there is no such peer.
  const Peer* at(PeerNumber number) const;
  Peer* at(PeerNumber number);
  /// Adds it under the next number when it is new.
  PeerNumber add(const ipld::PeerId& id);
  size_t size() const { return peers_.size(); }
  const std::vector<Peer>& all() const { return peers_; }  ///< by number, from 1; `pins` is not kept here

  static Bytes encode(const Peer& peer);
  /// Puts a stored peer at the end; kDataLoss when it cannot be read or is not the next number.
  Result<> load(PeerNumber number, ByteView row);

 private:
  std::vector<Peer> peers_;
  std::unordered_map<ipld::PeerId, PeerNumber> numbers_;
};

using SharedPeers = std::shared_ptr<const PeerTable>;

}  // namespace ipfsc::state
