// The claims of replaced requests: the content stays until what takes its place is pinned, so that what both have in
// common is not collected and fetched again.
#include "base/log.h"
#include "cluster/pinning_requests.h"
#include "cluster/record_entries.h"
#include "proto/pinning.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr Duration kPoll = std::chrono::seconds(1);
constexpr std::string_view kActor = "pinning";

struct Replaced {
  ipld::Cid cid, by_cid;
  ClaimName who, by;
};

Result<Replaced> decode(ByteView value) {
  proto::ReplacedRecord record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return fail(ErrorKind::kDataLoss, "a record of a replaced pinning request is damaged");
  }
  Replaced out{
      .cid = {}, .by_cid = {}, .who = {record.owner(), record.claim()}, .by = {record.owner(), record.by_claim()}};
  TRY_ASSIGN(out.cid, ipld::Cid::from_bytes(record.cid()));
  TRY_ASSIGN(out.by_cid, ipld::Cid::from_bytes(record.by_cid()));
  return out;
}

bool claims(const std::vector<state::Claim>& list, const ClaimName& who) {
  return std::ranges::any_of(list,
                             [&](const auto& item) { return item.owner == who.owner && item.claim == who.claim; });
}

}  // namespace

/// Looks at the next ones; true when there are more behind them.
Task<bool> PinningRequests::end_replaced() {
  auto& state = cluster_.state_;
  CO_TRY_ASSIGN(auto records, state.records(kReplacedRecords, replaced_after_, options_.replaced_batch));
  if (records.empty()) co_return false;
  replaced_after_ = records.back().key;
  std::vector<Replaced> items;
  std::vector<ipld::Cid> cids;
  for (const auto& record : records) {
    CO_TRY_ASSIGN(auto item, decode(record.value));
    cids.push_back(item.by_cid);
    items.push_back(std::move(item));
  }
  CO_TRY_ASSIGN(auto all, co_await standings(std::move(cids)));
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& item = items[i];
    CO_TRY_ASSIGN(auto by, state.claims(item.by_cid));
    bool waits = claims(by, item.by) && all.items[i].judged.status != RequestStatus::kPinned;
    if (waits) continue;
    CO_TRY_ASSIGN(auto operations, co_await cluster_.end_claim(item.cid, item.who, std::string(kActor)));
    operations.push_back(remove_record(kReplacedRecords, records[i].key, std::string(kActor)));
    CO_TRY(co_await cluster_.submit(std::move(operations)));
  }
  co_return records.size() == options_.replaced_batch;
}

Task<> PinningRequests::run() {
  for (;;) {
    if (cluster_.consensus_.is_leader()) {
      auto more = co_await end_replaced();
      if (!more && more.error().kind == ErrorKind::kCancelled) co_return std::unexpected(more.error());
      if (!more) log.warn("replaced pinning requests could not be ended: {}", more.error().message);
      if (more && *more) continue;
      replaced_after_.clear();
    }
    CO_TRY(co_await cluster_.runtime_.sleep_for(kPoll));
  }
}

}  // namespace ipfsc::cluster
