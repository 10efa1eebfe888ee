// Whole folders of database files: flat, without folders in them. Blocking.
#pragma once

#include <string>

#include "base/result.h"

namespace rocksdb {
class Env;
}

namespace ipfsc::storage {

/// `env` null = the machine's, here and below.
bool folder_exists(const std::string& path, rocksdb::Env* env);
/// Makes the folder; fine when it is there.
Result<> make_folder(const std::string& path, rocksdb::Env* env);
/// Fine when there is none. A database stops being one first, so what a crash leaves is not taken for whole.
Result<> remove_folder(const std::string& path, rocksdb::Env* env);
/// Durable with sync_folder() of the parent.
Result<> rename_folder(const std::string& from, const std::string& to, rocksdb::Env* env);
/// Makes the names in the folder durable.
Result<> sync_folder(const std::string& path, rocksdb::Env* env);
/// Where `path` lies; "." for a bare name.
std::string parent_folder(const std::string& path);

}  // namespace ipfsc::storage
