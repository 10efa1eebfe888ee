// Values that options of ipfs-cluster-ctl take, where they are a fixed set.
#pragma once

#include <string_view>
#include <vector>

namespace ipfsc::cmd::ctl {

inline const std::vector<std::string_view> kStatuses = {
    "undefined",
    "cluster_error",
    "pin_error",
    "unpin_error",
    "pinned",
    "pinning",
    "unpinning",
    "unpinned",
    "remote",
    "pin_queued",
    "unpin_queued",
    "sharded",
    "unexpectedly_unpinned",
    "error",
    "queued",
};
inline const std::vector<std::string_view> kPinTypes = {"pin", "meta-pin", "clusterdag-pin", "shard-pin", "all"};
inline const std::vector<std::string_view> kEventTypes = {"pin", "unpin", "move", "work", "peer", "record", "cluster"};
inline const std::vector<std::string_view> kRoles = {"auto", "voter", "standby", "agent"};
/// The usual ones; chunkers take sizes too.
inline const std::vector<std::string_view> kChunkers = {"size-262144", "size-1048576", "rabin", "buzhash"};
inline const std::vector<std::string_view> kHashes = {"sha2-256", "sha2-512",    "sha3-256",
                                                      "sha3-512", "blake2b-256", "blake2s-256"};

}  // namespace ipfsc::cmd::ctl
