// What HTTP servers and clients share: header lists, query strings, percent-encoding, names of statuses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"

namespace ipfsc::net {

/// A header or trailer line.
struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

/// The first value of a header (names compare without case), or nullptr.
const std::string* find_header(const Headers& headers, std::string_view name);

/// Pulls the next bytes of a body; an empty view is its end. The view is valid until the next call.
using ByteSource = std::function<Task<std::string_view>()>;

/// Everything of `source`; kResourceExhausted when it is more than `limit_bytes`.
Task<std::string> read_all(ByteSource source, size_t limit_bytes);

/// ASCII letters compare without case.
bool equal_fold(std::string_view a, std::string_view b);

/// "%41" becomes "A"; with plus_is_space also '+' becomes ' ' (query strings). kInvalidArgument at a broken escape.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// Escapes all but unreserved characters (RFC 3986): fit for a query value or one path segment.
std::string percent_encode(std::string_view text);
/// The same, leaving '/' and what else may stand in a path as it is.
std::string percent_encode_path(std::string_view path);

/// Decoded parameters in the order sent.
class Query {
 public:
  /// Bounded by the size of the request's head. kInvalidArgument at a broken escape, naming the parameter.
  static Result<Query> parse(std::string_view raw);

  /// First value of `key`; nullopt when it is absent.
  std::optional<std::string_view> get(std::string_view key) const;
  /// First value of `key`, "" when it is absent.
  std::string_view value(std::string_view key) const { return get(key).value_or(std::string_view{}); }
  bool has(std::string_view key) const { return get(key).has_value(); }

  std::vector<std::pair<std::string, std::string>> items;
};

/// Appends "key=value" (escaped) to a query under construction, with '&' where needed.
void append_query(std::string& query, std::string_view key, std::string_view value);

/// "Not Found" for 404; "" for a number without a name.
std::string_view status_text(int status);

/// Path cleaned as in RFC 3986 §5.2.4: no "//", "." or ".." segments, begins with '/', keeps a trailing slash.
std::string clean_path(std::string_view path);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(int64_t unix_seconds);

/// Parameters of "form-data; name=\"a\"; filename=\"b\"" style headers: the first token in lower case, then parameters
/// with lower-case names and unquoted values (RFC 2231 "filename*=UTF-8''…" becomes "filename"). kInvalidArgument when
/// malformed.
struct MediaType {
  std::string type;
  std::vector<std::pair<std::string, std::string>> parameters;
  const std::string* parameter(std::string_view name) const;
};
Result<MediaType> parse_media_type(std::string_view text);

/// User and password of "Basic …"; nullopt when it is another scheme or broken.
std::optional<std::pair<std::string, std::string>> parse_basic_auth(std::string_view authorization);
/// "Basic …" for user and password.
std::string basic_auth(std::string_view user, std::string_view password);

}  // namespace ipfsc::net
