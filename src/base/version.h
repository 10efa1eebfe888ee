// The one place that has the program's version, and the versions of all that it shares with other programs.
#pragma once

#include <cstdint>
#include <string_view>

namespace ipfsc {

/// "<version of Go ipfs-cluster that this stands in for>+cpp.<ours>": what /version, --version and `id` say.
inline constexpr std::string_view kVersion = "1.1.6+cpp.0.1.0";

/// Formats of the folders of a peer; what they mean is in docs/formats.md. A change that the program before could not
/// read is a new number and a migration (app/migrations.cpp).
struct FolderFormats {
  uint32_t state, raft, local, ipfs;
};

struct Versions {
  FolderFormats formats;
  uint32_t apply_version;   ///< the newest rules of state::State::apply() that this program knows
  uint32_t protocol;        ///< of its calls to other peers
  uint32_t least_protocol;  ///< the oldest that it still talks
};

/// Defined in version.cpp alone: tests/next links a program of the next version by defining it otherwise.
extern const Versions kVersions;

}  // namespace ipfsc
