// Small files as whole texts.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfsc {

/// kNotFound when there is none; kResourceExhausted when it is longer than `limit_bytes`. The message names the path.
Result<std::string> read_file(const std::string& path, size_t limit_bytes);

/// Replaced as a whole: a new file (with `mode`) is synced and renamed over the old one.
Result<> write_file(const std::string& path, std::string_view text, unsigned mode);

}  // namespace ipfsc
