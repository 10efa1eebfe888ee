// The page that renders /openapi.json: whole in itself, it loads nothing else.
#pragma once

#include <string_view>

namespace ipfsc::api::rest {

extern const std::string_view kDocsPage;

}  // namespace ipfsc::api::rest
