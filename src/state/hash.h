// The rolling hash of the state: a sum over its rows, so that a change costs two hashes and order does not matter.
// Each row's share is SHA-256 of (family tag, length of the key, key, value) as four little-endian 64-bit lanes.
// Inside state/ only.
#pragma once

#include <memory>

#include "state/keys.h"
#include "state/state.h"

struct evp_md_ctx_st;

namespace ipfsc::state {

/// Families that are part of the hash, by their persistent tag; 0 = not.
char hash_tag(FamilyId family);

/// One thread at a time.
class RowHasher {
 public:
  RowHasher();
  ~RowHasher();
  RowHasher(const RowHasher&) = delete;
  StateHash row(FamilyId family, ByteView key, ByteView value, ByteView value_rest = {});

 private:
  evp_md_ctx_st* context_;
};

void add(StateHash& sum, const StateHash& row);
void subtract(StateHash& sum, const StateHash& row);

}  // namespace ipfsc::state
