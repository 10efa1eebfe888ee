// SimRequests: users of the pinning service of a simulated cluster. They make requests, replace and delete them through
// any peer, repeat with an idempotency key what they got no answer to, and remember what they were promised.
#pragma once

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cluster/pinning_requests.h"
#include "sim/sim_peer.h"

namespace ipfsc::sim {

/// One wish of a user.
struct Request {
  enum class Kind : uint8_t { kAdd, kReplace, kRemove };
  Kind kind = Kind::kAdd;
  cluster::PinningCaller caller;
  cluster::PinningPin pin;  ///< not of kRemove
  std::string old;          ///< id of the request that is replaced or deleted
  bool open = false;        ///< a try is under way
  unsigned unknown = 0;     ///< tries that were not answered, or not for certain
  std::string made;         ///< id of the request that it made; "" = none yet
  bool done = false;        ///< acknowledged
};

class SimRequests {
 public:
  /// `complaints` gets one line for each broken promise.
  SimRequests(World& world, uint64_t seed, std::vector<std::string>& complaints, std::vector<ipld::Cid> cids);

  /// Makes, replaces or deletes a request, or repeats one of these, through `peer`, which is ready. Returns what it is,
  /// for the trace.
  std::string act(SimPeer& peer);
  /// Why the requests are not at rest; "" = all are pinned, and those that were replaced are gone.
  std::string unrest(SimPeer& peer) const;
  /// At rest: each request that was acknowledged is there, unless its end was asked for; each whose end was
  /// acknowledged is not; and there are no others.
  void check_end(SimPeer& peer, const std::vector<ipld::Cid>& cids);

 private:
  using Mine = std::set<std::string>;  // ids
  size_t choose();
  Task<> attempt(SimPeer& peer, size_t number);
  Task<std::string> carry_out(SimPeer& peer, const Request& request);
  void note(Request& request, const Result<std::string>& answer);
  /// Alive: acknowledged, and nobody has asked for its end.
  bool alive(const std::string& id) const { return made_.contains(id) && !ending_.contains(id); }
  Result<cluster::PinningPage> list(SimPeer& peer, std::string user) const;
  void check_user(SimPeer& peer, const std::string& user);
  void check_claims(const state::State& state, const std::vector<ipld::Cid>& cids);

  World& world_;
  std::mt19937_64 random_;
  std::vector<std::string>& complaints_;
  std::vector<ipld::Cid> cids_;
  std::deque<Request> requests_;             // stable addresses
  std::map<std::string, std::string> made_;  // id and user
  std::map<std::string, unsigned> ending_;   // id and how often its end was asked for
  std::set<std::string> ended_;              // ids
};

}  // namespace ipfsc::sim
