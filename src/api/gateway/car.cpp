#include "api/gateway/car.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ipfs/hamt.h"
#include "ipld/car.h"
#include "ipld/dag_pb.h"
#include "ipld/links.h"
#include "ipld/unixfs.h"

namespace ipfsc::api::gateway {
namespace {

/// The blocks that one entity has below this one: the parts of a file, the shards of a directory.
Result<std::vector<ipld::Cid>> entity_links(const ipld::Cid& cid, const Bytes& block) {
  std::vector<ipld::Cid> out;
  if (cid.codec() != ipld::kDagPb) return out;
  TRY_ASSIGN(auto node, ipld::decode_pb(block));
  auto unixfs = node.data ? ipld::decode_unixfs(*node.data) : fail(ErrorKind::kInvalidArgument, "no data");
  if (!unixfs) return out;
  if (unixfs->type == ipld::UnixFsType::kFile || unixfs->type == ipld::UnixFsType::kRaw) {
    for (auto& link : node.links) out.push_back(std::move(link.cid));
  } else if (unixfs->type == ipld::UnixFsType::kHamtShard) {
    TRY_ASSIGN(auto shape, ipfs::HamtShape::of(*unixfs));
    for (auto& link : node.links) {
      TRY_ASSIGN(auto name, ipfs::hamt_entry_name(shape, link));
      if (name.empty()) out.push_back(std::move(link.cid));
    }
  }
  return out;
}

}  // namespace

bool CarWalk::first_time(const ipld::Cid& cid) {
  Fingerprint key{.codec = cid.codec()};
  // Short digests, and those that are the content itself (identity), prove nothing.
  bool telling = cid.digest().size() >= 2 * sizeof(key.digest) &&
                 cid.hash_code() != static_cast<uint64_t>(ipld::HashCode::kIdentity);
  if (duplicates_ || !telling) return true;
  std::memcpy(key.digest.data(), cid.digest().data(), sizeof(key.digest));
  if (seen_.size() >= options_.car_seen_blocks) return !seen_.contains(key);
  return seen_.insert(key).second;
}

Result<> CarWalk::descend(const ipld::Cid& cid, const Bytes& block) {
  if (scope_ == DagScope::kBlock) return {};
  auto links = scope_ == DagScope::kEntity ? entity_links(cid, block) : ipld::block_links(cid, block);
  if (!links) return fail(links.error().with_context("block " + cid.to_string()));
  if (pending_.size() + links->size() > options_.car_pending_blocks) {
    return fail(ErrorKind::kResourceExhausted,
                fmt::format("a DAG with more than {} blocks waiting to be visited", options_.car_pending_blocks));
  }
  pending_.insert(pending_.end(), std::make_move_iterator(links->rbegin()), std::make_move_iterator(links->rend()));
  return {};
}

Task<> CarWalk::open(ipld::Cid root) {
  CO_TRY_ASSIGN(root_.data, co_await node_.get_block(root));
  root_.cid = std::move(root);
  co_return descend(root_.cid, root_.data);
}

Task<> CarWalk::write_block(const ipld::Cid& cid, const Bytes& block, net::Response& response) {
  Bytes front;
  append_varint(front, cid.bytes().size() + block.size());
  front += cid.bytes();
  CO_TRY(co_await response.write(front));
  co_return co_await response.write(block);
}

Task<> CarWalk::write(const std::vector<ipld::Cid>& way, net::Response& response) {
  CO_TRY(co_await response.write(ipld::encode_car_header({.roots = {root_.cid}})));
  for (const auto& cid : way) {
    if (!first_time(cid)) continue;
    CO_TRY_ASSIGN(Bytes block, co_await node_.get_block(cid));
    CO_TRY(co_await write_block(cid, block, response));
  }
  if (first_time(root_.cid)) CO_TRY(co_await write_block(root_.cid, root_.data, response));
  root_.data.clear();
  while (!pending_.empty()) {
    ipld::Cid cid = std::move(pending_.back());
    pending_.pop_back();
    if (!first_time(cid)) continue;
    CO_TRY_ASSIGN(Bytes block, co_await node_.get_block(cid));
    CO_TRY(co_await write_block(cid, block, response));
    CO_TRY(descend(cid, block));
  }
  co_return Result<>{};
}

}  // namespace ipfsc::api::gateway
