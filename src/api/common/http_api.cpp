#include "api/common/http_api.h"

#include "api/auth/gate.h"
#include "api/auth/rules.h"
#include "api/common/access_log.h"
#include "api/common/audit.h"
#include "api/common/cors.h"
#include "api/common/line_log.h"
#include "base/check.h"
#include "cluster/records.h"
#include "model/json_writer.h"

namespace ipfsc::api::common {

Result<> check_ready(const cluster::Cluster* cluster) {
  if (cluster == nullptr) return fail(ErrorKind::kUnavailable, "the peer is starting");
  return cluster->ready();
}

Result<std::optional<Bytes>> token_record(const cluster::Records* records, std::string_view name) {
  if (records == nullptr) return fail(ErrorKind::kUnavailable, "the peer is starting");
  TRY_ASSIGN(auto record, records->get(auth::kTokenRecords, name));
  return record ? std::optional<Bytes>(std::move(record->value)) : std::nullopt;
}

bool is_open(std::string_view method, std::string_view path) {
  if (method == "OPTIONS") return true;
  return method == "GET" && (path == "/health" || path == "/livez" || path == "/readyz");
}

Task<> answered() { co_return Result<>{}; }

namespace {

const LogComponent kAudit("audit");

/// nullptr: an open API.
Result<std::shared_ptr<const auth::Users>> users_of(const HttpApiOptions& options) {
  if (!options.has_users()) return nullptr;
  auto users = options.users;
  if (options.credentials) {
    for (const auto& [name, password] : *options.credentials) {
      users.push_back({.name = name, .password = password, .role = "admin", .operations = {}});
    }
  }
  return auth::Users::make(users, options.jwt_secret);
}

struct Logs {
  std::unique_ptr<LineLog> access, audit;
};
Result<Logs> open_logs(const HttpApiOptions& options, const LogComponent& access) {
  Logs logs;
  TRY_ASSIGN(logs.access, LineLog::open("access log", options.access_log_file, access));
  TRY_ASSIGN(logs.audit, LineLog::open("audit log", options.audit_log_file, kAudit));
  return logs;
}

}  // namespace

struct HttpApi::Impl {
  Impl(Runtime& runtime, const HttpApiOptions& options, HttpApiParts parts)
      : runtime(runtime),
        options(options),
        parts(std::move(parts)),
        cors(options.cors),
        gate(runtime, nullptr, options.failed_tries, this->parts.tokens) {}

  /// The chain around every endpoint. Not a coroutine: what it answers itself costs none.
  Task<> handle(net::Request& request, net::Response& response) {
    for (const auto& [name, values] : options.headers) {
      for (const auto& value : values) response.add_header(name, value);
    }
    if (parts.answers_cors && cors.handle(request, response)) return answered();
    if (is_open(request.method(), request.path())) return serve(request, response, operation_of(request));
    auto attempt = attempt_of(request);
    if (auto decision = gate.decide_now(attempt)) return admit(*std::move(decision), request, response);
    return handle_when_decided(attempt, request, response);
  }

  static auth::Attempt attempt_of(const net::Request& request) {
    return {.authorization = request.header("Authorization").value_or(""),
            .certificate = request.certificate_name(),
            .remote = request.remote()};
  }

  Task<> handle_when_decided(auth::Attempt attempt, net::Request& request, net::Response& response) {
    auto decision = co_await gate.decide(attempt);
    co_return co_await admit(std::move(decision), request, response);
  }

  Task<> admit(auth::Decision decision, net::Request& request, net::Response& response) {
    if (!decision) {
      const auto& refusal = decision.error();
      for (const auto& challenge : refusal.challenges) response.add_header("WWW-Authenticate", challenge);
      refuse(request, response, refusal.status, refusal.message, refusal.retry_after);
      return answered();
    }
    auth::attach(request, *std::move(decision));
    auto operation = operation_of(request);
    bool issue = request.method() == "POST" && request.path() == "/token";
    if (auto allowed = auth::authorize(auth::identity_of(request), issue ? auth::Operation::kAny : operation);
        !allowed) {
      refuse(request, response, 403, allowed.error().message);
      return answered();
    }
    if (issue) {
      issue_jwt(request, response);
      return answered();
    }
    return serve(request, response, operation);
  }

  Task<> serve(net::Request& request, net::Response& response, auth::Operation operation) {
    if (request.path() == "/livez" && request.method() == "GET") {
      (void)response.send(200, "{\"status\":\"alive\"}\n", "application/json");
      return answered();
    }
    if (auto ready = parts.ready(); !ready) {
      refuse(request, response, 503, ready.error().message);
      return answered();
    }
    if (is_audited(request, operation)) return audited(request, response);
    return parts.handler(request, response);
  }

  void refuse(net::Request& request, net::Response& response, int status, std::string_view message,
              Duration retry_after = {}) {
    if (retry_after > Duration::zero()) {
      auto seconds = std::chrono::ceil<std::chrono::seconds>(retry_after).count();
      response.set_header("Retry-After", std::to_string(seconds));
    }
    parts.send_error(response, status, message);
    if (is_audited(request, operation_of(request))) audit(request, status, message, runtime.wall_now(), {});
  }

  /// POST /token: as in Go, for whoever has logged in.
  void issue_jwt(net::Request& request, net::Response& response) {
    auto token = gate.make_jwt_for(auth::identity_of(request));
    if (!token) return refuse(request, response, status_of(token.error()), token.error().message);
    std::string body;
    model::JsonObject object(body);
    object.text("token", *token);
    object.end();
    body += '\n';
    (void)response.send(200, body, "application/json");
    if (logs.audit->enabled()) audit(request, 200, {}, runtime.wall_now(), {});
  }

  auth::Operation operation_of(const net::Request& request) const {
    return parts.operation ? parts.operation(request) : auth::operation_by_method(request.method());
  }

  bool is_audited(const net::Request& request, auth::Operation operation) const {
    return is_write(request.method()) && operation != auth::Operation::kRead && logs.audit->enabled();
  }

  void audit(const net::Request& request, int status, std::string_view error, WallTime time, Duration took) {
    logs.audit->write(audit_line(parts.name, request, status, error, time, took));
  }

  /// The line is written however the request ends.
  Task<> audited(net::Request& request, net::Response& response) {
    auto time = runtime.wall_now();
    auto start = runtime.now();
    struct Line {
      ~Line() {
        if (!done) api.audit(request, 0, "the client left before it was answered", time, api.runtime.now() - start);
      }
      Impl& api;
      const net::Request& request;
      WallTime time;
      SteadyTime start;
      bool done = false;
    } line{*this, request, time, start};
    auto result = co_await parts.handler(request, response);
    line.done = true;
    int status = response.started() ? response.status() : result ? 500 : status_of(result.error());
    audit(request, status, result ? std::string_view() : result.error().message, time, runtime.now() - start);
    co_return result;
  }

  void answer_error(const Error& error, int status, net::Response& response) const {
    if (status == 0) {
      status = status_of(error);
      if (status == 500) parts.log.error("{}", error.message);
    }
    parts.send_error(response, status, error.message);
  }

  Runtime& runtime;
  const HttpApiOptions& options;
  const HttpApiParts parts;
  const Cors cors;
  auth::Gate gate;
  Logs logs;
  std::unique_ptr<net::HttpServer> server;
  std::vector<ipld::Multiaddr> no_addresses;
};

HttpApi::HttpApi(Runtime& runtime, const HttpApiOptions& options, HttpApiParts parts)
    : impl_(std::make_unique<Impl>(runtime, options, std::move(parts))) {}
HttpApi::~HttpApi() = default;

Result<> HttpApi::listen() {
  auto* impl = impl_.get();
  CHECK(!impl->server);
  TRY_ASSIGN(auto users, users_of(impl->options));
  impl->gate.set_users(std::move(users));
  TRY_ASSIGN(impl->logs, open_logs(impl->options, impl->parts.access_log));
  net::ServerHooks hooks{.on_error = [impl](const Error& error, int status, net::Response& response) {
    impl->answer_error(error, status, response);
  }};
  hooks.access_log = [impl](const net::AccessRecord& record) {
    if (impl->logs.access->enabled()) impl->logs.access->write(common_log_line(record));
  };
  impl->server = std::make_unique<net::HttpServer>(
      impl->runtime, impl->options.http,
      [impl](net::Request& request, net::Response& response) { return impl->handle(request, response); },
      std::move(hooks));
  for (const auto& address : impl->options.listen) TRY(impl->server->listen(address));
  return {};
}

Result<> HttpApi::reload(const HttpApiOptions& options) {
  TRY_ASSIGN(auto users, users_of(options));
  TRY_ASSIGN(auto logs, open_logs(options, impl_->parts.access_log));
  TRY(impl_->server->set_tls(options.http.tls));
  impl_->server->set_max_connections(options.http.max_connections);
  impl_->gate.set_users(std::move(users));
  impl_->gate.set_limits(options.failed_tries);
  impl_->logs = std::move(logs);
  return {};
}

const std::vector<ipld::Multiaddr>& HttpApi::addresses() const {
  return impl_->server ? impl_->server->addresses() : impl_->no_addresses;
}

boost::asio::awaitable<void> HttpApi::stop(SteadyTime deadline) {
  if (impl_->server) co_await impl_->server->stop(deadline);
  co_await impl_->gate.stop();
}

}  // namespace ipfsc::api::common
