// JSON text of files and command output, with Boost.JSON's exceptions turned into errors.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/result.h"

namespace ipfsc {

/// One JSON value, at most 64 levels deep and with finite numbers. kInvalidArgument saying line and column of what is
/// wrong.
Result<boost::json::value> parse_json(std::string_view text);

/// Text with one member or element a line; empty objects and arrays stay on theirs; members in the order they have.
/// No newline at the end.
std::string pretty_json(const boost::json::value& value, int indent);

}  // namespace ipfsc
