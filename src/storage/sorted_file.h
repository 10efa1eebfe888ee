// Writes sorted rows to a file that Database::ingest() takes over: the fastest way in for bulk data.
#pragma once

#include <memory>
#include <string>

#include "storage/database.h"

namespace rocksdb {
class SstFileWriter;
}

namespace ipfsc::storage {

/// One file of one family; keys ascending, none twice.
class SortedFileWriter {
 public:
  /// `family` must be one of the database's, with the options it was opened with.
  SortedFileWriter(const DatabaseOptions& options, const FamilyOptions& family);
  ~SortedFileWriter();
  Result<> open(const std::string& path);
  Result<> put(ByteView key, ByteView value);
  /// Synced when it returns. kFailedPrecondition when no row was put.
  Result<> finish();

 private:
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::string path_;
};

}  // namespace ipfsc::storage
