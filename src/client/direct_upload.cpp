#include "client/direct_upload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "client/answer_parser.h"

namespace ipfsc::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 256 * 1024;   // of the body at once, when it is not sent from a file
constexpr size_t kSendTurnBytes = 8 << 20;  // then the answer is looked at again
constexpr std::string_view kScheme = "http://";

struct Host {
  std::string name;  // without brackets
  std::string port = "80";
};

std::string_view authority_of(std::string_view url) {
  url.remove_prefix(kScheme.size());
  return url.substr(0, url.find('/'));
}

Host host_of(std::string_view url) {
  std::string_view authority = authority_of(url);
  Host host;
  size_t end = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  host.name = authority.substr(0, end);
  if (end < authority.size() && authority[end] == ':') host.port = authority.substr(end + 1);
  if (host.name.starts_with('[')) host.name = host.name.substr(1, host.name.size() - 2);
  return host;
}

/// sendfile() raises SIGPIPE when the server has closed, and takes no flag against it.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &old_mask_);
  }
  ~NoSigpipe() {
    timespec now{};
    if (!was_pending_) ::sigtimedwait(&sigpipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  }

 private:
  sigset_t sigpipe_, old_mask_;
  bool was_pending_;
};

class Exchange {
 public:
  Exchange(const HttpRequest& request, const HttpSession::OnData& on_data, const std::atomic<bool>* cancelled,
           bool& body_was_read)
      : request_(request), on_data_(on_data), cancelled_(cancelled), body_was_read_(body_was_read) {}
  ~Exchange() {
    if (socket_ >= 0) ::close(socket_);
  }

  Result<HttpAnswer> run() {
    TRY(connect());
    waiting_ = head();
    while (!parser_.done()) {
      TRY(wait((sending_ ? POLLOUT : 0) | POLLIN, end_of(request_.timeout)));
      TRY(receive());
      if (parser_.answer().status >= 300) sending_ = false;  // refused: no need to send the rest
      if (sending_ && !parser_.done()) TRY(send());
    }
    return std::move(parser_.answer());
  }

 private:
  std::unexpected<Error> unreachable(int error) const {
    return fail(ErrorKind::kUnavailable,
                fmt::format("{} {}: {}", request_.method,
                            request_.unix_socket.empty() ? request_.url : "unix:" + request_.unix_socket,
                            std::strerror(error)));
  }

  Clock::time_point end_of(Duration timeout) const {
    return timeout > Duration(0) ? started_ + timeout : Clock::time_point::max();
  }

  /// Until the socket can do one of `events`; looks at `cancelled` several times a second.
  Result<> wait(int events, Clock::time_point end) {
    for (;;) {
      if (cancelled_ && cancelled_->load()) return fail(ErrorKind::kCancelled, "cancelled");
      if (Clock::now() >= end)
        return fail(ErrorKind::kDeadlineExceeded, request_.method + " " + request_.url + ": timeout");
      pollfd poll_for{socket_, static_cast<short>(events), 0};
      int n = ::poll(&poll_for, 1, 200);
      if (n > 0) {
        ready_ = poll_for.revents;
        return {};
      }
      if (n < 0 && errno != EINTR) return unreachable(errno);
    }
  }

  Result<> connect() {
    if (!request_.unix_socket.empty()) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      if (request_.unix_socket.size() >= sizeof address.sun_path) return unreachable(ENAMETOOLONG);
      request_.unix_socket.copy(address.sun_path, sizeof address.sun_path - 1);
      return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    Host host = host_of(request_.url);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (int error = ::getaddrinfo(host.name.c_str(), host.port.c_str(), &hints, &found); error != 0) {
      return fail(ErrorKind::kUnavailable, fmt::format("{}: {}", host.name, ::gai_strerror(error)));
    }
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    Result<> last = unreachable(EADDRNOTAVAIL);
    for (const addrinfo* one = found; one && !last; one = one->ai_next) {
      last = connect_to(one->ai_family, one->ai_addr, one->ai_addrlen);
    }
    return last;
  }

  Result<> connect_to(int family, const sockaddr* address, socklen_t size) {
    if (socket_ >= 0) ::close(socket_);
    socket_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return unreachable(errno);
    if (::connect(socket_, address, size) == 0) return {};
    if (errno != EINPROGRESS) return unreachable(errno);
    TRY(wait(POLLOUT, end_of(request_.connect_timeout)));
    int error = 0;
    socklen_t error_size = sizeof error;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &error_size);
    return error == 0 ? Result<>() : Result<>(unreachable(error));
  }

  std::string head() const {
    std::string_view authority = authority_of(request_.url);
    std::string path = request_.url.substr(kScheme.size() + authority.size());
    std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n", request_.method,
                                  path.empty() ? "/" : path, authority);
    for (const auto& [name, value] : request_.headers) out += name + ": " + value + "\r\n";
    if (!request_.user.empty()) {
      out += "Authorization: Basic " + to_base64(request_.user + ":" + request_.password) + "\r\n";
    }
    return out + "Transfer-Encoding: chunked\r\n\r\n";
  }

  Result<> receive() {
    if (!(ready_ & (POLLIN | POLLHUP | POLLERR))) return {};
    buffer_.resize(kReadBytes);
    while (!parser_.done()) {
      ssize_t n = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
      if (n < 0 && parser_.answer().status == 0) return unreachable(errno);
      if (n <= 0) return parser_.end_of_input();
      TRY(parser_.feed(std::string_view(buffer_.data(), static_cast<size_t>(n)), on_data_));
    }
    return {};
  }

  /// As much as the socket takes, in turns.
  Result<> send() {
    for (size_t sent = 0; sent < kSendTurnBytes && sending_;) {
      if (waiting_sent_ == waiting_.size() && part_left_ == 0) TRY(next_piece());
      ssize_t n;
      bool from_file = waiting_sent_ == waiting_.size();
      if (from_file) {
        n = ::sendfile(socket_, part_.file, &part_.offset, part_left_);
      } else {
        n = ::send(socket_, waiting_.data() + waiting_sent_, waiting_.size() - waiting_sent_,
                   MSG_NOSIGNAL | (part_left_ > 0 ? MSG_MORE : 0));
      }
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
      if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        sending_ = false;  // the server has seen enough: what it said may still be there to read
        return {};
      }
      if (n < 0) return unreachable(errno);
      if (from_file && n == 0) return fail(ErrorKind::kDataLoss, "a file became shorter while it was sent");
      sent += static_cast<size_t>(n);
      if (!from_file) {
        waiting_sent_ += static_cast<size_t>(n);
        if (waiting_sent_ == waiting_.size() && part_left_ == 0 && body_ended_) sending_ = false;
        continue;
      }
      part_left_ -= static_cast<size_t>(n);
      if (part_left_ == 0) put("\r\n");  // the chunk's end
    }
    return {};
  }

  void put(std::string text) {
    waiting_ = std::move(text);
    waiting_sent_ = 0;
  }

  /// The next chunk: its head in `waiting_`, its bytes there too or in `part_`.
  Result<> next_piece() {
    body_was_read_ = true;
    if (auto part = request_.body->next_file_part()) {
      part_ = *part;
      part_left_ = part->size;
      put(fmt::format("{:x}\r\n", part->size));
      return {};
    }
    // "<size>\r\n" takes up to 10 bytes in front of the data.
    constexpr size_t kRoom = 10;
    waiting_.resize(kRoom + kReadBytes + 2);
    TRY_ASSIGN(size_t n, request_.body->read(waiting_.data() + kRoom, kReadBytes));
    if (n == 0) {
      body_ended_ = true;
      put("0\r\n\r\n");
      return {};
    }
    std::string size = fmt::format("{:x}\r\n", n);
    waiting_.resize(kRoom + n);
    waiting_ += "\r\n";
    waiting_sent_ = kRoom - size.size();
    size.copy(waiting_.data() + waiting_sent_, size.size());
    return {};
  }

  const HttpRequest& request_;
  const HttpSession::OnData& on_data_;
  const std::atomic<bool>* cancelled_;
  bool& body_was_read_;
  Clock::time_point started_ = Clock::now();
  int socket_ = -1;
  short ready_ = 0;
  AnswerParser parser_;
  std::string buffer_;   // for what is received
  std::string waiting_;  // to be sent before part_
  size_t waiting_sent_ = 0;
  BodySource::FilePart part_;
  size_t part_left_ = 0;
  bool sending_ = true, body_ended_ = false;
};

}  // namespace

bool is_direct_upload(const HttpRequest& request) {
  if (!request.body || !request.url.starts_with(kScheme)) return false;
  if (!request.unix_socket.empty()) return true;
  std::string name = host_of(request.url).name;
  return name.starts_with("127.") || name == "localhost" || name == "::1";
}

Result<HttpAnswer> direct_upload(const HttpRequest& request, const HttpSession::OnData& on_data,
                                 const std::atomic<bool>* cancelled, bool& body_was_read) {
  NoSigpipe guard;
  return Exchange(request, on_data, cancelled, body_was_read).run();
}

}  // namespace ipfsc::client
