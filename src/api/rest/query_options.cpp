#include "api/rest/query_options.h"

#include <charconv>

#include "base/text.h"

namespace ipfsc::api::rest {
namespace {

constexpr std::string_view kMetadataPrefix = "meta-";
constexpr Duration kShortestLife = std::chrono::seconds(1);

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

template <class Number>
Result<Number> parse_number(std::string_view text, std::string message) {
  Number value{};
  auto digits = text.starts_with('+') && std::is_signed_v<Number> ? text.substr(1) : text;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (ec != std::errc{} || end != digits.data() + digits.size() || digits.empty()) return refuse(std::move(message));
  return value;
}

/// Sets `out` when the parameter is there and not empty.
Result<> parse_int(const net::Query& query, std::string_view name, int& out) {
  auto text = query.value(name);
  if (text.empty()) return {};
  TRY_ASSIGN(out, parse_number<int>(text, fmt::format("parameter {} invalid", name)));
  return {};
}

Result<> parse_expiry(const net::Query& query, WallTime now, model::PinOptions& options) {
  if (auto at = query.value("expire-at"); !at.empty()) {
    if (is_go_zero_time(at)) return {};
    auto time = parse_rfc3339(at);
    if (!time) return fail(time.error().with_context("expire-at cannot be parsed"));
    options.expire_at = *time;
    return {};
  }
  if (auto in = query.value("expire-in"); !in.empty()) {
    auto duration = parse_go_duration(in);
    if (!duration) return fail(duration.error().with_context("expire-in cannot be parsed"));
    if (*duration < kShortestLife) return refuse("expire-in duration too short");
    if (*duration > WallTime::max() - now) return refuse("expire-in cannot be parsed: the duration is too long");
    options.expire_at = now + *duration;
  }
  return {};
}

Result<> parse_origins(std::string_view list, model::PinOptions& options) {
  for (auto text : comma_separated(list)) {
    auto address = ipld::Multiaddr::parse(text);
    if (!address) return fail(address.error().with_context("error decoding multiaddress"));
    // Beyond Go: an HTTP gateway has no peer id.
    if (!address->peer_id() && !address->has("http") && !address->has("https")) {
      return refuse(fmt::format("multiaddress does not contain peer ID: {}", address->to_string()));
    }
    options.origins.push_back(*std::move(address));
  }
  return {};
}

Result<> parse_add_format(const net::Query& query, cluster::AddParams& params) {
  auto layout = query.value("layout");
  if (!layout.empty() && layout != "balanced" && layout != "trickle") return refuse("layout parameter is invalid");
  params.layout = layout;
  auto format = query.value("format");
  if (!format.empty() && format != "unixfs" && format != "car") return refuse("format parameter is invalid");
  params.format = format == "car" ? cluster::AddFormat::kCar : cluster::AddFormat::kUnixFs;
  params.chunker = query.value("chunker");
  if (auto hash = query.value("hash"); !hash.empty()) params.hash = hash;
  TRY(parse_int(query, "cid-version", params.cid_version));
  if (!query.value("raw-leaves").empty()) {
    TRY_ASSIGN(params.raw_leaves, parse_bool(query, "raw-leaves"));
  }
  return {};
}

}  // namespace

Result<bool> parse_bool(const net::Query& query, std::string_view name) {
  auto text = query.value(name);
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"", "0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return refuse(fmt::format("parameter {} invalid", name));
}

Result<model::PinOptions> parse_pin_options(const net::Query& query, WallTime now) {
  model::PinOptions options;
  TRY(parse_int(query, "replication-min", options.replication_factor_min));
  TRY(parse_int(query, "replication-max", options.replication_factor_max));
  if (!query.value("replication").empty()) {
    TRY(parse_int(query, "replication", options.replication_factor_min));
    options.replication_factor_max = options.replication_factor_min;
  }
  options.name = query.value("name");
  if (auto mode = query.value("mode"); mode == "direct") {
    options.mode = model::PinMode::kDirect;
  } else if (!mode.empty() && mode != "recursive") {
    return refuse("parameter mode invalid: recursive or direct");
  }
  if (auto size = query.value("shard-size"); !size.empty()) {
    TRY_ASSIGN(options.shard_size, parse_number<uint64_t>(size, "parameter shard_size is invalid"));
  }
  for (auto text : comma_separated(query.value("user-allocations"))) {
    auto peer = ipld::PeerId::parse(text);
    if (!peer) return fail(peer.error().with_context("error decoding Peer ID"));
    options.user_allocations.push_back(*std::move(peer));
  }
  TRY(parse_expiry(query, now, options));
  for (const auto& [key, value] : query.items) {
    if (key.starts_with(kMetadataPrefix) && key.size() > kMetadataPrefix.size()) {
      options.metadata.emplace(key.substr(kMetadataPrefix.size()), value);
    }
  }
  if (auto update = query.value("pin-update"); !update.empty()) {
    auto cid = ipld::Cid::parse(update);
    if (!cid) return fail(cid.error().with_context("error decoding update option parameter"));
    options.pin_update = *std::move(cid);
  }
  TRY(parse_origins(query.value("origins"), options));
  return options;
}

Result<AddQuery> parse_add_query(const net::Query& query, WallTime now) {
  AddQuery add;
  auto& params = add.params;
  TRY_ASSIGN(params.pin, parse_pin_options(query, now));
  params.pin.pin_update.reset();
  params.pin.mode = model::PinMode::kRecursive;
  TRY(parse_add_format(query, params));
  TRY_ASSIGN(params.wrap_with_directory, parse_bool(query, "wrap-with-directory"));
  TRY_ASSIGN(params.progress, parse_bool(query, "progress"));
  TRY_ASSIGN(params.local, parse_bool(query, "local"));
  TRY_ASSIGN(params.no_pin, parse_bool(query, "no-pin"));
  TRY_ASSIGN(params.shard, parse_bool(query, "shard"));
  TRY_ASSIGN(bool nocopy, parse_bool(query, "nocopy"));
  if (nocopy) return fail(ErrorKind::kUnimplemented, "nocopy is not offered: the blocks are always copied");
  // Only the client walks folders; these are checked all the same.
  TRY(parse_bool(query, "recursive"));
  TRY(parse_bool(query, "hidden"));
  if (!query.value("stream-channels").empty()) {
    TRY_ASSIGN(add.stream, parse_bool(query, "stream-channels"));
  }
  return add;
}

Result<uint32_t> parse_type_filter(std::string_view text) {
  auto names = comma_separated(text);
  if (names.empty()) return ~0u;
  uint32_t types = 0;
  for (auto name : names) {
    if (name == "all") types = ~0u;
    if (auto type = model::pin_type_from(name)) types |= 1u << static_cast<unsigned>(*type);
  }
  if (types == 0) return refuse("invalid filter value");
  return types;
}

Result<ipld::Cid> parse_cid(std::string_view text) {
  auto cid = ipld::Cid::parse(text);
  if (!cid) return fail(cid.error().with_context("error decoding Cid"));
  return cid;
}

Result<std::vector<ipld::Cid>> parse_cids(std::string_view text) {
  std::vector<ipld::Cid> cids;
  for (auto element : comma_separated(text)) {
    TRY_ASSIGN(auto cid, parse_cid(element));
    cids.push_back(std::move(cid));
  }
  return cids;
}

}  // namespace ipfsc::api::rest
