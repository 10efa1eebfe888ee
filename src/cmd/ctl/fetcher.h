// Fetches a UnixFS file or directory from a gateway into the file system.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/http.h"
#include "ipld/cid.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"

namespace ipfsc::cmd::ctl {

struct FetchOptions {
  client::Endpoint gateway;
  Duration timeout{0};  ///< of each request; 0 = none
  const std::atomic<bool>* cancelled = nullptr;
  std::function<void(uint64_t bytes, uint64_t total)> on_progress;
  size_t max_block_bytes = 4 << 20;
  int max_depth = 256;  ///< of directories
};

struct Fetched {
  uint64_t bytes = 0, files = 0;
};

/// Directories and small files come as raw blocks, whose hashes are checked; larger files as one stream each, whose
/// length is checked. Names that would leave the target's directory are refused, and symbolic links are made last, so
/// nothing is written through one.
class Fetcher {
 public:
  explicit Fetcher(FetchOptions options);

  /// `target` must not exist; "-" = standard output (for a file). What was made before an error stays, but no half
  /// file.
  client::Answer<Fetched> fetch(const std::string& content_path, const std::string& target);

 private:
  struct RawBlock {
    ipld::Cid cid;  ///< empty when the gateway did not say
    Bytes data;
  };
  Result<RawBlock> raw_block(const std::string& url_path, const ipld::Cid& cid);
  Result<> store(const RawBlock& block, const std::string& url_path, const std::string& target, int depth);
  Result<> store_directory(const ipld::PbNode& node, const std::string& target, int depth);
  Result<> store_shard(const ipld::PbNode& node, const ipld::UnixFs& shard, const std::string& target, int depth);
  Result<> store_child(const ipld::Cid& cid, const std::string& name, const std::string& directory, int depth);
  Result<> store_bytes(ByteView bytes, const std::string& target);
  Result<> store_stream(const std::string& url_path, std::optional<uint64_t> size, const std::string& target);
  Result<> make_links();
  void progressed(uint64_t bytes);

  FetchOptions options_;
  client::HttpSession session_;
  Fetched fetched_;
  uint64_t total_ = 0;
  int status_ = 0;                                          // of the last answer that was an error
  std::vector<std::pair<std::string, std::string>> links_;  // path and what it points to
};

}  // namespace ipfsc::cmd::ctl
