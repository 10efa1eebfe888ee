// KuboRpc: calls of Kubo's RPC with its kinds of failure told apart. Source: reference/ipfs-rpc-used.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/runtime.h"
#include "ipfs/kubo/options.h"
#include "net/http_client.h"

namespace ipfsc::ipfs {

/// What an answer that is no success means. `path` is the command ("pin/add").
Error kubo_error(std::string_view path, int status, std::string_view body);
/// The same for a message alone (X-Stream-Error, an "Error" member).
Error kubo_message_error(std::string_view path, int status, std::string_view message);
/// True for the messages by which Kubo says that something is not pinned.
bool says_not_pinned(std::string_view message);

using KuboQuery = std::vector<std::pair<std::string_view, std::string>>;

/// I/O thread only. Messages of errors begin like the Go program's.
class KuboRpc {
 public:
  KuboRpc(Runtime& runtime, const KuboOptions& options);

  /// A whole answer, at most max_answer_bytes (or `limit_bytes`).
  Task<Bytes> call(std::string_view path, KuboQuery query, Duration idle_timeout = {}, size_t limit_bytes = 0);
  /// The same, read as one JSON object.
  Task<boost::json::object> call_json(std::string_view path, KuboQuery query, Duration idle_timeout = {});
  /// An answer of many objects: `each` gets them as they come and may end the call by an error. Success only when the
  /// stream ended properly and its trailer names no error.
  Task<> stream(std::string_view path, KuboQuery query, Duration idle_timeout,
                std::function<Result<>(const boost::json::object&)> each);
  /// Begins a streamed answer to be pulled; finish with check_end().
  Task<net::ClientExchange> open(std::string_view path, const KuboQuery& query, Duration idle_timeout = {});
  static Result<> check_end(std::string_view path, const net::ClientExchange& exchange);
  /// Uploads blocks as a multipart body; the answer's objects go to `each`.
  Task<> upload(std::string_view path, KuboQuery query, std::vector<std::pair<std::string, Bytes>> files,
                std::function<Result<>(const boost::json::object&)> each);

 private:
  net::ClientRequest request(std::string_view path, const KuboQuery& query, Duration idle_timeout) const;
  Task<> check_status(std::string_view path, net::ClientExchange& exchange);
  Task<> read_objects(std::string_view path, net::ClientExchange& exchange,
                      std::function<Result<>(const boost::json::object&)> each);

  Runtime& runtime_;
  const KuboOptions& options_;
  net::HttpClient client_;
};

}  // namespace ipfsc::ipfs
