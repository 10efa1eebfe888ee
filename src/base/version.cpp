#include "base/version.h"

namespace ipfsc {

constexpr Versions kVersions{
    .formats = {.state = 1, .raft = 1, .local = 1, .ipfs = 1}, .apply_version = 3, .protocol = 1, .least_protocol = 1};

}  // namespace ipfsc
