#include "ipfs/unixfs_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

namespace ipfsc::ipfs {
namespace {

Error malformed(const ipld::Cid& cid, std::string_view what) {
  return {ErrorKind::kInvalidArgument, fmt::format("block {}: {}", cid.to_string(), what)};
}

/// A node of a file's DAG.
struct FileNode {
  Bytes data;
  std::vector<ipld::PbLink> links;
  std::vector<uint64_t> sizes;  // of the links
  uint64_t size = 0;
};

Result<FileNode> file_node(const ipld::Cid& cid, ipld::PbNode pb, ipld::UnixFs unixfs) {
  FileNode out{.data = std::move(unixfs.data).value_or(""),
               .links = std::move(pb.links),
               .sizes = std::move(unixfs.block_sizes)};
  if (out.sizes.size() != out.links.size()) return fail(malformed(cid, "a file node without the size of each link"));
  out.size = out.data.size();
  for (uint64_t size : out.sizes) {
    if (size > (uint64_t{1} << 62) - out.size) return fail(malformed(cid, "a file larger than 2^62 bytes"));
    out.size += size;
  }
  if (unixfs.file_size && *unixfs.file_size != out.size) {
    return fail(malformed(cid, fmt::format("a file of {} bytes whose parts have {}", *unixfs.file_size, out.size)));
  }
  return out;
}

bool is_file(ipld::UnixFsType type) { return type == ipld::UnixFsType::kFile || type == ipld::UnixFsType::kRaw; }

/// Any block that may be part of a file.
Result<FileNode> read_file_node(const ipld::Cid& cid, Bytes block) {
  if (cid.codec() == ipld::kRaw) {
    uint64_t size = block.size();
    return FileNode{.data = std::move(block), .size = size};
  }
  if (cid.codec() != ipld::kDagPb) return fail(malformed(cid, "part of a file, but neither raw nor dag-pb"));
  auto pb = ipld::decode_pb(block);
  if (!pb) return fail(malformed(cid, pb.error().message));
  auto unixfs = ipld::decode_unixfs(pb->data ? *pb->data : Bytes());
  if (!unixfs) return fail(malformed(cid, unixfs.error().message));
  if (!is_file(unixfs->type)) return fail(malformed(cid, "part of a file, but not one itself"));
  return file_node(cid, std::move(*pb), std::move(*unixfs));
}

Result<> describe_pb(Content& content) {
  TRY_ASSIGN(auto pb, ipld::decode_pb(content.block));
  if (!pb.data) return {};
  auto unixfs = ipld::decode_unixfs(*pb.data);
  if (!unixfs) return {};  // dag-pb of another kind
  content.mode = unixfs->mode;
  content.mtime = unixfs->mtime;
  if (is_file(unixfs->type)) {
    content.kind = ContentKind::kFile;
    TRY_ASSIGN(auto file, file_node(content.cid, std::move(pb), std::move(*unixfs)));
    content.size_bytes = file.size;
  } else if (unixfs->type == ipld::UnixFsType::kDirectory || unixfs->type == ipld::UnixFsType::kHamtShard) {
    content.kind = ContentKind::kDirectory;
  } else if (unixfs->type == ipld::UnixFsType::kSymlink) {
    content.kind = ContentKind::kSymlink;
    content.target = unixfs->data.value_or("");
  }
  return {};
}

}  // namespace

Task<Content> open_content(IpfsNode& node, ipld::Cid cid) {
  Content content{.cid = cid};
  CO_TRY_ASSIGN(content.block, co_await node.get_block(cid));
  content.size_bytes = content.block.size();
  if (cid.codec() == ipld::kRaw) content.kind = ContentKind::kFile;
  if (cid.codec() == ipld::kDagPb) {
    auto described = describe_pb(content);
    if (!described) co_return fail(described.error().with_context("block " + cid.to_string()));
  }
  co_return content;
}

// --- Files

FileReader::FileReader(Runtime& runtime, IpfsNode& node, Content file, Options options)
    : runtime_(runtime), node_(node), read_ahead_(std::max<size_t>(options.read_ahead, 1)) {
  begin_ = std::min(options.offset, file.size_bytes);
  end_ = begin_ + std::min(options.length, file.size_bytes - begin_);
  if (file.kind == ContentKind::kFile && begin_ < end_) {
    parts_.push_back({.cid = file.cid, .size = file.size_bytes, .block = std::move(file.block)});
  }
}

Task<Bytes> FileReader::next() {
  while (!parts_.empty()) {
    if (!parts_.front().block) CO_TRY(co_await load());
    Part part = std::move(parts_.front());
    parts_.pop_front();
    CO_TRY_ASSIGN(Bytes bytes, open_part(std::move(part)));
    if (!bytes.empty()) co_return bytes;
  }
  co_return Bytes();
}

/// Reads the blocks of the first parts, together.
Task<> FileReader::load() {
  size_t count = 0;
  while (count < std::min(read_ahead_, parts_.size()) && !parts_[count].block) ++count;
  if (count == 1) {
    CO_TRY_ASSIGN(parts_[0].block, co_await node_.get_block(parts_[0].cid));
    co_return Result<>{};
  }
  namespace asio = boost::asio;
  auto start = [this](const ipld::Cid& cid) {
    return asio::co_spawn(runtime_.executor(), node_.get_block(cid), asio::deferred);
  };
  std::vector<decltype(start(parts_[0].cid))> reads;
  for (size_t i = 0; i < count; ++i) reads.push_back(start(parts_[i].cid));
  auto [order, exceptions, blocks] = co_await asio::experimental::make_parallel_group(std::move(reads))
                                         .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  for (size_t i = 0; i < count; ++i) {
    if (exceptions[i]) std::rethrow_exception(exceptions[i]);
    CO_TRY(blocks[i]);
    parts_[i].block = std::move(*blocks[i]);
  }
  co_return Result<>{};
}

/// Its own bytes that are wanted; its children come to the front of the parts.
Result<Bytes> FileReader::open_part(Part part) {
  TRY_ASSIGN(auto node, read_file_node(part.cid, std::move(*part.block)));
  if (node.size != part.size) {
    return fail(malformed(part.cid, fmt::format("{} bytes where its parent says {}", node.size, part.size)));
  }
  if (!node.links.empty() && part.depth + 1 == kMaxFileDepth) {
    return fail(malformed(part.cid, fmt::format("a file of more than {} levels", kMaxFileDepth)));
  }
  std::vector<Part> children;
  uint64_t at = part.start + node.data.size();
  for (size_t i = 0; i < node.links.size(); at += node.sizes[i++]) {
    if (!wanted(at, node.sizes[i])) continue;
    children.push_back(
        {.cid = std::move(node.links[i].cid), .start = at, .size = node.sizes[i], .depth = part.depth + 1});
  }
  parts_.insert(parts_.begin(), std::make_move_iterator(children.begin()), std::make_move_iterator(children.end()));
  return cut(part.start, std::move(node.data));
}

Bytes FileReader::cut(uint64_t start, Bytes bytes) const {
  uint64_t from = std::max(begin_, start), to = std::min(end_, start + bytes.size());
  if (from >= to) return {};
  if (from == start && to == start + bytes.size()) return bytes;
  return bytes.substr(from - start, to - from);
}

// --- Directories

DirectoryReader::DirectoryReader(IpfsNode& node, Content directory) : node_(node) {
  if (directory.kind == ContentKind::kDirectory) first_ = std::move(directory);
}

Task<size_t> DirectoryReader::next(std::vector<DirectoryEntry>& out, size_t max) {
  size_t before = out.size();
  if (first_) {
    Content first = std::move(*first_);
    first_.reset();
    CO_TRY(add_block(first.cid, first.block, 0, out));
  }
  while (!shards_.empty() && out.size() < before + max) {
    Shard shard = std::move(shards_.back());
    shards_.pop_back();
    CO_TRY_ASSIGN(Bytes block, co_await node_.get_block(shard.cid));
    CO_TRY(add_block(shard.cid, block, shard.depth, out));
  }
  co_return out.size() - before;
}

Result<> DirectoryReader::add_block(const ipld::Cid& cid, const Bytes& block, size_t depth,
                                    std::vector<DirectoryEntry>& out) {
  if (cid.codec() != ipld::kDagPb) return fail(malformed(cid, "part of a directory, but not dag-pb"));
  auto pb = ipld::decode_pb(block);
  if (!pb) return fail(malformed(cid, pb.error().message));
  auto unixfs = ipld::decode_unixfs(pb->data ? *pb->data : Bytes());
  if (!unixfs) return fail(malformed(cid, unixfs.error().message));
  if (unixfs->type == ipld::UnixFsType::kDirectory && depth == 0) {
    for (auto& link : pb->links) out.push_back({std::move(link.name), std::move(link.cid), link.tsize});
    return {};
  }
  if (unixfs->type != ipld::UnixFsType::kHamtShard) return fail(malformed(cid, "not a part of a directory"));
  auto shape = HamtShape::of(*unixfs);
  if (!shape) return fail(malformed(cid, shape.error().message));
  if (depth >= shape->max_depth()) return fail(malformed(cid, "a sharded directory with too many levels"));
  size_t from = shards_.size();
  for (auto& link : pb->links) {
    TRY_ASSIGN(auto name, hamt_entry_name(*shape, link));
    if (name.empty()) {
      shards_.push_back({std::move(link.cid), depth + 1});
    } else {
      out.push_back({std::string(name), std::move(link.cid), link.tsize});
    }
  }
  std::reverse(shards_.begin() + static_cast<ptrdiff_t>(from), shards_.end());
  return {};
}

}  // namespace ipfsc::ipfs
