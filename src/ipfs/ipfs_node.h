// IpfsNode: the seam between a peer and the IPFS node that holds its blocks and pins.
//
// Two real forms: embedded/ (this process keeps the blocks) and kubo/ (a Kubo daemon by its RPC).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/multiaddr.h"

namespace ipfsc::ipfs {

enum class PinKind : uint8_t { kNone = 0, kDirect = 1, kRecursive = 2, kIndirect = 3 };
/// "none", "direct", "recursive", "indirect".
std::string_view to_string(PinKind kind);

/// How far one pin() has come. Counted are the blocks that were looked at, and the bytes that had to be fetched or
/// read.
struct PinProgress {
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  uint64_t fetched_blocks = 0;  ///< of `blocks`: came from another node during this attempt
  std::string current;          ///< for a person: which CID, or which source
  SteadyTime last_progress{};   ///< when `blocks` or `bytes` last grew
};

struct PinRequest {
  ipld::Cid cid;
  bool recursive = true;
  std::string name;
  std::optional<ipld::Cid> update_from;  ///< a pinned DAG that shares most blocks with this one: a hint
  std::vector<ipld::Multiaddr> origins;  ///< where the content may be found: a hint
  /// Called on the I/O thread, at most a few times a second and once at the end. May be empty.
  std::function<void(const PinProgress&)> on_progress;
};

struct PinnedItem {
  ipld::Cid cid;
  PinKind kind = PinKind::kNone;  ///< kDirect or kRecursive
  bool operator==(const PinnedItem&) const = default;
};

/// A pull cursor over a node's own pins. It must not outlive its node.
class PinList {
 public:
  virtual ~PinList() = default;
  /// True when the items come in the order of Cid's operator<=>.
  virtual bool sorted() const = 0;
  /// Appends at most `max` items to `out` and returns how many; 0 = the end. A pin that was there all the time appears
  /// exactly once; one that came or went meanwhile may be missing or present.
  virtual Task<size_t> next(std::vector<PinnedItem>& out, size_t max) = 0;
};

struct WriterOptions {
  /// Bytes that will come, if known: chooses how durability is reached (0 = unknown).
  uint64_t size_hint_bytes = 0;
  /// The caller computed the CIDs from the bytes itself (our importer), so they are not hashed again.
  bool verified = false;
};

/// Takes the blocks of one add. Dropping it unfinished leaves its blocks to the garbage collector. Until it is dropped
/// no block that went through it is collected: pin the root first, then drop it.
class BlockWriter {
 public:
  virtual ~BlockWriter() = default;
  /// Takes a batch (a few MiB at a time is best); it may be written after the call returns, and an error of that comes
  /// from a later put() or from finish(). kInvalidArgument naming the CID when a block does not match it or is too
  /// large; kResourceExhausted when the disk is full. After an error the add has failed: drop the writer.
  virtual Task<> put(std::vector<ipld::Block> blocks) = 0;
  /// All blocks are durable when it returns. No put() afterwards.
  virtual Task<> finish() = 0;
};

struct NodeId {
  std::string id;  ///< peer id text, empty when the node has none
  std::vector<ipld::Multiaddr> addresses;
  std::string agent_version;
};

struct RepoStat {
  uint64_t repo_size_bytes = 0;    ///< on disk
  uint64_t storage_max_bytes = 0;  ///< what the node may use
  uint64_t num_objects = 0;        ///< blocks (an estimate for the embedded node)
  uint64_t disk_free_bytes = 0;    ///< free for this process on the repo's file system; 0 = unknown (Kubo)
  std::string refusing;            ///< why adds and pins are refused now; empty = they are accepted
};

struct GcItem {
  ipld::Cid cid;      ///< the removed block; raw codec where only its multihash is known
  std::string error;  ///< empty = removed
};

struct GcResult {
  uint64_t removed_blocks = 0;
  uint64_t removed_bytes = 0;     ///< sizes of the removed blocks
  uint64_t freed_disk_bytes = 0;  ///< measured on the file system; 0 = unknown (Kubo)
  uint64_t kept_blocks = 0;
};

struct VerifyProgress {
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  uint64_t total_blocks = 0;  ///< an estimate
};

struct CorruptBlock {
  ipld::Cid cid;  ///< raw codec: only the multihash is known
  std::string reason;
};

struct VerifyRequest {
  std::function<void(const VerifyProgress&)> on_progress;  ///< I/O thread; may be empty
  std::function<void(const CorruptBlock&)> on_corrupt;     ///< I/O thread; may be empty
};

struct VerifyResult {
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  uint64_t corrupt = 0;
};

/// I/O thread only. Every call can be cancelled; concurrent calls are allowed. stop() ends background work and must be
/// awaited before the node is destroyed.
class IpfsNode {
 public:
  virtual ~IpfsNode() = default;

  virtual Task<NodeId> id() = 0;

  /// Returns when all blocks are present and the pin is durable. A recursive pin replaces a direct one; a direct pin of
  /// what is pinned recursively changes nothing. kNotFound or kUnavailable with the missing CID and the reason;
  /// kResourceExhausted when the disk is full; kDataLoss when a stored block is corrupt and no source has it.
  virtual Task<> pin(PinRequest request) = 0;
  /// Not pinned = success.
  virtual Task<> unpin(ipld::Cid cid) = 0;
  /// The pin of exactly this CID: kNone, kDirect or kRecursive. `recursive_wanted` tells Kubo which list to look at
  /// first.
  virtual Task<PinKind> pinned(ipld::Cid cid, bool recursive_wanted) = 0;
  virtual std::unique_ptr<PinList> list_pins() = 0;

  virtual Task<std::unique_ptr<BlockWriter>> put_blocks(WriterOptions options) = 0;
  /// A block of this node; nothing is fetched. kNotFound naming the CID, kDataLoss when verify_on_read finds it
  /// corrupt.
  virtual Task<Bytes> get_block(ipld::Cid cid) = 0;
  /// Several at once, in their order; the caller bounds how many.
  virtual Task<std::vector<Result<Bytes>>> get_blocks(std::vector<ipld::Cid> cids);
  /// Whether get_block() would find it.
  virtual Task<bool> has(ipld::Cid cid) = 0;

  virtual Task<RepoStat> stat() = 0;
  /// Removes every block that no pin and no running add or pin needs. `on_item` may be empty; it is called for each
  /// removed block. A second call while one runs is kFailedPrecondition.
  virtual Task<GcResult> gc(std::function<void(const GcItem&)> on_item) = 0;
  /// Re-hashes every stored block. Kubo: kUnimplemented.
  virtual Task<VerifyResult> verify(VerifyRequest request) = 0;

  /// Connects to a libp2p peer (Kubo). The embedded node has no libp2p: kUnimplemented in one sentence.
  virtual Task<> connect(ipld::Multiaddr address) = 0;
  /// Peer id texts of those it is connected to by libp2p, sorted; none on the embedded node.
  virtual Task<std::vector<std::string>> swarm_peers();
  /// "/ipfs/<cid>[/name…]" (the leading "/ipfs/" may be missing) → the CID at its end. kInvalidArgument for a malformed
  /// path, kNotFound naming the segment or the missing CID, kUnimplemented for /ipns on the embedded node.
  virtual Task<ipld::Cid> resolve(std::string path) = 0;

  /// Cancels and awaits what runs in the background, then closes the node. Calls afterwards are kCancelled.
  virtual Task<> stop() = 0;
};

}  // namespace ipfsc::ipfs
