// Looking at a specification of log levels without using it.
#pragma once

#include <string_view>

#include "base/result.h"

namespace ipfsc {

/// What set_log_levels() would say of it.
Result<> check_log_levels(std::string_view specification);

}  // namespace ipfsc
