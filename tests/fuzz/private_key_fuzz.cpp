// links: ipld
#include "base/check.h"
#include "ipld/keys.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  if (auto key = PrivateKey::from_protobuf(input)) {
    auto again = PrivateKey::from_protobuf(key->to_protobuf());
    CHECK(again && again->public_key() == key->public_key());
    CHECK(PublicKey::from_protobuf(key->public_key_protobuf()) == key->public_key());
    CHECK(PeerId::parse(key->peer_id().to_string()) == key->peer_id());
  }
  if (auto key = PublicKey::from_protobuf(input)) CHECK(key->to_protobuf() == input);
  return 0;
}
