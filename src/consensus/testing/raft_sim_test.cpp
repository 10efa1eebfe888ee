// The body of RaftSim; raft/engine_test.cpp and raft/engine_chaos_test.cpp use it.
#include "consensus/testing/raft_sim.h"

#include <fmt/format.h>

#include "base/check.h"

namespace ipfsc::consensus::testing {

void DiskImage::write(const Ready& ready) {
  if (ready.snapshot) {
    base = ready.snapshot->index;
    base_term = ready.snapshot->term;
    confs[base] = ready.snapshot->conf;
    entries.clear();
  }
  if (!ready.entries.empty()) {
    CHECK(ready.entries.front()->index.value > base.value && ready.entries.front()->index.value <= last().value + 1);
    entries.resize(ready.entries.front()->index.value - base.value - 1);
    entries.insert(entries.end(), ready.entries.begin(), ready.entries.end());
  }
  if (ready.hard_state) hard_state = *ready.hard_state;
}

ConfState DiskImage::conf_at(LogIndex index) const {
  auto it = confs.upper_bound(index);
  return it == confs.begin() ? ConfState{} : std::prev(it)->second;
}

std::optional<Term> MemLog::term(LogIndex index) const {
  if (index == now.base) return now.base_term;
  if (index < now.base || index > now.last()) return std::nullopt;
  return now.entries[index.value - now.base.value - 1]->term;
}

Result<std::vector<EntryPtr>> MemLog::read(LogIndex low, LogIndex high, uint64_t max_bytes) {
  if (low <= now.base) return fail(ErrorKind::kOutOfRange, "truncated");
  std::vector<EntryPtr> out;
  uint64_t bytes = 0;
  for (uint64_t i = low.value; i < high.value; ++i) {
    const EntryPtr& entry = now.entries.at(i - now.base.value - 1);
    bytes += entry->data.size() + 16;
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back(entry);
  }
  return out;
}

Result<LogSnapshot> MemLog::snapshot(LogIndex at_least, RaftId) {
  if (snapshot_offer && snapshot_offer->index >= at_least) return *snapshot_offer;
  return fail(ErrorKind::kUnavailable, "no snapshot at the moment");
}

void MemLog::truncate(LogIndex upto) {
  for (DiskImage* image : {&now, &durable}) {
    if (upto <= image->base) continue;
    CHECK(upto <= image->last());
    size_t gone = upto.value - image->base.value;
    image->base_term = image->entries[gone - 1]->term;
    image->entries.erase(image->entries.begin(), image->entries.begin() + static_cast<ptrdiff_t>(gone));
    image->base = upto;
  }
}

RaftSim::RaftSim(SimOptions options) : options_(std::move(options)), random_(options_.seed) {
  for (int i = 1; i <= options_.members; ++i) first_conf_.voters.push_back(static_cast<RaftId>(i));
  for (RaftId id : first_conf_.voters) {
    Node& node = nodes_[id];
    node.id = id;
    node.log.now.confs[LogIndex(0)] = first_conf_;
    node.log.durable = node.log.now;
    start(node);
  }
}

void RaftSim::add_node(RaftId id) {
  Node& node = nodes_[id];
  node.id = id;
  node.log.now.confs[LogIndex(0)] = first_conf_;
  node.log.durable = node.log.now;
  start(node);
}

void RaftSim::start(Node& node) {
  EngineOptions options = options_.engine;
  options.id = node.id;
  options.seed = options_.seed * 31 + node.id;
  node.applied = node.flushed = std::max(node.flushed, node.log.now.base);
  auto engine =
      RaftEngine::create(options, node.log, node.log.now.hard_state, node.log.now.conf_at(node.applied), node.applied);
  if (!engine) {
    violations_.push_back(fmt::format("member {} does not start: {}", node.id, engine.error().message));
    return;
  }
  node.engine = *std::move(engine);
  ++node.life;
  if (options_.ticking) {
    uint64_t life = node.life;
    schedule(now_ + random(static_cast<uint64_t>(options_.tick_ms)) * 1000,
             [this, id = node.id, life] { tick(id, life); });
  }
  pump(node.id);
}

void RaftSim::tick(RaftId id, uint64_t life) {
  Node& n = node(id);
  if (!n.engine || n.life != life) return;
  n.engine->tick();
  schedule(now_ + static_cast<uint64_t>(options_.tick_ms) * 1000, [this, id, life] { tick(id, life); });
  pump(id);
}

void RaftSim::crash(RaftId id, bool keep_unsynced) {
  Node& n = node(id);
  if (!n.engine) return;
  note(id * 7919);
  // A part of what was on its way to the disk may have arrived, in order.
  size_t arrived = keep_unsynced ? n.writes.size() : n.writes.empty() ? 0 : random(n.writes.size() + 1);
  for (size_t i = 0; i < arrived; ++i) n.log.durable.write(n.writes[i].first);
  n.engine.reset();
  n.writes.clear();
  n.log.now = n.log.durable;
  n.role = RaftRole::kFollower;
  if (n.flushed > n.log.now.last()) violations_.push_back(fmt::format("{} applied what its log lost", id));
  std::erase_if(waiting_, [&](const auto& w) { return w.first.first == id; });
}

void RaftSim::restart(RaftId id) {
  if (!node(id).engine) start(node(id));
}

void RaftSim::schedule(uint64_t at, std::function<void()> event) { events_[{at, next_event_++}] = std::move(event); }

bool RaftSim::connected(RaftId a, RaftId b) const {
  if (groups_.empty()) return true;
  return std::any_of(groups_.begin(), groups_.end(), [&](const auto& g) { return g.contains(a) && g.contains(b); });
}

void RaftSim::send(Node& from, const std::vector<RaftMessage>& messages) {
  for (const RaftMessage& message : messages) {
    auto info = from.engine->inspect(message.data);
    CHECK(info.has_value());
    note(now_ ^ (message.to << 48) ^ (uint64_t{message.type} << 40) ^ info->index.value);
    if (!connected(from.id, message.to) || (filter && !filter({from.id, message.to, *info})) ||
        random(100) < static_cast<uint64_t>(options_.lost)) {
      if (info->snapshot) report_snapshot(from.id, message.to, false);
      continue;
    }
    int copies = random(100) < static_cast<uint64_t>(options_.doubled) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      uint64_t delay = static_cast<uint64_t>(options_.min_delay_us) +
                       random(static_cast<uint64_t>(options_.max_delay_us - options_.min_delay_us + 1));
      if (random(100) < static_cast<uint64_t>(options_.late))
        delay += random(static_cast<uint64_t>(options_.late_ms)) * 1000;
      schedule(now_ + delay, [this, from = from.id, to = message.to, data = message.data] { deliver(from, to, data); });
    }
  }
}

void RaftSim::deliver(RaftId from, RaftId to, const Bytes& data) {
  auto it = nodes_.find(to);
  bool arrives = it != nodes_.end() && it->second.engine && connected(from, to);
  auto info =
      node(arrives ? to : from).engine ? node(arrives ? to : from).engine->inspect(data) : Result<MessageInfo>();
  CHECK(info.has_value());
  if (info->snapshot) {
    arrives = arrives && (!fetch || fetch(it->second, *info->snapshot));
    report_snapshot(from, to, arrives);
  }
  if (!arrives) return;
  if (auto done = it->second.engine->step(data); !done && done.error().kind == ErrorKind::kDataLoss) {
    it->second.lost_its_log = true;
    crash(to);
    return;
  }
  pump(to);
}

/// The sender's transport learns after a while what became of a snapshot.
void RaftSim::report_snapshot(RaftId from, RaftId to, bool arrived) {
  schedule(now_ + 20'000, [this, from, to, arrived, life = node(from).life] {
    Node& sender = node(from);
    if (!sender.engine || sender.life != life) return;
    sender.engine->report_snapshot(to, arrived);
    pump(from);
  });
}

void RaftSim::check_staged(const Ready& ready) {
  for (const EntryPtr& entry : ready.entries) {
    auto [it, fresh] = seen_.try_emplace({entry->index, entry->term}, entry);
    if (!fresh && *it->second != *entry) {
      violations_.push_back(fmt::format("two entries at index {} term {}", entry->index.value, entry->term.value));
    }
  }
}

void RaftSim::pump(RaftId id) {
  Node& n = node(id);
  while (n.engine && n.engine->has_ready()) {
    Ready ready = n.engine->take_ready();
    note(id ^ (ready.number << 8) ^ (ready.entries.size() << 32) ^ (ready.committed.size() << 44));
    check_staged(ready);
    n.role = ready.role;
    if (ready.role == RaftRole::kLeader) {
      Term term = n.engine->status().hard_state.term;
      auto [it, fresh] = leaders_.try_emplace(term, id);
      if (!fresh && it->second != id) {
        violations_.push_back(fmt::format("{} and {} lead term {}", it->second, id, term.value));
      }
    }
    if (ready.snapshot) {
      n.applied = ready.snapshot->index;
      n.log.snapshot_offer = ready.snapshot;
    }
    n.reads.insert(n.reads.end(), ready.reads.begin(), ready.reads.end());
    send(n, ready.messages);
    std::vector<EntryPtr> committed = ready.committed;
    uint64_t sync = !ready.must_sync
                        ? 0
                        : static_cast<uint64_t>(options_.min_sync_us + n.slow_us) +
                              random(static_cast<uint64_t>(options_.max_sync_us - options_.min_sync_us + 1));
    uint64_t at = std::max(now_, n.writes.empty() ? 0 : n.writes.back().second) + sync;
    n.writes.emplace_back(std::move(ready), at);
    schedule(at, [this, id, life = n.life] {
      if (node(id).engine && node(id).life == life) write_done(id);
    });
    for (const EntryPtr& entry : committed) apply(n, entry);
    if (!committed.empty()) n.engine->applied(n.applied);
  }
}

void RaftSim::write_done(RaftId id) {
  Node& n = node(id);
  Ready ready = std::move(n.writes.front().first);
  n.writes.pop_front();
  n.log.durable.write(ready);
  if (ready.snapshot) n.flushed = std::max(n.flushed, ready.snapshot->index);
  send(n, ready.persisted_messages);
  n.engine->persisted(ready.number);
  if (ready.snapshot) n.engine->applied(ready.snapshot->index);
  pump(id);
}

void RaftSim::apply(Node& n, const EntryPtr& entry) {
  if (entry->index.value != n.applied.value + 1) {
    violations_.push_back(fmt::format("{} applies {} after {}", n.id, entry->index.value, n.applied.value));
  }
  auto [it, fresh] = committed_.try_emplace(entry->index, entry);
  if (!fresh && *it->second != *entry) {
    violations_.push_back(fmt::format("{} applies another entry at {}", n.id, entry->index.value));
  }
  n.applied = entry->index;
  if (entry->type != EntryType::kNormal) {
    auto conf = n.engine->apply_conf_change(*entry);
    CHECK(conf.has_value());
    n.log.now.confs[entry->index] = n.log.durable.confs[entry->index] = *conf;
    n.flushed = entry->index;  // the configuration is durable before the entry counts as applied
  }
  auto waiting = waiting_.find({n.id, entry->index});
  if (waiting == waiting_.end()) return;
  if (waiting->second == entry->term) {
    ++acknowledged_;
    applied_at[entry->index] = now_;
  }
  waiting_.erase(waiting);
}

Result<Proposed> RaftSim::propose(RaftId id, std::string data) {
  Node& n = node(id);
  if (!n.engine) return fail(ErrorKind::kUnavailable, "crashed");
  if (data.empty()) data = fmt::format("value {}", next_data_++);
  TRY_ASSIGN(Proposed at, n.engine->propose(data));
  waiting_[{id, at.index}] = at.term;
  proposed_at[at.index] = now_;
  pump(id);
  return at;
}

Result<Proposed> RaftSim::change(RaftId id, const std::vector<ConfChange>& changes) {
  TRY_ASSIGN(Proposed at, node(id).engine->propose_conf_change(changes, "who"));
  pump(id);
  return at;
}

void RaftSim::truncate(RaftId id, LogIndex upto) {
  Node& n = node(id);
  CHECK(upto <= n.applied && upto <= n.log.durable.last());
  n.flushed = n.applied;
  ConfState conf = n.log.now.conf_at(n.applied);
  n.log.snapshot_offer =
      LogSnapshot{n.applied, *n.log.term(n.applied), conf, fmt::format("manifest {}", n.applied.value)};
  n.log.truncate(upto);
}

void RaftSim::run_us(uint64_t us) {
  uint64_t until = now_ + us;
  while (!events_.empty() && events_.begin()->first.first <= until) {
    auto event = events_.extract(events_.begin());
    now_ = std::max(now_, event.key().first);
    event.mapped()();
  }
  now_ = until;
}

bool RaftSim::run_until(const std::function<bool()>& condition, uint64_t limit_ms) {
  uint64_t until = now_ + limit_ms * 1000;
  while (!condition()) {
    if (events_.empty() || events_.begin()->first.first > until) return false;
    run_us(std::max(events_.begin()->first.first, now_) - now_);
  }
  return true;
}

RaftId RaftSim::leader() {
  RaftId best = kNobody;
  Term best_term;
  for (auto& [id, n] : nodes_) {
    if (!n.engine || n.role != RaftRole::kLeader) continue;
    Term term = n.engine->status().hard_state.term;
    if (term > best_term) {
      best_term = term;
      best = id;
    }
  }
  return best;
}

RaftId RaftSim::wait_for_leader(uint64_t limit_ms) {
  run_until([&] { return leader() != kNobody; }, limit_ms);
  return leader();
}

bool RaftSim::converged() {
  for (auto& [id, n] : nodes_) {
    if (n.engine && n.applied != highest_committed()) return false;
  }
  return true;
}

EntryPtr RaftSim::committed(LogIndex index) const {
  auto it = committed_.find(index);
  return it == committed_.end() ? nullptr : it->second;
}

}  // namespace ipfsc::consensus::testing
