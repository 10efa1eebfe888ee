// Internal to importer/: names a block and hands it to the sink.
#pragma once

#include <utility>

#include "importer/importer.h"

namespace ipfsc::importer {

inline Result<ipld::Cid> emit(const BlockSink& sink, int cid_version, uint64_t codec, uint64_t hash_code, Bytes data) {
  TRY_ASSIGN(auto cid, ipld::Cid::of(cid_version, codec, hash_code, data));
  TRY(sink(ipld::Block{cid, std::move(data)}));
  return cid;
}

}  // namespace ipfsc::importer
