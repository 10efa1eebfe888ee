#include "ipfs/embedded/dag_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ipld/links.h"

namespace ipfsc::ipfs {
namespace {

bool may_have_links(uint64_t codec) { return codec == ipld::kDagPb || codec == ipld::kDagCbor; }

/// Adds the CID to an error that came without it.
Error at_block(Error error, const ipld::Cid& cid) { return error.with_context("block " + cid.to_string()); }

/// A leaf that appears in many places is reported once.
void drop_doubles(std::vector<ipld::Cid>& cids, size_t from) {
  std::unordered_set<ipld::Cid> seen;
  auto double_of = [&](const ipld::Cid& cid) { return !seen.insert(cid).second; };
  cids.erase(std::remove_if(cids.begin() + static_cast<ptrdiff_t>(from), cids.end(), double_of), cids.end());
}

}  // namespace

std::optional<ByteView> inline_block(const ipld::Cid& cid) {
  if (cid.hash_code() != static_cast<uint64_t>(ipld::HashCode::kIdentity)) return std::nullopt;
  return cid.digest();
}

Result<> DagWalk::add_root(const ipld::Cid& cid, bool recursive) { return add_waiting(cid, recursive); }

/// A node with links waits at most once: the set of seen nodes bounds the stack too.
Result<> DagWalk::add_waiting(ipld::Cid cid, bool recursive) {
  if (recursive && may_have_links(cid.codec())) {
    TRY_ASSIGN(bool is_new, seen_.insert(NodeId128::of(cid)));
    if (!is_new) return {};
  }
  waiting_.push_back({std::move(cid), recursive});
  return {};
}

Result<> DagWalk::add_fetched(const ipld::Cid& cid, ByteView data, std::vector<ipld::Cid>& missing) {
  ++blocks_;
  bytes_ += data.size();
  size_t from = missing.size();
  TRY(follow(cid, data, missing));
  drop_doubles(missing, from);
  return {};
}

Result<> DagWalk::run(const Budget& budget, std::vector<ipld::Cid>& missing) {
  uint64_t blocks_end = blocks_ + budget.blocks, bytes_end = bytes_ + budget.bytes;
  size_t missing_from = missing.size();
  while (!waiting_.empty() && blocks_ < blocks_end && bytes_ < bytes_end &&
         missing.size() < missing_from + budget.missing) {
    Waiting item = std::move(waiting_.back());
    waiting_.pop_back();
    TRY(visit(item, missing));
  }
  drop_doubles(missing, missing_from);
  return {};
}

/// Is the block here? Marks it, and remembers what its durability depends on.
Result<bool> DagWalk::present(const ipld::Cid& cid, bool& plain_leaf) {
  if (inline_block(cid)) return true;
  if (marks_ != nullptr) marks_->add(cid.multihash());
  // A collection needs the row only of nodes that it may have to read.
  if (marks_ != nullptr && !may_have_links(cid.codec())) return true;
  auto entry = marks_ != nullptr ? store_.entry(cid.multihash()) : store_.look(cid.multihash());
  if (!entry) return fail(at_block(std::move(entry).error(), cid));
  if (!*entry) return false;
  plain_leaf = (*entry)->plain_leaf && cid.codec() == ipld::kDagPb;
  generation_ = std::max(generation_, (*entry)->generation);
  return true;
}

Result<> DagWalk::visit(const Waiting& item, std::vector<ipld::Cid>& missing) {
  bool plain_leaf = false;
  TRY_ASSIGN(bool here, present(item.cid, plain_leaf));
  if (!here) {
    missing.push_back(item.cid);
    return {};
  }
  if (item.recursive && !ipld::codec_walkable(item.cid.codec())) {
    return fail(ErrorKind::kUnimplemented,
                fmt::format("block {}: links of the codec {} cannot be read, so it can be pinned only directly",
                            item.cid.to_string(), ipld::codec_name(item.cid.codec())));
  }
  if (!item.recursive || plain_leaf || !may_have_links(item.cid.codec())) {
    ++blocks_;
    return {};
  }
  if (auto bytes = inline_block(item.cid)) {
    ++blocks_;
    return follow(item.cid, *bytes, missing);
  }
  auto data = store_.get(item.cid.multihash());
  if (!data && data.error().kind == ErrorKind::kNotFound) {
    missing.push_back(item.cid);
    return {};
  }
  if (!data) return fail(at_block(std::move(data).error(), item.cid));
  ++blocks_;
  bytes_ += data->size();
  return follow(item.cid, *data, missing);
}

Result<> DagWalk::follow(const ipld::Cid& cid, ByteView data, std::vector<ipld::Cid>& missing) {
  TRY_ASSIGN(auto links, ipld::block_links(cid, data));
  size_t from = waiting_.size();
  for (auto& link : links) {
    if (may_have_links(link.codec())) {
      TRY(add_waiting(std::move(link), true));
    } else {
      TRY(visit({std::move(link), true}, missing));  // needs no turn of its own
    }
  }
  std::reverse(waiting_.begin() + static_cast<ptrdiff_t>(from), waiting_.end());
  return {};
}

}  // namespace ipfsc::ipfs
