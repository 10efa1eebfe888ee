// How RocksDB is set up for blocks. Inside embedded/ only.
#pragma once

#include <rocksdb/db.h>

#include <vector>

#include "ipfs/options.h"

namespace ipfsc::ipfs {

rocksdb::DBOptions store_db_options(const EmbeddedOptions& options);
/// default (settings), index, blobs, pins: in this order.
std::vector<rocksdb::ColumnFamilyDescriptor> store_families(const EmbeddedOptions& options);

}  // namespace ipfsc::ipfs
