// Who asks, and what that user may do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"

namespace ipfsc::api::auth {

/// A class of endpoints. Names (`operation_name`) are part of the configuration and of stored tokens.
enum class Operation : uint8_t {
  kAny,        ///< whoever has said who they are
  kRead,       ///< what changes nothing
  kPin,        ///< pin; change a pin
  kUnpin,      ///< unpin
  kAdd,        ///< upload content
  kRecover,    ///< try again, compare with the IPFS nodes
  kPeers,      ///< who belongs to the cluster, votes, is drained
  kMovements,  ///< rebalance, top up, pause and resume movements
  kGc,         ///< garbage collection
  kTokens,     ///< make, list and revoke tokens
  kAdmin,      ///< all other changes
};
std::string_view operation_name(Operation operation);

/// A set of operations; kAny is always in it.
class Operations {
 public:
  Operations() = default;
  Operations(std::initializer_list<Operation> list) {
    for (auto operation : list) bits_ |= bit(operation);
  }
  static Operations all();
  bool has(Operation operation) const { return operation == Operation::kAny || (bits_ & bit(operation)) != 0; }
  void add(const Operations& other) { bits_ |= other.bits_; }
  bool contains(const Operations& other) const { return (other.bits_ & ~bits_) == 0; }
  std::vector<std::string> names() const;
  bool operator==(const Operations&) const = default;

 private:
  static uint32_t bit(Operation operation) { return 1u << static_cast<unsigned>(operation); }
  uint32_t bits_ = 0;
};

/// What somebody may do: a role (`admin`, `pinner`, `reader`), or a list of operations.
struct Rights {
  std::string role;  ///< "" for a list
  Operations allowed;
  bool operator==(const Rights&) const = default;
};
/// One of both must be given. kInvalidArgument says what is wrong, and what there is.
Result<Rights> parse_rights(std::string_view role, const std::vector<std::string>& operations);
/// "role reader", "operations pin, add".
std::string describe(const Rights& rights);

struct Identity final : net::Request::Context {
  Identity() = default;
  Identity(std::string user, Rights rights, bool by_token = false)
      : user(std::move(user)), rights(std::move(rights)), by_token(by_token) {}

  /// "" = nobody has to say who they are. A token's is "token:<name>", so that it is no user's.
  std::string user;
  Rights rights;
  bool by_token = false;
};
using IdentityPtr = std::shared_ptr<const Identity>;

/// May do everything, and has no name: an API without users.
const IdentityPtr& everybody();

/// Makes the identity known to all that handle the request.
void attach(net::Request& request, IdentityPtr identity);
/// The identity of a request that has come through common::HttpApi: valid until the request is answered. Handlers of
/// every API find the user here, however it proved who it is (password, JWT, token, certificate); never in the
/// Authorization header.
const Identity& identity_of(const net::Request& request);

/// Ok, or kPermissionDenied with a sentence for the user.
Result<> authorize(const Identity& identity, Operation operation);

}  // namespace ipfsc::api::auth
