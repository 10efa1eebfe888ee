// links: ipld
#include "base/check.h"
#include "ipld/multibase.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  if (auto bytes = multibase_decode(input)) {
    std::string text = multibase_encode(input[0], *bytes);
    CHECK(text.size() == input.size());
    CHECK(multibase_decode(text) == *bytes);
  }
  if (auto bytes = base58_decode(input)) CHECK(base58_encode(*bytes) == input);
  for (char prefix : std::string_view("fFbBkKzu"))
    CHECK(multibase_decode(multibase_encode(prefix, input)) == Bytes(input));
  return 0;
}
