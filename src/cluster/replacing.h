// What becomes of a pin's copies when it is allocated anew. A copy that another one takes the place of goes when that
// one is there, not before; one that is only too many goes at once. Pure.
#pragma once

#include <optional>
#include <vector>

#include "model/pin.h"
#include "proto/log.pb.h"

namespace ipfsc::cluster {

/// The copies that an allocation starts from: those that there will be when the movements under way have ended.
std::vector<ipld::PeerId> settled_holders(const model::Pin& stored, const std::optional<proto::Work>& work);

struct Replaced {
  std::vector<ipld::PeerId> allocations;  ///< the chosen peers, and those that hold it for the time being
  std::optional<proto::Work> work;        ///< what is to be stored of the pin's movements; none: it stays as it is
};

/// `chosen`: who is to hold the pin from now on; empty: everybody. `stored`: as it was, none when it is new.
Replaced replace_copies(const std::optional<model::Pin>& stored, const std::optional<proto::Work>& work,
                        std::vector<ipld::PeerId> chosen);

}  // namespace ipfsc::cluster
