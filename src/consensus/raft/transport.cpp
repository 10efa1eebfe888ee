#include "consensus/raft/transport.h"

#include "base/check.h"
#include "base/log.h"
#include "proto/peer.pb.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

}  // namespace

struct RaftTransport::Link {
  Link(Runtime& runtime, RaftId i, ipld::PeerId p) : id(i), peer(std::move(p)), changed(runtime) {}
  RaftId id;
  ipld::PeerId peer;
  std::deque<Bytes> queue;
  size_t bytes = 0;
  bool reached = true;  // as it was said last
  Notifier changed;

  Bytes take_batch(size_t max_bytes, proto::RaftBatch batch) {
    for (size_t size = 0; !queue.empty() && (size == 0 || size + queue.front().size() <= max_bytes);) {
      size += queue.front().size();
      bytes -= queue.front().size();
      batch.add_messages(std::move(queue.front()));
      queue.pop_front();
    }
    return batch.SerializeAsString();
  }
};

RaftTransport::RaftTransport(Runtime& runtime, rpc::PeerClient& client, TransportOptions options,
                             std::function<proto::RaftBatch()> empty_batch, std::function<void(RaftId)> unreachable)
    : runtime_(runtime),
      client_(client),
      options_(options),
      empty_batch_(std::move(empty_batch)),
      unreachable_(std::move(unreachable)),
      tasks_(runtime) {}

RaftTransport::~RaftTransport() = default;

void RaftTransport::send(const ipld::PeerId& peer, RaftMessage message) {
  if (tasks_.cancelled()) return;
  auto& link = links_[message.to];
  if (!link) {
    link = std::make_shared<Link>(runtime_, message.to, peer);
    tasks_.spawn("raft messages", run(link));
  }
  if (link->bytes + message.data.size() > options_.max_queued_bytes) return;
  link->bytes += message.data.size();
  link->queue.push_back(std::move(message.data));
  link->changed.notify_all();
}

bool RaftTransport::reaches(RaftId id) const {
  auto link = links_.find(id);
  return link != links_.end() && link->second->reached;
}

Task<> RaftTransport::run(std::shared_ptr<Link> link) {
  std::unique_ptr<rpc::Stream> stream;
  SteadyTime opened{};
  for (;;) {
    while (link->queue.empty()) CO_TRY(co_await link->changed.wait());
    if (!stream) {
      stream = client_.open(link->peer, kMessagesMethod);
      opened = runtime_.now();
    }
    auto written = co_await stream->write(link->take_batch(options_.max_batch_bytes, empty_batch_()));
    if (written) {
      // What is written first may still be on its way to nowhere.
      if (!link->reached && runtime_.now() - opened >= options_.sure_after) {
        link->reached = true;
        log.info("the peer {} is reached again", link->peer.to_string());
      }
      continue;
    }
    if (tasks_.cancelled()) co_return fail(ErrorKind::kCancelled, "stopping");
    if (std::exchange(link->reached, false)) {
      log.warn("the peer {} is not reached: {}", link->peer.to_string(), written.error().message);
    }
    stream.reset();
    link->queue.clear();
    link->bytes = 0;
    unreachable_(link->id);
    CO_TRY(co_await runtime_.sleep_for(options_.reconnect));
  }
}

boost::asio::awaitable<void> RaftTransport::stop() { return tasks_.stop(); }

}  // namespace ipfsc::consensus
