#include "ipfs/ipfs_node.h"

namespace ipfsc::ipfs {

std::string_view to_string(PinKind kind) {
  switch (kind) {
    case PinKind::kNone:
      return "none";
    case PinKind::kDirect:
      return "direct";
    case PinKind::kRecursive:
      return "recursive";
    case PinKind::kIndirect:
      return "indirect";
  }
  return "none";
}

Task<std::vector<std::string>> IpfsNode::swarm_peers() { co_return std::vector<std::string>(); }

Task<std::vector<Result<Bytes>>> IpfsNode::get_blocks(std::vector<ipld::Cid> cids) {
  std::vector<Result<Bytes>> out;
  for (auto& cid : cids) {
    out.push_back(co_await get_block(std::move(cid)));
    if (!out.back() && out.back().error().kind == ErrorKind::kCancelled) co_return fail(out.back().error());
  }
  co_return out;
}

}  // namespace ipfsc::ipfs
