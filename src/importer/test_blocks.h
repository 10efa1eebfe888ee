// For tests: keeps and checks the blocks that a builder emits, generates content, and reads files back.
#pragma once

#include <map>

#include "base/check.h"
#include "importer/importer.h"
#include "ipld/unixfs.h"

namespace ipfsc::importer {

/// A sink that checks every block against its CID, and that its children came before it.
class TestBlocks {
 public:
  BlockSink sink() {
    return [this](ipld::Block&& block) -> Result<> {
      TRY(ipld::verify_block(block.cid, block.data));
      emitted_++;
      if (block.cid.codec() == ipld::kDagPb) {
        TRY_ASSIGN(auto node, ipld::decode_pb(block.data));
        if (ipld::encode_pb(node) != block.data) return fail(ErrorKind::kInternal, "not canonical");
        for (const auto& link : node.links) {
          if (keep_ && !blocks_.contains(link.cid)) return fail(ErrorKind::kInternal, "a parent before its child");
        }
      }
      if (keep_) blocks_[block.cid] = std::move(block.data);
      return {};
    };
  }

  const Bytes& at(const ipld::Cid& cid) const { return blocks_.at(cid); }
  ipld::PbNode node(const ipld::Cid& cid) const { return *ipld::decode_pb(at(cid)); }
  ipld::UnixFs unixfs(const ipld::Cid& cid) const { return *ipld::decode_unixfs(*node(cid).data); }
  size_t emitted() const { return emitted_; }
  void forget_blocks() { keep_ = false; }  // for large inputs

  /// The file's content; checks sizes on every level.
  Bytes read(const ipld::Cid& cid) const { return read_node(cid).content; }
  uint64_t cumulative_size(const ipld::Cid& cid) const { return read_node(cid).cumulative_size; }

 private:
  struct Read {
    Bytes content;
    uint64_t cumulative_size;
  };
  Read read_node(const ipld::Cid& cid) const {
    const Bytes& block = at(cid);
    if (cid.codec() == ipld::kRaw) return {block, block.size()};
    auto links = node(cid).links;
    auto file = unixfs(cid);
    Read out{file.data.value_or(""), block.size()};
    CHECK(file.type == ipld::UnixFsType::kFile && links.size() == file.block_sizes.size());
    for (size_t i = 0; i < links.size(); i++) {
      auto child = read_node(links[i].cid);
      CHECK(child.content.size() == file.block_sizes[i] && child.cumulative_size == links[i].tsize);
      out.content += child.content;
      out.cumulative_size += child.cumulative_size;
    }
    CHECK(file.file_size == out.content.size());
    return out;
  }

  std::map<ipld::Cid, Bytes> blocks_;
  size_t emitted_ = 0;
  bool keep_ = true;
};

/// The content that testdata/kubo_cids.tsv describes: block i of 64 bytes is SHA-512(seed, i).
inline Bytes generated_content(uint64_t size, uint64_t seed) {
  Bytes out, counter;
  out.reserve(size + 64);
  for (uint64_t i = 0; out.size() < size; i++) {
    counter.clear();
    append_be64(counter, seed);
    append_be64(counter, i);
    out += ipld::hash_bytes(ipld::HashCode::kSha2_512, counter)->digest();
  }
  out.resize(size);
  return out;
}

}  // namespace ipfsc::importer
