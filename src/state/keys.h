// Keys of the rows. Persistent: docs/formats.md has the table and keys_test.cpp holds the bytes. Inside state/ only.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "state/feed.h"

namespace ipfsc::state {

/// The families, in the order of kFamilyNames.
enum FamilyId : uint8_t {
  kPins,
  kClaims,
  kByPeer,
  kByName,
  kByMeta,
  kByTime,
  kByExpiry,
  kWork,
  kHistory,
  kRemoved,
  kRequests,
  kRecords,
  kMeta,
  kFamilies,
};
inline constexpr const char* kFamilyNames[kFamilies] = {"pins",     "claims",    "by_peer", "by_name", "by_meta",
                                                        "by_time",  "by_expiry", "work",    "history", "removed",
                                                        "requests", "records",   "meta"};

/// A name or metadata text is indexed by this many bytes; the rest is compared in the pin.
inline constexpr size_t kIndexedTextBytes = 256;

/// Text of any bytes that sorts like the text and ends: 00 → 00 FF, end = 00 01.
void append_text(Bytes& out, std::string_view text);
/// The same without the end: what every text with this prefix starts with.
void append_text_prefix(Bytes& out, std::string_view text);
/// Reads one text from the front of `in`; nullopt when it is damaged.
std::optional<std::string> take_text(ByteView& in);

/// Seconds, 5 bytes big-endian; times outside [0, 2^40) are taken as the nearest.
void append_seconds(Bytes& out, int64_t seconds);
int64_t read_seconds(ByteView key);  ///< of a key of at least 5 bytes

namespace key {
Bytes by_peer(PeerNumber peer, ByteView cid);  ///< number as LEB128, so that none is a prefix of another
Bytes by_name(std::string_view name, ByteView cid);
Bytes by_meta(std::string_view name, std::string_view value, ByteView cid);
Bytes by_time(int64_t seconds, ByteView cid);  ///< newest first
Bytes by_expiry(int64_t seconds, ByteView cid);
Bytes claim(ByteView cid, std::string_view owner, std::string_view claim);
Bytes history(Revision revision);
Bytes request(ByteView id);
Bytes request_order(Revision revision);
Bytes record(std::string_view kind, ByteView key);
Bytes peer(PeerNumber number);
Bytes peer_pins(PeerNumber number);
inline constexpr std::string_view kHead = "head";
inline constexpr std::string_view kPeerPrefix = "peer/";
inline constexpr std::string_view kPeerPinsPrefix = "pins/";
inline constexpr std::string_view kRequestOrderPrefix = "o";
}  // namespace key

}  // namespace ipfsc::state
