// The program of the next version, for tests/e2e/test_versions.py: all is this program's but for what is defined here.
// The linker takes these instead of base/version.cpp and app/migrations.cpp.
#include "app/formats.h"
#include "base/version.h"
#include "storage/format.h"

namespace ipfsc {

constexpr Versions kVersions{
    .formats = {.state = 1, .raft = 1, .local = 2, .ipfs = 1}, .apply_version = 4, .protocol = 2, .least_protocol = 1};

namespace app {
namespace {

Result<> number_the_table(const std::string& path) {
  TRY_ASSIGN(auto database, storage::Database::open({.path = path, .families = {{.name = "meta"}}}));
  storage::WriteBatch batch;
  batch.put(database->family("meta"), storage::kFormatKey, storage::format_row(2));
  return database->write(batch, /*sync=*/true);
}

}  // namespace

std::vector<Migration> migrations() {
  return {{.folder = "local", .from = 1, .what = "the number changes", .run = number_the_table}};
}

}  // namespace app
}  // namespace ipfsc
