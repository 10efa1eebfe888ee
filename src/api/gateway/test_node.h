// An IpfsNode in memory with makers of UnixFS content, for the tests of this folder. Not part of the library.
#pragma once

#include <map>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "ipfs/hamt.h"
#include "ipfs/test_node.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"

namespace ipfsc::api::gateway {

class MemoryNode final : public ipfs::UnusedNode {
 public:
  Task<Bytes> get_block(ipld::Cid cid) override {
    ++reads;
    co_await boost::asio::post(boost::asio::use_awaitable);  // as a real node: not at once
    auto it = blocks.find(Bytes(cid.multihash()));
    if (it == blocks.end()) co_return fail(ErrorKind::kNotFound, "block " + cid.to_string() + ": not on this node");
    co_return it->second;
  }
  Task<bool> has(ipld::Cid cid) override { co_return blocks.contains(Bytes(cid.multihash())); }

  ipld::Cid put(uint64_t codec, Bytes block) {
    auto cid = *ipld::Cid::of(1, codec, static_cast<uint64_t>(ipld::HashCode::kSha2_256), block);
    blocks[Bytes(cid.multihash())] = std::move(block);
    return cid;
  }
  ipld::Cid put_unixfs(const ipld::UnixFs& unixfs, std::vector<ipld::PbLink> links = {}) {
    return put(ipld::kDagPb, ipld::encode_pb({.links = std::move(links), .data = ipld::encode_unixfs(unixfs)}));
  }

  /// A file of raw leaves, `width` links a node.
  ipld::Cid file(ByteView bytes, size_t chunk = 1000, size_t width = 4) {
    struct Part {
      ipld::Cid cid;
      uint64_t size;
    };
    std::vector<Part> level;
    for (size_t at = 0; at == 0 || at < bytes.size(); at += chunk) {
      auto piece = bytes.substr(at, chunk);
      level.push_back({put(ipld::kRaw, Bytes(piece)), piece.size()});
    }
    while (level.size() > 1) {
      std::vector<Part> above;
      for (size_t from = 0; from < level.size(); from += width) {
        ipld::UnixFs node{.type = ipld::UnixFsType::kFile, .file_size = 0};
        std::vector<ipld::PbLink> links;
        for (size_t i = from; i < std::min(from + width, level.size()); ++i) {
          links.push_back({.cid = level[i].cid, .tsize = level[i].size});
          node.block_sizes.push_back(level[i].size);
          *node.file_size += level[i].size;
        }
        above.push_back({put_unixfs(node, std::move(links)), *node.file_size});
      }
      level = std::move(above);
    }
    return level.front().cid;
  }

  using Entries = std::vector<std::pair<std::string, ipld::Cid>>;
  ipld::Cid directory(const Entries& entries) {
    ipld::PbNode node{.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kDirectory})};
    for (const auto& [name, cid] : entries) node.links.push_back({.cid = cid, .name = name, .tsize = 1500});
    ipld::sort_links(node);
    return put(ipld::kDagPb, ipld::encode_pb(node));
  }

  /// A HAMT of fanout 8.
  ipld::Cid sharded_directory(const Entries& entries, size_t depth = 0) {
    const ipfs::HamtShape shape{.bits = 3, .prefix_chars = 1};
    std::map<std::string, Entries> slots;
    for (const auto& entry : entries) slots[shape.prefix(ipfs::murmur3_x64_64(entry.first), depth)].push_back(entry);
    std::vector<ipld::PbLink> links;
    for (const auto& [slot, held] : slots) {
      bool shard = held.size() > 1;
      links.push_back({.cid = shard ? sharded_directory(held, depth + 1) : held[0].second,
                       .name = shard ? slot : slot + held[0].first,
                       .tsize = 1500});
    }
    return put_unixfs({.type = ipld::UnixFsType::kHamtShard, .data = Bytes("\xff"), .hash_type = 0x22, .fanout = 8},
                      std::move(links));
  }

  ipld::Cid symlink(std::string target) {
    return put_unixfs({.type = ipld::UnixFsType::kSymlink, .data = std::move(target)});
  }

  void forget(const ipld::Cid& cid) { blocks.erase(Bytes(cid.multihash())); }

  std::map<Bytes, Bytes> blocks;  ///< by multihash
  size_t reads = 0;
};

}  // namespace ipfsc::api::gateway
