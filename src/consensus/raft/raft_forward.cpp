// Writes of a follower: how they come to the leader, once, whatever becomes of it.
//
// The leader answers where an entry stands in the log as soon as it has proposed it; from there on it is as if this
// peer had proposed it itself. When no answer comes, this peer looks for the entry among those that it applies: its
// origin, a random number, is in it. When an entry of a later term has been applied and it was not there, it never will
// be: a leader of the term for which it was meant can commit nothing any more, and another leader does not take it.
// Then it goes to the next leader.
#include "base/check.h"
#include "base/log.h"
#include "consensus/raft/operation_check.h"
#include "consensus/raft/raft_consensus.h"
#include "proto/peer.pb.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr std::string_view kProposeMethod = "Raft/Propose";
constexpr Duration kProposeTime = std::chrono::seconds(10);  // for the leader's answer, which waits for nothing
constexpr Duration kUnknownTime = std::chrono::seconds(3);   // after its loss, for its successor
constexpr Duration kAskAgain = std::chrono::milliseconds(50);

}  // namespace

struct RaftConsensus::Forward {
  Forward(Runtime& runtime, Term in) : changed(runtime), term(in) {}

  struct Found {
    Proposed at;
    std::vector<state::Outcome> outcomes;
  };

  bool decided() const { return found || accepted || refused || superseded; }

  Notifier changed;
  Term term;                           // in which the leader leads
  std::optional<Found> found;          // among the entries that were applied
  std::optional<Proposed> accepted;    // the leader's answer, or …
  std::optional<std::string> refused;  // nothing was done
  std::optional<std::string> unknown;  // it may have been
  SteadyTime unknown_until{};
  bool superseded = false;  // the leader's term is over, and the entry is not in the log
  bool missed = false;      // entries were passed over, it may have been among them
};

void RaftConsensus::serve_proposals(rpc::Router& router) {
  router.add_unary(std::string(kProposeMethod), rpc::Access::kMember,
                   [this](rpc::CallInfo, Bytes request) { return take_proposal(std::move(request)); });
}

void RaftConsensus::forward_waiting() {
  if (!client_ || role_ != RaftRole::kFollower || leader_ == kNobody || leader_ == self_ || stopping_) return;
  auto leader = peers_.find(leader_);
  if (leader == peers_.end()) return;
  while (queue_.waiting() && forwards_.size() < options_.max_unapplied_entries) {
    uint64_t origin = runtime_.random();
    auto way = std::make_shared<Forward>(runtime_, log_->hard_state().term);
    if (origin == 0 || !forwards_.emplace(origin, way).second) continue;
    WriteGroup group = queue_.next_group(0);
    group.entry->set_origin(origin);
    for (auto& write : group.writes) write->sent = true;
    tasks_.spawn("forwarding writes", forward(std::move(group), std::move(way), leader->second));
  }
}

Task<> RaftConsensus::forward(WriteGroup group, ForwardPtr way, ipld::PeerId leader) {
  uint64_t origin = group.entry->origin();
  proto::ProposeRequest request;
  CHECK(group.entry->SerializeToString(request.mutable_entry()));
  request.set_term(way->term.value);
  auto deadline = runtime_.now() + kProposeTime;
  tasks_.spawn("asking the leader", ask_leader(way, std::move(leader), request.SerializeAsString(), deadline));
  while (!way->decided()) {
    auto until = way->unknown ? std::min(deadline, way->unknown_until) : deadline;
    if (!co_await way->changed.wait_until(until)) break;
  }
  bool again = !way->found && (way->refused || way->superseded);
  if (!again) forwards_.erase(origin);
  if (way->found) {
    auto [at, outcomes] = *std::move(way->found);
    queue_.proposed(std::move(group), at);
    queue_.applied(at.index, at.term, std::move(outcomes));
  } else if (again) {
    log.debug("the leader took no writes: {}", way->refused ? *way->refused : "its term is over");
    for (auto& write : group.writes) write->sent = false;
    queue_.put_back(std::move(group));
  } else if (!way->accepted) {
    queue_.give_up(std::move(group), way->unknown.value_or("the leader has not answered"));
  } else if (way->accepted->index <= applied_) {  // passed over
    queue_.give_up(std::move(group), fmt::format("it may be committed at {}", way->accepted->index.value));
  } else {
    group.entry.reset();  // the leader gave the entry its time: what is applied is what the log has
    queue_.proposed(std::move(group), *way->accepted);
  }
  if (again) {
    if (!way->superseded) (void)co_await runtime_.sleep_for(kAskAgain);
    forwards_.erase(origin);
  }
  pump();
  co_return Result<>{};
}

Task<> RaftConsensus::ask_leader(ForwardPtr way, ipld::PeerId leader, Bytes request, SteadyTime deadline) {
  auto reply = co_await client_->call(std::move(leader), kProposeMethod, std::move(request), deadline);
  proto::ProposeAnswer answer;
  if (reply && !answer.ParseFromString(*reply)) reply = fail(ErrorKind::kInternal, "the leader's answer is damaged");
  if (!reply && rpc::was_not_made(reply.error())) {
    way->refused = reply.error().message;
  } else if (!reply) {
    way->unknown = reply.error().message;
    way->unknown_until = runtime_.now() + kUnknownTime;
  } else if (!answer.refused().empty()) {
    way->refused = answer.refused();
  } else {
    way->accepted = Proposed{LogIndex(answer.index()), Term(answer.term())};
  }
  way->changed.notify_all();
  co_return Result<>{};
}

/// An entry was applied. True: it is one of those whose place the leader has not told yet, and has its outcomes.
bool RaftConsensus::forwarded(uint64_t origin, Proposed at, std::vector<state::Outcome>&& outcomes) {
  auto it = forwards_.find(origin);
  if (origin == 0 || it == forwards_.end()) return false;
  it->second->found = {at, std::move(outcomes)};
  it->second->changed.notify_all();
  return true;
}

/// What came before the first entry of this term is final.
void RaftConsensus::forwards_see(Term applied) {
  if (applied <= applied_term_) return;
  applied_term_ = applied;
  for (auto& [origin, way] : forwards_) {
    if (way->term >= applied || way->missed || way->found) continue;
    way->superseded = true;
    way->changed.notify_all();
  }
}

/// Entries were applied whose origins are not known.
void RaftConsensus::forwards_miss() {
  for (auto& [origin, way] : forwards_) way->missed = true;
}

Task<Bytes> RaftConsensus::take_proposal(Bytes request) {
  proto::ProposeRequest parsed;
  proto::Entry entry;
  if (!parsed.ParseFromString(request) || !entry.ParseFromString(parsed.entry()) || entry.operations().empty()) {
    co_return fail(ErrorKind::kInvalidArgument, "a damaged proposal");
  }
  for (const auto& operation : entry.operations()) CO_TRY(check_operation(operation));
  proto::ProposeAnswer answer;
  if (!is_leader() || stopping_) {
    answer.set_refused("this peer is not the leader");
  } else if (parsed.term() != 0 && Term(parsed.term()) != log_->hard_state().term) {
    answer.set_refused("this peer leads another term");
  } else {
    entry.set_format(1);
    entry.set_time_ms(next_entry_time());
    auto at = engine_->propose(entry.SerializeAsString());
    if (at) {
      answer.set_index(at->index.value);
      answer.set_term(at->term.value);
      pump();
    } else {
      answer.set_refused(at.error().message);
    }
  }
  co_return answer.SerializeAsString();
}

}  // namespace ipfsc::consensus
