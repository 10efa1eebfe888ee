// Where logs go, by the variables of Go's logger.
#pragma once

#include <string_view>

#include "base/result.h"

namespace ipfsc {

/// `file`: appended to, and then stderr gets nothing unless it is named; "" = none. `outputs`: stdout, stderr and file,
/// joined by "+". Before anything logs. kInvalidArgument for other names, and for a file that cannot be written.
Result<> set_log_output(std::string_view file, std::string_view outputs);

}  // namespace ipfsc
