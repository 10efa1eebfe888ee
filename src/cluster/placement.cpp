#include "cluster/placement.h"

#include "base/log.h"
#include "rpc/error_code.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr std::string_view kAllocate = "Pins/Allocate";
constexpr Duration kLeaderTime = std::chrono::seconds(2);
constexpr int kMostAtOnce = 1000;  // requests in one call

Result<std::vector<ipld::PeerId>> peers_of(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<ipld::PeerId> peers;
  for (const auto& bytes : ids) {
    TRY_ASSIGN(auto peer, ipld::PeerId::from_bytes(bytes));
    peers.push_back(std::move(peer));
  }
  return peers;
}

Result<Placed> from_proto(const proto::AllocateAnswer& answer) {
  if (answer.error_kind() != 0) {
    return fail(rpc::error_kind_of(answer.error_kind()), answer.error());
  }
  Placed placed;
  TRY_ASSIGN(placed.peers, peers_of(answer.allocations()));
  for (const auto& verdict : answer.verdicts()) {
    TRY_ASSIGN(auto peer, ipld::PeerId::from_bytes(verdict.peer()));
    placed.verdicts.push_back({std::move(peer), verdict.chosen(), verdict.holds(), verdict.reason()});
  }
  placed.reservation = answer.reservation();
  return placed;
}

}  // namespace

proto::AllocateRequest allocate_request(const ipld::Cid& cid, const model::PinOptions& options,
                                        const std::vector<ipld::PeerId>& holders) {
  proto::AllocateRequest request;
  request.set_cid(cid.bytes());
  request.set_replication_factor_min(options.replication_factor_min);
  request.set_replication_factor_max(options.replication_factor_max);
  for (const auto& peer : options.user_allocations) request.add_user_allocations(peer.bytes());
  for (const auto& peer : holders) request.add_holders(peer.bytes());
  return request;
}

Placement::Placement(Runtime& runtime, state::State& state, consensus::Consensus& consensus, PeerPicture& picture,
                     rpc::PeerClient& client)
    : runtime_(runtime), state_(state), consensus_(consensus), picture_(picture), client_(client), changed_(runtime) {}

void Placement::serve(rpc::Router& router) {
  router.add_unary(std::string(kAllocate), rpc::Access::kMember, [this](rpc::CallInfo, Bytes bytes) -> Task<Bytes> {
    proto::AllocateRequests requests;
    if (!requests.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
    if (!consensus_.is_leader()) co_return fail(ErrorKind::kUnavailable, "this peer is not the leader");
    proto::AllocateAnswers answers;
    for (const auto& request : requests.requests()) *answers.add_answers() = decide(request);
    co_return answers.SerializeAsString();
  });
}

std::optional<Result<Placed>> Placement::place_here(const proto::AllocateRequest& request) {
  // Everywhere needs no choice, unless room is to be reserved or given back.
  bool everywhere = request.replication_factor_min() == -1 && request.replication_factor_max() == -1 &&
                    request.user_allocations().empty() && !request.only_look() && !request.for_add();
  if (everywhere && request.reservation().empty()) return Placed();
  if (consensus_.is_leader() || everywhere) return from_proto(decide(request));
  return {};
}

Task<Placed> Placement::place(proto::AllocateRequest request) {
  if (auto placed = place_here(request)) co_return *std::move(placed);
  std::vector<proto::AllocateRequest> requests;
  requests.push_back(std::move(request));
  CO_TRY_ASSIGN(auto placed, co_await ask(std::move(requests)));
  co_return std::move(placed.front());
}

Task<std::vector<Result<Placed>>> Placement::ask(std::vector<proto::AllocateRequest> requests) {
  std::vector<WaitingPtr> asked;
  asked.reserve(requests.size());
  for (auto& request : requests) {
    asked.push_back(std::make_shared<Waiting>(std::move(request)));
    waiting_.push_back(asked.back());
  }
  // In the order in which they are answered.
  for (const auto& waiting : asked) {
    while (!waiting->answer) {
      if (asking_) {
        CO_TRY(co_await changed_.wait());
      } else {
        CO_TRY(co_await ask_leader());
      }
    }
  }
  std::vector<Result<Placed>> placed;
  placed.reserve(asked.size());
  for (const auto& waiting : asked) placed.push_back(from_proto(*waiting->answer));
  co_return placed;
}

/// One call for all that wait. What the leader does not answer is decided here.
Task<> Placement::ask_leader() {
  struct Asking {
    explicit Asking(Placement& p) : placement(p) { placement.asking_ = true; }
    ~Asking() {  // also when the one that asks for all is cancelled: another takes its turn
      placement.waiting_.insert(placement.waiting_.begin(), batch.begin(), batch.end());
      batch.clear();
      std::erase_if(placement.waiting_, [](const auto& w) { return w->answer || w.use_count() == 1; });
      placement.asking_ = false;
      placement.changed_.notify_all();
    }
    Placement& placement;
    std::vector<WaitingPtr> batch;
  } asking(*this);
  proto::AllocateRequests requests;
  for (const auto& waiting : waiting_) {
    if (requests.requests_size() == kMostAtOnce) break;
    *requests.add_requests() = waiting->request;
    asking.batch.push_back(waiting);
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(asking.batch.size()));
  proto::AllocateAnswers answers;
  if (auto leader = consensus_.leader()) {
    auto bytes = co_await client_.call(*leader, kAllocate, requests.SerializeAsString(), runtime_.now() + kLeaderTime);
    if (!bytes && bytes.error().kind == ErrorKind::kCancelled) co_return fail(bytes.error());
    bool whole = bytes && answers.ParseFromString(*bytes) && answers.answers_size() == requests.requests_size();
    if (!whole) {
      answers.Clear();
      log.debug("the leader did not allocate: {}", bytes ? "a damaged answer" : bytes.error().message);
    }
  }
  for (int i = 0; i < requests.requests_size(); ++i) {
    auto& waiting = *asking.batch[static_cast<size_t>(i)];
    waiting.answer = i < answers.answers_size() ? answers.answers(i) : decide(waiting.request);
  }
  co_return Result<>{};
}

/// By the metrics that this peer has heard.
proto::AllocateAnswer Placement::decide(const proto::AllocateRequest& request) {
  auto decided = try_to_decide(request);
  if (!decided && decided.error().kind == ErrorKind::kFailedPrecondition) {  // perhaps for what was true a moment ago
    picture_.refresh();
    decided = try_to_decide(request);
  }
  if (decided) return *std::move(decided);
  proto::AllocateAnswer refused;
  refused.set_error_kind(static_cast<int>(decided.error().kind));
  refused.set_error(decided.error().message);
  return refused;
}

Result<proto::AllocateAnswer> Placement::try_to_decide(const proto::AllocateRequest& request) {
  auto size = request.size_bytes() > 0 ? std::optional(request.size_bytes()) : std::nullopt;
  allocator::AllocationRequest wanted{.replication_factor_min = request.replication_factor_min(),
                                      .replication_factor_max = request.replication_factor_max(),
                                      .peers = picture_.peers(),
                                      .policy = picture_.policy(),
                                      .size_bytes = size};
  TRY_ASSIGN(wanted.requested, peers_of(request.user_allocations()));
  TRY_ASSIGN(wanted.current, peers_of(request.holders()));
  ipld::Cid cid;
  if (!request.cid().empty()) {
    TRY_ASSIGN(cid, ipld::Cid::from_bytes(request.cid()));
    wanted.seed = allocator::seed_of(cid);
    if (wanted.current.empty()) {
      TRY_ASSIGN(auto existing, state_.get(cid));
      if (existing && !existing->pin.everywhere()) wanted.current = existing->pin.allocations;
    }
  }
  std::vector<allocator::Verdict> verdicts;
  TRY_ASSIGN(auto allocation, allocator::allocate(wanted, request.only_look() ? &verdicts : nullptr));
  proto::AllocateAnswer answer;
  if (!request.reservation().empty()) {
    TRY_ASSIGN(auto reservation, ipld::Cid::from_bytes(request.reservation()));
    picture_.released(reservation);
  }
  if (request.for_add() && consensus_.is_leader()) {
    // The content has no CID yet: a name of its own stands for it.
    TRY_ASSIGN(auto reservation, ipld::Cid::of(1, ipld::kRaw, 0x12, std::to_string(runtime_.random())));
    picture_.promised(allocation.peers, reservation, size);
    answer.set_reservation(reservation.bytes());
  }
  if (!request.only_look() && !cid.empty()) picture_.promised(allocation.peers, cid, size);
  for (const auto& peer : allocation.peers) answer.add_allocations(peer.bytes());
  for (const auto& verdict : verdicts) {
    auto& to = *answer.add_verdicts();
    to.set_peer(verdict.peer.bytes());
    to.set_chosen(verdict.chosen);
    to.set_holds(verdict.holds);
    to.set_reason(verdict.reason);
  }
  return answer;
}

}  // namespace ipfsc::cluster
