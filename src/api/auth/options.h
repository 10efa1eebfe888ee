// Who may use an API.
#pragma once

#include <string>
#include <vector>

namespace ipfsc::api::auth {

struct UserOptions {
  std::string name;
  std::string password;                 ///< clear text or a scrypt hash; "" = by client certificate only
  std::string role;                     ///< admin, pinner or reader; or
  std::vector<std::string> operations;  ///< a list of what the user may do
};

}  // namespace ipfsc::api::auth
