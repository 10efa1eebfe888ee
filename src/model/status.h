// Status of a pin on a peer, as the REST API prints it (reference: rest-api 5.2 and 5.3).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/multiaddr.h"
#include "ipld/peer_id.h"
#include "model/pin.h"

namespace ipfsc::model {

/// One bit each, Go's numbers: they travel between peers.
enum class TrackerStatus : uint32_t {
  kUndefined = 0,
  kClusterError = 2,
  kPinError = 4,
  kUnpinError = 8,
  kPinned = 16,
  kPinning = 32,
  kUnpinning = 64,
  kUnpinned = 128,
  kRemote = 256,
  kPinQueued = 512,
  kUnpinQueued = 1024,
  kSharded = 2048,
  kUnexpectedlyUnpinned = 4096,
};

/// Number of status bits, bit 0 (never used) included: size of arrays by status_bit().
inline constexpr size_t kStatusBits = 13;
/// Place of a status's bit; `status` is not kUndefined.
size_t status_bit(TrackerStatus status);

/// All names, by status_bit(); the first is "undefined".
std::span<const std::string_view, kStatusBits> status_names();
/// "pin_error", …; "undefined" for what is none of them.
std::string_view to_string(TrackerStatus status);
/// kUndefined for an unknown name.
TrackerStatus status_from(std::string_view name);

/// A set of statuses; empty = all of them, as in Go.
struct StatusSet {
  uint32_t bits = 0;

  constexpr StatusSet() = default;
  constexpr explicit StatusSet(uint32_t b) : bits(b) {}
  constexpr StatusSet(TrackerStatus status) : bits(static_cast<uint32_t>(status)) {}
  constexpr bool all() const { return bits == 0; }
  constexpr bool has(TrackerStatus status) const { return bits == 0 || (bits & static_cast<uint32_t>(status)) != 0; }
  /// Whether every status of this set is in `other` (an empty set is everything).
  constexpr bool within(StatusSet other) const { return other.bits == 0 || (bits != 0 && (bits & ~other.bits) == 0); }
  constexpr StatusSet operator|(StatusSet other) const { return StatusSet(bits | other.bits); }
  bool operator==(const StatusSet&) const = default;
};
constexpr StatusSet operator|(TrackerStatus a, TrackerStatus b) { return StatusSet(a) | StatusSet(b); }

inline constexpr StatusSet kErrorStatuses =
    TrackerStatus::kClusterError | TrackerStatus::kPinError | StatusSet(TrackerStatus::kUnpinError);
inline constexpr StatusSet kQueuedStatuses = TrackerStatus::kPinQueued | TrackerStatus::kUnpinQueued;

/// The `filter` parameter: names, "error" and "queued", separated by commas; spaces and unknown names are ignored. ""
/// and "undefined" are everything. kInvalidArgument ("invalid filter value") when nothing of it is known.
Result<StatusSet> parse_status_filter(std::string_view text);
/// Names separated by commas; "" for everything. parse_status_filter() reads it.
std::string to_string(StatusSet set);

/// What all statuses of one peer have in common, shared between them.
struct PeerFacts {
  ipld::PeerId peer;
  std::string peer_text;
  std::string peername;
  std::string ipfs_peer_id;  ///< text; empty = unknown
  std::vector<ipld::Multiaddr> ipfs_peer_addresses;
  std::string json_head;  ///< the first members of PinInfoShort's JSON, from "peername" to the addresses
};
/// Fills the texts.
std::shared_ptr<const PeerFacts> make_peer_facts(const ipld::PeerId& peer, std::string peername,
                                                 std::string ipfs_peer_id = {},
                                                 std::vector<ipld::Multiaddr> ipfs_peer_addresses = {});

/// How one peer stands to one pin.
struct PinInfoShort {
  std::shared_ptr<const PeerFacts> on;  ///< never null in an answer
  TrackerStatus status = TrackerStatus::kUndefined;
  std::optional<WallTime> timestamp;  ///< last change of phase; without an operation that of the pin
  std::string error;
  uint32_t attempt_count = 0;
  bool priority_pin = false;
  // Beyond Go, printed when set:
  std::string reason;                ///< one sentence: why it is so
  std::optional<WallTime> next_try;  ///< when the next attempt begins
  std::optional<uint64_t> bytes;     ///< fetched or read by the running or last attempt
};

/// The part of a pin that a status repeats.
struct PinSummary {
  ipld::Cid cid;
  std::string name;
  std::vector<ipld::PeerId> allocations;
  std::vector<ipld::Multiaddr> origins;
  std::optional<WallTime> created;
  std::map<std::string, std::string> metadata;
  bool in_pinset = false;  ///< false: the lists are printed as null

  static PinSummary of(const Pin& pin);
  static PinSummary of(Pin&& pin);
  static PinSummary missing(ipld::Cid cid);
};

/// Status on one peer.
struct PinInfo {
  PinSummary pin;
  PinInfoShort at;
};

/// Status on several peers, for `/pins`.
struct GlobalPinInfo {
  PinSummary pin;
  std::vector<PinInfoShort> peers;  ///< ordered by peer_text, one each; add() keeps it so

  static GlobalPinInfo of(PinInfo info);
  void add(PinInfoShort info);
  /// Whether any peer's status is in `set`.
  bool matches(StatusSet set) const;
};

/// One object without a line end, members in Go's order. About 1 µs with one peer.
void append_json(std::string& out, const PinInfoShort& info);
void append_json(std::string& out, const GlobalPinInfo& info);
/// The same as the object of GlobalPinInfo::of(info).
void append_json(std::string& out, const PinInfo& info);

/// One object as append_json() or Go writes it; unknown members are ignored. kInvalidArgument says which member is
/// wrong.
Result<GlobalPinInfo> global_pin_info_from_json(std::string_view text);

}  // namespace ipfsc::model
