// Parameters of requests (reference: rest-api 6 and 7.2). Pure: text in, values or one sentence out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cluster/add_session.h"
#include "ipld/cid.h"
#include "model/pin.h"
#include "net/http.h"

namespace ipfsc::api::rest {

/// Options of a pin; `now` makes a time of expire-in. kInvalidArgument with Go's message; unlike there nothing is done
/// with the options that were readable, and an unknown mode or peer id is an error too.
Result<model::PinOptions> parse_pin_options(const net::Query& query, WallTime now);

struct AddQuery {
  cluster::AddParams params;
  bool stream = true;  ///< stream-channels
};
Result<AddQuery> parse_add_query(const net::Query& query, WallTime now);

/// Beyond Go: which part of a listing is wanted.
struct Page {
  std::optional<uint64_t> limit;  ///< at least 1
  std::string cursor;
  bool count = false;  ///< only the number of items

  std::optional<std::string> name, name_prefix;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< meta-<key>=<value>
  bool searches() const { return name || name_prefix || !metadata.empty(); }
};
Result<Page> parse_page(const net::Query& query);

/// The bits of `filter` of /allocations (1 << PinType); all when empty. kInvalidArgument when no name in it is known.
Result<uint32_t> parse_type_filter(std::string_view text);

/// `{cid}` of a path or an element of `cids`: "error decoding Cid: …".
Result<ipld::Cid> parse_cid(std::string_view text);
/// Comma-separated; empty elements are left out.
Result<std::vector<ipld::Cid>> parse_cids(std::string_view text);

/// Go's ParseBool forms; false when absent or empty. "parameter <name> invalid".
Result<bool> parse_bool(const net::Query& query, std::string_view name);

}  // namespace ipfsc::api::rest
