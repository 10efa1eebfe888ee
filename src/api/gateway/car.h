// CARv1 of what a path names: the blocks on the way, then the DAG, depth first.
#pragma once

#include <array>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/gateway/options.h"
#include "api/gateway/request.h"
#include "base/runtime.h"
#include "ipfs/ipfs_node.h"
#include "net/http_server.h"

namespace ipfsc::api::gateway {

/// I/O thread only. One walk is one answer.
class CarWalk {
 public:
  CarWalk(Runtime& runtime, ipfs::IpfsNode& node, const GatewayOptions& options, const Wanted& wanted)
      : runtime_(runtime), node_(node), options_(options), scope_(wanted.scope), duplicates_(wanted.duplicates) {}

  /// Reads the DAG's root, so that what is missing or cannot be walked is an error before anything is sent.
  Task<> open(ipld::Cid root);
  /// Writes the header, the blocks of `way` and the DAG. An error breaks the answer off.
  Task<> write(const std::vector<ipld::Cid>& way, net::Response& response);

 private:
  /// Codec and half of the digest: enough to tell blocks apart.
  struct Fingerprint {
    uint64_t codec = 0;
    std::array<uint64_t, 2> digest{};
    bool operator==(const Fingerprint&) const = default;
  };
  struct Hash {
    size_t operator()(const Fingerprint& key) const noexcept { return key.digest[0] ^ key.codec; }
  };

  /// The next block of the stack; where raw blocks follow each other, which end a branch, several of them.
  std::vector<ipld::Cid> take_next();
  /// Reads blocks together.
  Task<std::vector<Bytes>> read(const std::vector<ipld::Cid>& cids);
  Task<> write_block(const ipld::Cid& cid, const Bytes& block, net::Response& response);
  /// Puts what follows below a block on the stack.
  Result<> descend(const ipld::Cid& cid, const Bytes& block);
  /// True the first time that a CID is asked about, and always when blocks may come again.
  bool first_time(const ipld::Cid& cid);

  Runtime& runtime_;
  ipfs::IpfsNode& node_;
  const GatewayOptions& options_;
  const DagScope scope_;
  const bool duplicates_;
  ipld::Block root_;
  std::vector<ipld::Cid> pending_;  // a stack
  std::unordered_set<Fingerprint, Hash> seen_;
};

}  // namespace ipfsc::api::gateway
