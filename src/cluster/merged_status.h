// A listing of statuses over all peers: a merge of their own listings by CID.
#pragma once

#include <memory>

#include "cluster/peer_calls.h"
#include "cluster/status_cursor.h"

namespace ipfsc::cluster {

struct MergedQuery {
  model::StatusSet filter;
  std::string cursor;    ///< of an earlier listing
  bool recover = false;  ///< queue again what is in error, and list that
};

/// Each peer filters for itself. A peer that is silent for ClusterOptions::peer_timeout is passed over from there on:
/// what it holds by the log is listed as cluster_error, if the filter has that. Memory: one page a peer. All references
/// outlive the cursor. kInvalidArgument for a bad cursor.
Result<std::unique_ptr<StatusCursor>> merge_statuses(Runtime& runtime, PeerCalls& calls, tracker::PinTracker& tracker,
                                                     state::State& state, const ClusterOptions& options,
                                                     MergedQuery query);

}  // namespace ipfsc::cluster
