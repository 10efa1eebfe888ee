#include "consensus/raft/voters.h"

#include <algorithm>

namespace ipfsc::consensus {
namespace {

bool may_vote(const VoterCandidate& member) {
  return member.role == proto::PEER_ROLE_AUTO || member.role == proto::PEER_ROLE_VOTER;
}

/// The lower, the sooner it gets a vote.
int rank(const VoterCandidate& member, bool some_lost) {
  if (!member.usable()) return 8;
  switch (member.role) {
    case proto::PEER_ROLE_VOTER:
      return member.votes ? 0 : 1;
    case proto::PEER_ROLE_STANDBY:
      return some_lost ? (member.votes ? 3 : 4) : (member.votes ? 6 : 7);
    default:
      return member.votes ? 2 : 5;
  }
}

size_t odd(size_t count) { return count % 2 == 0 && count > 0 ? count - 1 : count; }

}  // namespace

std::vector<RaftId> choose_voters(std::vector<VoterCandidate> members, size_t max_voters) {
  std::vector<RaftId> now;
  for (const auto& member : members) {
    if (member.votes) now.push_back(member.id);
  }
  std::ranges::sort(now);
  size_t wanted = odd(std::min(static_cast<size_t>(std::ranges::count_if(members, may_vote)), max_voters));
  bool some_lost = std::ranges::any_of(members, [](const auto& member) { return may_vote(member) && member.lost; });
  // Who is lost keeps its vote as long as nobody can have it.
  std::erase_if(members, [](const VoterCandidate& member) {
    return member.role == proto::PEER_ROLE_AGENT || !(member.usable() || (member.votes && may_vote(member)));
  });
  std::ranges::sort(members, {}, [some_lost](const auto& member) {
    return std::tuple(rank(member, some_lost), !member.leads, !member.heard, member.id);
  });
  members.resize(odd(std::min(members.size(), wanted)));
  auto heard = static_cast<size_t>(std::ranges::count_if(members, &VoterCandidate::heard));
  if (heard * 2 <= members.size()) return now;
  std::vector<RaftId> chosen;
  for (const auto& member : members) chosen.push_back(member.id);
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace ipfsc::consensus
