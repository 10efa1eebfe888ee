// Certificates of a server, loaded again when their files change. Internal to net/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "base/result.h"
#include "net/options.h"

namespace ipfsc::net {

/// TLS 1.2 and later, forward secrecy and authenticated encryption only.
class ServerTls {
 public:
  /// kInvalidArgument names the file that cannot be used.
  static Result<std::unique_ptr<ServerTls>> load(TlsFiles files);

  /// For the next connection; those that were made with an earlier one go on.
  boost::asio::ssl::context& context() { return *context_; }

  /// Uses these files from now on. After an error everything is as it was.
  Result<> use(TlsFiles files);
  /// Costs a stat() a file. True: they had changed, and what they hold now is used. After an error what was used before
  /// is used on, and files that are as they were then are not tried again.
  Result<bool> refresh();

 private:
  using Stamps = std::vector<std::vector<int64_t>>;  // of each file: what tells one version from another
  static Stamps stamps(const TlsFiles& files);

  TlsFiles files_;
  Stamps seen_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace ipfsc::net
