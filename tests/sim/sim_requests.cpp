#include "sim/sim_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ipfsc::sim {
namespace {

constexpr std::string_view kUsers[] = {"ann", "bob"};
constexpr size_t kListed = 1000;  // requests of one user: more than there are

std::string_view verb(Request::Kind kind) {
  switch (kind) {
    case Request::Kind::kAdd:
      return "requests";
    case Request::Kind::kReplace:
      return "replaces";
    case Request::Kind::kRemove:
      return "deletes";
  }
  return "";
}

/// Whether the answer says that nothing was done.
bool certain(const Error& error) {
  if (error.kind == ErrorKind::kCancelled || error.kind == ErrorKind::kDeadlineExceeded) return false;
  return error.message.find("a retry with the same idempotency key is safe") == std::string::npos;
}

}  // namespace

SimRequests::SimRequests(World& world, uint64_t seed, std::vector<std::string>& complaints, std::vector<ipld::Cid> cids)
    : world_(world), random_(seed), complaints_(complaints), cids_(std::move(cids)) {}

std::string SimRequests::act(SimPeer& peer) {
  auto number = choose();
  const auto& request = requests_[number];
  peer.ask(attempt(peer, number));
  return fmt::format("{} {} {}{}{} through {}", request.caller.user, verb(request.kind), request.old,
                     request.kind == Request::Kind::kReplace ? " by " : "",
                     request.kind == Request::Kind::kRemove ? "" : request.pin.cid.to_string().substr(50), peer.name());
}

size_t SimRequests::choose() {
  if (!requests_.empty() && random_() % 3 == 0) {
    auto number = random_() % requests_.size();
    const auto& old = requests_[number];
    bool again = !old.caller.idempotency_key.empty() && (old.made.empty() || alive(old.made));
    if (again && !old.open) return number;
  }
  Request request;
  request.caller.user = kUsers[random_() % std::size(kUsers)];
  request.pin.cid = cids_[random_() % cids_.size()];
  request.pin.name = fmt::format("request {}", requests_.size());
  if (random_() % 2 == 0) request.caller.idempotency_key = request.pin.name;
  std::vector<std::string> mine;
  for (const auto& [id, user] : made_) {
    // Some twice, and some of which it is not known whether they are there still.
    if (user == request.caller.user && (random_() % 4 == 0 || alive(id))) mine.push_back(id);
  }
  if (!mine.empty() && random_() % 2 == 0) {
    request.kind = random_() % 2 == 0 ? Request::Kind::kReplace : Request::Kind::kRemove;
    request.old = mine[random_() % mine.size()];
  }
  requests_.push_back(std::move(request));
  return requests_.size() - 1;
}

Task<> SimRequests::attempt(SimPeer& peer, size_t number) {
  auto& request = requests_[number];
  request.open = true;
  struct Close {
    bool& open;
    ~Close() { open = false; }  // there is no answer either when the peer loses its power
  } close{request.open};
  ++request.unknown;  // until there is an answer
  if (!request.old.empty()) ++ending_[request.old];
  auto answer = co_await carry_out(peer, request);
  bool lost = !answer && answer.error().kind == ErrorKind::kNotFound && ending_[request.old] == 1;
  if (lost) complaints_.push_back(fmt::format("{} is not there: {}", request.old, answer.error().message));
  note(request, answer);
  co_return Result<>{};
}

/// The id of the request that is there then; "" when it is the end of one.
Task<std::string> SimRequests::carry_out(SimPeer& peer, const Request& request) {
  auto& pinning = peer.cluster().pinning();
  if (request.kind == Request::Kind::kRemove) {
    CO_TRY(co_await pinning.remove(request.caller, request.old));
    co_return "";
  }
  auto item = request.kind == Request::Kind::kAdd ? co_await pinning.add(request.caller, request.pin)
                                                  : co_await pinning.replace(request.caller, request.old, request.pin);
  CO_TRY(item);
  if (item->request.pin.cid != request.pin.cid) complaints_.push_back(request.pin.name + " got another CID");
  co_return item->request.id.to_string();
}

void SimRequests::note(Request& request, const Result<std::string>& answer) {
  if (!answer) {
    if (certain(answer.error())) --request.unknown;
    return;
  }
  --request.unknown;
  request.done = true;
  if (!request.old.empty()) ended_.insert(request.old);
  if (answer->empty()) return;
  if (!request.made.empty() && request.made != *answer) {
    complaints_.push_back(fmt::format("{} made {} and then {}", request.pin.name, request.made, *answer));
  }
  request.made = *answer;
  made_.emplace(*answer, request.caller.user);
}

std::string SimRequests::unrest(SimPeer& peer) const {
  if (std::ranges::any_of(requests_, &Request::open)) return "a request is under way";
  auto replaced = peer.state()->records(cluster::kReplacedRecords, {}, 1);
  if (!replaced) return replaced.error().message;
  if (!replaced->empty()) return "a replaced request has not ended";
  for (auto user : kUsers) {
    auto page = list(peer, std::string(user));
    if (!page) return "requests cannot be listed: " + page.error().message;
    for (const auto& item : page->items) {
      if (item.judged.status == cluster::RequestStatus::kPinned) continue;
      return fmt::format("{} of {} is {}: {}", item.request.id.to_string(), user, to_string(item.judged.status),
                         item.judged.details);
    }
  }
  return "";
}

Result<cluster::PinningPage> SimRequests::list(SimPeer& peer, std::string user) const {
  cluster::PinningQuery query{.limit = kListed};
  query.statuses.fill(true);
  return world_.runtime.run_task(peer.cluster().pinning().list(std::move(user), query));
}

void SimRequests::check_end(SimPeer& peer, const std::vector<ipld::Cid>& cids) {
  for (auto user : kUsers) check_user(peer, std::string(user));
  check_claims(*peer.state(), cids);
}

void SimRequests::check_user(SimPeer& peer, const std::string& user) {
  auto page = list(peer, user);
  if (!page) return complaints_.push_back("requests cannot be listed: " + page.error().message);
  Mine listed;
  size_t unasked = 0;  // that nobody was told of
  for (const auto& item : page->items) {
    auto id = item.request.id.to_string();
    listed.insert(id);
    if (!made_.contains(id)) ++unasked;
    if (ended_.contains(id)) complaints_.push_back(fmt::format("{} of {} has ended and is there", id, user));
  }
  for (const auto& [id, whose] : made_) {
    if (whose == user && alive(id) && !listed.contains(id)) {
      complaints_.push_back(fmt::format("{} of {} was acknowledged and is lost", id, user));
    }
  }
  size_t possible = 0;
  for (const auto& request : requests_) {
    bool makes = request.kind != Request::Kind::kRemove && request.caller.user == user;
    // With a key all tries together make one.
    if (makes && request.unknown > 0) {
      possible += request.caller.idempotency_key.empty() ? request.unknown : request.made.empty() ? 1 : 0;
    }
  }
  if (unasked > possible) {
    complaints_.push_back(
        fmt::format("{} has {} requests of which nobody was told, at most {} could be", user, unasked, possible));
  }
}

/// Each claim has its record and each record its claim, and where there are claims there is a pin.
void SimRequests::check_claims(const state::State& state, const std::vector<ipld::Cid>& cids) {
  std::multiset<std::string> claimed, recorded;
  for (const auto& cid : cids) {
    auto claims = state.claims(cid);
    auto pin = state.get(cid);
    if (!claims || !pin) return complaints_.push_back("claims cannot be read");
    if (claims->empty() == pin->has_value()) {
      complaints_.push_back(fmt::format("{} claims of {}, and the pin is {}there", claims->size(),
                                        cid.to_string().substr(50), pin->has_value() ? "" : "not "));
    }
    for (const auto& claim : *claims) {
      if (cluster::pinning_user(claim.owner)) claimed.insert(claim.owner + claim.claim);
    }
  }
  for (auto user : kUsers) {
    auto records = state.records(cluster::kPinningRecords, cluster::pinning_prefix(user), kListed);
    if (!records) return complaints_.push_back("requests cannot be read");
    for (const auto& record : *records) {
      if (!record.key.starts_with(cluster::pinning_prefix(user))) continue;
      auto request = cluster::decode_pinning(user, record.key, record.value);
      if (!request) return complaints_.push_back(request.error().message);
      recorded.insert(cluster::pinning_owner(user) + request->id.to_string());
    }
  }
  if (claimed != recorded) {
    complaints_.push_back(fmt::format("{} requests have claims, {} records", claimed.size(), recorded.size()));
  }
}

}  // namespace ipfsc::sim
