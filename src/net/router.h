// Router: from method and path to a handler.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"

namespace ipfsc::net {

struct RouterOptions {
  bool clean_paths = true;              ///< "//", "." and ".." segments: 301 to the clean path
  bool redirect_trailing_slash = true;  ///< 307 to the path without it ("/" itself is not redirected)
  bool head_as_get = false;             ///< HEAD runs the GET handler; the body is dropped
};

/// Patterns are "/pins/{cid}" (one segment, not empty) and "/ipfs/{path...}" (the rest, may be empty or contain '/').
/// Literal segments win over variables, whatever the order of add(). Matching is on the decoded path.
/// Immutable while it serves.
class Router {
 public:
  explicit Router(RouterOptions options = {});
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// CHECKs that the pattern is well-formed and not taken.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  /// Unknown path; default: 404 text.
  void set_not_found(Handler handler);
  /// Known path, other method; default: 405 with "Allow", empty.
  void set_method_not_allowed(Handler handler);

  /// The pattern that serves `method` on a decoded path; "" when none does. Valid as long as the router.
  std::string_view pattern_of(std::string_view method, std::string_view path) const;
  /// Every "METHOD pattern".
  std::vector<std::string> routes() const;

  Task<> operator()(Request& request, Response& response) const;

 private:
  struct Node;
  const Node* match(std::string_view path, std::vector<std::pair<std::string_view, std::string_view>>& variables) const;

  RouterOptions options_;
  std::unique_ptr<Node> root_;
  Handler not_found_;
  Handler method_not_allowed_;
};

}  // namespace ipfsc::net
