// Strong<Tag, T>: distinct types for distinct meanings.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace ipfsc {

template <class Tag, class T>
struct Strong {
  T value{};
  constexpr Strong() = default;
  constexpr explicit Strong(T v) : value(v) {}
  constexpr auto operator<=>(const Strong&) const = default;
};

/// Position of an entry in the replicated log; 0 = before the first entry.
using LogIndex = Strong<struct LogIndexTag, uint64_t>;
/// Raft term.
using Term = Strong<struct TermTag, uint64_t>;
/// Number of a peer in the state (given by the log, never used twice); 0 = everywhere.
using PeerNumber = Strong<struct PeerNumberTag, uint32_t>;

}  // namespace ipfsc

template <class Tag, class T>
struct std::hash<ipfsc::Strong<Tag, T>> {
  size_t operator()(const ipfsc::Strong<Tag, T>& s) const noexcept { return std::hash<T>()(s.value); }
};
