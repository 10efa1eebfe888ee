#include "ipfs/block_source.h"

namespace ipfsc::ipfs {

constexpr size_t kInPlaceBytes = 16 << 10;

Task<> verify_arrived(Runtime& runtime, const ipld::Cid& cid, const Bytes& bytes) {
  if (bytes.size() <= kInPlaceBytes) co_return ipld::verify_block(cid, bytes);
  co_return co_await run_blocking(runtime, [&] { return ipld::verify_block(cid, bytes); });
}

}  // namespace ipfsc::ipfs
