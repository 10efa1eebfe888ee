// What users of a simulated cluster add: small files of several blocks.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cluster/add_session.h"
#include "ipld/cid.h"

namespace ipfsc::sim {

struct Content {
  std::vector<std::pair<std::string, Bytes>> files;  ///< path, content
  cluster::AddParams params;                         ///< how it is to be cut into blocks
  ipld::Cid root;                                    ///< what the add has to answer

  uint64_t size_bytes() const;
};

/// A file of one block, two that share blocks, and a directory.
std::vector<Content> contents_of(uint64_t seed);

}  // namespace ipfsc::sim
