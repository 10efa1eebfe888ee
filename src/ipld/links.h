// The links of any block: what a walk over a DAG follows.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipld {

/// In the block's order, doubles kept. Raw bytes, keys and plain CBOR or JSON have none; kUnimplemented naming the
/// codec when it cannot be read; kInvalidArgument when the block is malformed.
Result<std::vector<Cid>> block_links(const Cid& cid, ByteView data);

/// True when block_links() can read the codec.
bool codec_walkable(uint64_t codec);

}  // namespace ipfsc::ipld
