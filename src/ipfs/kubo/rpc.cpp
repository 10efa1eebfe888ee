#include "ipfs/kubo/rpc.h"

#include "base/json.h"
#include "net/line_reader.h"
#include "net/multipart.h"

namespace ipfsc::ipfs {
namespace {

constexpr size_t kMaxErrorBytes = 64 * 1024;

ErrorKind kind_of(int status, std::string_view message) {
  if (says_not_pinned(message)) return ErrorKind::kNotFound;
  for (std::string_view missing : {"not found", "no link named", "no such file", "could not resolve"}) {
    if (message.find(missing) != std::string_view::npos) return ErrorKind::kNotFound;
  }
  if (message.find("no space left") != std::string_view::npos) return ErrorKind::kResourceExhausted;
  if (message.find("deadline exceeded") != std::string_view::npos) return ErrorKind::kDeadlineExceeded;
  if (status == 401 || status == 403) return ErrorKind::kPermissionDenied;
  if (status == 400) return ErrorKind::kInvalidArgument;
  if (status == 502 || status == 503 || status == 504) return ErrorKind::kUnavailable;
  return ErrorKind::kUnknown;
}

Error unreachable(std::string_view path, const Error& error) {
  if (error.kind == ErrorKind::kCancelled) return error;
  return {error.kind, fmt::format("IPFS request failed (is it running?) ({}): {}", path, error.message)};
}

}  // namespace

bool says_not_pinned(std::string_view message) {
  return message.ends_with("not pinned") || message.find("not pinned or pinned indirectly") != std::string_view::npos;
}

Error kubo_message_error(std::string_view path, int status, std::string_view message) {
  return {kind_of(status, message), fmt::format("IPFS error ({}). Code: {}. Message: {}", path, status, message)};
}

Error kubo_error(std::string_view path, int status, std::string_view body) {
  if (auto value = parse_json(body); value && value->is_object()) {
    if (const auto* message = value->get_object().if_contains("Message"); message && message->is_string()) {
      return kubo_message_error(path, status, std::string_view(message->get_string()));
    }
  }
  return {kind_of(status, body),
          fmt::format("IPFS request failed (is it running?) ({}). Code {}: {}", path, status, body.substr(0, 500))};
}

KuboRpc::KuboRpc(Runtime& runtime, const KuboOptions& options)
    : runtime_(runtime), options_(options), client_(runtime, {.idle_timeout = options.request_timeout}) {}

net::ClientRequest KuboRpc::request(std::string_view path, const KuboQuery& query, Duration idle_timeout) const {
  net::ClientRequest request;
  request.method = "POST";
  request.endpoint = options_.endpoint;
  request.target = fmt::format("/api/v0/{}", path);
  std::string text;
  for (const auto& [key, value] : query) net::append_query(text, key, value);
  if (!text.empty()) request.target += "?" + text;
  request.idle_timeout = idle_timeout;
  return request;
}

Task<> KuboRpc::check_status(std::string_view path, net::ClientExchange& exchange) {
  if (exchange.status() == 200) co_return Result<>{};
  auto body = co_await exchange.read_all(kMaxErrorBytes);
  co_return std::unexpected(kubo_error(path, exchange.status(), body ? *body : std::string()));
}

Result<> KuboRpc::check_end(std::string_view path, const net::ClientExchange& exchange) {
  // Kubo reports an error after the first object only here.
  const auto* trailer = exchange.trailer("X-Stream-Error");
  if (trailer && !trailer->empty()) return std::unexpected(kubo_message_error(path, exchange.status(), *trailer));
  return {};
}

Task<net::ClientExchange> KuboRpc::open(std::string_view path, const KuboQuery& query, Duration idle_timeout) {
  auto exchange = co_await client_.request(request(path, query, idle_timeout));
  if (!exchange) co_return std::unexpected(unreachable(path, exchange.error()));
  CO_TRY(co_await check_status(path, *exchange));
  co_return std::move(*exchange);
}

Task<Bytes> KuboRpc::call(std::string_view path, KuboQuery query, Duration idle_timeout, size_t limit_bytes) {
  CO_TRY_ASSIGN(auto exchange, co_await open(path, query, idle_timeout));
  auto body = co_await exchange.read_all(limit_bytes > 0 ? limit_bytes : options_.max_answer_bytes);
  if (!body) co_return std::unexpected(unreachable(path, body.error()));
  CO_TRY(check_end(path, exchange));
  co_return std::move(*body);
}

Task<boost::json::object> KuboRpc::call_json(std::string_view path, KuboQuery query, Duration idle_timeout) {
  CO_TRY_ASSIGN(auto body, co_await call(path, std::move(query), idle_timeout));
  auto value = parse_json(body);
  if (!value || !value->is_object()) {
    co_return fail(ErrorKind::kUnavailable, fmt::format("IPFS ({}) answered something that is no JSON object", path));
  }
  co_return value->get_object();
}

Task<> KuboRpc::read_objects(std::string_view path, net::ClientExchange& exchange,
                             std::function<Result<>(const boost::json::object&)> each) {
  net::LineReader lines(exchange.body(), options_.max_answer_bytes);
  while (true) {
    auto line = co_await lines.next();
    if (!line) co_return std::unexpected(unreachable(path, line.error()));
    if (!*line) break;
    auto value = parse_json(**line);
    if (!value || !value->is_object()) {
      co_return fail(ErrorKind::kUnavailable, fmt::format("IPFS ({}) answered a line that is no JSON object", path));
    }
    CO_TRY(each(value->get_object()));
  }
  co_return check_end(path, exchange);
}

Task<> KuboRpc::stream(std::string_view path, KuboQuery query, Duration idle_timeout,
                       std::function<Result<>(const boost::json::object&)> each) {
  CO_TRY_ASSIGN(auto exchange, co_await open(path, query, idle_timeout));
  co_return co_await read_objects(path, exchange, std::move(each));
}

Task<> KuboRpc::upload(std::string_view path, KuboQuery query, std::vector<std::pair<std::string, Bytes>> files,
                       std::function<Result<>(const boost::json::object&)> each) {
  net::MultipartWriter writer(runtime_.random(), runtime_.random());
  auto upload = request(path, query, {});
  upload.headers.push_back({"Content-Type", writer.content_type()});
  size_t size = 0;
  for (const auto& file : files) size += file.second.size() + 512;
  upload.body.reserve(size);
  for (const auto& [name, data] : files) {
    upload.body += writer.part_head("file", name, net::FilePart::Kind::kFile);
    upload.body += data;
  }
  upload.body += writer.closing();
  auto exchange = co_await client_.request(std::move(upload));
  if (!exchange) co_return std::unexpected(unreachable(path, exchange.error()));
  CO_TRY(co_await check_status(path, *exchange));
  co_return co_await read_objects(path, *exchange, std::move(each));
}

}  // namespace ipfsc::ipfs
