// BlockSource: where an embedded node gets blocks that it does not hold: other peers of the cluster, HTTP gateways.
#pragma once

#include <string>
#include <vector>

#include "base/runtime.h"
#include "ipld/cid.h"
#include "ipld/multiaddr.h"

namespace ipfsc::ipfs {

/// What is known about where the content may be.
struct FetchHints {
  std::vector<ipld::Multiaddr> origins;  ///< of the pin
  ipld::Cid root;                        ///< the pin that needs the block
};

enum class SourceReach : uint8_t {
  kNowhere,  ///< nothing is configured: it is not asked
  kCluster,  ///< only what the cluster holds
  kPublic,   ///< the public IPFS network, by a gateway, or the pin's own origins
};

/// I/O thread only; fetch() can be cancelled and is called for several blocks at once (the caller bounds how many).
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  /// Stable, for messages: "cluster peers", "gateways".
  virtual std::string name() const = 0;
  /// How far it reaches with these hints, right now.
  virtual SourceReach reach(const FetchHints& hints) const = 0;
  /// The block's bytes, at most max_bytes (more is kResourceExhausted, without reading them). The caller verifies them;
  /// a source that asks several does so itself before it is content with one. kNotFound when nobody asked has it ("not
  /// on any peer"), kUnavailable or kDeadlineExceeded when it could not ask; the message is one clause without the CID,
  /// fit to follow "<name>: ".
  virtual Task<Bytes> fetch(ipld::Cid cid, FetchHints hints, size_t max_bytes) = 0;
};

/// Whether these are the bytes of `cid`; what takes longer than the way to a worker and back is done there.
Task<> verify_arrived(Runtime& runtime, const ipld::Cid& cid, const Bytes& bytes);

}  // namespace ipfsc::ipfs
