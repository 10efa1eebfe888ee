#include "api/proxy/kubo_headers.h"

#include <algorithm>

#include "base/deadline.h"
#include "base/log.h"

namespace ipfsc::api::proxy {
namespace {

const LogComponent kLog("ipfsproxy");
constexpr size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::string_view kAllowOrigin = "Access-Control-Allow-Origin";

}  // namespace

/// Asks Kubo when what is kept is too old. One asks for all; who has older headers does not wait for it.
Task<> KuboHeaders::renew(std::shared_ptr<Kept> kept, net::ClientRequest request, std::vector<std::string> names) {
  while (kept->asking && !kept->known) CO_TRY(co_await kept->answered.wait());
  if (kept->asking || runtime_.now() < kept->until) co_return Result<>{};
  struct Asking {
    explicit Asking(Kept& kept) : kept(kept) { kept.asking = true; }
    ~Asking() {
      kept.asking = false;
      kept.answered.notify_all();
    }
    Kept& kept;
  } asking(*kept);
  request.endpoint = *options_.kubo;
  auto answer = co_await with_deadline(runtime_, runtime_.now() + options_.extract_headers_timeout, "asking Kubo",
                                       client_.fetch(std::move(request), kMaxAnswerBytes));
  if (!answer) {
    if (answer.error().kind == ErrorKind::kCancelled) co_return fail(answer.error());
    kLog.warn("headers of Kubo are not known: {}", answer.error().message);
    kept->until = runtime_.now() + options_.extract_headers_retry;
    co_return Result<>{};
  }
  kept->headers.clear();
  for (auto& header : answer->headers) {
    bool wanted = std::ranges::any_of(names, [&](const auto& name) { return net::equal_fold(name, header.name); });
    if (wanted) kept->headers.push_back(std::move(header));
  }
  kept->known = true;
  bool for_ever = options_.extract_headers_ttl <= Duration::zero();
  kept->until = for_ever ? SteadyTime::max() : runtime_.now() + options_.extract_headers_ttl;
  co_return Result<>{};
}

std::shared_ptr<KuboHeaders::Kept> KuboHeaders::of_origin(std::string_view origin, std::string_view method) {
  std::pair key{std::string(origin), std::string(method)};
  if (by_origin_.size() >= options_.max_origins && !by_origin_.contains(key)) by_origin_.clear();
  auto& kept = by_origin_[std::move(key)];
  if (!kept) kept = std::make_shared<Kept>(runtime_);
  return kept;
}

Task<bool> KuboHeaders::add_to(const net::Request& request, net::Response& response) {
  auto origin = request.header("Origin").value_or("");
  auto of_page = of_origin(origin, request.method());
  net::ClientRequest preflight{.method = "OPTIONS", .target = std::string(request.raw_path())};
  if (!origin.empty()) preflight.headers.push_back({"Origin", std::string(origin)});
  preflight.headers.push_back({"Access-Control-Request-Method", std::string(request.method())});
  CO_TRY(co_await renew(of_page, std::move(preflight),
                        {std::string(kAllowOrigin), "Vary", "Access-Control-Allow-Credentials"}));
  auto names = options_.extract_headers_extra;
  names.emplace_back("Access-Control-Expose-Headers");
  CO_TRY(co_await renew(extracted_, {.method = "POST", .target = options_.extract_headers_path}, std::move(names)));
  for (const auto* kept : {of_page.get(), extracted_.get()}) {
    for (const auto& header : kept->headers) response.add_header(header.name, header.value);
  }
  bool foreign = request.header("Sec-Fetch-Site") == "cross-site";
  bool may = !of_page->known || net::find_header(of_page->headers, kAllowOrigin) != nullptr;
  co_return origin.empty() ? !foreign : may;
}

}  // namespace ipfsc::api::proxy
