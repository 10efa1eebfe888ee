// Turns files and directory trees into IPFS blocks: bytes in, blocks out. No I/O, no clock, no threads.
//
// The CIDs are those of `ipfs add` with Kubo's legacy defaults (balanced layout with 174 links a node, UnixFS in
// dag-pb); testdata/kubo_cids.tsv holds what a real Kubo answered. Use from a pool thread: hashing is most of the cost
// (one copy and one hash of every byte). An object belongs to one thread at a time.
//
// One upload is one TreeBuilder; each of its files goes through its own FileBuilder first:
//
//   TRY_ASSIGN(auto options, ImportOptions::validate({.cid_version = 1, .raw_leaves = true}));
//   TreeBuilder tree(options, sink);
//   FileBuilder file(options, sink);
//   TRY(file.write(bytes));                                     // as often as there are bytes
//   TRY_ASSIGN(auto root, file.finish());
//   TRY_ASSIGN(auto reports, tree.add_file("dir/name", root));  // what to tell the client now
//   TRY_ASSIGN(auto last_reports, tree.finish());               // the directories
//   pin(tree.root().cid);
//
// Not offered yet, each refused with kUnimplemented: chunkers rabin and buzhash (their place is chunker.cpp), the
// trickle layout, directories that Kubo would shard as HAMT (their place is seal() in tree_builder.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "importer/chunker.h"
#include "ipld/cid.h"
#include "ipld/dag_pb.h"

namespace ipfsc::importer {

struct ImportOptions {
  std::string chunker = "size-262144";  ///< "size-N"; empty and "default" mean size-262144
  int cid_version = 0;                  ///< 0 or 1
  bool raw_leaves = false;              ///< file data in raw blocks (their CIDs are of version 1 in any case)
  uint64_t hash_code = 0x12;            ///< a multihash code; other than sha2-256 needs cid_version 1
  bool wrap = false;                    ///< TreeBuilder: put everything under one unnamed directory
  std::string layout = "balanced";      ///< empty means balanced

  // Bounds of TreeBuilder; beyond one of them an entry is refused and the tree must be given up.
  size_t max_name_bytes = 255;      ///< one path component
  size_t max_depth = 256;           ///< components of a path
  size_t max_entries = 4'000'000;   ///< files, symlinks and directories of one tree; about 200 bytes of memory each
  size_t max_symlink_bytes = 4096;  ///< target of a symlink
  uint64_t max_directory_bytes = 262'144;  ///< names and CIDs of one directory; Kubo makes a HAMT above it

  /// The options with their defaults filled in, or why they cannot be used: kInvalidArgument for what makes no sense,
  /// kUnimplemented for what is not offered. FileBuilder and TreeBuilder take only validated options.
  static Result<ImportOptions> validate(ImportOptions options);
};

/// Receives every block, children before parents, within the call that completes it. The same block may come more than
/// once. An error stops the import and comes back from the call that was running.
using BlockSink = std::function<Result<>(ipld::Block&&)>;

struct FileRoot {
  ipld::Cid cid;
  uint64_t file_size = 0;        ///< bytes of content
  uint64_t cumulative_size = 0;  ///< bytes of all blocks, counting repeated ones: the Tsize of a link to it
};

/// One file. Memory: one chunk and at most 174 links for each level of the tree.
/// After an error, and after finish(), only destruction is allowed.
class FileBuilder {
 public:
  FileBuilder(const ImportOptions& validated, BlockSink sink);
  FileBuilder(FileBuilder&&) = default;

  /// The next bytes of the file, in pieces of any size; the result does not depend on how they are cut. Copies them
  /// once, straight into the block that will hold them.
  Result<> write(ByteView bytes);
  /// Ends the file and emits what was held back. A file without bytes is one empty leaf.
  Result<FileRoot> finish();

  uint64_t bytes_written() const { return file_size_ + leaf_data_bytes_; }

 private:
  struct Level {  // the node being filled on one level of the tree; level 0 links leaves
    ipld::PbNode node;
    std::vector<uint64_t> block_sizes;
    uint64_t file_size = 0;
  };

  void append_to_leaf(ByteView bytes, bool ends);
  Result<> end_leaf();
  Result<> add_child(size_t level, FileRoot child);
  Result<FileRoot> end_node(Level& level);

  Chunker chunker_;
  int cid_version_;
  bool raw_leaves_;
  uint64_t hash_code_;
  BlockSink sink_;
  Bytes leaf_;  // the block being filled, room for its dag-pb header first
  size_t leaf_data_bytes_ = 0;
  uint64_t file_size_ = 0;
  std::vector<Level> levels_;
  bool finished_ = false;
};

/// One line of what `/add` reports.
struct AddedNode {
  std::string name;  ///< path in the upload with the top-level name; the wrapping directory's is empty
  ipld::Cid cid;
  uint64_t cumulative_size = 0;
  bool operator==(const AddedNode&) const = default;
};

/// The directory tree of one upload. Entries come one after another with the paths of a multipart upload
/// ("dir/sub/file"); missing parents are implied. Every call returns what is final by now, and all the returned lists
/// one after another are the report of `/add` in its order: each file or symlink when it is added; a top-level
/// directory's own directories, children before parents and sorted by name, when the next top-level entry begins or at
/// finish(); the wrapping directory last.
///
/// Paths (kInvalidArgument otherwise): components of 1 to max_name_bytes bytes, none of them "." or "..", no NUL; one
/// leading "/" is ignored, as the upload is its own root. Only add_file and add_symlink take an empty path: a part
/// without a name, reported as ""; when wrapped, linked and reported as its CID. Refused: a file where a directory is
/// and the reverse; a path given twice with different content (the same content again changes nothing); without wrap,
/// going back into a top-level directory after another top-level entry, as that directory's CID was reported already.
///
/// Memory: one entry for every file, symlink and directory of the current top-level directory, and for every top-level
/// entry (with wrap: for everything); a million entries take about 175 MiB. After an error, and after finish(), only
/// root() and destruction are allowed.
class TreeBuilder {
 public:
  TreeBuilder(ImportOptions validated, BlockSink sink);
  TreeBuilder(TreeBuilder&&) noexcept;
  ~TreeBuilder();

  [[nodiscard]] Result<std::vector<AddedNode>> add_file(std::string_view path, const FileRoot& root);
  /// `target` is stored as it is. The symlink's block goes to the sink.
  [[nodiscard]] Result<std::vector<AddedNode>> add_symlink(std::string_view path, std::string_view target);
  /// Reported when it is complete, so this returns only an earlier top-level directory's nodes.
  [[nodiscard]] Result<std::vector<AddedNode>> add_directory(std::string_view path);
  /// Emits the remaining directories. kInvalidArgument when nothing was added and there is no wrapping directory.
  [[nodiscard]] Result<std::vector<AddedNode>> finish();

  /// What to pin, after finish(): the wrapping directory, else the last top-level entry.
  const AddedNode& root() const { return root_; }

 private:
  struct Directory;
  struct Entry;
  using Reports = std::vector<AddedNode>;
  using Components = std::vector<std::string_view>;

  Result<Components> split(std::string_view path) const;
  Result<> begin_top_level(const Components& path, bool is_directory, Reports& out);
  Result<> end_top_level(Reports& out);
  Result<Directory*> open_directory(const Components& path);
  Result<> put_leaf(const Components& path, const AddedNode& node);
  Result<Entry*> new_entry(Directory& parent, std::string_view name, const Components& path);
  Result<> check_directory_size(const Directory& directory, std::string_view path) const;
  Result<> seal(Entry& entry, const std::string& path, Reports& out);

  ImportOptions options_;
  BlockSink sink_;
  std::unique_ptr<Directory> top_;  // all top-level entries; with wrap it becomes the wrapping directory
  std::string open_top_level_;      // without wrap: the directory in top_ that is not sealed yet
  size_t entries_ = 0;
  AddedNode root_;
  bool finished_ = false;
};

}  // namespace ipfsc::importer
