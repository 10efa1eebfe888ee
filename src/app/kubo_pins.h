// What the Kubo of a peer holds by itself.
#pragma once

#include <functional>
#include <span>

#include "base/result.h"
#include "config/configuration.h"
#include "identity/identity.h"
#include "ipld/cid.h"

namespace ipfsc::app {

struct KuboPin {
  ipld::Cid cid;
  bool recursive = true;  ///< else direct
};

/// Kubo's recursive and direct pins in pieces, in no order, as they come: bounded memory. An error of `sink` ends it.
/// Blocks; the peer may run meanwhile. kFailedPrecondition when the peer has its blocks itself.
Result<> list_kubo_pins(const config::Configuration& config, const identity::Identity& identity,
                        const std::function<Result<>(std::span<const KuboPin>)>& sink);

}  // namespace ipfsc::app
