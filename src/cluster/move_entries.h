// Entries of the log that move copies: which peers hold a pin, and what is under way for it.
#pragma once

#include <optional>
#include <vector>

#include "ipld/peer_id.h"
#include "state/state.h"

namespace ipfsc::cluster {

/// What is to become of a pin's copies.
struct CopyChange {
  std::optional<ipld::PeerId> add;
  std::vector<ipld::PeerId> remove;
  proto::Work work;  ///< under way from here on; empty: nothing is
};

/// Appends what makes `change` of the pin as it was `seen`: all of it, or nothing when the pin has changed meanwhile.
/// By rules of the log that know no such entry (`apply_version` < 2), whatever the pin is then.
void append_change(std::vector<proto::Operation>& out, const state::StoredPin& seen, CopyChange change,
                   uint32_t apply_version);

/// Makes `put`, which is a PinPut, say also what is under way for the pin; nullopt: that stays. Returns what is to be
/// written behind it by rules of the log that cannot say it.
std::optional<proto::Operation> attach_work(proto::Operation& put, std::optional<proto::Work> work,
                                            uint32_t apply_version);

}  // namespace ipfsc::cluster
