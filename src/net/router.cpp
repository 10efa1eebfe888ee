#include "net/router.h"

#include "base/check.h"

namespace ipfsc::net {

struct Router::Node {
  struct Route {
    std::string pattern;
    Handler handler;
  };
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> variable;  // "{name}"
  std::unique_ptr<Node> rest;      // "{name...}"
  std::string variable_name;       // of this node, when it is one
  std::map<std::string, Route, std::less<>> methods;
};

namespace {

/// Removes and returns the first segment of "/a/b" (which then is "/b", or empty after the last one).
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  auto slash = path.find('/');
  auto segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  return segment;
}

Task<> answer_status(Response& response, int status, std::string_view text) {
  co_return response.send(status, text, text.empty() ? "" : "text/plain; charset=utf-8");
}

Task<> redirect(const Request& request, Response& response, int status, std::string path) {
  if (!request.raw_query().empty()) path += "?" + std::string(request.raw_query());
  response.add_header("Location", path);
  co_return response.send_empty(status);
}

bool is_clean(std::string_view path) {
  if (!path.starts_with('/')) return false;
  for (size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '/') continue;
    auto rest = path.substr(at + 1);
    if (rest.starts_with('/')) return false;
    if (rest.starts_with('.') && (rest == "." || rest == ".." || rest.starts_with("./") || rest.starts_with("../")))
      return false;
  }
  return true;
}

}  // namespace

Router::Router(RouterOptions options) : options_(options), root_(std::make_unique<Node>()) {
  not_found_ = [](Request&, Response& response) { return answer_status(response, 404, "not found\n"); };
  method_not_allowed_ = [](Request&, Response& response) { return answer_status(response, 405, ""); };
}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::set_not_found(Handler handler) { not_found_ = std::move(handler); }
void Router::set_method_not_allowed(Handler handler) { method_not_allowed_ = std::move(handler); }

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  CHECK(pattern.starts_with('/'));
  std::string whole(pattern);
  Node* node = root_.get();
  while (!pattern.empty()) {
    auto segment = take_segment(pattern);
    std::unique_ptr<Node>* next;
    std::string name;
    if (segment.starts_with('{') && segment.ends_with("...}")) {
      CHECK(pattern.empty());
      name = segment.substr(1, segment.size() - 5);
      next = &node->rest;
    } else if (segment.starts_with('{')) {
      CHECK(segment.ends_with('}'));
      name = segment.substr(1, segment.size() - 2);
      next = &node->variable;
    } else {
      next = &node->literals[std::string(segment)];
    }
    if (!*next) {
      *next = std::make_unique<Node>();
      (*next)->variable_name = name;
    }
    CHECK((*next)->variable_name == name);
    node = next->get();
  }
  CHECK(node->methods.emplace(method, Node::Route{std::move(whole), std::move(handler)}).second);
}

const Router::Node* Router::match(std::string_view path,
                                  std::vector<std::pair<std::string_view, std::string_view>>& variables) const {
  // Depth-first with the literal first; the depth is that of the longest pattern.
  auto walk = [&](auto& self, const Node& node, std::string_view left) -> const Node* {
    if (left.empty()) return node.methods.empty() ? nullptr : &node;
    auto rest = left;
    auto segment = take_segment(rest);
    if (auto it = node.literals.find(segment); it != node.literals.end()) {
      if (auto found = self(self, *it->second, rest)) return found;
    }
    if (node.variable && !segment.empty()) {
      variables.emplace_back(node.variable->variable_name, segment);
      if (auto found = self(self, *node.variable, rest)) return found;
      variables.pop_back();
    }
    if (node.rest) {
      variables.emplace_back(node.rest->variable_name, left.substr(1));
      return node.rest.get();
    }
    return nullptr;
  };
  return path.starts_with('/') ? walk(walk, *root_, path) : nullptr;
}

Task<> Router::operator()(Request& request, Response& response) const {
  const std::string& path = request.path();
  if (options_.redirect_trailing_slash && path.size() > 1 && path.ends_with('/')) {
    // Of "//" only one slash goes; what is left is cleaned by the next request. "//host" must not become another host.
    auto target = percent_encode_path(path);
    while (target.starts_with("//")) target.erase(0, 1);
    if (target.size() > 1) target.pop_back();
    return redirect(request, response, 307, std::move(target));
  }
  if (options_.clean_paths && path.starts_with('/') && !is_clean(path)) {
    return redirect(request, response, 301, percent_encode_path(clean_path(path)));
  }
  std::vector<std::pair<std::string_view, std::string_view>> variables;
  const Node* node = match(path, variables);
  if (!node) return not_found_(request, response);
  auto it = node->methods.find(request.method());
  if (it == node->methods.end() && options_.head_as_get && request.method() == "HEAD") it = node->methods.find("GET");
  if (it == node->methods.end()) {
    std::string allow;
    for (const auto& [method, route] : node->methods) allow += (allow.empty() ? "" : ", ") + method;
    response.add_header("Allow", allow);
    return method_not_allowed_(request, response);
  }
  for (auto& [name, value] : variables) request.set_variable(name, std::string(value));
  return it->second.handler(request, response);
}

std::string_view Router::pattern_of(std::string_view method, std::string_view path) const {
  std::vector<std::pair<std::string_view, std::string_view>> variables;
  const Node* node = match(path, variables);
  if (!node) return {};
  auto it = node->methods.find(method);
  if (it == node->methods.end() && options_.head_as_get && method == "HEAD") it = node->methods.find("GET");
  return it == node->methods.end() ? std::string_view{} : it->second.pattern;
}

std::vector<std::string> Router::routes() const {
  std::vector<std::string> out;
  auto walk = [&out](auto& self, const Node& node) -> void {
    for (const auto& [method, route] : node.methods) out.push_back(method + " " + route.pattern);
    for (const auto& [name, child] : node.literals) self(self, *child);
    if (node.variable) self(self, *node.variable);
    if (node.rest) self(self, *node.rest);
  };
  walk(walk, *root_);
  return out;
}

}  // namespace ipfsc::net
