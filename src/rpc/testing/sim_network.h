// SimNetwork: calls between peers of one process, on any Runtime, with delays, cuts and crashes. For tests.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/runtime.h"
#include "base/task_group.h"
#include "rpc/rpc.h"

namespace ipfsc::rpc::testing {

/// I/O thread only. Outlives its clients; every attached peer is detached before the end.
class SimNetwork {
 public:
  explicit SimNetwork(Runtime& runtime) : runtime_(runtime) {}

  /// The peer answers calls from now on.
  void attach(const ipld::PeerId& peer, const Router& router, Gatekeeper gatekeeper = {});
  /// Its streams break, its handlers are cancelled, and calls to it fail at once.
  Task<> detach(ipld::PeerId peer);
  /// `clock` says when deadlines are; none: the network's runtime. It outlives the client.
  std::unique_ptr<PeerClient> client(const ipld::PeerId& self, Runtime* clock = nullptr);

  Duration delay = std::chrono::milliseconds(1);  ///< of every message, one way
  Duration jitter{};                              ///< up to so much more; the messages of a stream keep their order
  /// Messages between the two are held until heal(); calls wait for their deadline.
  void cut(const ipld::PeerId& a, const ipld::PeerId& b);
  /// The same in one direction only.
  void cut_one_way(const ipld::PeerId& from, const ipld::PeerId& to) { cuts_.emplace(from, to); }
  void heal();
  bool reaches(const ipld::PeerId& from, const ipld::PeerId& to) const { return !cuts_.contains({from, to}); }
  uint64_t calls() const { return calls_; }

 private:
  struct Endpoint;
  struct Pipe;
  class Side;
  class SimClient;

  void wake_all();
  Duration transit();

  Runtime& runtime_;
  std::map<ipld::PeerId, std::shared_ptr<Endpoint>> endpoints_;
  std::map<uint64_t, Pipe*> pipes_;  // by age, so that nothing depends on addresses
  uint64_t next_pipe_ = 0;
  std::set<std::pair<ipld::PeerId, ipld::PeerId>> cuts_;  // from, to
  uint64_t calls_ = 0;
};

}  // namespace ipfsc::rpc::testing
