// Locks over parts of the key space: a block's check-and-write and the sweeper's check-and-delete exclude each other.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "base/bytes.h"

namespace ipfsc::ipfs {

/// Thread safe. Neighbours in key order mostly share a stripe, so a sweep of a range holds few.
class StripeLocks {
 public:
  /// One bit of a word each; half of what thread sanitizer can follow of one thread, as RocksDB takes some too.
  static constexpr int kStripes = 32;
  static constexpr uint64_t kAll = (uint64_t{1} << kStripes) - 1;

  static uint64_t bit_of(ByteView multihash) {
    // The third byte is the first of the digest for the usual functions; any choice is correct.
    return uint64_t{1} << (multihash.size() > 2 ? static_cast<uint8_t>(multihash[2]) >> 3 : 0);
  }

  /// Holds the stripes of `mask`; always taken in ascending order, so holders cannot wait for each other in a circle.
  class Guard {
   public:
    Guard(StripeLocks& locks, uint64_t mask) : locks_(locks), mask_(mask) {
      for (int i = 0; i < kStripes; ++i) {
        if (mask_ >> i & 1) locks_.stripes_[i].lock();
      }
    }
    ~Guard() {
      for (int i = 0; i < kStripes; ++i) {
        if (mask_ >> i & 1) locks_.stripes_[i].unlock();
      }
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    StripeLocks& locks_;
    uint64_t mask_;
  };

 private:
  std::array<std::mutex, kStripes> stripes_;
};

}  // namespace ipfsc::ipfs
