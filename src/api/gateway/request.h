// What a request to the gateway asks for, read out of its path, query and headers. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ipfs/path.h"
#include "net/http.h"

namespace ipfsc::api::gateway {

struct ContentPath {
  ipfs::IpfsPath path;
  bool trailing_slash = false;
};

/// "/ipfs/<cid>[/name…]" as sent: each segment is percent-decoded by itself, so a name may hold an escaped slash.
/// kNotFound when it is no path of the gateway, kUnimplemented for /ipns, else kInvalidArgument saying what is wrong.
Result<ContentPath> parse_content_path(std::string_view raw_path);

enum class Format { kContent, kRaw, kCar };
enum class DagScope { kBlock, kEntity, kAll };

struct Wanted {
  Format format = Format::kContent;
  DagScope scope = DagScope::kAll;  ///< of a CAR
  bool duplicates = false;          ///< of a CAR: blocks come as often as they are linked
};

/// The query's format=, else the first of the header Accept that is offered. kInvalidArgument for an unknown format or
/// parameters of CARs that are not offered.
Result<Wanted> parse_wanted(const net::Query& query, std::string_view accept);

struct RangeChoice {
  enum Kind { kWhole, kPart, kUnsatisfiable } kind = kWhole;
  uint64_t offset = 0, length = 0;  ///< of the bytes to send
};

/// RFC 9110 §14: a single range; what is malformed, in another unit, or several ranges gives the whole.
RangeChoice choose_range(std::string_view range_header, uint64_t size_bytes);

/// If-None-Match: whether the list has `etag` (compared weakly) or is "*".
bool etag_listed(std::string_view header, std::string_view etag);

/// "inline; filename=…" or "attachment; …", with the name in ASCII and, where that differs, in UTF-8 (RFC 6266).
std::string content_disposition(bool attachment, std::string_view filename);

}  // namespace ipfsc::api::gateway
