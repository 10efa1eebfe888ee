#include "state/hash.h"

#include <openssl/evp.h>

#include <cstring>

#include "base/check.h"
#include "state/codec.h"

namespace ipfsc::state {
namespace {
const EVP_MD* sha256() {
  static EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);  // kept for the whole run
  CHECK(md != nullptr);
  return md;
}
}  // namespace

char hash_tag(FamilyId family) {
  switch (family) {
    case kPins:
      return 'p';
    case kClaims:
      return 'c';
    case kWork:
      return 'w';
    case kRecords:
      return 'r';
    default:
      return 0;
  }
}

RowHasher::RowHasher() : context_(EVP_MD_CTX_new()) { CHECK(context_ != nullptr); }
RowHasher::~RowHasher() { EVP_MD_CTX_free(context_); }

StateHash RowHasher::row(FamilyId family, ByteView key, ByteView value, ByteView value_rest) {
  Bytes front(1, hash_tag(family));
  put_number(front, key.size());
  std::array<unsigned char, 32> digest;
  CHECK(EVP_DigestInit_ex2(context_, sha256(), nullptr) == 1);
  for (ByteView part : {ByteView(front), key, value, value_rest}) {
    CHECK(EVP_DigestUpdate(context_, part.data(), part.size()) == 1);
  }
  CHECK(EVP_DigestFinal_ex(context_, digest.data(), nullptr) == 1);
  StateHash out;
  for (size_t lane = 0; lane < 4; ++lane) {
    for (size_t i = 8; i-- > 0;) out.lanes[lane] = out.lanes[lane] << 8 | digest[lane * 8 + i];
  }
  return out;
}

void add(StateHash& sum, const StateHash& row) {
  for (size_t lane = 0; lane < 4; ++lane) sum.lanes[lane] += row.lanes[lane];
}
void subtract(StateHash& sum, const StateHash& row) {
  for (size_t lane = 0; lane < 4; ++lane) sum.lanes[lane] -= row.lanes[lane];
}

std::string StateHash::to_hex() const {
  Bytes bytes;
  for (auto lane : lanes) append_be64(bytes, lane);
  return ipfsc::to_hex(bytes);
}

}  // namespace ipfsc::state
