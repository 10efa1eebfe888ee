// RocksDB's Status as Error.
#pragma once

#include <string_view>

#include "base/result.h"

namespace rocksdb {
class Status;
}

namespace ipfsc::storage {

/// A status that is not ok. Disk full → kResourceExhausted; damaged data → kDataLoss; not found → kNotFound; a
/// directory that another process has open → kFailedPrecondition; other I/O errors → kUnavailable.
Error to_error(const rocksdb::Status& status, std::string_view doing);
Result<> check(const rocksdb::Status& status, std::string_view doing);

}  // namespace ipfsc::storage
