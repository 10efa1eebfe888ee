// links: ipld
#include "base/check.h"
#include "ipld/dag_pb.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  auto node = decode_pb(input);
  if (!node) return 0;
  Bytes bytes = encode_pb(*node);
  CHECK(bytes.size() == encoded_pb_size(*node));
  CHECK(decode_pb(bytes) == *node);
  bool data_first = node->data && !node->links.empty() && input[0] == 0x0a;
  CHECK(data_first || bytes == input);
  sort_links(*node);
  CHECK(links_sorted(*node));
  return 0;
}
