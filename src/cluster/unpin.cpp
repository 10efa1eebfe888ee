// Unpinning: a claim goes; the pin goes with the last one.
#include "cluster/apply_version.h"
#include "cluster/cluster.h"
#include "cluster/pin_rules.h"
#include "cluster/pinning_record.h"
#include "cluster/record_entries.h"
#include "cluster/replacing.h"
#include "ipld/links.h"

namespace ipfsc::cluster {
namespace {

/// Why the REST API has nothing to remove.
Error claimed_by_requests(const std::vector<state::Claim>& claims) {
  std::string users;
  for (const auto& claim : claims) {
    auto user = pinning_user(claim.owner);
    if (!user || user->empty() || users.find(fmt::format("\"{}\"", *user)) != std::string::npos) continue;
    users += fmt::format("{}\"{}\"", users.empty() ? " of " : ", ", *user);
  }
  return {ErrorKind::kFailedPrecondition,
          fmt::format("{} of the pinning service{} asked for this pin: it goes when they are deleted there, or here "
                      "and now with all-claims=true",
                      claims.size() == 1 ? "a request" : fmt::format("{} requests", claims.size()), users)};
}

/// The shards and the cluster DAG that go with a sharded pin: the links of the cluster DAG, which has one more level
/// where they are many. kFailedPrecondition when its block is not on this peer's node.
Task<std::vector<ipld::Cid>> parts_of(const state::State& state, ipfs::IpfsNode& node, const model::Pin& meta) {
  std::vector<ipld::Cid> parts;
  if (!meta.reference) co_return parts;
  const auto& root = *meta.reference;
  CO_TRY_ASSIGN(auto dag, state.get(root));
  if (!dag || dag->pin.type != model::PinType::kClusterDag) co_return parts;
  std::vector<ipld::Cid> nodes{root};
  for (int level = 0; level < 2; ++level) {
    std::vector<ipld::Cid> below;
    for (const auto& cid : nodes) {
      auto block = co_await node.get_block(cid);
      if (!block && block.error().kind == ErrorKind::kNotFound && cid != root) continue;
      if (!block) {
        co_return fail(ErrorKind::kFailedPrecondition,
                       fmt::format("the shards of this pin are not known: its cluster DAG {} cannot be read: {}",
                                   root.to_string(), block.error().message));
      }
      CO_TRY_ASSIGN(auto links, ipld::block_links(cid, *block));
      for (auto& link : links) {
        CO_TRY_ASSIGN(auto linked, state.get(link));
        bool shard = linked && linked->pin.type == model::PinType::kShard;
        (shard ? parts : below).push_back(std::move(link));
      }
    }
    nodes = std::move(below);
  }
  parts.push_back(root);
  co_return parts;
}

}  // namespace

/// Ends `who`'s claim so that the others keep what they ask for. The first operation's outcome says whether it was
/// there.
Task<std::vector<proto::Operation>> Cluster::end_claim(ipld::Cid cid, ClaimName who, std::string actor) {
  std::vector<proto::Operation> operations;
  operations.push_back(remove_claim(cid, who, actor));
  CO_TRY_ASSIGN(auto stored, state_.get(cid));
  if (!stored || !stored->many_claims) co_return operations;
  CO_TRY_ASSIGN(auto claims, state_.claims(cid));
  auto left = without_claim(claims, who);
  if (!left) co_return operations;
  const auto &now = stored->pin.options, &then = left->options;
  if (now.replication_factor_min == then.replication_factor_min &&
      now.replication_factor_max == then.replication_factor_max) {
    co_return operations;
  }
  CO_TRY_ASSIGN(auto work, state_.work(cid));
  std::vector<ipld::PeerId> holders;
  if (!stored->pin.everywhere()) holders = settled_holders(stored->pin, work);
  CO_TRY_ASSIGN(auto placed, co_await placement_.place(allocate_request(cid, then, holders)));
  auto replaced = replace_copies(stored->pin, work, std::move(placed.peers));
  if (state_.info().apply_version >= kFittedCopies) {
    auto& remove = *operations.front().mutable_pin_remove();
    for (const auto& peer : replaced.allocations) remove.add_allocations(peer.bytes());
    if (replaced.work) *remove.mutable_work() = *std::move(replaced.work);
    co_return operations;
  }
  if (auto move = move_operation(cid, stored->pin.allocations, replaced.allocations, actor)) {
    operations.push_back(*std::move(move));
  }
  if (replaced.work) operations.push_back(work_operation(cid, *replaced.work, actor));
  co_return operations;
}

/// The first one's outcome is the answer. `all_claims`: requests of the pinning service go with their records.
Task<std::vector<proto::Operation>> Cluster::unpin_operations(state::StoredPin stored, Caller caller, bool all_claims) {
  const auto& cid = stored.pin.cid;
  std::vector<proto::Operation> operations;
  if (!stored.many_claims) {
    operations.push_back(remove_claim(cid, {}, caller.actor));
    if (stored.pin.type == model::PinType::kMeta) {
      CO_TRY_ASSIGN(auto parts, co_await parts_of(state_, ipfs_, stored.pin));
      for (const auto& part : parts) operations.push_back(remove_claim(part, {}, caller.actor));
    }
  } else {
    CO_TRY_ASSIGN(auto claims, state_.claims(cid));
    bool own = std::ranges::any_of(claims, [](const auto& claim) { return claim.owner.empty(); });
    if (!all_claims && !own) co_return fail(claimed_by_requests(claims));
    if (!all_claims) {
      CO_TRY_ASSIGN(operations, co_await end_claim(cid, {}, caller.actor));
    } else {
      // Each by its name: a request that comes meanwhile stays.
      for (const auto& claim : claims)
        operations.push_back(remove_claim(cid, {claim.owner, claim.claim}, caller.actor));
      for (const auto& claim : claims) {
        auto user = pinning_user(claim.owner);
        auto id = RequestId::parse(claim.claim);
        if (!user || !id) continue;
        operations.push_back(remove_record(kPinningRecords, pinning_key(*user, *id), caller.actor));
      }
    }
  }
  operations.front().set_request_id(std::move(caller.request_id));
  co_return operations;
}

/// The pin as it was before `outcome`; `stored`: as it was when it was asked for.
Result<model::Pin> Cluster::unpinned(const ipld::Cid& cid, const state::Outcome& outcome,
                                     std::optional<state::StoredPin> stored) {
  auto status = outcome.status == state::OutcomeStatus::kDuplicate ? outcome.first : outcome.status;
  if (status == state::OutcomeStatus::kNotFound) return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  if (status == state::OutcomeStatus::kRefused) return fail(ErrorKind::kInvalidArgument, outcome.detail);
  // What was just added and is not wanted any more is garbage from now on.
  auto held = held_.find(cid);
  if (held != held_.end() && !outcome.after) held->second->notify_all();
  if (outcome.before) return *outcome.before;
  if (stored) return std::move(stored->pin);
  model::Pin gone;  // a repetition after the pin has left: only its CID is known
  gone.cid = cid;
  return gone;
}

Task<model::Pin> Cluster::unpin(ipld::Cid cid, Caller caller, bool all_claims) {
  CO_TRY(check_writable());
  CO_TRY_ASSIGN(auto stored, state_.get(cid));
  if (!stored) {  // this peer may not have heard yet of a pin that was made through another
    CO_TRY(co_await consensus_.barrier(runtime_.now() + options_.write_timeout));
    CO_TRY_ASSIGN(stored, state_.get(cid));
  }
  // A repeated request gets its first answer from the log, so it is not turned away here.
  if (!stored && caller.request_id.empty()) co_return fail(ErrorKind::kNotFound, std::string(kNotInPinset));
  if (stored) CO_TRY(check_unpin(stored->pin));
  std::vector<proto::Operation> operations;
  if (stored) {
    auto request_id = caller.request_id;
    auto planned = co_await unpin_operations(*stored, caller, all_claims);
    if (!planned) {
      CO_TRY_ASSIGN(auto first, co_await first_outcome(std::move(request_id)));
      if (!first) co_return fail(planned.error());
      co_return unpinned(cid, *first, std::move(stored));
    }
    operations = *std::move(planned);
  } else {
    operations.push_back(remove_claim(cid, {}, caller.actor));
    operations.front().set_request_id(caller.request_id);
  }
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  co_return unpinned(cid, outcomes.front(), std::move(stored));
}

Task<std::vector<Result<model::Pin>>> Cluster::unpin_many(std::vector<ipld::Cid> cids, Caller caller) {
  CO_TRY(check_writable());
  caller.request_id.clear();  // of the whole: a repetition finds nothing to do
  std::vector<Result<model::Pin>> results;
  std::vector<proto::Operation> operations, more;
  std::vector<size_t> submitted;  // index in `results` of each of `operations`
  bool sure = false;
  for (const auto& cid : cids) {
    CO_TRY_ASSIGN(auto stored, state_.get(cid));
    if (!stored && !std::exchange(sure, true)) {
      CO_TRY(co_await consensus_.barrier(runtime_.now() + options_.write_timeout));
      CO_TRY_ASSIGN(stored, state_.get(cid));
    }
    auto may = stored ? check_unpin(stored->pin) : fail(ErrorKind::kNotFound, std::string(kNotInPinset));
    if (!may) {
      results.push_back(fail(may.error()));
      continue;
    }
    auto planned = co_await unpin_operations(*stored, caller, /*all_claims=*/false);
    if (!planned) {
      results.push_back(fail(planned.error()));
      continue;
    }
    submitted.push_back(results.size());
    operations.push_back(std::move(planned->front()));
    std::move(planned->begin() + 1, planned->end(), std::back_inserter(more));
    results.emplace_back(std::move(stored->pin));
  }
  if (operations.empty()) co_return results;
  std::ranges::move(more, std::back_inserter(operations));
  CO_TRY_ASSIGN(auto outcomes, co_await submit(std::move(operations)));
  for (size_t i = 0; i < submitted.size(); ++i) {
    results[submitted[i]] = unpinned(cids[submitted[i]], outcomes[i], std::nullopt);
  }
  co_return results;
}

}  // namespace ipfsc::cluster
