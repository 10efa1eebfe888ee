// Media types of files: by name, else by their first bytes. Pure.
#pragma once

#include <string_view>

namespace ipfsc::api::gateway {

/// How many of a file's first bytes sniff_content_type() looks at.
inline constexpr size_t kSniffBytes = 512;

/// By the extension, whatever its case; "" when it has none or an unknown one. "text/html" comes without a character
/// set: the page says it itself.
std::string_view content_type_by_name(std::string_view name);

/// By magic numbers and HTML tags, after the WHATWG's "MIME Sniffing"; else text/plain for what has no control
/// characters, else application/octet-stream. `first` may be the beginning of a longer file.
std::string_view sniff_content_type(std::string_view first);

}  // namespace ipfsc::api::gateway
