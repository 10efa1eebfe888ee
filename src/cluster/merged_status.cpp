#include "cluster/merged_status.h"

#include <deque>

#include "base/gather.h"
#include "base/log.h"
#include "ipld/multibase.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");
constexpr size_t kPage = 256;
constexpr std::string_view kEnded = "-";  // the place of a source that has nothing more

/// One peer's part of the listing, in the order of CIDs.
class Source {
 public:
  explicit Source(ipld::PeerId p) : peer(std::move(p)) {}
  virtual ~Source() = default;
  /// Fills `items` unless the end is reached. An error ends this source.
  virtual Task<> fill() = 0;

  ipld::PeerId peer;
  std::deque<model::PinInfo> items;
  bool done = false;
  std::string page_token;  ///< leads to the page that `items` are the rest of; "" = the first
};

class LocalSource final : public Source {
 public:
  LocalSource(ipld::PeerId self, std::unique_ptr<tracker::StatusCursor> cursor, std::string token)
      : Source(std::move(self)), cursor_(std::move(cursor)) {
    page_token = std::move(token);
  }
  Task<> fill() override {
    std::vector<model::PinInfo> page;
    while (page.empty() && !cursor_->done()) {
      if (started_) page_token = cursor_->token();
      started_ = true;
      CO_TRY(co_await cursor_->next(page, kPage));
    }
    done = page.empty();
    std::ranges::move(page, std::back_inserter(items));
    co_return Result<>{};
  }

 private:
  std::unique_ptr<tracker::StatusCursor> cursor_;
  bool started_ = false;
};

class RemoteSource final : public Source {
 public:
  RemoteSource(PeerCalls& calls, ipld::PeerId p, const MergedQuery& query, std::string token)
      : Source(std::move(p)), calls_(calls) {
    page_token = next_token_ = token;
    proto::StatusPageRequest request;
    request.set_filter(query.filter.bits);
    request.set_cursor(std::move(token));
    request.set_max(kPage);
    request.set_recover(query.recover);
    stream_ = calls.list(peer, request);
  }
  Task<> fill() override {
    CO_TRY_ASSIGN(auto page, co_await calls_.next_page(*stream_));
    page_token = std::exchange(next_token_, page.next_cursor());
    done = page.statuses().empty();
    for (const auto& json : page.statuses()) {
      CO_TRY_ASSIGN(auto info, model::global_pin_info_from_json(json));
      if (info.peers.size() != 1 || info.peers.front().on->peer != peer) {
        co_return fail(ErrorKind::kInternal, "the peer's answer is damaged");
      }
      items.push_back({.pin = std::move(info.pin), .at = std::move(info.peers.front())});
    }
    co_return Result<>{};
  }

 private:
  PeerCalls& calls_;
  std::unique_ptr<rpc::Stream> stream_;
  std::string next_token_;
};

/// What a silent peer should hold, by the log.
class SilentSource final : public Source {
 public:
  SilentSource(Runtime& runtime, PeerCalls& calls, state::State& state, ipld::PeerId p, const Error& why)
      : Source(std::move(p)), runtime_(runtime), at_(calls.silent(peer, why)) {
    auto cursor = state.list({.peer = peer});
    if (cursor) cursor_ = *std::move(cursor);
  }
  Task<> fill() override {
    std::vector<state::StoredPin> page;
    while (cursor_ && page.empty() && !cursor_->done()) {
      CO_TRY(co_await run_blocking(runtime_, [&] { return cursor_->next(page, kPage); }));
    }
    done = page.empty();
    for (auto& stored : page) items.push_back({.pin = model::PinSummary::of(std::move(stored.pin)), .at = at_});
    co_return Result<>{};
  }

 private:
  Runtime& runtime_;
  model::PinInfoShort at_;
  std::unique_ptr<state::PinCursor> cursor_;
};

/// varint(sources), for each: peer id, token (each with its length); last CID; as base 64 for URLs.
std::string encode_token(const std::vector<std::pair<ipld::PeerId, std::string>>& places, const ipld::Cid& last) {
  Bytes bytes(1, 'g');
  append_varint(bytes, places.size());
  auto put = [&bytes](ByteView part) {
    append_varint(bytes, part.size());
    bytes += part;
  };
  for (const auto& [peer, token] : places) {
    put(peer.bytes());
    put(token);
  }
  put(last.bytes());
  return ipld::multibase_encode('u', bytes);
}

struct Token {
  std::map<ipld::PeerId, std::string> places;
  ipld::Cid last;
};

std::unexpected<Error> bad_cursor() { return fail(ErrorKind::kInvalidArgument, "cursor: not one of this listing"); }

Result<Token> decode_token(std::string_view text) {
  auto bytes = ipld::multibase_decode(text);
  if (!bytes || bytes->empty() || bytes->front() != 'g') return bad_cursor();
  ByteView rest = ByteView(*bytes).substr(1);
  auto take = [&rest]() -> std::optional<Bytes> {
    auto size = take_varint(rest);
    if (!size || *size > rest.size()) return std::nullopt;
    Bytes part(rest.substr(0, *size));
    rest.remove_prefix(*size);
    return part;
  };
  Token token;
  auto count = take_varint(rest);
  for (uint64_t i = 0; count && i < *count; ++i) {
    auto peer = take(), place = take();
    if (!peer || !place) return bad_cursor();
    TRY_ASSIGN(auto id, ipld::PeerId::from_bytes(*peer));
    token.places[std::move(id)] = *std::move(place);
  }
  auto last = take();
  if (!count || !last || !rest.empty()) return bad_cursor();
  TRY_ASSIGN(token.last, ipld::Cid::from_bytes(*last));
  return token;
}

class MergedCursor final : public StatusCursor {
 public:
  MergedCursor(Runtime& runtime, PeerCalls& calls, state::State& state, MergedQuery query)
      : runtime_(runtime), calls_(calls), state_(state), query_(std::move(query)) {}

  Result<> open(tracker::PinTracker& tracker, const ClusterOptions& options) {
    Token token;
    if (!query_.cursor.empty()) {
      TRY_ASSIGN(token, decode_token(query_.cursor));
      last_ = token.last;
    }
    std::string local = token.places[options.self];
    bool local_ended = local == kEnded;
    if (local_ended) local.clear();
    std::unique_ptr<tracker::StatusCursor> cursor;
    if (query_.recover) {
      cursor = tracker.recover_all();
    } else {
      TRY_ASSIGN(cursor, tracker.list({.filter = query_.filter, .cursor = local}));
    }
    sources_.push_back(std::make_unique<LocalSource>(options.self, std::move(cursor), local));
    sources_.back()->done = local_ended;
    for (const auto& peer : calls_.others()) {
      std::string& place = token.places[peer];
      if (place == kEnded) continue;
      sources_.push_back(std::make_unique<RemoteSource>(calls_, peer, query_, std::move(place)));
      if (auto doubt = calls_.worth_asking(peer); !doubt) TRY(pass_over(sources_.size() - 1, doubt.error()));
    }
    return {};
  }

  Task<size_t> next(std::vector<model::GlobalPinInfo>& out, size_t max) override {
    size_t before = out.size();
    while (out.size() - before < max) {
      CO_TRY(co_await fill_all());
      const ipld::Cid* least = nullptr;
      for (auto& source : sources_) {
        if (!source->done && (!least || source->items.front().pin.cid < *least)) least = &source->items.front().pin.cid;
      }
      if (least == nullptr) break;
      last_ = *least;
      std::optional<model::GlobalPinInfo> merged;
      for (auto& source : sources_) {
        if (source->done || source->items.front().pin.cid != *last_) continue;
        auto info = std::move(source->items.front());
        source->items.pop_front();
        if (!merged) {
          merged = model::GlobalPinInfo::of(std::move(info));
        } else {
          if (!merged->pin.in_pinset && info.pin.in_pinset) merged->pin = std::move(info.pin);
          merged->add(std::move(info.at));
        }
      }
      out.push_back(*std::move(merged));
    }
    co_return out.size() - before;
  }

  std::string next_cursor() const override {
    bool all_done = std::ranges::all_of(sources_, [](const auto& source) { return source->done; });
    if (all_done || !last_) return {};
    std::vector<std::pair<ipld::PeerId, std::string>> places;
    for (const auto& source : sources_) {
      places.emplace_back(source->peer, source->done ? std::string(kEnded) : source->page_token);
    }
    return encode_token(places, *last_);
  }

 private:
  /// Until every source that goes on has an item that was not given out.
  Task<> fill_all() {
    for (;;) {
      std::vector<Task<>> fills;
      std::vector<size_t> which;
      for (size_t i = 0; i < sources_.size(); ++i) {
        auto& source = *sources_[i];
        while (last_ && !source.items.empty() && source.items.front().pin.cid <= *last_) source.items.pop_front();
        if (source.done || !source.items.empty()) continue;
        fills.push_back(source.fill());
        which.push_back(i);
      }
      if (fills.empty()) co_return Result<>{};
      auto results = co_await gather(runtime_, std::move(fills));
      for (size_t i = 0; i < results.size(); ++i) {
        if (!results[i]) CO_TRY(pass_over(which[i], results[i].error()));
      }
    }
  }

  Result<> pass_over(size_t i, const Error& error) {
    auto& source = sources_[i];
    if (i == 0 || error.kind == ErrorKind::kCancelled) return fail(error);
    log.warn("the peer {} does not list its statuses: {}", source->peer.to_string(), error.message);
    bool said = query_.filter.has(model::TrackerStatus::kClusterError) && !query_.recover;
    source = std::make_unique<SilentSource>(runtime_, calls_, state_, source->peer, error);
    source->done = !said;
    return {};
  }

  Runtime& runtime_;
  PeerCalls& calls_;
  state::State& state_;
  MergedQuery query_;
  std::vector<std::unique_ptr<Source>> sources_;  // the first is this peer
  std::optional<ipld::Cid> last_;                 // given out
};

}  // namespace

Result<std::unique_ptr<StatusCursor>> merge_statuses(Runtime& runtime, PeerCalls& calls, tracker::PinTracker& tracker,
                                                     state::State& state, const ClusterOptions& options,
                                                     MergedQuery query) {
  auto cursor = std::make_unique<MergedCursor>(runtime, calls, state, std::move(query));
  TRY(cursor->open(tracker, options));
  return cursor;
}

}  // namespace ipfsc::cluster
