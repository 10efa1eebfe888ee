#include "rpc/grpc/grpc_server.h"

#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <mutex>
#include <set>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>

#include "base/check.h"
#include "base/log.h"
#include "base/notifier.h"
#include "base/run_task.h"
#include "rpc/grpc/bytes.h"
#include "rpc/grpc/credentials.h"
#include "rpc/grpc/targets.h"
#include "rpc/meter.h"

namespace ipfsc::rpc {
namespace {

LogComponent log("rpc");

constexpr size_t kMostUnswept = 64;  // calls that are over, while no new one comes

/// "ipv4:127.0.0.1:9096" → "127.0.0.1:9096"
std::string remote_of(const std::string& peer) {
  auto colon = peer.find(':');
  return colon == std::string::npos ? peer : peer.substr(colon + 1);
}

}  // namespace

struct GrpcServer::Shared {
  Shared(Runtime& rt, RpcOptions o, const Router& r, Gatekeeper g, Meter* m)
      : runtime(rt), options(std::move(o)), router(r), gatekeeper(std::move(g)), meter(m), changed(rt) {}

  Runtime& runtime;
  RpcOptions options;
  const Router& router;
  Gatekeeper gatekeeper;
  Meter* const meter;
  Notifier changed;  // a call has ended
  std::atomic<bool> stopping = false;

  std::vector<std::shared_ptr<ServerCall>> under_way();

  std::mutex mutex;                               // of what follows
  std::set<ServerCall*> calls;                    // on which gRPC works
  std::vector<std::shared_ptr<ServerCall>> over;  // let go of on the I/O thread, where they belong
};

/// One call. gRPC's threads only post; everything else happens on the I/O thread. Lives until it is swept up after
/// OnDone. Waking the I/O thread is what a small call costs most: a unary one does it once, with its request there.
class GrpcServer::ServerCall final : public grpc::ServerGenericBidiReactor,
                                     public Stream,
                                     public std::enable_shared_from_this<ServerCall> {
 public:
  ServerCall(std::shared_ptr<Shared> shared, grpc::GenericCallbackServerContext& context)
      : shared_(std::move(shared)), context_(context), changed_(shared_->runtime) {}

  /// gRPC's thread.
  void begin() {
    self_ = shared_from_this();
    {
      std::lock_guard lock(shared_->mutex);
      shared_->calls.insert(this);
    }
    method_ = shared_->router.find(path());  // of any thread: the table does not change any more
    if (method_ == nullptr || method_->stream) return post([this] { start(); });
    reading_ = reading_first_ = true;
    StartRead(&incoming_);
  }
  static void sweep(Shared& shared) {
    std::vector<std::shared_ptr<ServerCall>> over;
    {
      std::lock_guard lock(shared.mutex);
      over.swap(shared.over);
    }
    if (!over.empty()) shared.changed.notify_all();
  }
  void cancel() {
    {
      std::lock_guard lock(context_mutex_);
      if (!context_gone_) context_.TryCancel();
    }
    cancel_.emit(boost::asio::cancellation_type::all);
  }

  Task<std::optional<Bytes>> read() override {
    CHECK(!reading_);
    if (ended_) co_return std::nullopt;
    if (!std::exchange(reading_first_, false)) {
      reading_ = true;
      StartRead(&incoming_);
    }
    while (reading_) CO_TRY(co_await changed_.wait());
    if (!read_ok_) {
      ended_ = true;
      if (cancelled_) co_return fail(ErrorKind::kCancelled, "the caller has ended the call");
      co_return std::nullopt;
    }
    auto bytes = from_buffer(incoming_);
    incoming_.Clear();
    if (!bytes) co_return fail(ErrorKind::kInvalidArgument, "a message could not be read");
    co_return bytes;
  }

  Task<> write(Bytes message) override {
    CHECK(!writing_);
    if (cancelled_) co_return fail(ErrorKind::kCancelled, "the caller has ended the call");
    writing_ = true;
    outgoing_ = to_buffer(std::move(message));
    StartWrite(&outgoing_);
    while (writing_) CO_TRY(co_await changed_.wait());
    if (!write_ok_) co_return fail(ErrorKind::kCancelled, "the caller has ended the call");
    co_return Result<>{};
  }

  Task<> end_writes() override { co_return Result<>{}; }

 private:
  std::string_view path() const {
    std::string_view path = context_.method();
    if (path.starts_with('/')) path.remove_prefix(1);
    return path;
  }

  void start() {
    sweep(*shared_);
    if (shared_->stopping) return finish(fail(ErrorKind::kUnavailable, "this peer is shutting down"));
    auto caller = caller_of_context();
    if (!caller) return finish(fail(caller.error()));
    if (method_ == nullptr) {
      return finish(fail(ErrorKind::kUnimplemented, fmt::format("this peer does not know the call {}", path())));
    }
    if (auto allowed = shared_->gatekeeper(*caller, method_->access); !allowed) return finish(allowed);
    CallInfo info{.caller = *std::move(caller), .remote = remote_of(context_.peer())};
    spawn_into(
        shared_->runtime.executor(), handle(shared_from_this(), std::string(path()), *method_, std::move(info)),
        [self = shared_from_this()](Result<> result) { self->finish(std::move(result)); }, cancel_.slot());
  }

  static Task<> handle(std::shared_ptr<ServerCall> self, std::string path, const Router::Method& method,
                       CallInfo info) {
    auto* meter = self->shared_->meter;
    if (method.stream) {
      if (meter == nullptr) co_return co_await method.stream(std::move(info), *self);
      MeteredStream counted(*self, path, *meter);
      co_return co_await method.stream(std::move(info), counted);
    }
    CO_TRY_ASSIGN(auto request, co_await self->read());
    if (!request) co_return fail(ErrorKind::kInvalidArgument, "a call without a request");
    if (meter) meter->add_in(path, request->size());
    CO_TRY_ASSIGN(self->answer_, co_await method.unary(std::move(info), *std::move(request)));
    if (meter) meter->add_out(path, self->answer_->size());
    co_return Result<>{};
  }

  /// The handshake has proven that this name is that of the caller's key (credentials.cpp).
  Result<ipld::PeerId> caller_of_context() const {
    auto names = context_.auth_context()->FindPropertyValues("x509_subject_alternative_name");
    if (names.empty()) return fail(ErrorKind::kUnauthenticated, "the caller's certificate has no name");
    return ipld::PeerId::parse({names.front().data(), names.front().size()});
  }

  void finish(Result<> result) {
    if (std::exchange(finished_, true)) return;
    result_ = std::move(result);
    if (!writing_) end();
  }

  void end() {
    if (result_ && answer_ && !cancelled_) {
      outgoing_ = to_buffer(*std::move(answer_));
      ending_ = true;
      StartWriteAndFinish(&outgoing_, {}, grpc::Status::OK);
    } else {
      Finish(to_status(result_));
    }
  }

  void OnReadDone(bool ok) override {
    post([this, ok] {
      reading_ = false;
      read_ok_ = ok;
      if (reading_first_) start();
    });
  }
  void OnWriteDone(bool ok) override {
    if (ending_) return;  // OnDone follows
    post([this, ok] {
      writing_ = false;
      write_ok_ = ok;
      if (finished_) end();
    });
  }
  void OnCancel() override {
    post([this] {
      cancelled_ = true;
      cancel_.emit(boost::asio::cancellation_type::all);
    });
  }
  void OnDone() override {
    {
      std::lock_guard lock(context_mutex_);
      context_gone_ = true;
    }
    incoming_.Clear();  // it may be a while until it is swept up
    outgoing_.Clear();
    bool wake = false;
    auto shared = shared_;
    {
      std::lock_guard lock(shared->mutex);
      shared->calls.erase(this);
      shared->over.push_back(std::move(self_));
      wake = shared->stopping || shared->over.size() == kMostUnswept;
    }
    // It may be gone by now.
    if (wake) boost::asio::post(shared->runtime.executor(), [shared] { sweep(*shared); });
  }

  template <class Step>
  void post(Step step) {
    boost::asio::post(shared_->runtime.executor(), [keep = shared_from_this(), step] {
      step();
      keep->changed_.notify_all();
    });
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<ServerCall> self_;
  grpc::GenericCallbackServerContext& context_;  // gRPC's, until OnDone, which may run beside us
  const Router::Method* method_ = nullptr;       // null: there is none
  std::mutex context_mutex_;
  bool context_gone_ = false;
  grpc::ByteBuffer incoming_, outgoing_;
  std::optional<Bytes> answer_;
  Result<> result_;
  bool reading_ = false, read_ok_ = false, ended_ = false;
  bool reading_first_ = false;  // since begin()
  std::atomic<bool> ending_ = false;
  bool writing_ = false, write_ok_ = false;
  bool cancelled_ = false, finished_ = false;
  boost::asio::cancellation_signal cancel_;
  Notifier changed_;
};

std::vector<std::shared_ptr<GrpcServer::ServerCall>> GrpcServer::Shared::under_way() {
  std::lock_guard lock(mutex);
  auto all = over;
  for (auto* call : calls) all.push_back(call->shared_from_this());
  return all;
}

class GrpcServer::Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    auto call = std::make_shared<ServerCall>(shared_, *context);
    call->begin();
    return call.get();
  }

  std::unique_ptr<grpc::Server> server;

 private:
  std::shared_ptr<Shared> shared_;
};

GrpcServer::GrpcServer(Runtime& runtime, RpcOptions options, const Router& router, Gatekeeper gatekeeper, Meter* meter)
    : shared_(std::make_shared<Shared>(runtime, std::move(options), router, std::move(gatekeeper), meter)) {
  prepare_library();
}

GrpcServer::~GrpcServer() { CHECK(!service_); }

Result<> GrpcServer::start() {
  CHECK(!service_);
  const auto& options = shared_->options;
  auto milliseconds = [](Duration d) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  };
  auto service = std::make_unique<Service>(shared_);
  grpc::ServerBuilder builder;
  auto credentials = server_credentials(options);
  std::vector<int> ports(options.listen.size());
  for (size_t i = 0; i < options.listen.size(); ++i) {
    TRY_ASSIGN(auto target, listen_target(options.listen[i]));
    builder.AddListeningPort(target, credentials, &ports[i]);
  }
  builder.RegisterCallbackGenericService(service.get());
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.SetMaxSendMessageSize(static_cast<int>(options.max_message_bytes));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, static_cast<int>(options.window_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             milliseconds(options.keepalive) / 2);
  service->server = builder.BuildAndStart();
  for (size_t i = 0; i < ports.size(); ++i) {
    if (service->server && ports[i] != 0) continue;
    if (service->server) service->server->Shutdown();
    return fail(ErrorKind::kAlreadyExists, fmt::format("cannot listen on {}: the address is in use or not of this host",
                                                       options.listen[i].to_string()));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    auto tcp = *options.listen[i].tcp();
    TRY_ASSIGN(auto address,
               ipld::Multiaddr::parse(fmt::format("/ip{}/{}/tcp/{}", tcp.ip_version, tcp.host, ports[i])));
    addresses_.push_back(std::move(address));
  }
  service_ = std::move(service);
  return {};
}

Task<> GrpcServer::stop() {
  if (!service_) co_return Result<>{};
  shared_->stopping = true;
  auto grace = std::chrono::system_clock::now() +
               std::chrono::duration_cast<std::chrono::system_clock::duration>(shared_->options.stop_grace);
  // What waits for news of its own ends at once; the rest has the grace.
  for (const auto& call : shared_->under_way()) call->cancel();
  auto shut = co_await run_blocking(shared_->runtime, [this, grace]() -> Result<> {
    service_->server->Shutdown(grace);
    return {};
  });
  for (;;) {
    ServerCall::sweep(*shared_);
    if (shared_->under_way().empty()) break;
    (void)co_await shared_->changed.wait();
  }
  service_.reset();
  co_return shut;
}

}  // namespace ipfsc::rpc
