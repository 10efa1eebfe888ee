// The HTML page of a directory, made piece by piece so that its length does not matter. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipfs/unixfs_reader.h"

namespace ipfsc::api::gateway {

/// What a page may do: nothing but show itself.
inline constexpr std::string_view kListingPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Raised when the look changes: part of the entity tag.
inline constexpr int kListingVersion = 1;

/// Where the page stands: the root's text and the names below it. All links are relative, so the page works behind any
/// prefix; its own address must end with a slash.
struct ListingPlace {
  std::string root;
  std::vector<std::string> names;
};

/// Up to the table's first row.
void append_listing_head(std::string& out, const ListingPlace& place, const ipld::Cid& directory);
void append_listing_row(std::string& out, const ListingPlace& place, const ipfs::DirectoryEntry& entry);
void append_listing_end(std::string& out, uint64_t entries);

/// For HTML text and quoted attributes.
void append_escaped(std::string& out, std::string_view text);
/// "0 B", "1.5 KiB", "12 GiB".
std::string readable_size(uint64_t bytes);

}  // namespace ipfsc::api::gateway
