// Records: small things that the APIs keep in the log for all peers, such as tokens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.h"

namespace ipfsc::cluster {

/// I/O thread only. Reads are of this peer's state.
class Records {
 public:
  /// All outlive it.
  Records(Runtime& runtime, const ClusterOptions& options, state::State& state, consensus::Consensus& consensus)
      : runtime_(runtime), options_(options), state_(state), consensus_(consensus) {}

  Result<std::optional<state::Record>> get(std::string_view kind, ByteView key) const;
  /// By key, those after `after` ("" = from the first).
  Result<std::vector<state::Record>> list(std::string_view kind, ByteView after, size_t max) const;
  /// `if_revision`: of the record that is replaced, 0 = there is none. kAborted when there is another.
  Task<> put(std::string kind, Bytes key, Bytes value, uint64_t if_revision, std::string actor);
  /// kNotFound.
  Task<> remove(std::string kind, Bytes key, std::string actor);

 private:
  Task<state::Outcome> submit(proto::Operation operation);

  Runtime& runtime_;
  const ClusterOptions& options_;
  state::State& state_;
  consensus::Consensus& consensus_;
};

}  // namespace ipfsc::cluster
