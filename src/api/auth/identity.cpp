#include "api/auth/identity.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"

namespace ipfsc::api::auth {
namespace {

using enum Operation;

struct Named {
  std::string_view name;
  Operation operation;
};
constexpr std::array kOperations = {
    Named{"read", kRead},       Named{"pin", kPin},     Named{"unpin", kUnpin},         Named{"add", kAdd},
    Named{"recover", kRecover}, Named{"peers", kPeers}, Named{"movements", kMovements}, Named{"gc", kGc},
    Named{"tokens", kTokens},   Named{"admin", kAdmin}};

struct NamedRole {
  std::string_view name;
  Operations allowed;
};
const std::array<NamedRole, 3>& roles() {
  static const std::array<NamedRole, 3> all = {NamedRole{"admin", Operations::all()},
                                               NamedRole{"pinner", {kRead, kPin, kUnpin, kAdd, kRecover}},
                                               NamedRole{"reader", {kRead}}};
  return all;
}

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& text : list) out += (out.empty() ? "" : ", ") + text;
  return out;
}

}  // namespace

std::string_view operation_name(Operation operation) {
  for (const auto& [name, value] : kOperations) {
    if (value == operation) return name;
  }
  return "any";
}

Operations Operations::all() {
  Operations out;
  for (const auto& [name, operation] : kOperations) out.bits_ |= bit(operation);
  return out;
}

std::vector<std::string> Operations::names() const {
  std::vector<std::string> out;
  for (const auto& [name, operation] : kOperations) {
    if (has(operation)) out.emplace_back(name);
  }
  return out;
}

Result<Rights> parse_rights(std::string_view role, const std::vector<std::string>& operations) {
  if (role.empty() == operations.empty()) {
    return fail(ErrorKind::kInvalidArgument, role.empty()
                                                 ? "give a role (admin, pinner, reader) or a list of operations"
                                                 : "a role and a list of operations exclude each other");
  }
  if (!role.empty()) {
    for (const auto& [name, allowed] : roles()) {
      if (name == role) return Rights{.role = std::string(role), .allowed = allowed};
    }
    return fail(ErrorKind::kInvalidArgument, fmt::format("{} is not a role: admin, pinner or reader", quoted(role)));
  }
  Operations allowed;
  for (const auto& text : operations) {
    bool known = false;
    for (const auto& [name, operation] : kOperations) {
      if (name != text) continue;
      known = true;
      allowed.add({operation});
    }
    if (!known) {
      return fail(ErrorKind::kInvalidArgument,
                  fmt::format("{} is not an operation: there are {}", quoted(text), joined(Operations::all().names())));
    }
  }
  return Rights{.role = {}, .allowed = allowed};
}

std::string describe(const Rights& rights) {
  return rights.role.empty() ? "operations " + joined(rights.allowed.names()) : "role " + rights.role;
}

const IdentityPtr& everybody() {
  static const IdentityPtr identity =
      std::make_shared<const Identity>("", Rights{.role = "admin", .allowed = Operations::all()});
  return identity;
}

void attach(net::Request& request, IdentityPtr identity) {
  request.set_user(identity->user);
  request.set_context(std::move(identity));
}

const Identity& identity_of(const net::Request& request) {
  static const Identity kNobody;
  const auto* attached = dynamic_cast<const Identity*>(request.context());
  return attached ? *attached : kNobody;
}

Result<> authorize(const Identity& identity, Operation operation) {
  if (identity.rights.allowed.has(operation)) return {};
  return fail(ErrorKind::kPermissionDenied,
              fmt::format("forbidden: {} ({}) may not do what needs the operation \"{}\"", identity.user,
                          describe(identity.rights), operation_name(operation)));
}

}  // namespace ipfsc::api::auth
