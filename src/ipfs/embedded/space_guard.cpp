#include "ipfs/embedded/space_guard.h"

#include <fmt/format.h>

#include <algorithm>

namespace ipfsc::ipfs {

void SpaceGuard::measured(uint64_t free_bytes, std::optional<Error> store_error) {
  free_ = free_bytes;
  refusing_ = free_ < (refusing_ ? 2 * reserve_ : reserve_);
  store_error_ = std::move(store_error);
}

void SpaceGuard::wrote(uint64_t bytes) {
  if (free_ == UINT64_MAX) return;
  free_ -= std::min(free_, bytes);
  if (free_ < reserve_) refusing_ = true;
}

Result<> SpaceGuard::check() const {
  if (refusing_) {
    return fail(ErrorKind::kResourceExhausted,
                fmt::format("the disk is nearly full ({} MiB free): adds and pins are refused until {} MiB are free; "
                            "unpin content and run a garbage collection, or free space",
                            free_ >> 20, 2 * reserve_ >> 20));
  }
  if (store_error_) return fail(*store_error_);
  return {};
}

}  // namespace ipfsc::ipfs
