// Listings: which index answers a query, and the cursor that walks it.
#include "base/check.h"
#include "state/codec.h"
#include "state/cursor_token.h"
#include "state/impl.h"
#include "state/sources.h"
#include "state/stored_pin.h"

namespace ipfsc::state {
namespace {

/// Candidates that one step looks at, so that a filter which passes over many neither holds up a reopen() nor returns
/// late.
constexpr size_t kStepCandidates = 10'000;

struct Part {
  std::unique_ptr<Source> source;
  bool unnamed_only = false;
};

Part all_pins() { return {range_source(kPins, {}, {}, 0, KeyShape::kCid)}; }

Part with_prefix(FamilyId family, const Bytes& prefix, KeyShape shape) {
  return {range_source(family, prefix, storage::prefix_end(prefix), prefix.size(), shape)};
}

Result<> check_query(const ListQuery& query) {
  if (!query.at) return {};
  if (query.order != ListQuery::Order::kCid || query.name_prefix) {
    return fail(ErrorKind::kInvalidArgument, "at: a listing of the past is ordered by CID");
  }
  if (query.owner) return fail(ErrorKind::kInvalidArgument, "at: owners of the past are not kept");
  return {};
}

/// The index that passes over the fewest pins; listings in the order of CIDs share their positions, so that a cursor
/// goes on when the choice changes.
std::vector<Part> plan(const ListQuery& query, const State& state, PeerNumber peer) {
  std::vector<Part> parts;
  if (query.at) {
    parts.push_back({past_source(*query.at)});
  } else if (query.order == ListQuery::Order::kNewest) {
    parts.push_back({range_source(kByTime, {}, {}, 0, KeyShape::kSeconds)});
  } else if (query.name_prefix && !query.name_prefix->empty()) {
    Bytes lower;
    append_text_prefix(lower, std::string_view(*query.name_prefix).substr(0, kIndexedTextBytes));
    parts.push_back({range_source(kByName, lower, storage::prefix_end(lower), 0, KeyShape::kText)});
  } else if (query.order == ListQuery::Order::kName || query.name_prefix) {
    parts.push_back(all_pins());
    parts.back().unnamed_only = true;
    parts.push_back({range_source(kByName, {}, {}, 0, KeyShape::kText)});
  } else if (query.name && !query.name->empty()) {
    parts.push_back(with_prefix(kByName, key::by_name(*query.name, {}), KeyShape::kCid));
  } else if (!query.metadata.empty()) {
    const auto& [name, value] = query.metadata.front();
    parts.push_back(with_prefix(kByMeta, key::by_meta(name, value, {}), KeyShape::kCid));
  } else if (query.owner && !query.owner->empty()) {
    parts.push_back({range_source(kClaims, {}, {}, 0, KeyShape::kClaim)});
  } else if (query.peer) {
    auto counters = state.counters();
    auto known = state.peer(*query.peer);
    uint64_t held = counters.everywhere + (known ? known->pins : 0);
    // A look-up costs about as much as passing over eight rows.
    parts.push_back(held * 8 < counters.pins ? Part{peer_source(peer)} : all_pins());
  } else {
    parts.push_back(all_pins());
  }
  return parts;
}

bool has_metadata(const PinView& pin, const std::pair<std::string, std::string>& wanted) {
  return std::any_of(pin.metadata.begin(), pin.metadata.end(),
                     [&](const auto& item) { return item.first == wanted.first && item.second == wanted.second; });
}

class Listing final : public PinCursor, public ViewHolder {
 public:
  Listing(StateImpl& impl, ListQuery query, PeerNumber peer, std::vector<Part> parts, CursorPlace place)
      : impl_(impl), query_(std::move(query)), peer_(peer), parts_(std::move(parts)), place_(std::move(place)) {
    std::lock_guard lock(impl_.holders_mutex);
    impl_.holders.insert(this);
  }
  ~Listing() {
    std::shared_lock life(impl_.life);
    std::lock_guard lock(impl_.holders_mutex);
    impl_.holders.erase(this);
    drop_view();
  }

  Result<size_t> next(std::vector<StoredPin>& out, size_t max) override {
    size_t before = out.size();
    while (!done_ && out.size() == before && max > 0) TRY(step(out, max));
    return out.size() - before;
  }
  bool done() const override { return done_; }
  std::string token() const override { return done_ ? "" : encode_cursor(query_, place_); }

  void drop_view() override {
    if (open_) parts_[place_.part].source->close();
    open_ = false;
    snapshot_.reset();
  }

 private:
  /// Looks at a bounded number of candidates and appends up to `max` that match.
  Result<> step(std::vector<StoredPin>& out, size_t max) {
    TRY_ASSIGN(auto use, impl_.use());
    TRY(renew_view(use));
    Source& source = *parts_[place_.part].source;
    auto peers = impl_.peers_now();
    size_t found = 0, looked_at = 0;
    for (; source.valid() && found < max && looked_at < kStepCandidates; ++looked_at) {
      TRY_ASSIGN(bool taken, take(use, source, *peers, out));
      if (taken) ++found;
      place_.position = source.position();
      TRY(source.next());
    }
    if (source.valid()) return {};
    TRY(source.status());
    drop_view();
    place_ = {place_.part + 1, {}};
    done_ = place_.part == parts_.size();
    return {};
  }

  Result<> renew_view(const StateImpl::Use& use) {
    auto now = impl_.options.now();
    if (open_ && now - opened_at_ < impl_.options.cursor_lifetime) return {};
    drop_view();
    snapshot_ = storage::Snapshot(use->db());
    TRY(parts_[place_.part].source->open(*use.store, snapshot_, place_.position));
    open_ = true;
    opened_at_ = now;
    return {};
  }

  /// Appends the candidate if it matches.
  Result<bool> take(const StateImpl::Use& use, Source& source, const PeerTable& peers, std::vector<StoredPin>& out) {
    ByteView row = source.row();
    if (row.empty()) {
      TRY_ASSIGN(bool found, use->get(kPins, source.cid(), row_, &snapshot_));
      if (!found) return bad_row("index without a pin");
      row = row_;
    }
    TRY(view_.parse(row));
    if (!matches(view_)) return false;
    if (query_.owner) {
      TRY_ASSIGN(bool owned, claimed_by(use, source.cid(), view_, *query_.owner));
      if (!owned) return false;
    }
    auto filled = view_.fill_pin(source.cid(), peers, out.emplace_back());
    if (filled) return true;
    out.pop_back();
    return std::unexpected(filled.error());
  }

  bool matches(const PinView& pin) const {
    if ((query_.types >> static_cast<unsigned>(pin.type) & 1) == 0) return false;
    if (query_.name && pin.name != *query_.name) return false;
    if (query_.name_prefix && !pin.name.starts_with(*query_.name_prefix)) return false;
    if (parts_[place_.part].unnamed_only && !pin.name.empty()) return false;
    for (const auto& wanted : query_.metadata) {
      if (!has_metadata(pin, wanted)) return false;
    }
    if (!query_.peer || pin.held_everywhere()) return true;
    return pin.held_by_name() && peer_.value != 0 &&
           std::find(pin.allocations.begin(), pin.allocations.end(), peer_.value) != pin.allocations.end();
  }

  Result<bool> claimed_by(const StateImpl::Use& use, ByteView cid, const PinView& pin, std::string_view owner) const {
    if (!pin.many_claims) return owner.empty();
    Bytes prefix = key::claim(cid, owner, {});
    auto it = use->iterate(kClaims, {.snapshot = &snapshot_, .lower = prefix, .upper = storage::prefix_end(prefix)});
    it.seek_to_first();
    TRY(it.status());
    return it.valid();
  }

  StateImpl& impl_;
  const ListQuery query_;
  const PeerNumber peer_;  // of query_.peer; 0 = not known
  std::vector<Part> parts_;
  CursorPlace place_;  // behind the last candidate that was looked at
  storage::Snapshot snapshot_;
  bool open_ = false;
  SteadyTime opened_at_;
  bool done_ = false;
  Bytes row_;  // buffers
  PinView view_;
};

}  // namespace

Result<std::unique_ptr<PinCursor>> State::list(ListQuery query) const {
  TRY(check_query(query));
  CursorPlace place;
  if (!query.cursor.empty()) {
    TRY_ASSIGN(place, decode_cursor(query, query.cursor));
  }
  PeerNumber number = query.peer ? impl_->peers_now()->find(*query.peer) : PeerNumber(0);
  auto parts = plan(query, *this, number);
  if (place.part >= parts.size()) return fail(ErrorKind::kInvalidArgument, "cursor: not one of this program");
  if (query.at) {  // say at once when the time cannot be answered
    auto since = history_since();
    if (*query.at < since) {
      return fail(ErrorKind::kOutOfRange, fmt::format("the history begins at {}", format_rfc3339(since)));
    }
  }
  return std::make_unique<Listing>(*impl_, std::move(query), number, std::move(parts), std::move(place));
}

}  // namespace ipfsc::state
