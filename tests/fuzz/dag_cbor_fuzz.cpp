// links: ipld
#include "base/check.h"
#include "ipld/dag_cbor.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  auto links = cbor_links(input);
  auto value = decode_cbor(input);
  if (!value) return 0;
  CHECK(encode_cbor(*value) == input);
  CHECK(links.has_value());
  return 0;
}
