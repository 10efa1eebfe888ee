// Names and numbers of the multicodec table that this program meets: hash functions and block codecs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipfsc::ipld {

/// The function's name, BLAKE2 and Skein with their bits; "0x…" when it is not in the table.
std::string multicodec_hash_name(uint64_t code);
std::optional<uint64_t> multicodec_hash_code(std::string_view lower_case_name);
std::string multicodec_codec_name(uint64_t code);
std::optional<uint64_t> multicodec_codec_code(std::string_view lower_case_name);

/// ASCII only.
std::string to_lower(std::string_view text);

}  // namespace ipfsc::ipld
