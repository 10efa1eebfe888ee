// AddSession: one upload, from parts to a pinned root.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "model/info.h"
#include "model/pin.h"

namespace ipfsc::cluster {

enum class AddFormat { kUnixFs, kCar };

/// The query of POST /add (reference: rest-api 7.2).
struct AddParams {
  model::PinOptions pin;
  AddFormat format = AddFormat::kUnixFs;
  std::string layout;   ///< "", balanced, trickle
  std::string chunker;  ///< "" = size-262144
  std::string hash = "sha2-256";
  int cid_version = 0;
  std::optional<bool> raw_leaves;  ///< unset: true for CID version 1
  bool wrap_with_directory = false;
  bool progress = false;
  bool local = false;
  bool no_pin = false;
  bool shard = false;
  std::optional<uint64_t> size_hint_bytes;  ///< of the upload, if known
};

/// I/O thread only. The parts of one upload come one after another; each call returns what is to be reported by now, in
/// order. After an error only destruction is allowed: nothing is pinned, the blocks are left to garbage collection.
class AddSession {
 public:
  using Outputs = std::vector<model::AddedOutput>;
  virtual ~AddSession() = default;

  /// Path of the part inside the upload, "" for a part without a name.
  virtual Task<Outputs> begin_file(std::string path) = 0;
  /// The next bytes of the file. Returns before they are on disk, but never with more than a window's bytes in flight:
  /// awaiting it is the back-pressure.
  virtual Task<Outputs> write(Bytes bytes) = 0;
  virtual Task<Outputs> end_file() = 0;
  virtual Task<Outputs> add_symlink(std::string path, std::string target) = 0;
  virtual Task<Outputs> add_directory(std::string path) = 0;
  /// Emits the directories, makes everything durable and pins the root (unless no_pin). Acknowledged = on disk.
  virtual Task<Outputs> finish() = 0;
};

}  // namespace ipfsc::cluster
