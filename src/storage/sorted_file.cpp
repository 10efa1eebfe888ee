#include "storage/sorted_file.h"

#include <rocksdb/sst_file_writer.h>

#include "storage/rocks_options.h"

namespace ipfsc::storage {
namespace {
rocksdb::Slice slice(ByteView bytes) { return {bytes.data(), bytes.size()}; }
}  // namespace

SortedFileWriter::SortedFileWriter(const DatabaseOptions& options, const FamilyOptions& family) {
  rocksdb::Options rocks(to_rocks(options), to_rocks(options, family));
  rocks.listeners.clear();
  rocks.write_buffer_manager.reset();
  writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), rocks);
}

SortedFileWriter::~SortedFileWriter() = default;

Result<> SortedFileWriter::open(const std::string& path) {
  path_ = path;
  return check(writer_->Open(path), fmt::format("make {}", path_));
}

Result<> SortedFileWriter::put(ByteView key, ByteView value) {
  auto status = writer_->Put(slice(key), slice(value));
  if (status.ok()) [[likely]]
    return {};
  return std::unexpected(to_error(status, fmt::format("write {}", path_)));
}

Result<> SortedFileWriter::finish() {
  auto status = writer_->Finish();
  if (status.IsInvalidArgument()) return fail(ErrorKind::kFailedPrecondition, fmt::format("{} has no rows", path_));
  return check(status, fmt::format("finish {}", path_));
}

}  // namespace ipfsc::storage
