#include <algorithm>

#include "base/check.h"
#include "importer/emit.h"
#include "importer/importer.h"
#include "ipld/unixfs.h"

namespace ipfsc::importer {

namespace {

constexpr size_t kLinksPerNode = 174;  // Kubo's legacy default; the CIDs depend on it

// A dag-pb leaf is its data between a few bytes, so the chunk is collected in place between them rather than encoded
// from parts: PBNode.Data (field 1) holding UnixFS Type (1) = File, Data (2), filesize (3).
Bytes leaf_header(size_t data_bytes) {
  size_t unixfs_bytes =
      2 + (data_bytes > 0 ? 1 + varint_size(data_bytes) + data_bytes : 0) + 1 + varint_size(data_bytes);
  Bytes out = "\x0a";
  append_varint(out, unixfs_bytes);
  out += "\x08\x02";
  if (data_bytes > 0) {
    out += '\x12';
    append_varint(out, data_bytes);
  }
  return out;
}

void append_leaf_trailer(Bytes& leaf, size_t data_bytes) {
  leaf += '\x18';
  append_varint(leaf, data_bytes);
}

constexpr size_t kMaxLeafTrailerBytes = 10;

}  // namespace

FileBuilder::FileBuilder(const ImportOptions& validated, BlockSink sink)
    : chunker_([&] {
        auto chunker = Chunker::parse(validated.chunker);
        CHECK(chunker.has_value());
        return *chunker;
      }()),
      cid_version_(validated.cid_version),
      raw_leaves_(validated.raw_leaves),
      hash_code_(validated.hash_code),
      sink_(std::move(sink)) {}

Result<> FileBuilder::write(ByteView bytes) {
  CHECK(!finished_);
  while (!bytes.empty()) {
    auto cut = chunker_.take(bytes);
    append_to_leaf(bytes.substr(0, cut.bytes), cut.ends);
    if (cut.ends) TRY(end_leaf());
    bytes.remove_prefix(cut.bytes);
  }
  return {};
}

void FileBuilder::append_to_leaf(ByteView bytes, bool ends) {
  if (leaf_data_bytes_ == 0) {
    // The first chunk may be all of a small file, so it grows as needed; the later ones are likely full.
    size_t expected = ends || levels_.empty() ? bytes.size() : chunker_.max_chunk_bytes();
    Bytes header = raw_leaves_ ? Bytes() : leaf_header(ends ? bytes.size() : chunker_.max_chunk_bytes());
    leaf_.reserve(header.size() + expected + kMaxLeafTrailerBytes);
    leaf_ = header;
  } else {
    size_t needed = leaf_.size() + bytes.size() + kMaxLeafTrailerBytes;
    size_t full = leaf_.size() - leaf_data_bytes_ + chunker_.max_chunk_bytes() + kMaxLeafTrailerBytes;
    if (needed > leaf_.capacity()) leaf_.reserve(std::min(full, std::max(needed, 4 * leaf_.capacity())));
  }
  leaf_ += bytes;
  leaf_data_bytes_ += bytes.size();
}

Result<> FileBuilder::end_leaf() {
  size_t data_bytes = std::exchange(leaf_data_bytes_, 0);
  if (!raw_leaves_) {
    size_t guessed_header_bytes = leaf_.size() - data_bytes;
    leaf_.replace(0, guessed_header_bytes, leaf_header(data_bytes));
    append_leaf_trailer(leaf_, data_bytes);
  }
  file_size_ += data_bytes;
  uint64_t block_bytes = leaf_.size();
  int version = raw_leaves_ ? 1 : cid_version_;
  uint64_t codec = raw_leaves_ ? ipld::kRaw : ipld::kDagPb;
  TRY_ASSIGN(auto cid, emit(sink_, version, codec, hash_code_, std::exchange(leaf_, {})));
  return add_child(0, {std::move(cid), data_bytes, block_bytes});
}

// A full node is ended only when its next sibling's first child comes: a level that ends with one child is the root.
Result<> FileBuilder::add_child(size_t level, FileRoot child) {
  if (level == levels_.size()) levels_.emplace_back();
  if (levels_[level].node.links.size() == kLinksPerNode) {
    TRY_ASSIGN(auto root, end_node(levels_[level]));
    TRY(add_child(level + 1, std::move(root)));
  }
  auto& node = levels_[level];
  node.node.links.push_back({.cid = std::move(child.cid), .tsize = child.cumulative_size});
  node.block_sizes.push_back(child.file_size);
  node.file_size += child.file_size;
  return {};
}

Result<FileRoot> FileBuilder::end_node(Level& level) {
  Level done = std::exchange(level, {});
  FileRoot root{.file_size = done.file_size};
  for (const auto& link : done.node.links) root.cumulative_size += link.tsize;
  done.node.data = ipld::encode_unixfs(
      {.type = ipld::UnixFsType::kFile, .file_size = done.file_size, .block_sizes = std::move(done.block_sizes)});
  Bytes block = ipld::encode_pb(done.node);
  root.cumulative_size += block.size();
  TRY_ASSIGN(root.cid, emit(sink_, cid_version_, ipld::kDagPb, hash_code_, std::move(block)));
  return root;
}

Result<FileRoot> FileBuilder::finish() {
  CHECK(!finished_);
  finished_ = true;
  if (leaf_data_bytes_ > 0 || levels_.empty()) TRY(end_leaf());
  for (size_t level = 0;; level++) {
    auto& links = levels_[level].node.links;
    if (level + 1 == levels_.size() && links.size() == 1) {
      return FileRoot{std::move(links[0].cid), levels_[level].file_size, links[0].tsize};
    }
    TRY_ASSIGN(auto root, end_node(levels_[level]));
    TRY(add_child(level + 1, std::move(root)));
  }
}

}  // namespace ipfsc::importer
