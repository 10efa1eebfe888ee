// Inside BlockStore only.
#pragma once

#include <mutex>
#include <shared_mutex>

#include "ipfs/embedded/block_store.h"

namespace ipfsc::ipfs {

class BlockStore::Use {
 public:
  explicit Use(const BlockStore& store) : store_(store) {
    {
      std::lock_guard turn(store.turnstile_);
    }
    lock_ = std::shared_lock(store.users_);
  }
  explicit operator bool() const { return store_.db_ != nullptr; }
  std::unexpected<Error> error() const {
    return fail(store_.background_error().value_or(Error{ErrorKind::kUnavailable, "the block store is closed"}));
  }

 private:
  const BlockStore& store_;
  std::shared_lock<std::shared_mutex> lock_;
};

// At the start of each call.
#define USE_DATABASE()   \
  Use use(*this);        \
  if (!use) [[unlikely]] \
  return use.error()

}  // namespace ipfsc::ipfs
