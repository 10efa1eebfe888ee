// The OpenAPI 3.1 document of the REST API, made of the routes that it serves.
#pragma once

#include <string>
#include <vector>

#include "api/rest/routes.h"

namespace ipfsc::api::rest {

struct DocumentOptions {
  std::string_view version;
  bool has_users = false;  ///< requests have to say who they are from
};

/// JSON without line ends. Some milliseconds: make it once. CHECKs that what the routes refer to exists.
std::string openapi_document(const std::vector<Route>& routes, const DocumentOptions& options);

}  // namespace ipfsc::api::rest
