// links: ipld
#include "base/check.h"
#include "ipld/cid.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  if (auto cid = Cid::from_bytes(input)) {
    CHECK(cid->bytes() == input);
    CHECK(Cid::parse(cid->to_string()) == *cid);
    CHECK(cid->version() == 0 || Cid::v1(cid->codec(), *Multihash::parse(cid->multihash())) == *cid);
    (void)verify_block(*cid, input);
  }
  if (auto cid = Cid::parse(input)) {
    CHECK(Cid::from_bytes(cid->bytes()) == *cid);
    CHECK(Cid::parse(cid->to_string()) == *cid);
    for (char prefix : std::string_view("fFbBkKzu")) CHECK(Cid::parse(cid->to_string(prefix)) == *cid);
  }
  return 0;
}
