// SimLoad: the users of a simulated cluster. They pin, unpin and add through any peer, repeat what they got no answer
// to when they gave it a request id, and remember what they were promised.
#pragma once

#include <deque>
#include <random>
#include <string>
#include <vector>

#include "sim/sim_content.h"
#include "sim/sim_peer.h"

namespace ipfsc::sim {

/// How a user adds.
struct Upload {
  const Content* content = nullptr;
  bool local = false, no_pin = false;
  std::optional<uint64_t> size_hint_bytes;
  Duration pause{};        ///< between two pieces
  bool goes_away = false;  ///< before the end
};

/// One wish of a user. Its actor is unique, so the history says what became of it.
struct Write {
  ipld::Cid cid;
  bool pins = true;  ///< false: unpins
  model::PinOptions options;
  std::optional<Upload> upload;  ///< it adds what it pins
  std::string actor;
  Bytes request_id;  ///< empty: it is tried once
  SteadyTime began;
  std::optional<SteadyTime> acknowledged;
  unsigned unknown = 0;  ///< tries that were not answered, or not for certain
  bool open = false;     ///< a try is under way
  std::string refusal;   ///< of the last try that was refused

  bool in_history() const { return !upload || !upload->no_pin; }
};

class SimLoad {
 public:
  /// `complaints` gets one line for each broken promise.
  SimLoad(World& world, uint64_t seed, std::vector<std::string>& complaints, bool adds = false);

  /// All that may be in the pinset. What has been added is pinned and unpinned as the rest from then on.
  const std::vector<ipld::Cid>& cids() const { return cids_; }
  /// Those of them that some node has.
  const std::vector<ipld::Cid>& there() const { return there_; }
  const std::deque<Write>& writes() const { return writes_; }
  /// Begins a write, or repeats an old one, through `peer`, which is ready. Returns what it is, for the trace.
  std::string act(SimPeer& peer);
  /// Has nothing to do with the peers: a test of the checks.
  void forge(Write write) { writes_.push_back(std::move(write)); }

  /// What was acknowledged before `time` is in the history of the peer.
  void check_visible(const SimPeer& peer, SteadyTime time);
  /// Acknowledged writes happened once, in an order that users can have seen; refused ones never.
  void check_history(const SimPeer& peer);

 private:
  size_t choose();
  Upload any_upload();
  ipld::PeerId any_peer();
  Task<> attempt(SimPeer& peer, size_t number);
  /// The CID that the answer names.
  Task<ipld::Cid> carry_out(SimPeer& peer, Write& write);
  Task<ipld::Cid> add(SimPeer& peer, Write& write, cluster::Caller caller);
  void check_copies(const SimPeer& peer, const Write& write, const model::AddedOutput& answer);
  void note(SimPeer& peer, Write& write, const Result<ipld::Cid>& answer);
  std::vector<state::Revision> records_of(const SimPeer& peer, const Write& write) const;

  World& world_;
  std::mt19937_64 random_;
  std::vector<std::string>& complaints_;
  std::vector<ipld::Cid> cids_;
  std::vector<ipld::Cid> there_;   // of cids_: somewhere
  std::vector<Content> contents_;  // that are added
  std::deque<Write> writes_;       // stable addresses
};

}  // namespace ipfsc::sim
