// SpaceGuard: whether the disk has room for adds and pins. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace ipfsc::ipfs {

/// Refuses below the reserve and accepts again at twice that, so that it doesn't flutter. Between two measurements it
/// subtracts what was written.
class SpaceGuard {
 public:
  explicit SpaceGuard(uint64_t reserve_bytes) : reserve_(reserve_bytes) {}

  /// A measurement of the free bytes, and the error that the store is in (nullopt = none).
  void measured(uint64_t free_bytes, std::optional<Error> store_error);
  void wrote(uint64_t bytes);
  /// kResourceExhausted in one sentence while refused; the store's error when it has one.
  Result<> check() const;
  bool refusing() const { return refusing_ || store_error_.has_value(); }
  uint64_t free_bytes() const { return free_; }

 private:
  uint64_t reserve_;
  uint64_t free_ = UINT64_MAX;
  bool refusing_ = false;
  std::optional<Error> store_error_;
};

}  // namespace ipfsc::ipfs
