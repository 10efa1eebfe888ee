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

}  // namespace ipfsc::ipfs
