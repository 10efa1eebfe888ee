#include "ipfs/gateway_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ipfsc::ipfs {
namespace {

constexpr int kMaxRedirects = 2;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// "not here" in one of the ways that gateways say it.
bool says_no(int status) { return status == 404 || status == 410 || status == 412; }

/// Points `request` to where `location` says.
Result<> follow(net::ClientRequest& request, std::string_view location) {
  if (location.starts_with('/') && !location.starts_with("//")) {
    request.endpoint.base_path.clear();
    request.target = location;
    return {};
  }
  size_t host = location.find("://");
  if (host == std::string_view::npos) return fail(ErrorKind::kUnavailable, "redirects to no URL");
  size_t path = std::min(location.find('/', host + 3), location.size());
  auto endpoint = net::Endpoint::from_url(location.substr(0, path));
  if (!endpoint) return fail(ErrorKind::kUnavailable, "redirects to no URL");
  request.endpoint = std::move(*endpoint);
  request.target = path < location.size() ? std::string(location.substr(path)) : "/";
  return {};
}

}  // namespace

Result<std::shared_ptr<GatewaySource>> GatewaySource::make(Runtime& runtime, GatewayOptions options) {
  std::vector<net::Endpoint> gateways;
  for (const auto& url : options.urls) {
    auto endpoint = net::Endpoint::from_url(url);
    if (!endpoint) return fail(endpoint.error().with_context(fmt::format("the gateway \"{}\"", url)));
    gateways.push_back(std::move(*endpoint));
  }
  return std::shared_ptr<GatewaySource>(new GatewaySource(runtime, std::move(options), std::move(gateways)));
}

GatewaySource::GatewaySource(Runtime& runtime, GatewayOptions options, std::vector<net::Endpoint> gateways)
    : runtime_(runtime),
      options_(std::move(options)),
      gateways_(std::move(gateways)),
      client_(runtime, {.connect_timeout = options_.connect_timeout, .idle_timeout = options_.idle_timeout}) {}

std::vector<net::Endpoint> GatewaySource::origins(const FetchHints& hints) const {
  std::vector<net::Endpoint> out;
  for (const auto& origin : hints.origins) {
    if (!origin.has("http") && !origin.has("https")) continue;  // libp2p: not for us
    auto endpoint = net::Endpoint::from_multiaddr(origin.without_peer_id());
    if (endpoint && out.size() < options_.max_origins) out.push_back(std::move(*endpoint));
  }
  return out;
}

SourceReach GatewaySource::reach(const FetchHints& hints) const {
  return gateways_.empty() && origins(hints).empty() ? SourceReach::kNowhere : SourceReach::kPublic;
}

Task<Bytes> GatewaySource::fetch(ipld::Cid cid, FetchHints hints, size_t max_bytes) {
  auto endpoints = origins(hints);
  endpoints.insert(endpoints.end(), gateways_.begin(), gateways_.end());
  std::vector<std::string> reasons;
  bool all_said_no = true;
  for (auto& endpoint : endpoints) {
    auto data = co_await ask(endpoint, cid, max_bytes);
    if (data && !co_await verify_arrived(runtime_, cid, *data)) {
      data = fail(ErrorKind::kUnavailable, "sent bytes that are not this block");
    }
    if (data || data.error().kind == ErrorKind::kCancelled) co_return data;
    all_said_no &= data.error().kind == ErrorKind::kNotFound;
    reasons.push_back(fmt::format("{} {}", endpoint.authority(), data.error().message));
  }
  co_return fail(all_said_no ? ErrorKind::kNotFound : ErrorKind::kUnavailable,
                 fmt::format("{}", fmt::join(reasons, ", ")));
}

Task<Bytes> GatewaySource::ask(net::Endpoint endpoint, const ipld::Cid& cid, size_t max_bytes) {
  net::ClientRequest request{.endpoint = std::move(endpoint), .target = "/ipfs/" + cid.to_string() + "?format=raw"};
  request.headers = {{"Accept", "application/vnd.ipld.raw"}};
  for (int redirects = 0;; ++redirects) {
    auto answer = co_await client_.fetch(request, max_bytes);
    if (!answer) co_return fail(answer.error());
    if (answer->status == 200) co_return std::move(answer->body);
    const std::string* location = net::find_header(answer->headers, "Location");
    if (!is_redirect(answer->status) || location == nullptr || redirects == kMaxRedirects) {
      co_return fail(says_no(answer->status) ? ErrorKind::kNotFound : ErrorKind::kUnavailable,
                     fmt::format("answered {}", answer->status));
    }
    request.endpoint.authorization.clear();
    CO_TRY(follow(request, *location));
  }
}

}  // namespace ipfsc::ipfs
