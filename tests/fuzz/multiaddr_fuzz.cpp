// links: ipld
#include "base/check.h"
#include "ipld/multiaddr.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

static void check(const Multiaddr& address) {
  CHECK(Multiaddr::from_bytes(address.bytes()) == address);
  CHECK(Multiaddr::parse(address.to_string()) == address);
  CHECK(!address.parts().empty());
  (void)address.tcp();
  (void)address.unix_path();
  if (auto id = address.peer_id()) CHECK(address.with_peer_id(*id) == address);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  if (auto address = Multiaddr::parse(input)) check(*address);
  if (auto address = Multiaddr::from_bytes(input)) {
    CHECK(address->bytes() == input);
    check(*address);
  }
  return 0;
}
