// Where RocksDB's own messages go: into the peer's log.
#pragma once

#include <memory>

namespace rocksdb {
class Logger;
}

namespace ipfsc::storage {

/// For DBOptions::info_log. RocksDB's own file LOG lies beside the data and ends the process when that disk is full
/// (WritableFileWriter of 7.8 asserts on the first message after one that could not be written).
std::shared_ptr<rocksdb::Logger> rocks_log();

}  // namespace ipfsc::storage
