// What is read of requests of the pinning service. A listing scans the records of its user from where it begins, and
// asks peers about as many CIDs as it needs; the pinset is never scanned.
#include <set>

#include "base/gather.h"
#include "cluster/pinning_requests.h"

namespace ipfsc::cluster {
namespace {

constexpr size_t kChunk = 512;  // records read at once
static_assert(kChunk <= kMaxBriefStatuses);

bool is_loopback(const ipld::Multiaddr& address) {
  auto parts = address.parts();
  if (parts.empty()) return false;
  return (parts[0].name == "ip4" && parts[0].value.starts_with("127.")) ||
         (parts[0].name == "ip6" && parts[0].value == "::1");
}

/// The answers of one peer, put in their places.
struct Question {
  ipld::PeerId peer;
  std::vector<size_t> places;
  std::vector<ipld::Cid> cids;
};

}  // namespace

// --- where what matches comes from, newest first

class PinningRequests::Source {
 public:
  struct Chunk {
    std::vector<PinningRequest> matching;
    size_t looked_at = 0;
    bool last = false;
  };

  /// All of the user's records, but for the times that the filter leaves out.
  Source(Cluster& cluster, std::string user, const PinningFilter& filter)
      : cluster_(cluster), user_(std::move(user)), filter_(filter) {
    after_ = filter.before ? pinning_key_before(user_, *filter.before) : pinning_prefix(user_);
  }
  /// These.
  Source(Cluster& cluster, const PinningFilter& filter, std::vector<PinningRequest> found)
      : cluster_(cluster), filter_(filter), found_(std::move(found)) {}

  Task<Chunk> next() {
    if (found_) {
      Chunk chunk{.matching = *std::move(found_), .looked_at = 0, .last = true};
      found_->clear();
      co_return chunk;
    }
    co_return co_await run_blocking(cluster_.runtime_, [this] { return read(); });
  }

 private:
  Result<Chunk> read() {
    TRY_ASSIGN(auto records, cluster_.state_.records(kPinningRecords, after_, kChunk));
    Chunk chunk{.matching = {}, .looked_at = records.size(), .last = records.size() < kChunk};
    auto prefix = pinning_prefix(user_);
    for (const auto& record : records) {
      chunk.last = chunk.last || !record.key.starts_with(prefix);
      if (!record.key.starts_with(prefix)) break;
      TRY_ASSIGN(auto request, decode_pinning(user_, record.key, record.value));
      chunk.last = chunk.last || (filter_.after && request.id.created <= *filter_.after);
      if (filter_.after && request.id.created <= *filter_.after) break;
      if (filter_.matches(request)) chunk.matching.push_back(std::move(request));
    }
    if (!records.empty()) after_ = std::move(records.back().key);
    return chunk;
  }

  Cluster& cluster_;
  std::string user_;
  const PinningFilter& filter_;
  std::optional<std::vector<PinningRequest>> found_;
  Bytes after_;
};

Result<std::vector<PinningRequest>> PinningRequests::of_cids(const std::string& user,
                                                             const PinningFilter& filter) const {
  auto owner = pinning_owner(user);
  std::vector<PinningRequest> out;
  for (const auto& cid : std::set(filter.cids.begin(), filter.cids.end())) {
    TRY_ASSIGN(auto claims, cluster_.state_.claims(cid));
    for (const auto& claim : claims) {
      if (claim.owner != owner) continue;
      TRY_ASSIGN(auto request, find(user, claim.claim));
      if (request && filter.matches(*request)) out.push_back(*std::move(request));
    }
  }
  std::ranges::sort(out, std::greater(), [](const auto& request) { return request.id.created; });
  return out;
}

// --- how they stand

Task<PinningRequests::Standings> PinningRequests::standings(std::vector<ipld::Cid> cids) {
  const auto& self = cluster_.options_.self;
  auto pins = co_await run_blocking(cluster_.runtime_, [&]() -> Result<std::vector<std::optional<state::StoredPin>>> {
    std::vector<std::optional<state::StoredPin>> out;
    for (const auto& cid : cids) {
      TRY_ASSIGN(auto stored, cluster_.state_.get(cid));
      out.push_back(std::move(stored));
    }
    return out;
  });
  CO_TRY(pins);
  auto members = cluster_.calls_.others();
  members.push_back(self);
  Standings all;
  std::map<ipld::PeerId, Question> questions;
  std::vector<std::vector<PeerWord>> words(cids.size());
  for (size_t i = 0; i < cids.size(); ++i) {
    auto& standing = all.items.emplace_back();
    const auto& stored = (*pins)[i];
    if (!stored) continue;
    standing.holders = stored->pin.everywhere() ? members : stored->pin.allocations;
    for (const auto& peer : standing.holders) {
      auto& question = questions.try_emplace(peer, Question{.peer = peer, .places = {}, .cids = {}}).first->second;
      question.places.push_back(i);
      question.cids.push_back(cids[i]);
    }
  }
  std::vector<Task<BriefStatuses>> asks;
  for (auto& [peer, question] : questions) {
    asks.push_back(peer == self ? brief_statuses(cluster_.tracker_, question.cids)
                                : cluster_.calls_.statuses(peer, question.cids));
  }
  auto answers = co_await gather(cluster_.runtime_, std::move(asks));
  auto answer = answers.begin();
  for (auto& [peer, question] : questions) {
    auto said = std::move(*answer++);
    if (!said && said.error().kind == ErrorKind::kCancelled) co_return fail(said.error());
    auto known = cluster_.state_.peer(peer);
    auto name = known && !known->name.empty() ? known->name : peer.to_string();
    for (size_t i = 0; i < question.places.size(); ++i) {
      PeerWord word{.peer = name, .status = model::TrackerStatus::kClusterError, .why = {}};
      if (said) {
        word.status = said->statuses[i].status;
        word.why = std::move(said->statuses[i].why);
      } else {
        word.why = said.error().message;
      }
      words[question.places[i]].push_back(std::move(word));
    }
    if (said) all.addresses[peer] = std::move(said->ipfs_addresses);
  }
  for (size_t i = 0; i < cids.size(); ++i) {
    all.items[i].judged = (*pins)[i] ? judge((*pins)[i]->pin, words[i])
                                     : Judged{RequestStatus::kFailed, "it was unpinned by the cluster"};
  }
  co_return all;
}

/// Of this machine only when there are no others.
std::vector<ipld::Multiaddr> PinningRequests::delegates(const Standing& standing, const Standings& all) const {
  std::vector<ipld::Multiaddr> out, local;
  for (const auto& peer : standing.holders) {
    auto known = all.addresses.find(peer);
    if (known == all.addresses.end()) continue;
    for (const auto& address : known->second) {
      if (!address.peer_id()) continue;
      auto& to = is_loopback(address) ? local : out;
      if (to.size() < options_.most_delegates && std::ranges::find(to, address) == to.end()) to.push_back(address);
    }
  }
  return out.empty() ? local : out;
}

Task<PinningItem> PinningRequests::item(PinningRequest request) {
  std::vector<ipld::Cid> cids(1, request.pin.cid);
  CO_TRY_ASSIGN(auto all, co_await standings(std::move(cids)));
  auto& standing = all.items.front();
  PinningItem out{.request = std::move(request), .judged = {}, .delegates = delegates(standing, all)};
  out.judged = std::move(standing.judged);
  co_return out;
}

Task<PinningItem> PinningRequests::get(std::string user, std::string id) {
  CO_TRY_ASSIGN(auto request, co_await must_find(std::move(user), std::move(id)));
  co_return co_await item(std::move(request));
}

// --- listings

/// Counts those whose status is wanted, and keeps them while there is room on the page.
Task<> PinningRequests::take(std::vector<PinningRequest> matching, const PinningQuery& query, PinningPage& page) {
  size_t room = query.limit - page.items.size();
  size_t asked = query.any_status() ? std::min(room, matching.size()) : matching.size();
  if (query.any_status()) page.count += matching.size() - asked;
  for (size_t from = 0; from < asked; from += kChunk) {
    size_t end = std::min(asked, from + kChunk);
    std::vector<ipld::Cid> cids;
    for (size_t i = from; i < end; ++i) cids.push_back(matching[i].pin.cid);
    CO_TRY_ASSIGN(auto all, co_await standings(std::move(cids)));
    for (size_t i = from; i < end; ++i) {
      auto& standing = all.items[i - from];
      if (!query.statuses[static_cast<size_t>(standing.judged.status)]) continue;
      ++page.count;
      if (page.items.size() == query.limit) continue;
      auto& item = page.items.emplace_back();
      item.delegates = delegates(standing, all);
      item.judged = std::move(standing.judged);
      item.request = std::move(matching[i]);
    }
  }
  co_return Result<>{};
}

Task<PinningPage> PinningRequests::list(std::string user, PinningQuery query) {
  std::optional<Source> source;
  if (query.filter.cids.empty()) {
    source.emplace(cluster_, user, query.filter);
  } else {
    CO_TRY_ASSIGN(auto found, of_cids(user, query.filter));
    source.emplace(cluster_, query.filter, std::move(found));
  }
  PinningPage page;
  size_t beyond = 0, most = query.any_status() ? options_.counted : options_.counted_by_status;
  auto deadline = cluster_.runtime_.now() + options_.list_time;
  for (;;) {
    CO_TRY_ASSIGN(auto chunk, co_await source->next());
    bool was_full = page.items.size() == query.limit;
    CO_TRY(co_await take(std::move(chunk.matching), query, page));
    if (chunk.last) co_return page;
    if (was_full) beyond += chunk.looked_at;
    bool late = cluster_.runtime_.now() > deadline;
    if (beyond < most && !late) continue;
    if (page.items.empty()) {
      co_return fail(ErrorKind::kDeadlineExceeded,
                     "nothing that matches was found in time: say before, after or cid, or another status");
    }
    page.count = std::max<uint64_t>(page.count, page.items.size() + 1);
    co_return page;
  }
}

}  // namespace ipfsc::cluster
