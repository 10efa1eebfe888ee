#include "api/auth/rules.h"

namespace ipfsc::api::auth {
namespace {

using enum Operation;

struct Rule {
  std::string_view method, pattern;
  Operation operation;
};

constexpr Rule kRestRules[] = {
    // Reads have no row, but for this one: it tells who has tokens.
    {"GET", "/tokens", kTokens},
    {"POST", "/token", kAny},
    {"POST", "/tokens", kTokens},
    {"DELETE", "/tokens/{name}", kTokens},
    {"POST", "/add", kAdd},
    {"POST", "/pins", kPin},
    {"POST", "/pins/{cid}", kPin},
    {"POST", "/pins/ipfs/{path...}", kPin},
    {"POST", "/pins/ipns/{path...}", kPin},
    {"POST", "/pins/ipld/{path...}", kPin},
    {"DELETE", "/pins", kUnpin},
    {"DELETE", "/pins/{cid}", kUnpin},
    {"DELETE", "/pins/ipfs/{path...}", kUnpin},
    {"DELETE", "/pins/ipns/{path...}", kUnpin},
    {"DELETE", "/pins/ipld/{path...}", kUnpin},
    {"POST", "/pins/recover", kRecover},
    {"POST", "/pins/{cid}/recover", kRecover},
    {"POST", "/pins/sync", kRecover},
    {"POST", "/pins/{cid}/sync", kRecover},
    {"POST", "/peers", kPeers},
    {"DELETE", "/peers/{peer}", kPeers},
    {"POST", "/peers/{peer}/drain", kPeers},
    {"POST", "/peers/{peer}/role", kPeers},
    {"POST", "/peers/{peer}/replace", kPeers},
    {"POST", "/rebalance", kMovements},
    {"POST", "/topup", kMovements},
    {"POST", "/movements/pause", kMovements},
    {"POST", "/movements/resume", kMovements},
    {"POST", "/ipfs/gc", kGc},
    {"POST", "/ipfs/gc/progress", kGc},
};

bool reads(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

const Rule* rule_for(std::string_view method, std::string_view pattern) {
  for (const auto& rule : kRestRules) {
    if (rule.pattern == pattern && rule.method == method) return &rule;
  }
  return nullptr;
}

}  // namespace

Operation rest_operation(std::string_view method, std::string_view pattern) {
  if (pattern.empty()) return kAny;
  if (const auto* rule = rule_for(method, pattern)) return rule->operation;
  return reads(method) ? kRead : kAdmin;
}

bool has_rest_rule(std::string_view method, std::string_view pattern) {
  return reads(method) || rule_for(method, pattern) != nullptr;
}

Operation operation_by_method(std::string_view method) {
  return reads(method) ? kRead : method == "DELETE" ? kUnpin : kPin;
}

}  // namespace ipfsc::api::auth
