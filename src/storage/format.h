// The number of the format that a database is in.
#pragma once

#include <optional>
#include <string>

#include "storage/database.h"

namespace ipfsc::storage {

/// Whether the program, which knows format `known`, may use the folder, which is in format `found`. kUnimplemented: a
/// newer program wrote it; kFailedPrecondition: it is to be upgraded first. Each in one sentence that says what to do.
Result<> check_format(const std::string& folder, uint64_t found, uint32_t known);

/// One row of a database that nobody has open, which is not changed; nullopt: there is no such row, or no database.
Result<std::optional<Bytes>> peek(const std::string& path, rocksdb::Env* env, std::string_view family,
                                  std::string_view key);

// Of databases that keep the number in a row of its own: be32, absent before there were such rows.
inline constexpr std::string_view kFormatKey = "format";
inline constexpr uint32_t kFormatWithoutRow = 1;
Bytes format_row(uint32_t format);
Result<uint32_t> format_of_row(const std::optional<Bytes>& row);
/// Of a database that nobody has open; nullopt: there is none.
Result<std::optional<uint32_t>> stored_format(const std::string& path, rocksdb::Env* env, std::string_view family);

}  // namespace ipfsc::storage
