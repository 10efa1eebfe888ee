// Parameters of requests (reference: rest-api 6 and 7.2). Pure: text in, values or one sentence out.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cluster/cluster.h"
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
  std::optional<uint64_t> limit;  ///< 1 to kMostItems
  std::string cursor;
  bool count = false;  ///< only the number of items

  std::optional<std::string> name, name_prefix;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< meta-<key>=<value>
  bool searches() const { return name || name_prefix || !metadata.empty(); }
};
inline constexpr uint64_t kMostItems = 1'000'000;   ///< `limit`
inline constexpr size_t kMostSearchBytes = 4096;    ///< of a name or of a metadata filter
inline constexpr size_t kMostMetadataFilters = 16;  ///< in one listing
/// What is beyond these bounds, or contradicts itself, is kInvalidArgument and says which parameter.
Result<Page> parse_page(const net::Query& query);
/// limit, 1 to kMostItems.
Result<std::optional<uint64_t>> parse_limit(const net::Query& query);

/// Of /allocations: page, order, peer and time as one question. `count` and `limit` are in the page.
struct AllocationQuery {
  Page page;
  state::ListQuery list;  ///< `types` too
};
Result<AllocationQuery> parse_allocation_query(const net::Query& query, WallTime now);

/// A time past: RFC 3339, unix seconds, "now", or how long ago it was as a negative Go duration ("-24h"). In whole
/// milliseconds, as the log and the journals have it. The error names the parameter.
/// `or_else` ends the sentence that says what it can be.
Result<WallTime> parse_past(std::string_view name, std::string_view text, WallTime now, std::string_view or_else = {});
/// `at`, when it is given.
Result<std::optional<WallTime>> parse_at(const net::Query& query, WallTime now);
/// `peer`, when it is given: "error decoding Peer ID: …".
Result<std::optional<ipld::PeerId>> parse_peer(const net::Query& query);

/// For endpoints that Go does not have: a parameter that is not among `known` is kInvalidArgument and named.
Result<> only_known(const net::Query& query, std::initializer_list<std::string_view> known);

/// The bits of `filter` of /allocations (1 << PinType); all when empty. kInvalidArgument when no name in it is known.
Result<uint32_t> parse_type_filter(std::string_view text);

/// `{cid}` of a path or an element of `cids`: "error decoding Cid: …".
Result<ipld::Cid> parse_cid(std::string_view text);
/// Comma-separated; empty elements are left out.
Result<std::vector<ipld::Cid>> parse_cids(std::string_view text);

/// Go's ParseBool forms; false when absent or empty. "parameter <name> invalid".
Result<bool> parse_bool(const net::Query& query, std::string_view name);

}  // namespace ipfsc::api::rest
