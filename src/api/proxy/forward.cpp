#include "api/proxy/forward.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "api/proxy/errors.h"
#include "base/notifier.h"
#include "base/text.h"

namespace ipfsc::api::proxy {
namespace {

/// Of one connection only (RFC 9110 §7.6.1), and the length, which each side says anew.
constexpr std::array<std::string_view, 10> kOfOneConnection = {
    "Connection", "Keep-Alive",        "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE",
    "Trailer",    "Transfer-Encoding", "Upgrade",          "Content-Length"};

/// What the header Connection names is of one connection too.
class HeaderFilter {
 public:
  template <class Fields>
  explicit HeaderFilter(const Fields& fields) {
    for (const auto& field : fields) {
      if (!net::equal_fold(field.name, "Connection")) continue;
      for (auto name : comma_separated(field.value)) named_.push_back(name);
    }
  }
  bool passes(std::string_view name) const {
    auto same = [name](std::string_view other) { return net::equal_fold(name, other); };
    return std::ranges::none_of(kOfOneConnection, same) && std::ranges::none_of(named_, same);
  }

 private:
  std::vector<std::string_view> named_;
};

std::string host_of(std::string_view remote) {
  auto host = remote.substr(0, remote.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

Error unreachable(const Error& error) {
  if (error.kind == ErrorKind::kCancelled) return error;
  return {ErrorKind::kUnavailable, "IPFS cannot be reached (is it running?): " + error.message};
}

}  // namespace

net::Headers Forwarder::headers_for_kubo(const net::Request& request) const {
  net::Headers headers;
  HeaderFilter filter(request.headers());
  std::string forwarded_for;
  for (const auto& field : request.headers()) {
    if (net::equal_fold(field.name, "X-Forwarded-For")) {
      forwarded_for += (forwarded_for.empty() ? "" : ", ") + std::string(field.value);
    } else if (net::equal_fold(field.name, "TE") && field.value.find("trailers") != std::string_view::npos) {
      headers.push_back({"TE", "trailers"});
    } else if (net::equal_fold(field.name, "Expect")) {
      continue;  // answered here
    } else if (net::equal_fold(field.name, "Authorization") && options_.credentials) {
      continue;  // it was for us
    } else if (filter.passes(field.name)) {
      headers.push_back({std::string(field.name), std::string(field.value)});
    }
  }
  if (request.remote() != "@") forwarded_for += (forwarded_for.empty() ? "" : ", ") + host_of(request.remote());
  if (!forwarded_for.empty()) headers.push_back({"X-Forwarded-For", std::move(forwarded_for)});
  return headers;
}

/// Returns only when the client's body breaks off: else how the request ends is for the answer to say.
Task<> Forwarder::upload(net::Request& request, net::ClientExchange& exchange, std::string_view piece) {
  while (!piece.empty() && co_await exchange.write(piece)) {
    CO_TRY_ASSIGN(piece, co_await request.read_some());
  }
  if (piece.empty()) (void)co_await exchange.finish();
  co_return co_await Notifier(runtime_).wait();
}

Task<> Forwarder::ask(net::Request& request, std::string target, Answer answer) {
  using boost::asio::experimental::awaitable_operators::operator||;
  net::ClientRequest to_kubo{.method = std::string(request.method()),
                             .endpoint = *options_.kubo,
                             .target = std::move(target),
                             .headers = headers_for_kubo(request)};
  if (!request.has_body()) {
    auto exchange = co_await client_.request(std::move(to_kubo));
    if (!exchange) co_return fail(unreachable(exchange.error()));
    co_return co_await answer(*exchange);
  }
  to_kubo.streamed = true;
  to_kubo.content_length = request.content_length();
  auto exchange = co_await client_.open(std::move(to_kubo));
  if (!exchange) co_return fail(unreachable(exchange.error()));
  // Before anything of an answer: "100 Continue" must not come in between.
  CO_TRY_ASSIGN(auto first, co_await request.read_some());
  auto answered = [](net::ClientExchange& exchange, Answer& answer) -> Task<> {
    if (auto head = co_await exchange.response(); !head) co_return fail(unreachable(head.error()));
    co_return co_await answer(exchange);
  };
  auto ended = co_await (upload(request, *exchange, first) || answered(*exchange, answer));
  co_return ended.index() == 0 ? std::get<0>(std::move(ended)) : std::get<1>(std::move(ended));
}

Task<> Forwarder::relay(net::ClientExchange& exchange, net::Response& response) {
  HeaderFilter filter(exchange.headers());
  std::vector<std::string> trailers;
  for (const auto& header : exchange.headers()) {
    if (net::equal_fold(header.name, "Trailer")) {
      for (auto name : comma_separated(header.value)) trailers.emplace_back(name);
    } else if (filter.passes(header.name) && !net::equal_fold(header.name, "Date")) {
      response.add_header(header.name, header.value);
    }
  }
  int status = exchange.status();
  if (status == 204 || status == 304) co_return response.send_empty(status);
  std::optional<uint64_t> length;
  if (const auto* text = exchange.header("Content-Length")) {
    uint64_t value = 0;
    auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (ec == std::errc{} && end == text->data() + text->size()) length = value;
  }
  CO_TRY(response.begin({.status = status, .content_length = length, .trailers = std::move(trailers)}));
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await exchange.read_some());
    if (piece.empty()) break;
    CO_TRY(co_await response.write(piece));
  }
  co_return response.end(exchange.trailers());
}

Task<> Forwarder::forward(net::Request& request, net::Response& response) {
  auto outcome = co_await ask(request, std::string(request.target()),
                              [&response](net::ClientExchange& exchange) { return relay(exchange, response); });
  if (outcome || response.started() || outcome.error().kind != ErrorKind::kUnavailable) co_return outcome;
  send_error(response, 502, outcome.error().message);
  co_return Result<>{};
}

}  // namespace ipfsc::api::proxy
