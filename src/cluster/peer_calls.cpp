#include "cluster/peer_calls.h"

#include <deque>

#include "base/deadline.h"
#include "base/with_reports.h"
#include "cluster/members.h"
#include "proto/repo.pb.h"

namespace ipfsc::cluster {
namespace {

constexpr std::string_view kId = "Peers/Id", kList = "Pins/List", kGc = "Ipfs/Gc", kCollect = "Ipfs/Collect",
                           kHave = "Pins/Have", kHeld = "Pins/Held", kStatuses = "Pins/Statuses", kSwarm = "Ipfs/Swarm";
constexpr Duration kGcTime = std::chrono::hours(24);
constexpr int kGcPage = 10'000;                        // keys in a message
constexpr Duration kGcTell = std::chrono::seconds(1);  // between two, at most
constexpr size_t kMaxPage = 1000;

std::string_view method_of(PinCall call) {
  switch (call) {
    case PinCall::kStatus:
      return "Pins/Status";
    case PinCall::kRecover:
      return "Pins/Recover";
    case PinCall::kSync:
      return "Pins/Sync";
  }
  return {};
}

int64_t to_ms(WallTime time) { return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

/// A peer's number may be any.
WallTime from_ms(int64_t ms) {
  constexpr int64_t kMost = INT64_MAX / 1'000'000;
  return WallTime(std::chrono::milliseconds(std::clamp<int64_t>(ms, -kMost, kMost)));
}

Error damaged() { return {ErrorKind::kInternal, "the peer's answer is damaged"}; }

void put_addresses(google::protobuf::RepeatedPtrField<std::string>& to, const std::vector<ipld::Multiaddr>& from) {
  for (const auto& address : from) *to.Add() = address.bytes();
}

std::vector<ipld::Multiaddr> take_addresses(const google::protobuf::RepeatedPtrField<std::string>& from) {
  std::vector<ipld::Multiaddr> out;
  for (const auto& bytes : from) {
    if (auto address = ipld::Multiaddr::from_bytes(bytes)) out.push_back(*std::move(address));
  }
  return out;
}

Bytes encode(const model::PeerInfo& info) {
  proto::PeerInfoMessage message;
  message.set_peer(info.id.bytes());
  put_addresses(*message.mutable_addresses(), info.addresses);
  for (const auto& peer : info.cluster_peers) message.add_cluster_peers(peer.bytes());
  put_addresses(*message.mutable_cluster_peers_addresses(), info.cluster_peers_addresses);
  message.set_version(info.version);
  message.set_commit(info.commit);
  message.set_rpc_protocol_version(info.rpc_protocol_version);
  message.set_error(info.error);
  message.set_ipfs_id(info.ipfs.id);
  put_addresses(*message.mutable_ipfs_addresses(), info.ipfs.addresses);
  message.set_ipfs_error(info.ipfs.error);
  message.set_peername(info.peername);
  message.set_trouble(info.trouble);
  return message.SerializeAsString();
}

Result<model::PeerInfo> decode_peer(ByteView bytes) {
  proto::PeerInfoMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(damaged());
  model::PeerInfo info;
  TRY_ASSIGN(info.id, ipld::PeerId::from_bytes(message.peer()));
  info.addresses = take_addresses(message.addresses());
  for (const auto& peer : message.cluster_peers()) {
    if (auto id = ipld::PeerId::from_bytes(peer)) info.cluster_peers.push_back(*std::move(id));
  }
  info.cluster_peers_addresses = take_addresses(message.cluster_peers_addresses());
  info.version = message.version();
  info.commit = message.commit();
  info.rpc_protocol_version = message.rpc_protocol_version();
  info.error = message.error();
  info.ipfs = {
      .id = message.ipfs_id(), .addresses = take_addresses(message.ipfs_addresses()), .error = message.ipfs_error()};
  info.peername = message.peername();
  info.trouble = message.trouble();
  return info;
}

/// One status of one peer; the peer can speak for itself only.
Result<model::PinInfo> decode_status(std::string_view json, const ipld::PeerId& peer) {
  TRY_ASSIGN(auto info, model::global_pin_info_from_json(json));
  if (info.peers.size() != 1 || info.peers.front().on->peer != peer) return fail(damaged());
  return model::PinInfo{.pin = std::move(info.pin), .at = std::move(info.peers.front())};
}

}  // namespace

std::vector<ipld::PeerId> PeerCalls::others() const { return other_members(state_, options_.self); }

std::shared_ptr<const model::PeerFacts> PeerCalls::facts(const ipld::PeerId& peer) const {
  auto known = state_.peer(peer);
  return model::make_peer_facts(peer, known ? known->name : std::string());
}

model::PinInfoShort PeerCalls::silent(const ipld::PeerId& peer, const Error& error) const {
  return {.on = facts(peer),
          .status = model::TrackerStatus::kClusterError,
          .timestamp = runtime_.wall_now(),
          .error = error.message};
}

Result<> PeerCalls::worth_asking(const ipld::PeerId& peer) const {
  if (auto doubt = doubt_ ? doubt_(peer) : std::nullopt) return fail(*std::move(doubt));
  return {};
}

Task<model::PeerInfo> PeerCalls::id(ipld::PeerId peer) {
  CO_TRY(worth_asking(peer));
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kId, {}, runtime_.now() + options_.peer_timeout));
  CO_TRY_ASSIGN(auto info, decode_peer(bytes));
  if (info.id != peer) co_return fail(damaged());
  co_return info;
}

Task<model::PinInfo> PeerCalls::pin(ipld::PeerId peer, PinCall call, ipld::Cid cid) {
  CO_TRY(worth_asking(peer));
  proto::PinRequest request;
  request.set_cid(cid.bytes());
  auto deadline = runtime_.now() + options_.peer_timeout;
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, method_of(call), request.SerializeAsString(), deadline));
  proto::PinAnswer answer;
  if (!answer.ParseFromString(bytes)) co_return fail(damaged());
  co_return decode_status(answer.status(), peer);
}

Task<BriefStatuses> PeerCalls::statuses(ipld::PeerId peer, const std::vector<ipld::Cid>& cids) {
  CO_TRY(worth_asking(peer));
  proto::StatusesRequest request;
  for (const auto& cid : cids) request.add_cids(cid.bytes());
  auto deadline = runtime_.now() + options_.peer_timeout;
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kStatuses, request.SerializeAsString(), deadline));
  proto::StatusesAnswer answer;
  if (!answer.ParseFromString(bytes) || static_cast<size_t>(answer.statuses_size()) != cids.size())
    co_return fail(damaged());
  BriefStatuses out{.statuses = {}, .ipfs_addresses = take_addresses(answer.ipfs_addresses())};
  for (auto& item : *answer.mutable_statuses()) {
    out.statuses.push_back({static_cast<model::TrackerStatus>(item.status()), std::move(*item.mutable_why())});
  }
  co_return out;
}

std::unique_ptr<rpc::Stream> PeerCalls::list(const ipld::PeerId& peer, const proto::StatusPageRequest& request) {
  class Asked final : public rpc::Stream {
   public:
    Asked(std::unique_ptr<rpc::Stream> stream, Bytes request)
        : stream_(std::move(stream)), request_(std::move(request)) {}
    Task<std::optional<Bytes>> read() override {
      if (!std::exchange(asked_, true)) {
        CO_TRY(co_await stream_->write(std::move(request_)));
        CO_TRY(co_await stream_->end_writes());
      }
      co_return co_await stream_->read();
    }
    Task<> write(Bytes message) override { return stream_->write(std::move(message)); }
    Task<> end_writes() override { return stream_->end_writes(); }

   private:
    std::unique_ptr<rpc::Stream> stream_;
    Bytes request_;
    bool asked_ = false;
  };
  return std::make_unique<Asked>(client_.open(peer, kList), request.SerializeAsString());
}

Task<proto::StatusPage> PeerCalls::next_page(rpc::Stream& stream) {
  CO_TRY_ASSIGN(auto bytes, co_await with_deadline(runtime_, runtime_.now() + options_.peer_timeout,
                                                   "no answer of the peer", stream.read()));
  proto::StatusPage page;
  if (bytes && !page.ParseFromString(*bytes)) co_return fail(damaged());
  co_return page;
}

Task<model::RepoGc> PeerCalls::gc(ipld::PeerId peer, OnGcKey on_key) {
  auto take = [&](const Bytes& bytes) -> Result<proto::GcAnswer> {
    proto::GcAnswer page;
    if (!page.ParseFromString(bytes)) return fail(damaged());
    for (const auto& key : page.keys()) {
      model::RepoGcKey item{.key = {}, .error = key.error()};
      if (auto cid = ipld::Cid::from_bytes(key.cid())) item.key = *std::move(cid);
      on_key(std::move(item));
    }
    return page;
  };
  proto::GcAnswer page;
  auto stream = client_.open(peer, kCollect);
  auto first = co_await stream->read();
  if (!first && first.error().kind == ErrorKind::kUnimplemented) {  // a program that has all of it in one message
    CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kGc, {}, runtime_.now() + kGcTime));
    CO_TRY_ASSIGN(page, take(bytes));
  } else {
    for (auto bytes = std::move(first);; bytes = co_await stream->read()) {
      CO_TRY(bytes);
      if (!*bytes) co_return fail(damaged());
      CO_TRY_ASSIGN(page, take(**bytes));
      if (page.last()) break;
    }
  }
  co_return model::RepoGc{.peer = peer,
                          .peername = page.peername(),
                          .keys = {},
                          .error = page.error(),
                          .freed_disk_bytes = page.freed_disk_bytes()};
}

Task<std::vector<std::string>> PeerCalls::swarm(ipld::PeerId peer) {
  CO_TRY(worth_asking(peer));
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kSwarm, {}, runtime_.now() + options_.peer_timeout));
  proto::SwarmAnswer answer;
  if (!answer.ParseFromString(bytes)) co_return fail(damaged());
  co_return std::vector<std::string>(answer.peers().begin(), answer.peers().end());
}

Task<std::vector<bool>> PeerCalls::have(ipld::PeerId peer, const std::vector<ipld::Cid>& cids) {
  proto::HaveRequest request;
  for (const auto& cid : cids) request.add_cids(cid.bytes());
  auto deadline = runtime_.now() + options_.peer_timeout;
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kHave, request.SerializeAsString(), deadline));
  proto::HaveAnswer answer;
  if (!answer.ParseFromString(bytes) || static_cast<size_t>(answer.have_size()) != cids.size())
    co_return fail(damaged());
  co_return std::vector<bool>(answer.have().begin(), answer.have().end());
}

Task<tracker::PastHoldings> PeerCalls::held(ipld::PeerId peer, const std::vector<ipld::Cid>& cids, WallTime time) {
  CO_TRY(worth_asking(peer));
  proto::HeldRequest request;
  for (const auto& cid : cids) request.add_cids(cid.bytes());
  request.set_time_ms(to_ms(time));
  auto deadline = runtime_.now() + options_.peer_timeout;
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kHeld, request.SerializeAsString(), deadline));
  proto::HeldAnswer answer;
  if (!answer.ParseFromString(bytes) || static_cast<size_t>(answer.holdings_size()) != cids.size())
    co_return fail(damaged());
  tracker::PastHoldings out{.since = from_ms(answer.since_ms()), .then = {}};
  for (const auto& holding : answer.holdings()) {
    if (holding.ended() > tracker::Holding::kLost) co_return fail(damaged());
    auto& to = out.then.emplace_back();
    if (!holding.held()) continue;
    to = tracker::Holding{.from = from_ms(holding.from_ms()),
                          .ended = static_cast<tracker::Holding::Ended>(holding.ended())};
    if (holding.to_ms() != 0) to->to = from_ms(holding.to_ms());
  }
  co_return out;
}

// --- answers

namespace {

Task<Bytes> answer_held(tracker::PinTracker& tracker, Bytes bytes) {
  proto::HeldRequest request;
  if (!request.ParseFromString(bytes) || static_cast<size_t>(request.cids_size()) > kMostHeldCids) {
    co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
  }
  std::vector<ipld::Cid> cids;
  for (const auto& bytes : request.cids()) {
    CO_TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(bytes));
    cids.push_back(std::move(cid));
  }
  CO_TRY_ASSIGN(auto held, co_await tracker.held_at(std::move(cids), from_ms(request.time_ms())));
  proto::HeldAnswer answer;
  answer.set_since_ms(to_ms(held.since));
  for (const auto& then : held.then) {
    auto& holding = *answer.add_holdings();
    if (!then) continue;
    holding.set_held(true);
    holding.set_from_ms(to_ms(then->from));
    if (then->to) holding.set_to_ms(to_ms(*then->to));
    holding.set_ended(then->ended);
  }
  co_return answer.SerializeAsString();
}

Task<Bytes> answer_pin(tracker::PinTracker& tracker, PinCall call, Bytes bytes) {
  proto::PinRequest request;
  if (!request.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
  CO_TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(request.cid()));
  CO_TRY_ASSIGN(auto info, call == PinCall::kRecover ? co_await tracker.recover(cid)
                           : call == PinCall::kSync  ? co_await tracker.sync(cid)
                                                     : co_await tracker.status(cid));
  proto::PinAnswer answer;
  model::append_json(*answer.mutable_status(), info);
  co_return answer.SerializeAsString();
}

Task<> answer_list(tracker::PinTracker& tracker, rpc::Stream& stream) {
  CO_TRY_ASSIGN(auto bytes, co_await stream.read());
  proto::StatusPageRequest request;
  if (!bytes || !request.ParseFromString(*bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
  size_t max = std::clamp<size_t>(request.max(), 1, kMaxPage);
  std::unique_ptr<tracker::StatusCursor> cursor;
  if (request.recover()) {
    cursor = tracker.recover_all();
  } else {
    CO_TRY_ASSIGN(cursor, tracker.list({.filter = model::StatusSet(request.filter()), .cursor = request.cursor()}));
  }
  std::vector<model::PinInfo> infos;
  while (!cursor->done()) {
    infos.clear();
    CO_TRY(co_await cursor->next(infos, max));
    if (infos.empty()) continue;
    proto::StatusPage page;
    for (const auto& info : infos) model::append_json(*page.add_statuses(), info);
    page.set_next_cursor(cursor->token());
    CO_TRY(co_await stream.write(page.SerializeAsString()));
  }
  co_return Result<>{};
}

Result<std::vector<ipld::Cid>> take_cids(const google::protobuf::RepeatedPtrField<std::string>& from) {
  std::vector<ipld::Cid> cids;
  for (const auto& bytes : from) {
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(bytes));
    cids.push_back(std::move(cid));
  }
  return cids;
}

Task<Bytes> answer_statuses(tracker::PinTracker& tracker, Bytes bytes) {
  proto::StatusesRequest request;
  if (!request.ParseFromString(bytes) || static_cast<size_t>(request.cids_size()) > kMaxBriefStatuses)
    co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
  CO_TRY_ASSIGN(auto cids, take_cids(request.cids()));
  CO_TRY_ASSIGN(auto brief, co_await brief_statuses(tracker, std::move(cids)));
  proto::StatusesAnswer answer;
  put_addresses(*answer.mutable_ipfs_addresses(), brief.ipfs_addresses);
  for (auto& item : brief.statuses) {
    auto& to = *answer.add_statuses();
    to.set_status(static_cast<uint32_t>(item.status));
    to.set_why(std::move(item.why));
  }
  co_return answer.SerializeAsString();
}

Task<Bytes> answer_have(tracker::PinTracker& tracker, Bytes bytes) {
  proto::HaveRequest request;
  if (!request.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
  CO_TRY_ASSIGN(auto cids, take_cids(request.cids()));
  CO_TRY_ASSIGN(auto infos, co_await tracker.status_of(std::move(cids)));
  proto::HaveAnswer answer;
  for (const auto& info : infos) answer.add_have(info.at.status == model::TrackerStatus::kPinned);
  co_return answer.SerializeAsString();
}

void add(proto::GcAnswer& answer, const model::RepoGcKey& key) {
  auto& item = *answer.add_keys();
  if (key.key) item.set_cid(key.key->bytes());
  item.set_error(key.error);
}

void set_end(proto::GcAnswer& answer, const model::RepoGc& result) {
  answer.set_error(result.error);
  answer.set_peername(result.peername);
  answer.set_freed_disk_bytes(result.freed_disk_bytes);
  answer.set_last(true);
}

/// For older programs.
Task<Bytes> answer_gc(CollectGarbage gc) {
  proto::GcAnswer answer;
  CO_TRY_ASSIGN(auto result, co_await gc([&answer](const model::RepoGcKey& key) { add(answer, key); }));
  set_end(answer, result);
  co_return answer.SerializeAsString();
}

/// A page at least once a second, and a last one.
Task<> stream_gc(Runtime& runtime, CollectGarbage gc, rpc::Stream& stream) {
  std::deque<model::RepoGcKey> keys;
  auto send = [&]() -> Task<> {
    do {
      proto::GcAnswer page;
      for (; !keys.empty() && page.keys_size() < kGcPage; keys.pop_front()) add(page, keys.front());
      CO_TRY(co_await stream.write(page.SerializeAsString()));
    } while (!keys.empty());
    co_return Result<>{};
  };
  auto collecting = gc([&keys](model::RepoGcKey key) { keys.push_back(std::move(key)); });
  CO_TRY_ASSIGN(auto result, co_await with_reports(runtime, kGcTell, send, std::move(collecting)));
  proto::GcAnswer last;
  set_end(last, result);
  co_return co_await stream.write(last.SerializeAsString());
}

}  // namespace

Task<BriefStatuses> brief_statuses(tracker::PinTracker& tracker, std::vector<ipld::Cid> cids) {
  CO_TRY_ASSIGN(auto infos, co_await tracker.status_of(std::move(cids)));
  BriefStatuses out{.statuses = {}, .ipfs_addresses = tracker.facts()->ipfs_peer_addresses};
  for (auto& info : infos) {
    auto& why = info.at.reason.empty() ? info.at.error : info.at.reason;
    out.statuses.push_back({info.at.status, std::move(why)});
  }
  co_return out;
}

void serve_peer_calls(rpc::Router& router, PeerAnswers answers) {
  using enum rpc::Access;
  auto& tracker = answers.tracker;
  router.add_unary(std::string(kId), kMember, [id = std::move(answers.id)](rpc::CallInfo, Bytes) -> Task<Bytes> {
    CO_TRY_ASSIGN(auto info, co_await id());
    co_return encode(info);
  });
  router.add_unary(std::string(kSwarm), kMember,
                   [swarm = std::move(answers.swarm)](rpc::CallInfo, Bytes) -> Task<Bytes> {
                     CO_TRY_ASSIGN(auto peers, co_await swarm());
                     proto::SwarmAnswer answer;
                     for (auto& peer : peers) answer.add_peers(std::move(peer));
                     co_return answer.SerializeAsString();
                   });
  for (PinCall call : {PinCall::kStatus, PinCall::kRecover, PinCall::kSync}) {
    router.add_unary(std::string(method_of(call)), kMember, [&tracker, call](rpc::CallInfo, Bytes request) {
      return answer_pin(tracker, call, std::move(request));
    });
  }
  router.add_unary(std::string(kHave), kMember,
                   [&tracker](rpc::CallInfo, Bytes request) { return answer_have(tracker, std::move(request)); });
  router.add_unary(std::string(kHeld), kMember,
                   [&tracker](rpc::CallInfo, Bytes request) { return answer_held(tracker, std::move(request)); });
  router.add_unary(std::string(kStatuses), kMember,
                   [&tracker](rpc::CallInfo, Bytes request) { return answer_statuses(tracker, std::move(request)); });
  router.add_stream(std::string(kList), kMember,
                    [&tracker](rpc::CallInfo, rpc::Stream& stream) { return answer_list(tracker, stream); });
  router.add_unary(std::string(kGc), kMember, [gc = answers.gc](rpc::CallInfo, Bytes) { return answer_gc(gc); });
  router.add_stream(std::string(kCollect), kMember,
                    [gc = std::move(answers.gc), &runtime = answers.runtime](rpc::CallInfo, rpc::Stream& stream) {
                      return stream_gc(runtime, gc, stream);
                    });
}

}  // namespace ipfsc::cluster
