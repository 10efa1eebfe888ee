#include "ipld/dag_pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "ipld/wire.h"

namespace ipfsc::ipld {
namespace {

enum NodeField : uint64_t { kNodeData = 1, kNodeLinks = 2 };
enum LinkField : uint64_t { kLinkHash = 1, kLinkName = 2, kLinkTsize = 3 };

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "invalid dag-pb block: " + std::move(why));
}

size_t link_size(const PbLink& link) {
  size_t size = wire::bytes_size(link.cid.bytes().size());
  if (link.has_name) size += wire::bytes_size(link.name.size());
  if (link.has_tsize) size += wire::integer_size(link.tsize);
  return size;
}

Result<PbLink> decode_link(ByteView in) {
  PbLink link;
  link.has_name = link.has_tsize = false;
  uint64_t last = 0;
  while (!in.empty()) {
    TRY_ASSIGN(auto field, wire::take_field(in, true));
    if (field.number > kLinkTsize) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("unknown field {}", field.number));
    }
    auto type = field.number == kLinkTsize ? wire::kVarint : wire::kLengthDelimited;
    if (field.type != type) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("field {} has the wrong wire type", field.number));
    }
    if (field.number <= last) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("field {} is doubled or out of order", field.number));
    }
    last = field.number;
    if (field.number == kLinkHash) {
      TRY_ASSIGN(link.cid, Cid::from_bytes(field.bytes));
    } else if (field.number == kLinkName) {
      link.name = field.bytes;
      link.has_name = true;
    } else {
      link.tsize = field.value;
      link.has_tsize = true;
    }
  }
  if (link.cid.empty()) return fail(ErrorKind::kInvalidArgument, "it has no CID");
  return link;
}

}  // namespace

size_t encoded_pb_size(const PbNode& node) {
  size_t size = node.data ? wire::bytes_size(node.data->size()) : 0;
  for (const auto& link : node.links) size += wire::bytes_size(link_size(link));
  return size;
}

Bytes encode_pb(const PbNode& node) {
  Bytes out;
  out.reserve(encoded_pb_size(node));
  for (const auto& link : node.links) {
    CHECK(!link.cid.empty());
    wire::append_tag(out, kNodeLinks, wire::kLengthDelimited);
    append_varint(out, link_size(link));
    wire::append_bytes(out, kLinkHash, link.cid.bytes());
    if (link.has_name) wire::append_bytes(out, kLinkName, link.name);
    if (link.has_tsize) wire::append_integer(out, kLinkTsize, link.tsize);
  }
  if (node.data) wire::append_bytes(out, kNodeData, *node.data);
  return out;
}

Result<PbNode> decode_pb(ByteView in) {
  PbNode node;
  bool links_ended = false;  // data came after at least one link
  while (!in.empty()) {
    auto field = wire::take_field(in, true);
    if (!field) return invalid(std::move(field.error().message));
    if (field->number != kNodeData && field->number != kNodeLinks) {
      return invalid(fmt::format("unknown field {}", field->number));
    }
    if (field->type != wire::kLengthDelimited) {
      return invalid(fmt::format("field {} has the wrong wire type", field->number));
    }
    if (field->number == kNodeData) {
      if (node.data) return invalid("the data is doubled");
      node.data = field->bytes;
      links_ended = !node.links.empty();
      continue;
    }
    if (links_ended) return invalid("links on both sides of the data");
    auto link = decode_link(field->bytes);
    if (!link) return invalid(fmt::format("link {}: {}", node.links.size(), link.error().message));
    node.links.push_back(*std::move(link));
  }
  return node;
}

bool links_sorted(const PbNode& node) { return std::ranges::is_sorted(node.links, {}, &PbLink::name); }

void sort_links(PbNode& node) {
  std::vector<size_t> order(node.links.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::pair<std::string_view, size_t>(node.links[i].name, i); });
  std::vector<PbLink> sorted;
  sorted.reserve(order.size());
  for (size_t i : order) sorted.push_back(std::move(node.links[i]));
  node.links = std::move(sorted);
}

}  // namespace ipfsc::ipld
