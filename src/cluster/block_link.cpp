#include "cluster/block_link.h"

#include <algorithm>

#include "base/deadline.h"
#include "proto/peer.pb.h"
#include "rpc/error_code.h"

namespace ipfsc::cluster {
namespace {

constexpr std::string_view kExchange = "Blocks/Exchange";

Result<Bytes> result_of(proto::GotBlock& block) {
  if (block.error_kind() == 0) return std::move(*block.mutable_data());
  return fail(rpc::error_kind_of(block.error_kind()), block.error());
}

}  // namespace

/// What the link and its lanes share.
struct BlockLink::Shared {
  Shared(Runtime& rt, rpc::PeerClient& c, ipld::PeerId p, BlockLinkOptions o)
      : runtime(rt), client(c), peer(std::move(p)), options(o), changed(rt) {}
  Runtime& runtime;
  rpc::PeerClient& client;
  ipld::PeerId peer;
  BlockLinkOptions options;
  std::deque<WantPtr> waiting;
  size_t lanes = 0, idle = 0;
  Notifier changed;

  std::vector<WantPtr> take() {
    std::vector<WantPtr> batch;
    while (!waiting.empty() && batch.size() < options.most_at_once) {
      if (waiting.front().use_count() > 1) batch.push_back(std::move(waiting.front()));  // else nobody waits any more
      waiting.pop_front();
    }
    return batch;
  }
  static void answer(std::deque<WantPtr>& wants, const Error& error) {
    for (auto& want : wants) {
      want->answer = std::unexpected(error);
      want->answered.notify_all();
    }
    wants.clear();
  }
};

BlockLink::BlockLink(Runtime& runtime, rpc::PeerClient& client, TaskGroup& tasks, ipld::PeerId peer,
                     BlockLinkOptions options)
    : tasks_(tasks), shared_(std::make_shared<Shared>(runtime, client, std::move(peer), options)) {}

Task<Bytes> BlockLink::fetch(ipld::Cid cid) {
  auto shared = shared_;  // the link may go meanwhile
  if (tasks_.cancelled()) co_return fail(ErrorKind::kCancelled, "this peer is stopping");
  auto want = std::make_shared<Want>(shared->runtime, std::move(cid));
  shared->waiting.push_back(want);
  if (shared->idle > 0) {
    shared->changed.notify_all();
  } else if (shared->lanes < shared->options.lanes) {
    ++shared->lanes;
    tasks_.spawn("blocks from " + shared->peer.to_string(), lane(shared));
  }
  while (!want->answer) CO_TRY(co_await want->answered.wait());
  co_return std::move(*want->answer);
}

Task<> BlockLink::lane(std::shared_ptr<Shared> shared) {
  struct End {
    Shared& shared;
    std::deque<WantPtr> batch;
    ~End() {
      Shared::answer(batch, {ErrorKind::kCancelled, "this peer is stopping"});
      if (--shared.lanes == 0) Shared::answer(shared.waiting, {ErrorKind::kCancelled, "this peer is stopping"});
    }
  } end{*shared, {}};
  std::unique_ptr<rpc::Stream> stream;
  for (;;) {
    while (shared->waiting.empty()) {
      ++shared->idle;
      auto woken = co_await shared->changed.wait_until(shared->runtime.now() + shared->options.idle_timeout);
      --shared->idle;
      if (woken || !shared->waiting.empty()) continue;
      if (woken.error().kind == ErrorKind::kDeadlineExceeded) co_return Result<>{};
      co_return woken;
    }
    auto batch = shared->take();
    if (batch.empty()) continue;
    end.batch.assign(batch.begin(), batch.end());
    bool reused = stream != nullptr;
    if (!reused) stream = shared->client.open(shared->peer, kExchange);
    auto done = co_await exchange(*shared, *stream, batch);
    // A stream that was idle may have ended without our knowing.
    if (!done && reused && done.error().kind == ErrorKind::kUnavailable) {
      stream = shared->client.open(shared->peer, kExchange);
      done = co_await exchange(*shared, *stream, batch);
    }
    if (!done) {
      stream.reset();
      std::erase_if(end.batch, [](const auto& want) { return want->answer.has_value(); });
      Shared::answer(end.batch, done.error());
    }
    end.batch.clear();
  }
}

/// Asks for what of the batch has no answer yet.
Task<> BlockLink::exchange(Shared& shared, rpc::Stream& stream, const std::vector<WantPtr>& batch) {
  proto::WantBlocks wants;
  std::vector<WantPtr> asked;
  for (const auto& want : batch) {
    if (want->answer) continue;
    wants.add_cids(want->cid.bytes());
    asked.push_back(want);
  }
  CO_TRY(co_await stream.write(wants.SerializeAsString()));
  for (size_t at = 0; at < asked.size();) {
    CO_TRY_ASSIGN(auto message,
                  co_await with_deadline(shared.runtime, shared.runtime.now() + shared.options.answer_timeout,
                                         "waiting for blocks", stream.read()));
    if (!message) co_return fail(ErrorKind::kUnavailable, "the peer has ended the exchange");
    proto::GotBlocks got;
    if (!got.ParseFromString(*message) || got.blocks_size() == 0) {
      co_return fail(ErrorKind::kDataLoss, "the peer's answer is damaged");
    }
    for (auto& block : *got.mutable_blocks()) {
      if (at == asked.size()) co_return fail(ErrorKind::kDataLoss, "the peer sent more than it was asked for");
      asked[at]->answer = result_of(block);
      asked[at++]->answered.notify_all();
    }
  }
  co_return Result<>{};
}

}  // namespace ipfsc::cluster
