// Values that options of ipfs-cluster-ctl take, where they are a fixed set.
#pragma once

#include <string_view>
#include <vector>

#include "model/peer_roles.h"
#include "model/status.h"

namespace ipfsc::cmd::ctl {

inline const std::vector<std::string_view> kPinTypes = {"pin", "meta-pin", "clusterdag-pin", "shard-pin", "all"};
inline const std::vector<std::string_view> kEventTypes = {"pin", "unpin", "move", "work", "peer", "record", "cluster"};
inline const std::vector<std::string_view> kRoles(model::kPeerRoles.begin(), model::kPeerRoles.end());
/// The usual ones: any size is taken.
inline const std::vector<std::string_view> kChunkers = {"size-262144", "size-1048576"};
inline const std::vector<std::string_view> kHashes = {"sha2-256", "sha2-512",    "sha3-256",
                                                      "sha3-512", "blake2b-256", "blake2s-256"};

/// What --filter takes of statuses.
inline std::vector<std::string_view> filter_words() {
  auto names = model::status_names();
  std::vector<std::string_view> words(names.begin(), names.end());
  words.insert(words.end(), {"error", "queued"});
  return words;
}

}  // namespace ipfsc::cmd::ctl
