// links: ipld
#include "base/check.h"
#include "ipld/unixfs.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (auto node = decode_unixfs(as_bytes(data, size))) CHECK(decode_unixfs(encode_unixfs(*node)) == *node);
  return 0;
}
