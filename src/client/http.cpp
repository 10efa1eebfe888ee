#include "client/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "client/curl.h"
#include "client/direct_upload.h"

namespace ipfsc::client {
namespace {

LogComponent log("client");

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

bool is_loopback(std::string_view url) {
  size_t begin = url.find("://");
  std::string_view host = begin == std::string_view::npos ? url : url.substr(begin + 3);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

int log_line(CURL*, curl_infotype type, char* data, size_t size, void*) {
  static constexpr const char* kMarks[] = {"* ", "< ", "> "};
  if (type <= CURLINFO_HEADER_OUT) {
    std::string_view line = trimmed({data, size});
    bool hidden = type == CURLINFO_HEADER_OUT && line.find("Authorization:") != std::string_view::npos;
    log.debug("{}{}", kMarks[type], hidden ? "(a request with credentials)" : line);
  }
  return 0;
}

}  // namespace

void prepare_curl() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  CHECK(ready);
}

std::optional<std::string_view> HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

struct HttpSession::State {
  Options options;
  CURL* easy = nullptr;
  BodySource* body = nullptr;
  const OnData* on_data = nullptr;
  HttpAnswer answer;
  Result<> failure;  // of the body source or of on_data
  bool body_was_read = false;

  bool cancelled() const { return options.cancelled && options.cancelled->load(std::memory_order_relaxed); }

  static size_t on_read(char* buffer, size_t unit, size_t count, void* self) {
    auto* state = static_cast<State*>(self);
    state->body_was_read = true;
    auto n = state->body->read(buffer, unit * count);
    if (n) return *n;
    state->failure = fail(n.error());
    return CURL_READFUNC_ABORT;
  }

  static size_t on_write(char* data, size_t unit, size_t count, void* self) {
    auto* state = static_cast<State*>(self);
    state->failure = (*state->on_data)(state->answer, {data, unit * count});
    return state->failure ? unit * count : 0;
  }

  static size_t on_header(char* data, size_t unit, size_t count, void* self) {
    auto* state = static_cast<State*>(self);
    std::string_view line = trimmed({data, unit * count});
    if (line.starts_with("HTTP/")) {  // the first line of this answer, after those of a redirect or a 100
      state->answer = {};
      if (size_t space = line.find(' '); space != std::string_view::npos) {
        std::from_chars(line.data() + space + 1, line.data() + line.size(), state->answer.status);
      }
    } else if (size_t colon = line.find(':'); colon != std::string_view::npos) {
      state->answer.headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    }
    return unit * count;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<State*>(self)->cancelled() ? 1 : 0;
  }

  void set_method(const HttpRequest& request) {
    if (request.body) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
      curl_easy_setopt(easy, CURLOPT_READDATA, this);
      curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(options.upload_buffer_bytes));
    } else if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "POST") {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    }
    if (request.method != "GET" && request.method != "POST" && request.method != "HEAD") {
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void set_certificates(const HttpRequest& request) {
    if (!request.verify_certificate) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    // Go's clients read these two; libcurl does not.
    if (const char* file = std::getenv("SSL_CERT_FILE"); file && *file) curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    if (const char* folder = std::getenv("SSL_CERT_DIR"); folder && *folder) {
      curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
    }
    if (!request.client_certificate.empty()) {
      curl_easy_setopt(easy, CURLOPT_SSLCERT, request.client_certificate.c_str());
      curl_easy_setopt(easy, CURLOPT_SSLKEY, request.client_key.c_str());
    }
  }

  void set_options(const HttpRequest& request) {
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, static_cast<long>(options.download_buffer_bytes));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_timeout));
    if (request.timeout > Duration(0)) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout));
    if (!request.unix_socket.empty()) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    // Go's clients do not use a proxy for this machine either.
    if (!request.unix_socket.empty() || is_loopback(request.url)) {
      curl_easy_setopt(easy, CURLOPT_PROXY, "");
    } else if (const char* proxy = std::getenv("HTTP_PROXY"); proxy && request.url.starts_with("http://") &&
                                                              !std::getenv("http_proxy") &&
                                                              !std::getenv("REQUEST_METHOD")) {
      // libcurl reads only the lower case one, for the sake of CGI programs; Go's clients read both.
      curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
    }
    if (!request.user.empty()) {
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      curl_easy_setopt(easy, CURLOPT_USERNAME, request.user.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, request.password.c_str());
    }
    set_certificates(request);
    if (request.follow_redirects) {
      curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
      curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
    }
    if (options.cancelled) {
      curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
      curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
      curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
    }
    if (options.log_traffic) {
      curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
      curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, log_line);
    }
    set_method(request);
  }

  static long milliseconds(Duration duration) {
    return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
  }
};

HttpSession::HttpSession() : HttpSession(Options()) {}

HttpSession::HttpSession(Options options) : state_(std::make_unique<State>()) {
  prepare_curl();
  state_->options = options;
  state_->easy = curl_easy_init();
  CHECK(state_->easy != nullptr);
}

HttpSession::~HttpSession() { curl_easy_cleanup(state_->easy); }

bool HttpSession::body_was_read() const { return state_->body_was_read; }

Result<HttpAnswer> HttpSession::run(const HttpRequest& request, const OnData& on_data) {
  State& state = *state_;
  curl_easy_reset(state.easy);  // keeps the connections
  state.answer = {};
  state.failure = {};
  state.body_was_read = false;
  state.body = request.body;
  state.on_data = &on_data;
  if (is_direct_upload(request)) {
    return direct_upload(request, on_data, state.options.cancelled, state.body_was_read);
  }
  state.set_options(request);

  curl_slist* headers = nullptr;
  for (const auto& [name, value] : request.headers) headers = curl_slist_append(headers, (name + ": " + value).c_str());
  if (request.body) {
    headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
    headers = curl_slist_append(headers, "Expect:");  // else a second is lost where nobody answers it
  }
  char reason[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(state.easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(state.easy, CURLOPT_ERRORBUFFER, reason);
  CURLcode code = curl_easy_perform(state.easy);
  curl_easy_setopt(state.easy, CURLOPT_ERRORBUFFER, nullptr);
  curl_slist_free_all(headers);

  if (!state.failure) return fail(state.failure.error());
  if (code == CURLE_OK) return std::move(state.answer);
  std::string message = reason[0] ? reason : curl_easy_strerror(code);
  if (code == CURLE_SSL_CERTPROBLEM) {
    message += fmt::format(" (is {} the key of the certificate {}?)", request.client_key, request.client_certificate);
  }
  if (state.cancelled()) return fail(ErrorKind::kCancelled, "cancelled");
  // A server that refuses an upload closes while we still send: its answer counts.
  if (code == CURLE_SEND_ERROR && state.answer.status >= 400) return std::move(state.answer);
  // Nobody took the connection: another host may.
  curl_off_t connected_us = 0;
  curl_easy_getinfo(state.easy, CURLINFO_CONNECT_TIME_T, &connected_us);
  bool timed_out = code == CURLE_OPERATION_TIMEDOUT && (connected_us > 0 || request.timeout > Duration(0));
  auto kind = timed_out ? ErrorKind::kDeadlineExceeded : ErrorKind::kUnavailable;
  return fail(kind, fmt::format("{} {}: {}", request.method,
                                request.unix_socket.empty() ? request.url : "unix:" + request.unix_socket, message));
}

Result<std::pair<HttpAnswer, std::string>> HttpSession::get(const HttpRequest& request, size_t limit_bytes) {
  std::string body;
  TRY_ASSIGN(auto answer, run(request, [&](const HttpAnswer&, std::string_view piece) -> Result<> {
               if (body.size() + piece.size() > limit_bytes) {
                 return fail(ErrorKind::kResourceExhausted,
                             fmt::format("{}: the answer is longer than {} bytes", request.url, limit_bytes));
               }
               body += piece;
               return {};
             }));
  return std::pair(std::move(answer), std::move(body));
}

Result<Endpoint> endpoint(const ipld::Multiaddr& address, bool https) {
  const char* scheme = https ? "https" : "http";
  auto parts = address.parts();
  if (address.has("p2p") || address.has("dnsaddr")) {
    return fail(ErrorKind::kUnimplemented,
                address.to_string() + ": libp2p endpoints are not offered: use an HTTP or HTTPS address");
  }
  if (auto path = address.unix_path()) return Endpoint{std::string(scheme) + "://localhost", *path};
  if (auto tcp = address.tcp()) {
    return Endpoint{tcp->ip_version == 6 && !tcp->is_dns ? fmt::format("{}://[{}]:{}", scheme, tcp->host, tcp->port)
                                                         : fmt::format("{}://{}:{}", scheme, tcp->host, tcp->port),
                    ""};
  }
  return fail(ErrorKind::kInvalidArgument, address.to_string() + " has neither /tcp nor /unix");
}

std::string url_escape(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kDigits[u >> 4];
      out += kDigits[u & 15];
    }
  }
  return out;
}

std::string query_string(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string out;
  for (const auto& [key, value] : query) {
    out += out.empty() ? '?' : '&';
    out += url_escape(key) + "=" + url_escape(value);
  }
  return out;
}

}  // namespace ipfsc::client
