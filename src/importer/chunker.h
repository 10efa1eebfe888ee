// Where a file is cut into chunks.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfsc::importer {

/// Decides chunk borders from the bytes of one file as they come; a value, holds no bytes. Today there is `size-N`;
/// chunkers that look at the content (rabin, buzhash) fit behind the same take().
class Chunker {
 public:
  static constexpr uint64_t kDefaultBytes = 262'144;
  /// A chunk with its dag-pb wrapping has to stay within the 2 MiB that IPFS nodes exchange.
  static constexpr uint64_t kMaxBytes = 2 * 1024 * 1024 - 256;

  /// "size-N" in decimal with 1 <= N <= kMaxBytes; "" and "default" are size-262144. kInvalidArgument for what is no
  /// chunker, kUnimplemented for rabin and buzhash.
  static Result<Chunker> parse(std::string_view text);

  struct Cut {
    size_t bytes;  ///< how many of the given bytes belong to the current chunk, at least 1
    bool ends;     ///< the chunk ends after them
  };
  /// `more` (not empty) are the bytes after those taken so far; what is not taken has to be given again.
  Cut take(ByteView more);

  uint64_t max_chunk_bytes() const { return size_; }

 private:
  explicit Chunker(uint64_t size) : size_(size) {}

  uint64_t size_;
  uint64_t filled_ = 0;
};

}  // namespace ipfsc::importer
