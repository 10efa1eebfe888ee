// links: ipld
#include "base/check.h"
#include "ipld/multiaddr.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

static void check(const Multiaddr& address) {
  CHECK(Multiaddr::from_bytes(address.bytes()) == address);
  // The text is longer than the binary form: the longest ones cannot be read back.
  std::string text = address.to_string();
  if (text.size() <= kMaxMultiaddrBytes) CHECK(Multiaddr::parse(text) == address);
  CHECK(!address.parts().empty());
  (void)address.tcp();
  (void)address.unix_path();
  if (auto id = address.peer_id()) CHECK(address.without_peer_id().with_peer_id(*id) == address);
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
