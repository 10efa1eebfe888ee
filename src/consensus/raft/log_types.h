// Values of the Raft log.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/strong.h"

namespace ipfsc::consensus {

/// Identifies a member in the log: given at joining, never used again, not 0.
using RaftId = uint64_t;
inline constexpr RaftId kNobody = 0;

/// What must be durable before a message that follows from it is sent.
struct HardState {
  Term term;
  RaftId vote = kNobody;
  LogIndex commit;
  bool operator==(const HardState&) const = default;
};

/// Who votes. The outgoing voters are not empty while two configurations are joint.
struct ConfState {
  std::vector<RaftId> voters, learners, voters_outgoing, learners_next;
  bool auto_leave = false;
  bool operator==(const ConfState&) const = default;
};

/// Numbers are persistent (docs/formats.md).
enum class EntryType : uint8_t { kNormal = 0, kConfChange = 1, kConfChangeV2 = 2 };

struct LogEntry {
  LogIndex index;
  Term term;
  EntryType type = EntryType::kNormal;
  Bytes data;     ///< kNormal: a proto::Entry, or nothing (the first entry of a term)
  Bytes context;  ///< conf changes: the proposer's own
  bool operator==(const LogEntry&) const = default;
};
using EntryPtr = std::shared_ptr<const LogEntry>;

/// Replaces the log up to and with `index`.
struct LogSnapshot {
  LogIndex index;
  Term term;
  ConfState conf;
  Bytes manifest;  ///< opaque here: says where the state of that index is to be had
  bool operator==(const LogSnapshot&) const = default;
};

}  // namespace ipfsc::consensus
