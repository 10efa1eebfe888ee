// The one place that has the program's version.
#pragma once

#include <string_view>

namespace ipfsc {

/// "<version of Go ipfs-cluster that this stands in for>+cpp.<ours>": what /version, --version and `id` say.
inline constexpr std::string_view kVersion = "1.1.6+cpp.0.1.0";

}  // namespace ipfsc
