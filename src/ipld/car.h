// CARv1: a header with roots, then blocks with their CIDs. Source: the CARv1 specification of IPLD.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipld {

struct CarHeader {
  std::vector<Cid> roots;
  bool operator==(const CarHeader&) const = default;
};

/// With the length in front, ready to be written.
Bytes encode_car_header(const CarHeader& header);
/// One section: length, CID, data.
void append_car_block(Bytes& out, const Cid& cid, ByteView data);
/// Bytes that append_car_block() adds.
size_t car_section_size(const Cid& cid, size_t data_size);

struct CarReaderOptions {
  size_t max_section_bytes = (4 << 20) + 1024;  ///< CID and data of one block
  size_t max_header_bytes = 1 << 20;            ///< about 25,000 roots
};

/// Incremental: bytes are pushed with feed(), header and blocks are pulled until they say nullopt (more bytes
/// needed). Keeps the bytes that were fed and not yet pulled: pull before feeding more. The blocks' hashes are not
/// checked (verify_block() does that, on a pool thread). An error stays: the reader is then of no more use.
class CarReader {
 public:
  explicit CarReader(CarReaderOptions options = {}) : options_(options) {}

  void feed(ByteView bytes);
  /// nullopt = needs more bytes; the same header at each later call. kInvalidArgument when malformed,
  /// kUnimplemented for CARv2, kResourceExhausted when longer than max_header_bytes.
  Result<std::optional<CarHeader>> header();
  /// nullopt = needs more bytes. Reads past the header by itself. kInvalidArgument when malformed,
  /// kResourceExhausted when a section is longer than max_section_bytes; the message has the byte offset.
  Result<std::optional<Block>> next();
  /// After the last byte was fed and pulled: kInvalidArgument when the header is missing or a section is cut off.
  Result<> finish();

 private:
  /// The next length-prefixed piece of the buffer; nullopt = needs more bytes.
  Result<std::optional<ByteView>> take_piece(size_t max_bytes, const char* what);
  Result<std::optional<CarHeader>> read_header();
  Result<std::optional<Block>> read_block();

  CarReaderOptions options_;
  Bytes buffer_;
  size_t used_ = 0;      // bytes of buffer_ that are done with
  uint64_t offset_ = 0;  // of buffer_[used_] in the whole file
  std::optional<CarHeader> header_;
  std::optional<Error> error_;
};

}  // namespace ipfsc::ipld
