// HTTP requests for command line programs: blocking, one at a time, over libcurl.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "ipld/multiaddr.h"

namespace ipfsc::client {

/// Where a request's body comes from. Read once, front to end.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Fills `buffer` from its front as far as it can without another turn, and returns how much; 0 = the end. Blocks.
  virtual Result<size_t> read(char* buffer, size_t size) = 0;

  /// A piece of a file, open until the next call.
  struct FilePart {
    int file = -1;
    off_t offset = 0;
    size_t size = 0;
  };
  /// The next bytes when they are many and in a file, so that the kernel can send them; they count as read. nullopt:
  /// read() has the next ones.
  virtual std::optional<FilePart> next_file_part() { return std::nullopt; }
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;          ///< http:// or https://
  std::string unix_socket;  ///< path; then the host of `url` is only a name
  std::vector<std::pair<std::string, std::string>> headers;
  BodySource* body = nullptr;  ///< sent chunked; null = no body
  std::string user, password;  ///< basic authentication when not empty
  bool verify_certificate = true;
  std::string client_certificate, client_key;  ///< PEM files, both or none
  bool follow_redirects = false;
  Duration timeout{0};  ///< of the whole request; 0 = none
  Duration connect_timeout = std::chrono::seconds(30);
};

struct HttpAnswer {
  int status = 0;  ///< 0 = none came
  /// Names in lower case. Trailers stand at the end.
  std::vector<std::pair<std::string, std::string>> headers;

  std::optional<std::string_view> header(std::string_view name) const;
};

/// Keeps connections between requests. Use it from one thread.
class HttpSession {
 public:
  struct Options {
    size_t upload_buffer_bytes = 512 * 1024;  ///< read from the body source at once
    size_t download_buffer_bytes = 256 * 1024;
    const std::atomic<bool>* cancelled = nullptr;  ///< looked at several times a second; must outlive the session
    bool log_traffic = false;                      ///< to the log "client" at debug level
  };
  HttpSession();
  explicit HttpSession(Options options);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  /// Gets pieces of the answer's body as they come; `so_far` has the status and headers. An error stops the request.
  using OnData = std::function<Result<>(const HttpAnswer& so_far, std::string_view piece)>;

  /// Any status is an answer. Errors: kUnavailable when no (whole) answer came, kDeadlineExceeded, kCancelled, or what
  /// the body source or `on_data` gave.
  Result<HttpAnswer> run(const HttpRequest& request, const OnData& on_data);
  /// A small answer as a whole; kResourceExhausted above `limit_bytes`.
  Result<std::pair<HttpAnswer, std::string>> get(const HttpRequest& request, size_t limit_bytes);

  /// Whether the last request's body source was asked for anything: then the request cannot be repeated elsewhere.
  bool body_was_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A text in memory.
class TextSource : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(char* buffer, size_t size) override {
    size_t count = text_.copy(buffer, size, at_);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

/// The body of a GET, to be read as it comes; at most about 1 MiB waits in memory.
class UrlSource : public BodySource {
 public:
  UrlSource(std::string url, const std::atomic<bool>* cancelled);
  ~UrlSource() override;
  Result<size_t> read(char* buffer, size_t size) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// How an HTTP server at a multiaddress is called.
struct Endpoint {
  std::string url;  ///< "http://127.0.0.1:9094", no slash at the end
  std::string unix_socket;
};
/// /ip4 /ip6 /dns* with tcp, or /unix. kUnimplemented in one sentence for libp2p addresses.
Result<Endpoint> endpoint(const ipld::Multiaddr& address, bool https);

/// Percent encoding for a query value or one segment of a path.
std::string url_escape(std::string_view text);
/// "?a=b&c=d", or "" when there is nothing.
std::string query_string(const std::vector<std::pair<std::string, std::string>>& query);

}  // namespace ipfsc::client
