#include "ipld/links.h"

#include <fmt/format.h>

#include "ipld/dag_cbor.h"
#include "ipld/dag_pb.h"

namespace ipfsc::ipld {

bool codec_walkable(uint64_t codec) {
  switch (codec) {
    case kRaw:
    case kLibp2pKey:
    case kCbor:
    case kJson:
    case kDagPb:
    case kDagCbor:
      return true;
    default:
      return false;
  }
}

Result<std::vector<Cid>> block_links(const Cid& cid, ByteView data) {
  uint64_t codec = cid.codec();
  if (!codec_walkable(codec)) {
    return fail(ErrorKind::kUnimplemented,
                fmt::format("block {}: links of the codec {} cannot be read", cid.to_string(), codec_name(codec)));
  }
  std::vector<Cid> out;
  if (codec == kDagPb) {
    auto node = decode_pb(data);
    if (!node) return fail(node.error().with_context("block " + cid.to_string()));
    out.reserve(node->links.size());
    for (auto& link : node->links) out.push_back(std::move(link.cid));
  } else if (codec == kDagCbor) {
    auto links = cbor_links(data);
    if (!links) return fail(links.error().with_context("block " + cid.to_string()));
    out = *std::move(links);
  }
  return out;
}

}  // namespace ipfsc::ipld
