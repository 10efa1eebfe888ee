// The REST API of a peer, for command line programs.
#pragma once

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "client/http.h"
#include "ipld/multiaddr.h"

namespace ipfsc::client {

/// What the API answered with, or why it did not.
struct ApiError {
  int code = 0;  ///< the HTTP status; 0 = no answer
  std::string message;
  bool cancelled = false;
};
template <class T = void>
using Answer = std::expected<T, ApiError>;

struct ClientOptions {
  /// Tried in order: the next one only after a connection could not be made.
  std::vector<ipld::Multiaddr> hosts;
  bool https = false;
  bool verify_certificate = true;
  std::string user, password;
  std::string bearer_token;                    ///< instead of a user
  std::string client_certificate, client_key;  ///< PEM files of HTTPS, both or none
  Duration timeout{0};                         ///< of a whole request; 0 = none
  size_t max_answer_bytes = 256u << 20;        ///< of an answer that is not a stream
  size_t max_object_bytes = 64u << 20;         ///< of one object of a stream
  const std::atomic<bool>* cancelled = nullptr;
  bool log_traffic = false;
};

struct ApiRequest {
  std::string method = "GET";
  std::string path;  ///< escaped, begins with a slash
  std::vector<std::pair<std::string, std::string>> query;
  BodySource* body = nullptr;
  std::string content_type;  ///< of the body
};

class Client {
 public:
  /// kInvalidArgument or kUnimplemented for a host that cannot be used.
  static Result<Client> create(ClientOptions options);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// The JSON of an answer; "" for 202 and 204.
  Answer<std::string> call(const ApiRequest& request);
  /// A newline-delimited stream: one call for each object, as they come, and one of `after_some` when those that came
  /// together are through. Errors in the trailer are a code 500.
  Answer<> stream(const ApiRequest& request, const std::function<Result<>(std::string_view object)>& on_object,
                  const std::function<void()>& after_some = {});

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ipfsc::client
