// Peers with one-letter names and clusters made of seeds, for the tests of this folder.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/candidate.h"
#include "ipld/multihash.h"

namespace ipfsc::allocator {

/// Their order is that of the letters.
inline ipld::PeerId peer(char name) {
  Bytes key("\x08\x01\x12\x20", 4);  // as Ed25519 ids are: an identity multihash of a protobuf key
  key.append(32, name);
  return ipld::PeerId::from_public_key_protobuf(key);
}

inline std::vector<ipld::PeerId> ids(std::string_view names) {
  std::vector<ipld::PeerId> out;
  for (char c : names) out.push_back(peer(c));
  return out;
}

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

inline char letter(const ipld::PeerId& peer) { return peer.bytes().back(); }

inline std::string letters(const std::vector<ipld::PeerId>& peers) {
  std::string out;
  for (const auto& p : peers) out.push_back(letter(p));
  return out;
}

inline ipld::Cid cid(int number) {
  return ipld::Cid::v1(ipld::kRaw, ipld::hash_bytes(ipld::HashCode::kSha2_256, std::to_string(number)).value());
}

inline Metric weight(int64_t value) { return {.value = std::to_string(value), .weight = value}; }
inline Metric group(std::string value) { return {.value = std::move(value), .partitionable = true}; }

/// A peer that is up, with so much free space by its metric.
inline Candidate with_free(char name, int64_t free) {
  return {.peer = peer(name), .metrics = {{"freespace", weight(free)}}, .free_bytes = static_cast<uint64_t>(free)};
}

inline Candidate in_zone(char name, std::string zone, int64_t free = 100) {
  auto out = with_free(name, free);
  out.tags["zone"] = std::move(zone);
  return out;
}

inline Candidate in_state(char name, PeerState state, int64_t free = 100) {
  auto out = with_free(name, free);
  out.state = state;
  return out;
}

using Random = std::mt19937_64;

inline size_t below(Random& random, size_t bound) { return random() % bound; }
inline bool one_in(Random& random, size_t n) { return below(random, n) == 0; }

/// Up to ten peers a, b, …, with every kind of trouble. `calm`: all are up and there is room.
inline std::vector<Candidate> some_cluster(Random& random, bool calm = false) {
  std::vector<Candidate> out;
  auto count = 1 + below(random, 10);
  for (size_t i = 0; i < count; ++i) {
    auto c = in_zone(static_cast<char>('a' + i), std::string(1, static_cast<char>('A' + below(random, 4))),
                     static_cast<int64_t>(below(random, 5)) * 100);
    c.tags["rack"] = std::to_string(below(random, 4));
    c.metrics["tag:group"] = group(c.tags["zone"]);
    if (calm) c.free_bytes.reset();
    c.pins = below(random, 100);
    if (one_in(random, 5)) c.ipfs_id = std::to_string(below(random, 3));
    if (!calm) {
      if (one_in(random, 3)) c.state = static_cast<PeerState>(below(random, 5));
      if (one_in(random, 6)) c.tags.erase("zone");
      if (one_in(random, 8)) c.metrics.erase("freespace");
      c.promised.bytes = below(random, 200);
    }
    out.push_back(std::move(c));
  }
  return out;
}

inline Policy some_policy(Random& random) {
  Policy out;
  if (!one_in(random, 3)) out.allocate_by = {"tag:group", "freespace"};
  if (one_in(random, 2)) out.spread.push_back({.tag = "zone", .hard = one_in(random, 2)});
  if (one_in(random, 3)) out.spread.push_back({.tag = "rack", .hard = one_in(random, 2)});
  return out;
}

}  // namespace ipfsc::allocator
