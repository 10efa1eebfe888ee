#include "ipfs/path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ipfs/hamt.h"
#include "ipld/dag_cbor.h"

namespace ipfsc::ipfs {
namespace {

Error no_link(std::string_view name, const ipld::Cid& under) {
  return {ErrorKind::kNotFound, fmt::format("no link named \"{}\" under {}", name, under.to_string())};
}

Result<ipld::Cid> link_by_name(const ipld::PbNode& node, std::string_view name, const ipld::Cid& under) {
  for (const auto& link : node.links) {
    if (link.name == name) return link.cid;
  }
  return fail(no_link(name, under));
}

/// The entry of a sharded directory: one block for each level.
Task<ipld::Cid> lookup_sharded(IpfsNode& node, const ipld::Cid& directory, ipld::PbNode pb, ipld::UnixFs unixfs,
                               std::string_view name, std::vector<ipld::Cid>& read) {
  CO_TRY_ASSIGN(HamtShape shape, HamtShape::of(unixfs));
  uint64_t hash = murmur3_x64_64(name);
  for (size_t depth = 0; depth < shape.max_depth(); ++depth) {
    std::string slot = shape.prefix(hash, depth), entry = slot + std::string(name);
    const ipld::Cid* below = nullptr;
    for (const auto& link : pb.links) {
      if (link.name == entry) co_return link.cid;
      if (link.name == slot) below = &link.cid;
    }
    if (below == nullptr) break;
    ipld::Cid shard = *below;
    CO_TRY_ASSIGN(Bytes bytes, co_await node.get_block(shard));
    read.push_back(shard);
    if (shard.codec() != ipld::kDagPb) break;
    CO_TRY_ASSIGN(pb, ipld::decode_pb(bytes));
  }
  co_return fail(no_link(name, directory));
}

Task<ipld::Cid> step_pb(IpfsNode& node, const ipld::Cid& cid, const Bytes& bytes, const std::string& name,
                        std::vector<ipld::Cid>& read) {
  CO_TRY_ASSIGN(auto pb, ipld::decode_pb(bytes));
  auto unixfs = pb.data ? ipld::decode_unixfs(*pb.data) : fail(ErrorKind::kInvalidArgument, "no data");
  if (!unixfs || unixfs->type == ipld::UnixFsType::kDirectory) co_return link_by_name(pb, name, cid);
  if (unixfs->type == ipld::UnixFsType::kHamtShard) {
    co_return co_await lookup_sharded(node, cid, std::move(pb), std::move(*unixfs), name, read);
  }
  co_return fail(ErrorKind::kNotFound,
                 fmt::format("{} is not a directory: it has nothing named \"{}\"", cid.to_string(), name));
}

/// Goes down inside one dag-cbor node and takes the segments that it uses from `at` on.
Result<ipld::Cid> step_cbor(const ipld::Cid& cid, const Bytes& bytes, const std::vector<std::string>& segments,
                            size_t& at) {
  TRY_ASSIGN(auto root, ipld::decode_cbor(bytes));
  const ipld::CborValue* value = &root;
  while (at < segments.size()) {
    const std::string& name = segments[at];
    const ipld::CborValue* next = value->find(name);
    if (const auto* list = value->as_list()) {
      size_t index = 0;
      auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
      if (error == std::errc() && end == name.data() + name.size() && index < list->size()) next = &(*list)[index];
    }
    if (next == nullptr) return fail(no_link(name, cid));
    ++at;
    if (const auto* link = next->as_link()) return *link;
    value = next;
  }
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("the path ends inside the node {}, not at a link", cid.to_string()));
}

}  // namespace

Result<IpfsPath> parse_path(std::string_view path) {
  if (path.size() > kMaxPathBytes) return fail(ErrorKind::kInvalidArgument, "the path is longer than 64 KiB");
  std::string_view rest = path;
  if (rest.starts_with("/ipns/") || rest.starts_with("ipns://")) {
    return fail(ErrorKind::kUnimplemented,
                "IPNS names cannot be resolved by the embedded IPFS node: give an /ipfs/ path, or attach Kubo");
  }
  for (std::string_view prefix : {"/ipfs/", "ipfs://"}) {
    if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      break;
    }
  }
  IpfsPath out;
  for (bool first = true; first || !rest.empty(); first = false) {
    size_t end = std::min(rest.find('/'), rest.size());
    std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (first) {
      auto cid = ipld::Cid::parse(segment);
      if (!cid) return fail(cid.error().with_context(fmt::format("the path \"{}\"", path.substr(0, 200))));
      out.root = std::move(*cid);
      continue;
    }
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") return fail(ErrorKind::kInvalidArgument, "\"..\" in a path");
    if (out.segments.size() == kMaxPathSegments) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("a path of more than {} names", kMaxPathSegments));
    }
    out.segments.emplace_back(segment);
  }
  return out;
}

Task<ResolvedPath> resolve_path(IpfsNode& node, IpfsPath path) {
  ResolvedPath out{.cid = path.root};
  for (size_t at = 0; at < path.segments.size();) {
    CO_TRY_ASSIGN(Bytes bytes, co_await node.get_block(out.cid));
    out.read.push_back(out.cid);
    ipld::Cid next;
    if (out.cid.codec() == ipld::kDagPb) {
      CO_TRY_ASSIGN(next, co_await step_pb(node, out.cid, bytes, path.segments[at], out.read));
      ++at;
    } else if (out.cid.codec() == ipld::kDagCbor) {
      CO_TRY_ASSIGN(next, step_cbor(out.cid, bytes, path.segments, at));
    } else {
      co_return fail(no_link(path.segments[at], out.cid));
    }
    out.parents.push_back(std::exchange(out.cid, std::move(next)));
  }
  co_return out;
}

Task<ResolvedPath> resolve_path(IpfsNode& node, std::string path) {
  CO_TRY_ASSIGN(auto parsed, parse_path(path));
  co_return co_await resolve_path(node, std::move(parsed));
}

}  // namespace ipfsc::ipfs
