// Parameters of listings: pages, searches, order, times past.
#include <algorithm>
#include <charconv>

#include "api/rest/query_options.h"

namespace ipfsc::api::rest {
namespace {

constexpr std::string_view kMetadataPrefix = "meta-";

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

Result<> check_length(std::string_view name, size_t bytes) {
  if (bytes <= kMostSearchBytes) return {};
  return refuse(fmt::format("parameter {} invalid: it has {} bytes, at most {} can be searched for", name, bytes,
                            kMostSearchBytes));
}

Result<std::optional<std::string>> parse_search(const net::Query& query, std::string_view name) {
  auto text = query.get(name);
  if (!text) return std::nullopt;
  TRY(check_length(name, text->size()));
  return std::string(*text);
}

Result<state::ListQuery::Order> parse_sort(const net::Query& query, const Page& page) {
  using enum state::ListQuery::Order;
  auto text = query.value("sort");
  if (text == "name") return page.name ? kCid : kName;  // of one name that is the same order, and has an index
  if (text == "newest") return kNewest;
  if (text == "cid" && page.name_prefix)
    return refuse("parameter sort invalid: pins with a name-prefix are listed by name or newest");
  if (!text.empty() && text != "cid") return refuse("parameter sort invalid: cid, name or newest");
  return kCid;
}

Result<> check_together(const net::Query& query, const Page& page, const state::ListQuery& list) {
  if (page.count) {
    for (auto name : {"limit", "cursor", "sort"}) {
      if (query.has(name)) return refuse(fmt::format("parameter {} invalid: count counts all", name));
    }
  }
  if (!list.at) return {};
  if (list.order != state::ListQuery::Order::kCid)
    return refuse("parameter sort invalid: a listing of a time past is in the order of CIDs");
  if (page.name_prefix) return refuse("parameter name-prefix invalid: it cannot be combined with at");
  return {};
}

}  // namespace

Result<std::optional<uint64_t>> parse_limit(const net::Query& query) {
  auto text = query.value("limit");
  if (text.empty()) return std::nullopt;
  uint64_t limit = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return refuse("parameter limit invalid");
  if (error != std::errc{} || limit == 0 || limit > kMostItems)
    return refuse(fmt::format("parameter limit invalid: it must be 1 to {}", kMostItems));
  return limit;
}

Result<Page> parse_page(const net::Query& query) {
  Page page;
  TRY_ASSIGN(page.limit, parse_limit(query));
  page.cursor = query.value("cursor");
  TRY_ASSIGN(page.count, parse_bool(query, "count"));
  TRY_ASSIGN(page.name, parse_search(query, "name"));
  TRY_ASSIGN(page.name_prefix, parse_search(query, "name-prefix"));
  for (const auto& [key, value] : query.items) {
    if (!key.starts_with(kMetadataPrefix)) continue;
    if (key.size() == kMetadataPrefix.size()) return refuse("parameter meta- invalid: a key must follow, meta-<key>");
    if (page.metadata.size() == kMostMetadataFilters)
      return refuse(fmt::format("parameter {} invalid: at most {} can be given", key, kMostMetadataFilters));
    TRY(check_length(std::string_view(key).substr(0, 64), key.size() + value.size()));
    page.metadata.emplace_back(key.substr(kMetadataPrefix.size()), value);
  }
  return page;
}

Result<WallTime> parse_past(std::string_view name, std::string_view text, WallTime now, std::string_view or_else) {
  auto bad = [&](std::string_view why) { return refuse(fmt::format("parameter {} invalid: {}", name, why)); };
  auto bad_form = [&] {
    return bad(fmt::format("it must be RFC 3339, unix seconds, now, or how long ago, like -24h{}", or_else));
  };
  WallTime time = now;
  if (text.starts_with('-')) {
    auto ago = parse_go_duration(text);
    if (!ago) return bad_form();
    if (*ago < -(now.time_since_epoch())) return bad("that is before 1970");
    time = now + *ago;
  } else if (!text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    int64_t seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || seconds > INT64_MAX / 1'000'000'000) return bad("the number is too large");
    time = WallTime(std::chrono::seconds(seconds));
  } else if (text != "now") {
    auto parsed = parse_rfc3339(text);
    if (!parsed) return parsed.error().kind == ErrorKind::kOutOfRange ? bad(parsed.error().message) : bad_form();
    time = *parsed;
  }
  if (time > now) return bad(fmt::format("{} is in the future", format_rfc3339(time)));
  return WallTime(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()));
}

Result<std::optional<WallTime>> parse_at(const net::Query& query, WallTime now) {
  auto text = query.get("at");
  if (!text) return std::nullopt;
  return parse_past("at", *text, now);
}

Result<std::optional<ipld::PeerId>> parse_peer(const net::Query& query) {
  auto text = query.get("peer");
  if (!text) return std::nullopt;
  auto peer = ipld::PeerId::parse(*text);
  if (!peer) return fail(peer.error().with_context("error decoding Peer ID"));
  return *std::move(peer);
}

Result<AllocationQuery> parse_allocation_query(const net::Query& query, WallTime now) {
  AllocationQuery out;
  TRY_ASSIGN(out.list.types, parse_type_filter(query.value("filter")));
  TRY_ASSIGN(out.page, parse_page(query));
  TRY_ASSIGN(out.list.order, parse_sort(query, out.page));
  TRY_ASSIGN(out.list.at, parse_at(query, now));
  TRY_ASSIGN(out.list.peer, parse_peer(query));
  TRY(check_together(query, out.page, out.list));
  out.list.name = out.page.name;
  out.list.name_prefix = out.page.name_prefix;
  out.list.metadata = out.page.metadata;
  out.list.cursor = out.page.cursor;
  return out;
}

Result<> only_known(const net::Query& query, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : query.items) {
    if (std::ranges::find(known, key) == known.end()) {
      return refuse(fmt::format("parameter {} is not known here: there are {}", std::string_view(key).substr(0, 64),
                                fmt::join(known, ", ")));
    }
  }
  return {};
}

}  // namespace ipfsc::api::rest
