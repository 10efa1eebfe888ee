// Our options as RocksDB's. Inside storage/ only.
#pragma once

#include <rocksdb/options.h>

#include "storage/options.h"

namespace ipfsc::storage {

rocksdb::DBOptions to_rocks(const DatabaseOptions& options);
rocksdb::ColumnFamilyOptions to_rocks(const DatabaseOptions& options, const FamilyOptions& family);

}  // namespace ipfsc::storage
