// What a request to pin becomes: pure functions of the request and of what is pinned already.
// (Reference: behaviour 7; the fixes are gaps C4, C5, C9.)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/options.h"
#include "model/pin.h"
#include "proto/log.pb.h"

namespace ipfsc::cluster {

struct PinSituation {
  std::optional<model::Pin> existing;  ///< the effective pin of the CID
  std::optional<proto::Work> work;     ///< its movements under way
  WallTime now;
  bool many_claims = false;  ///< others than the REST API ask for it
};

struct PlannedPin {
  model::Pin pin;                     ///< to be stored; its allocations are still to be decided
  std::vector<ipld::PeerId> holders;  ///< of the content, or of most of it
  bool many_claims = false;           ///< others than the REST API ask for the CID now
};

/// Zero: the cluster's.
void fill_in_factors(const ClusterOptions& cluster, model::PinOptions& options);

/// kInvalidArgument or kFailedPrecondition with the Go program's message.
Result<PlannedPin> plan_pin(const ClusterOptions& cluster, const ipld::Cid& cid, model::PinOptions options,
                            const PinSituation& situation);

/// The pin that replaces `from` by `cid`: everything as there, except what `options` says otherwise.
Result<PlannedPin> plan_update(const ClusterOptions& cluster, const model::Pin& from, const ipld::Cid& cid,
                               model::PinOptions options, const PinSituation& situation);

/// kFailedPrecondition for types that are not unpinned by themselves.
Result<> check_unpin(const model::Pin& pin);

proto::Operation pin_operation(const model::Pin& pin, std::string actor, Bytes request_id);

/// Makes `work` what is under way for the pin; nothing is, when it is empty.
proto::Operation work_operation(const ipld::Cid& cid, const proto::Work& work, std::string actor = "rest");

inline constexpr std::string_view kInPinset = "pin is part of the pinset already";
inline constexpr std::string_view kNotInPinset = "pin is not part of the pinset";

}  // namespace ipfsc::cluster
