#include "api/common/cors.h"

#include <algorithm>

#include "base/text.h"

namespace ipfsc::api::common {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

bool contains_fold(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::any_of(list, [&](const std::string& entry) { return net::equal_fold(entry, text); });
}

}  // namespace

Cors::Cors(CorsOptions options) : options_(std::move(options)) {
  if (options_.allowed_methods.empty()) options_.allowed_methods = {"GET", "POST", "HEAD"};
  if (options_.allowed_headers.empty()) options_.allowed_headers = {"Accept", "Content-Type", "X-Requested-With"};
  options_.allowed_headers.emplace_back("Origin");
  for (auto& origin : options_.allowed_origins) origin = lower(origin);
  any_origin_ = options_.allowed_origins.empty() || contains_fold(options_.allowed_origins, "*");
  any_header_ = contains_fold(options_.allowed_headers, "*");
  for (const auto& header : options_.exposed_headers) exposed_ += (exposed_.empty() ? "" : ", ") + header;
}

bool Cors::origin_allowed(std::string_view origin) const {
  if (any_origin_) return true;
  auto wanted = lower(origin);
  return std::ranges::any_of(options_.allowed_origins, [&](const std::string& entry) {
    auto star = entry.find('*');
    if (star == std::string::npos) return entry == wanted;
    auto before = std::string_view(entry).substr(0, star), after = std::string_view(entry).substr(star + 1);
    return wanted.size() >= before.size() + after.size() && wanted.starts_with(before) && wanted.ends_with(after);
  });
}

bool Cors::method_allowed(std::string_view method) const {
  return net::equal_fold(method, "OPTIONS") || contains_fold(options_.allowed_methods, method);
}

bool Cors::headers_allowed(std::string_view list) const {
  if (any_header_) return true;
  return std::ranges::all_of(comma_separated(list),
                             [this](auto name) { return contains_fold(options_.allowed_headers, name); });
}

void Cors::add_origin(std::string_view origin, net::Response& response) const {
  response.add_header("Access-Control-Allow-Origin", any_origin_ ? "*" : origin);
}

void Cors::preflight(const net::Request& request, net::Response& response) const {
  response.add_header("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  auto origin = request.header("Origin").value_or("");
  auto method = request.header("Access-Control-Request-Method").value_or("");
  auto headers = request.header("Access-Control-Request-Headers").value_or("");
  if (!origin.empty() && origin_allowed(origin) && method_allowed(method) && headers_allowed(headers)) {
    add_origin(origin, response);
    response.add_header("Access-Control-Allow-Methods", method);
    if (!headers.empty()) response.add_header("Access-Control-Allow-Headers", headers);
    if (options_.allow_credentials) response.add_header("Access-Control-Allow-Credentials", "true");
    if (auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.max_age).count(); seconds > 0) {
      response.add_header("Access-Control-Max-Age", std::to_string(seconds));
    }
  }
  (void)response.send_empty(204);
}

bool Cors::handle(const net::Request& request, net::Response& response) const {
  if (request.method() == "OPTIONS" && !request.header("Access-Control-Request-Method").value_or("").empty()) {
    preflight(request, response);
    return true;
  }
  response.add_header("Vary", "Origin");
  auto origin = request.header("Origin").value_or("");
  if (!origin.empty() && origin_allowed(origin) && method_allowed(request.method())) {
    add_origin(origin, response);
    if (!exposed_.empty()) response.add_header("Access-Control-Expose-Headers", exposed_);
    if (options_.allow_credentials) response.add_header("Access-Control-Allow-Credentials", "true");
  }
  return false;
}

}  // namespace ipfsc::api::common
