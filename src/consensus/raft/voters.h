// Who is to vote: a pure function of the members, their roles and who can be relied on. Inside raft/ only.
#pragma once

#include <cstddef>
#include <vector>

#include "consensus/raft/log_types.h"
#include "proto/log.pb.h"

namespace ipfsc::consensus {

struct VoterCandidate {
  RaftId id = kNobody;
  proto::PeerRole role = proto::PEER_ROLE_AUTO;
  bool leads = false;
  bool votes = false;      ///< is a voter now
  bool heard = false;      ///< was heard a moment ago
  bool lost = false;       ///< was not heard for so long that another is to take its place
  bool caught_up = false;  ///< has the log: it may become a voter

  /// As a voter of the next configuration.
  bool usable() const { return !lost && (votes || (heard && caught_up)); }
};

/// The voters that there should be, by id: an odd number up to `max_voters` and up to the number of members that may
/// vote (`auto` and `voter`). `voter` comes before `auto`; who votes already stays before others of its kind, the
/// leader and those that are heard before the rest; a `standby` votes while one of them is lost, before others that did
/// not vote; an `agent` never does. Returns those who vote now when no better set would have a majority of ones that
/// are heard.
std::vector<RaftId> choose_voters(std::vector<VoterCandidate> members, size_t max_voters);

}  // namespace ipfsc::consensus
