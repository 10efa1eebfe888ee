// A request of the pinning service: its id, its record in the log, and what a listing may ask of it. Pure.
//
// A request is a claim on its CID (owner = pinning_owner(user), claim = id) and a record of the same id, both written
// in one entry. The keys of the records sort by user, then newest first, so that a listing is one scan from where it
// begins. The id says the time, so the key follows from user and id.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/multiaddr.h"
#include "proto/log.pb.h"

namespace ipfsc::cluster {

inline constexpr std::string_view kPinningRecords = "pinning request";
inline constexpr std::string_view kReplacedRecords = "pinning replaced";

/// What a request asks for.
struct PinningPin {
  ipld::Cid cid;
  std::string name;
  std::map<std::string, std::string> meta;
  std::vector<ipld::Multiaddr> origins;
  bool operator==(const PinningPin&) const = default;
};

/// 32 hexadecimal digits: nanoseconds since 1970, and as many random bits.
struct RequestId {
  WallTime created{};
  uint64_t random = 0;

  std::string to_string() const;
  /// nullopt: not of this form, so there is no such request.
  static std::optional<RequestId> parse(std::string_view text);
  bool operator==(const RequestId&) const = default;
};

struct PinningRequest {
  RequestId id;
  PinningPin pin;
  bool operator==(const PinningRequest&) const = default;
};

/// Of the claims of a user's requests. `user` is "" when nobody has to log in: never the REST API's owner.
std::string pinning_owner(std::string_view user);
/// nullopt: not of the pinning service.
std::optional<std::string_view> pinning_user(std::string_view owner);

/// Keys of the records.
Bytes pinning_prefix(std::string_view user);
Bytes pinning_key(std::string_view user, const RequestId& id);
/// Behind all records of the user that are not older than `time`, in front of the others.
Bytes pinning_key_before(std::string_view user, WallTime time);

Bytes encode_pinning(const PinningPin& pin);
/// From a record with this user's prefix. kDataLoss.
Result<PinningRequest> decode_pinning(std::string_view user, ByteView key, ByteView value);

/// When a request is made: unique for each user over all peers, as paging by it needs. `last` is the time that this
/// peer gave last; the peer's number in the log makes the digits below a microsecond.
WallTime request_time(WallTime now, WallTime last, uint64_t peer_number);

enum class NameMatch : uint8_t { kExact, kIExact, kPartial, kIPartial };

struct PinningFilter {
  std::vector<ipld::Cid> cids;  ///< one of them; empty = any
  std::optional<std::string> name;
  NameMatch match = NameMatch::kExact;
  std::map<std::string, std::string> meta;  ///< all of them
  std::optional<WallTime> before, after;    ///< without these moments themselves

  bool matches(const PinningRequest& request) const;
};

}  // namespace ipfsc::cluster
