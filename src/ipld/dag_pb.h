// dag-pb: links and opaque data in a strict form of protobuf. Source: the DAG-PB specification of IPLD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipld {

struct PbLink {
  Cid cid;
  std::string name;
  uint64_t tsize = 0;    ///< bytes of the whole DAG under the link, this block included
  bool has_name = true;  ///< Kubo writes Name even when it is empty
  bool has_tsize = true;
  bool operator==(const PbLink&) const = default;
};

struct PbNode {
  std::vector<PbLink> links;
  std::optional<Bytes> data;
  bool operator==(const PbNode&) const = default;
};

/// Canonical bytes: links first, in the given order (the caller sorts directories stably by name), then the data.
/// A link's CID must not be empty.
Bytes encode_pb(const PbNode& node);
size_t encoded_pb_size(const PbNode& node);

/// Refuses (kInvalidArgument): fields or wire types outside the schema, duplicates, fields of a link out of order,
/// links on both sides of the data, a link without a CID, integers that are not in their shortest form. The data may
/// come before the links, as in blocks of early encoders; these alone do not encode to the same bytes again.
Result<PbNode> decode_pb(ByteView block);

/// True when the links are in the order that a canonical directory has: stable by name, bytewise.
bool links_sorted(const PbNode& node);
void sort_links(PbNode& node);

}  // namespace ipfsc::ipld
