#include "api/gateway/listing.h"

#include <fmt/format.h>

#include <array>

#include "net/http.h"

namespace ipfsc::api::gateway {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--dim:#777;--link:#0a58ca}
@media(prefers-color-scheme:dark){:root{--dim:#999;--link:#7ab7ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1.5rem 1rem;font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.15rem;font-weight:600;margin:0;overflow-wrap:anywhere}
p{margin:.25rem 0 1rem;color:var(--dim);font-size:.875rem;overflow-wrap:anywhere}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
table{width:100%;border-collapse:collapse;table-layout:fixed}
td{padding:.4rem .5rem;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere;white-space:pre-wrap}
tr:hover td{background:#8881}
td:nth-child(2){width:9rem}td:nth-child(3){width:7rem;text-align:right;white-space:nowrap}
td:nth-child(2) a,td:nth-child(3){color:var(--dim);font-variant-numeric:tabular-nums}
code{font-size:.8125rem}
@media(max-width:36rem){td:nth-child(2){display:none}}
)";

std::string up(size_t levels) {
  if (levels == 0) return "./";
  std::string out;
  for (size_t i = 0; i < levels; ++i) out += "../";
  return out;
}

/// A name as a segment of a relative address; empty when no address means it.
std::string segment_link(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return {};
  return "./" + net::percent_encode(name);  // "./" keeps "a:b" from being a scheme
}

std::string shortened(const std::string& cid) {
  return cid.size() <= 14 ? cid : cid.substr(0, 4) + "…" + cid.substr(cid.size() - 6);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

std::string readable_size(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) value /= 1024, ++unit;
  return value < 9.95 ? fmt::format("{:.1f} {}", value, kUnits[unit]) : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

void append_listing_head(std::string& out, const ListingPlace& place, const ipld::Cid& directory) {
  std::string title = "/ipfs/" + place.root;
  for (const auto& name : place.names) title += "/" + name;
  out += "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>";
  append_escaped(out, title);
  out += "</title>\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<style>";
  out += kStyle;
  out += "</style></head>\n<body><h1>/ipfs/<a href=\"" + up(place.names.size()) + "\">" + place.root + "</a>";
  for (size_t i = 0; i < place.names.size(); ++i) {
    out += "/<a href=\"" + up(place.names.size() - i - 1) + "\"><bdi>";
    append_escaped(out, place.names[i]);
    out += "</bdi></a>";
  }
  out += "</h1>\n<p>Directory <code>" + directory.to_string() + "</code></p>\n<table>\n";
  if (!place.names.empty()) out += "<tr><td><a href=\"../\">..</a></td><td></td><td></td></tr>\n";
}

void append_listing_row(std::string& out, const ListingPlace& place, const ipfs::DirectoryEntry& entry) {
  out += "<tr><td>";
  auto link = segment_link(entry.name);
  if (!link.empty()) out += "<a href=\"" + link + "\">";
  out += "<bdi>";
  append_escaped(out, entry.name);
  out += link.empty() ? "</bdi>" : "</bdi></a>";
  auto cid = entry.cid.to_string();
  out += "</td><td><a title=\"" + cid + "\" href=\"" + up(place.names.size() + 1) + cid;
  if (!link.empty()) out += "?filename=" + net::percent_encode(entry.name);
  out += "\"><code>" + shortened(cid) + "</code></a></td><td>" + readable_size(entry.tsize) + "</td></tr>\n";
}

void append_listing_end(std::string& out, uint64_t entries) {
  out += fmt::format("</table>\n<p>{} {}</p></body></html>\n", entries, entries == 1 ? "entry" : "entries");
}

}  // namespace ipfsc::api::gateway
