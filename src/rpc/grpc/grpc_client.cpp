#include "rpc/grpc/grpc_client.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <set>

#include "base/check.h"
#include "rpc/grpc/bytes.h"
#include "rpc/grpc/credentials.h"
#include "rpc/grpc/targets.h"

namespace ipfsc::rpc {
namespace {

std::string path_of(std::string_view method) { return fmt::format("/{}", method); }

int milliseconds(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// gRPC 1.51 at times ends its callback threads wrongly (they use a queue that is gone) when the last channel goes. One
/// channel stays for the life of the program, so that this never happens.
void keep_one(const std::shared_ptr<grpc::Channel>& channel) {
  static auto* kept = new std::shared_ptr<grpc::Channel>();
  if (channel && !*kept) *kept = channel;
}

Error unreachable(const ipld::PeerId& peer) {
  return {ErrorKind::kUnavailable, fmt::format("{}no address of the peer {} is known", kNotReached, peer.to_string())};
}

}  // namespace

struct GrpcClient::Shared {
  Shared(Runtime& rt, RpcOptions o) : runtime(rt), options(std::move(o)), changed(rt) {}

  Runtime& runtime;
  RpcOptions options;
  Notifier changed;                      // a call has ended
  std::set<grpc::ClientContext*> calls;  // that gRPC works on
  bool stopped = false;
};

/// The channel to one peer, at one of its addresses; the next one is tried after a failed call.
struct GrpcClient::Connection {
  Connection(const RpcOptions& o, ipld::PeerId p) : options(o), peer(std::move(p)) {}

  void connect() {
    grpc::ChannelArguments arguments;
    // Each peer's channel accepts that peer only: connections must not be shared between channels.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, static_cast<int>(options.window_bytes));
    arguments.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
    arguments.SetMaxSendMessageSize(static_cast<int>(options.max_message_bytes));
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, milliseconds(options.reconnect_at_first));
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(options.connect_timeout));
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(options.reconnect_at_most));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    if (!credentials) credentials = channel_credentials(options, peer);
    channel = grpc::CreateCustomChannel(targets[at], credentials, arguments);
    stub = std::make_unique<grpc::GenericStub>(channel);
  }
  void try_next_target() {
    if (targets.size() < 2) return;
    at = (at + 1) % targets.size();
    connect();
  }

  const RpcOptions& options;
  ipld::PeerId peer;
  std::vector<std::string> targets;
  size_t at = 0;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<grpc::GenericStub> stub;
};

struct GrpcClient::UnaryCall {
  explicit UnaryCall(Runtime& runtime) : changed(runtime) {}
  grpc::ClientContext context;
  grpc::ByteBuffer request, response;
  grpc::Status status;
  bool done = false;
  Notifier changed;
};

/// A stream as gRPC works on it. Lives until OnDone, whoever has lost interest before. gRPC's threads only post.
class GrpcClient::ClientCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                                     public std::enable_shared_from_this<ClientCall> {
 public:
  explicit ClientCall(std::shared_ptr<Shared> shared) : shared_(std::move(shared)), changed_(shared_->runtime) {}

  void start(Connection& connection, std::string_view method) {
    self_ = shared_from_this();
    shared_->calls.insert(&context_);
    connection.stub->PrepareBidiStreamingCall(&context_, path_of(method), {}, this);
    AddHold();  // reads and writes begin outside of gRPC's callbacks
    StartCall();
  }

  Task<std::optional<Bytes>> read() {
    if (!closing_) {
      CHECK(!reading_);
      reading_ = true;
      StartRead(&incoming_);
      while (reading_) CO_TRY(co_await changed_.wait());
      if (read_ok_) {
        auto bytes = from_buffer(incoming_);
        incoming_.Clear();
        if (!bytes) co_return fail(ErrorKind::kInternal, "a message could not be read");
        co_return bytes;
      }
    }
    CO_TRY(co_await ended());
    co_return std::nullopt;
  }

  Task<> write(Bytes message) {
    if (!closing_) {
      CHECK(!writing_);
      writing_ = true;
      outgoing_ = to_buffer(std::move(message));
      StartWrite(&outgoing_);
      while (writing_) CO_TRY(co_await changed_.wait());
      if (write_ok_) co_return Result<>{};
    }
    CO_TRY(co_await ended());
    co_return fail(ErrorKind::kUnavailable, "the other peer has ended the call");
  }

  Task<> end_writes() {
    if (closing_) co_return Result<>{};
    CHECK(!writing_);
    writing_ = true;
    StartWritesDone();
    while (writing_) CO_TRY(co_await changed_.wait());
    co_return Result<>{};
  }

  /// Nobody reads or writes any more.
  void drop() {
    if (done_) return;
    given_up_ = true;
    context_.TryCancel();
    close();
  }

 private:
  void OnReadDone(bool ok) override {
    post([this, ok] {
      reading_ = false;
      read_ok_ = ok;
    });
  }
  void OnWriteDone(bool ok) override {
    post([this, ok] {
      writing_ = false;
      write_ok_ = ok;
    });
  }
  void OnWritesDoneDone(bool ok) override { OnWriteDone(ok); }
  void OnDone(const grpc::Status& status) override {
    post([this, status] {
      status_ = status;
      done_ = true;
      shared_->calls.erase(&context_);
      shared_->changed.notify_all();
      self_.reset();
    });
  }

  template <class Step>
  void post(Step step) {
    boost::asio::post(shared_->runtime.executor(), [keep = shared_from_this(), step] {
      step();
      keep->changed_.notify_all();
    });
  }

  void close() {
    if (std::exchange(closing_, true)) return;
    RemoveHold();
  }

  Task<> ended() {
    close();
    while (!done_) CO_TRY(co_await changed_.wait());
    co_return from_status(status_, given_up_ || shared_->stopped);
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<ClientCall> self_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_, outgoing_;
  grpc::Status status_;
  bool reading_ = false, read_ok_ = false, writing_ = false, write_ok_ = false;
  bool closing_ = false;  // no new reads and writes
  bool given_up_ = false;
  bool done_ = false;
  Notifier changed_;
};

class GrpcClient::ClientStream final : public Stream {
 public:
  explicit ClientStream(std::shared_ptr<ClientCall> call) : call_(std::move(call)) {}
  ~ClientStream() override { call_->drop(); }
  Task<std::optional<Bytes>> read() override { return call_->read(); }
  Task<> write(Bytes message) override { return call_->write(std::move(message)); }
  Task<> end_writes() override { return call_->end_writes(); }

 private:
  std::shared_ptr<ClientCall> call_;
};

namespace {

/// A stream that could not begin.
class FailedStream final : public Stream {
 public:
  explicit FailedStream(Error error) : error_(std::move(error)) {}
  Task<std::optional<Bytes>> read() override { co_return fail(error_); }
  Task<> write(Bytes) override { co_return fail(error_); }
  Task<> end_writes() override { co_return Result<>{}; }

 private:
  Error error_;
};

}  // namespace

GrpcClient::GrpcClient(Runtime& runtime, RpcOptions options)
    : shared_(std::make_shared<Shared>(runtime, std::move(options))) {
  prepare_library();
}

GrpcClient::~GrpcClient() { CHECK(shared_->calls.empty()); }

void GrpcClient::set_addresses(const ipld::PeerId& peer, const std::vector<ipld::Multiaddr>& addresses) {
  auto targets = grpc_targets(addresses);
  auto& connection = connections_[peer];
  if (!connection) connection = std::make_unique<Connection>(shared_->options, peer);
  if (connection->targets == targets) return;
  std::string current = connection->targets.empty() ? std::string() : connection->targets[connection->at];
  connection->targets = std::move(targets);
  connection->at = 0;
  auto same = std::ranges::find(connection->targets, current);
  if (same != connection->targets.end()) {
    connection->at = static_cast<size_t>(same - connection->targets.begin());
    return;
  }
  connection->stub.reset();
  connection->channel.reset();
  if (!connection->targets.empty()) connection->connect();
}

void GrpcClient::retry_now(const ipld::PeerId& peer) {
  if (auto* connection = connection_to(peer))
    grpc::experimental::ChannelResetConnectionBackoff(connection->channel.get());
}

GrpcClient::Connection* GrpcClient::connection_to(const ipld::PeerId& peer) {
  auto it = connections_.find(peer);
  return it == connections_.end() || !it->second->stub ? nullptr : it->second.get();
}

Task<Bytes> GrpcClient::call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) {
  auto shared = shared_;
  if (shared->stopped) co_return fail(ErrorKind::kCancelled, "this peer is stopping");
  auto* connection = connection_to(peer);
  if (connection == nullptr) co_return fail(unreachable(peer));
  auto call = std::make_shared<UnaryCall>(shared->runtime);
  auto left = std::max(deadline - shared->runtime.now(), Duration::zero());
  call->context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::duration_cast<std::chrono::system_clock::duration>(left));
  call->request = to_buffer(std::move(request));
  shared->calls.insert(&call->context);
  connection->stub->UnaryCall(
      &call->context, path_of(method), {}, &call->request, &call->response,
      [shared, call](grpc::Status status) mutable {
        // Nothing is left to gRPC's thread: it may outlive the runtime.
        auto executor = shared->runtime.executor();
        boost::asio::post(executor, [shared = std::move(shared), call = std::move(call), status = std::move(status)] {
          call->status = status;
          call->done = true;
          shared->calls.erase(&call->context);
          shared->changed.notify_all();
          call->changed.notify_all();
        });
      });
  while (!call->done) {
    auto news = co_await call->changed.wait();
    if (news) continue;
    call->context.TryCancel();
    co_return fail(news.error());
  }
  auto result = from_status(call->status, shared->stopped);
  if (!result) {
    if (result.error().kind == ErrorKind::kUnavailable && !shared->stopped) {
      if (auto* now = connection_to(peer)) now->try_next_target();
    }
    co_return fail(result.error());
  }
  auto bytes = from_buffer(call->response);
  if (!bytes) co_return fail(ErrorKind::kInternal, "a message could not be read");
  co_return *std::move(bytes);
}

std::unique_ptr<Stream> GrpcClient::open(const ipld::PeerId& peer, std::string_view method) {
  if (shared_->stopped) return std::make_unique<FailedStream>(Error{ErrorKind::kCancelled, "this peer is stopping"});
  auto* connection = connection_to(peer);
  if (connection == nullptr) return std::make_unique<FailedStream>(unreachable(peer));
  // A call on another address when this one does not answer.
  if (connection->channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) connection->try_next_target();
  auto call = std::make_shared<ClientCall>(shared_);
  call->start(*connection, method);
  return std::make_unique<ClientStream>(std::move(call));
}

boost::asio::awaitable<void> GrpcClient::stop() {
  auto shared = shared_;
  shared->stopped = true;
  for (auto* context : shared->calls) context->TryCancel();
  while (!shared->calls.empty()) (void)co_await shared->changed.wait();
  for (auto& [peer, connection] : connections_) keep_one(connection->channel);
  connections_.clear();
}

}  // namespace ipfsc::rpc
