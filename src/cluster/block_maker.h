// BlockMaker: the part of an add that turns what was uploaded into blocks. Two forms: files by the importer, CAR files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/add_session.h"
#include "ipld/cid.h"

namespace ipfsc::cluster {

/// One step of an upload, in the order of its parts.
struct UploadStep {
  enum Kind : uint8_t { kBeginFile, kBytes, kEndFile, kSymlink, kDirectory, kFinish } kind;
  std::string path;
  Bytes bytes;  ///< kBytes: content; kSymlink: target
};

struct MadeBlocks {
  AddSession::Outputs outputs;
  std::vector<ipld::Block> blocks;
};

/// Called on a pool thread, one call at a time. After an error it is not called again.
class BlockMaker {
 public:
  virtual ~BlockMaker() = default;
  virtual Result<MadeBlocks> process(std::vector<UploadStep> steps) = 0;
  /// What to pin, after kFinish was processed.
  virtual ipld::Cid root() const = 0;
  /// Whether the blocks' CIDs were computed from their bytes.
  virtual bool hashes_blocks() const = 0;
};

/// `destinations` are named in each output.
Result<std::unique_ptr<BlockMaker>> make_unixfs_maker(const AddParams& params, std::vector<ipld::PeerId> destinations);
Result<std::unique_ptr<BlockMaker>> make_car_maker(const AddParams& params, std::vector<ipld::PeerId> destinations);

}  // namespace ipfsc::cluster
