#include "storage/format.h"

#include <fmt/format.h>

#include "base/version.h"

namespace ipfsc::storage {

Result<> check_format(const std::string& folder, uint64_t found, uint32_t known) {
  if (found > known) {
    return fail(ErrorKind::kUnimplemented,
                fmt::format("the folder {} has format {}, and this program ({}) knows no newer one than {}: use the "
                            "program that wrote it, or a newer one",
                            folder, found, kVersion, known));
  }
  if (found < known) {
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("the folder {} has format {}, and this program ({}) works with {}: run "
                            "`ipfs-cluster-service state upgrade`, or start the daemon with --upgrade",
                            folder, found, kVersion, known));
  }
  return {};
}

Result<std::optional<Bytes>> peek(const std::string& path, rocksdb::Env* env, std::string_view family,
                                  std::string_view key) {
  if (!Database::exists(path, env)) return std::nullopt;
  TRY_ASSIGN(
      auto database,
      Database::open({.path = path, .env = env, .families = {{.name = std::string(family)}}, .read_only = true}));
  return database->get(database->family(family), key);
}

Bytes format_row(uint32_t format) {
  Bytes row;
  append_be32(row, format);
  return row;
}

Result<uint32_t> format_of_row(const std::optional<Bytes>& row) {
  if (!row) return kFormatWithoutRow;
  if (row->size() != 4) return fail(ErrorKind::kDataLoss, "the number of the database's format is damaged");
  return read_be32(row->data());
}

Result<std::optional<uint32_t>> stored_format(const std::string& path, rocksdb::Env* env, std::string_view family) {
  if (!Database::exists(path, env)) return std::nullopt;
  TRY_ASSIGN(auto row, peek(path, env, family, kFormatKey));
  return format_of_row(row);
}

}  // namespace ipfsc::storage
