#include "api/gateway/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace ipfsc::api::gateway {
namespace {

constexpr std::string_view kRawType = "application/vnd.ipld.raw";
constexpr std::string_view kCarType = "application/vnd.ipld.car";

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes what is before the separator off the front, and the separator.
std::string_view take(std::string_view& rest, char separator) {
  auto end = std::min(rest.find(separator), rest.size());
  auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

Error bad(std::string message) { return {ErrorKind::kInvalidArgument, std::move(message)}; }

Result<> set_car(Wanted& wanted, std::string_view version, std::string_view order, std::string_view duplicates) {
  if (!version.empty() && version != "1")
    return fail(bad(fmt::format("CAR version {} is not offered: only 1", quoted(version))));
  if (!order.empty() && order != "dfs" && order != "unk") {
    return fail(bad(fmt::format("CAR order {} is not offered: only dfs", quoted(order))));
  }
  if (!duplicates.empty() && duplicates != "y" && duplicates != "n") {
    return fail(bad(fmt::format("CAR duplicates are \"y\" or \"n\", not {}", quoted(duplicates))));
  }
  wanted.format = Format::kCar;
  wanted.duplicates = duplicates == "y";
  return {};
}

Result<> set_accepted(Wanted& wanted, std::string_view accept) {
  while (!accept.empty()) {
    auto media = net::parse_media_type(trim(take(accept, ',')));
    if (!media || (media->type != kRawType && media->type != kCarType)) continue;
    if (const auto* q = media->parameter("q"); q && q->find_first_not_of("0.") == std::string::npos) continue;
    auto value = [&](std::string_view name) {
      const auto* found = media->parameter(name);
      return found ? std::string_view(*found) : std::string_view{};
    };
    if (media->type == kCarType) return set_car(wanted, value("version"), value("order"), value("dups"));
    wanted.format = Format::kRaw;
    return {};
  }
  return {};
}

std::optional<uint64_t> digits(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : UINT64_MAX;  // too large a number is beyond any end
}

}  // namespace

Result<ContentPath> parse_content_path(std::string_view raw_path) {
  if (raw_path == "/ipns" || raw_path.starts_with("/ipns/")) {
    return fail(ErrorKind::kUnimplemented, "IPNS names are not resolved here: ask for an /ipfs/ path");
  }
  if (raw_path != "/ipfs" && !raw_path.starts_with("/ipfs/")) {
    return fail(ErrorKind::kNotFound, "this gateway serves /ipfs/<cid>[/path] and nothing else");
  }
  auto rest = raw_path.substr(std::min<size_t>(6, raw_path.size()));
  auto first = net::percent_decode(take(rest, '/'));
  if (!first) return fail(first.error().with_context("the path"));
  if (first->empty()) return fail(bad("no CID after /ipfs/"));
  ContentPath out;
  auto cid = ipld::Cid::parse(*first);
  if (!cid) return fail(bad(fmt::format("{} is not a CID: {}", quoted(*first), cid.error().message)));
  out.path.root = *std::move(cid);
  out.trailing_slash = raw_path.ends_with('/');
  while (!rest.empty()) {
    auto raw = take(rest, '/');
    auto segment = net::percent_decode(raw);
    if (!segment) return fail(segment.error().with_context("the path"));
    if (segment->empty() || *segment == ".") continue;
    if (*segment == "..") return fail(bad("\"..\" in the path"));
    if (out.path.segments.size() == ipfs::kMaxPathSegments) {
      return fail(bad(fmt::format("a path of more than {} names", ipfs::kMaxPathSegments)));
    }
    out.path.segments.push_back(*std::move(segment));
  }
  return out;
}

Result<Wanted> parse_wanted(const net::Query& query, std::string_view accept) {
  Wanted wanted;
  auto format = query.value("format");
  if (format == "raw") {
    wanted.format = Format::kRaw;
  } else if (format == "car") {
    TRY(set_car(wanted, query.value("car-version"), query.value("car-order"), query.value("car-dups")));
  } else if (!format.empty()) {
    return fail(bad(fmt::format("format {} is not offered: raw and car are", quoted(format))));
  } else {
    TRY(set_accepted(wanted, accept));
  }
  auto scope = query.value("dag-scope");
  if (scope == "block") {
    wanted.scope = DagScope::kBlock;
  } else if (scope == "entity") {
    wanted.scope = DagScope::kEntity;
  } else if (!scope.empty() && scope != "all") {
    return fail(bad(fmt::format("dag-scope is \"block\", \"entity\" or \"all\", not {}", quoted(scope))));
  }
  return wanted;
}

RangeChoice choose_range(std::string_view header, uint64_t size) {
  const RangeChoice whole{RangeChoice::kWhole, 0, size}, unsatisfiable{RangeChoice::kUnsatisfiable, 0, 0};
  auto rest = trim(header);
  if (!net::equal_fold(trim(take(rest, '=')), "bytes")) return whole;
  auto spec = trim(rest);
  auto dash = spec.find('-');
  if (dash == std::string_view::npos) return whole;
  auto from_text = trim(spec.substr(0, dash)), to_text = trim(spec.substr(dash + 1));
  auto from = digits(from_text), to = digits(to_text);
  if (from_text.empty() && to) {  // the last bytes
    if (*to == 0) return unsatisfiable;
    if (size == 0) return whole;
    auto length = std::min(*to, size);
    return {RangeChoice::kPart, size - length, length};
  }
  if (!from || (!to && !to_text.empty()) || (to && *to < *from)) return whole;
  if (*from >= size) return unsatisfiable;
  uint64_t last = std::min(to.value_or(UINT64_MAX), size - 1);
  return {RangeChoice::kPart, *from, last - *from + 1};
}

bool etag_listed(std::string_view header, std::string_view etag) {
  if (trim(header) == "*") return true;
  auto opaque = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
  while (!header.empty()) {
    // Our own tags hold no commas, so cutting at them cannot make a wrong match.
    if (opaque(trim(take(header, ','))) == opaque(etag)) return true;
  }
  return false;
}

std::string content_disposition(bool attachment, std::string_view filename) {
  std::string out = attachment ? "attachment" : "inline";
  if (filename.empty()) return out;
  std::string ascii;
  bool same = true;
  for (char c : filename) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\' && c != '%';
    same = same && plain;
    if (plain || byte < 0x80 || byte >= 0xc0) ascii += plain ? c : '_';  // one for each character
  }
  out += "; filename=\"" + ascii + "\"";
  if (!same && is_utf8(filename)) out += "; filename*=UTF-8''" + net::percent_encode(filename);
  return out;
}

}  // namespace ipfsc::api::gateway
