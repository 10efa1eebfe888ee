#include "api/gateway/car.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

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

std::vector<ipld::Cid> CarWalk::take_next() {
  std::vector<ipld::Cid> next;
  while (!pending_.empty() && next.size() < std::max<size_t>(options_.read_ahead_blocks, 1)) {
    bool leaf = pending_.back().codec() == ipld::kRaw;
    if (!leaf && !next.empty()) break;
    if (first_time(pending_.back())) next.push_back(std::move(pending_.back()));
    pending_.pop_back();
    if (!leaf && !next.empty()) break;
  }
  return next;
}

Task<std::vector<Bytes>> CarWalk::read(const std::vector<ipld::Cid>& cids) {
  std::vector<Bytes> out(cids.size());
  if (cids.size() == 1) {
    CO_TRY_ASSIGN(out[0], co_await node_.get_block(cids[0]));
    co_return out;
  }
  namespace asio = boost::asio;
  auto start = [this](const ipld::Cid& cid) {
    return asio::co_spawn(runtime_.executor(), node_.get_block(cid), asio::deferred);
  };
  std::vector<decltype(start(cids[0]))> reads;
  for (const auto& cid : cids) reads.push_back(start(cid));
  if (reads.empty()) co_return out;
  auto [order, exceptions, blocks] = co_await asio::experimental::make_parallel_group(std::move(reads))
                                         .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  for (size_t i = 0; i < out.size(); ++i) {
    if (exceptions[i]) std::rethrow_exception(exceptions[i]);
    CO_TRY(blocks[i]);
    out[i] = std::move(*blocks[i]);
  }
  co_return out;
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
    auto next = take_next();
    CO_TRY_ASSIGN(auto blocks, co_await read(next));
    for (size_t i = 0; i < next.size(); ++i) {
      CO_TRY(co_await write_block(next[i], blocks[i], response));
      CO_TRY(descend(next[i], blocks[i]));
    }
  }
  co_return Result<>{};
}

}  // namespace ipfsc::api::gateway
