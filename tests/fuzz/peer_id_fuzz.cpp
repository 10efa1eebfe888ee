// links: ipld
#include "base/check.h"
#include "ipld/peer_id.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

static void check(const PeerId& id) {
  CHECK(PeerId::from_bytes(id.bytes()) == id);
  CHECK(PeerId::parse(id.to_string()) == id);
  CHECK(PeerId::parse(id.to_cid_string()) == id);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  if (auto id = PeerId::parse(input)) check(*id);
  if (auto id = PeerId::from_bytes(input)) {
    CHECK(id->bytes() == input);
    check(*id);
  }
  return 0;
}
