#include "client/client.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "client/lines.h"

namespace ipfsc::client {
namespace {

constexpr size_t kMaxErrorBytes = 1 << 20;

/// The message of an error answer: the API's own JSON, or whatever text a proxy in between sent.
ApiError error_of(int status, const std::string& body) {
  boost::json::error_code error;
  auto value = boost::json::parse(body, error);
  if (!error && value.is_object()) {
    const auto& object = value.get_object();
    const auto* code = object.if_contains("code");
    const auto* message = object.if_contains("message");
    if (message && message->is_string()) {
      return {.code = code && code->is_int64() ? static_cast<int>(code->get_int64()) : status,
              .message = std::string(message->get_string())};
    }
  }
  std::string text = body;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) text = fmt::format("HTTP status {} without an explanation", status);
  return {.code = status, .message = std::move(text)};
}

ApiError error_of(const Error& error) {
  return {.code = 0, .message = error.message, .cancelled = error.kind == ErrorKind::kCancelled};
}

}  // namespace

struct Client::State {
  ClientOptions options;
  std::vector<Endpoint> endpoints;
  size_t current = 0;  // the endpoint that answered last
  HttpSession session;

  explicit State(ClientOptions given)
      : options(std::move(given)), session({.cancelled = options.cancelled, .log_traffic = options.log_traffic}) {}

  Result<HttpAnswer> run(const ApiRequest& request, const HttpSession::OnData& on_data) {
    HttpRequest http{.method = request.method,
                     .body = request.body,
                     .user = options.user,
                     .password = options.password,
                     .verify_certificate = options.verify_certificate,
                     .client_certificate = options.client_certificate,
                     .client_key = options.client_key,
                     .timeout = options.timeout};
    if (!request.content_type.empty()) http.headers.emplace_back("Content-Type", request.content_type);
    if (!options.bearer_token.empty()) http.headers.emplace_back("Authorization", "Bearer " + options.bearer_token);
    std::string rest = request.path + query_string(request.query);
    for (size_t tries = 1;; ++tries) {
      const Endpoint& to = endpoints[current];
      http.url = to.url + rest;
      http.unix_socket = to.unix_socket;
      bool any_data = false;
      auto answer = session.run(http, [&](const HttpAnswer& so_far, std::string_view piece) {
        any_data = true;
        return on_data(so_far, piece);
      });
      bool elsewhere = !answer && answer.error().kind == ErrorKind::kUnavailable && !any_data &&
                       !session.body_was_read() && tries < endpoints.size();
      if (!elsewhere) return answer;
      current = (current + 1) % endpoints.size();
    }
  }
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::create(ClientOptions options) {
  if (options.hosts.empty()) return fail(ErrorKind::kInvalidArgument, "no host to talk to");
  auto state = std::make_unique<State>(std::move(options));
  for (const auto& host : state->options.hosts) {
    TRY_ASSIGN(auto to, endpoint(host, state->options.https));
    state->endpoints.push_back(std::move(to));
  }
  return Client(std::move(state));
}

Answer<std::string> Client::call(const ApiRequest& request) {
  std::string body;
  auto answer = state_->run(request, [&](const HttpAnswer&, std::string_view piece) -> Result<> {
    if (body.size() + piece.size() > state_->options.max_answer_bytes) {
      return fail(ErrorKind::kResourceExhausted, "the answer is too long");
    }
    body += piece;
    return {};
  });
  if (!answer) return std::unexpected(error_of(answer.error()));
  if (answer->status >= 300) return std::unexpected(error_of(answer->status, body));
  if (answer->status == 202 || answer->status == 204) body.clear();
  return body;
}

Answer<> Client::stream(const ApiRequest& request, const std::function<Result<>(std::string_view)>& on_object,
                        const std::function<void()>& after_some) {
  std::string error_body;
  LineSplitter lines(state_->options.max_object_bytes);
  auto answer = state_->run(request, [&](const HttpAnswer& so_far, std::string_view piece) -> Result<> {
    if (so_far.status < 300) {
      TRY(lines.feed(piece, on_object));
      if (after_some) after_some();
      return {};
    }
    error_body.append(piece.substr(0, kMaxErrorBytes - std::min(kMaxErrorBytes, error_body.size())));
    return {};
  });
  if (!answer) return std::unexpected(error_of(answer.error()));
  if (answer->status >= 300) return std::unexpected(error_of(answer->status, error_body));
  if (auto done = lines.finish(on_object); !done) return std::unexpected(error_of(done.error()));
  std::string problems;
  for (const auto& [name, value] : answer->headers) {
    if (name == "x-stream-error" && !value.empty()) problems += (problems.empty() ? "" : "; ") + value;
  }
  if (!problems.empty()) return std::unexpected(ApiError{.code = 500, .message = problems});
  return {};
}

}  // namespace ipfsc::client
