// The one row of `meta` that says what the state is: written with every entry. Inside state/ only.
#pragma once

#include <vector>

#include "state/state.h"

namespace ipfsc::state {

struct Head {
  Bytes cluster_id;
  uint64_t incarnation = 0;
  LogIndex applied;
  uint64_t time_ms = 0;        ///< of the last entry
  uint32_t apply_version = 1;  ///< the rules of apply() that hold
  StateHash hash;
  Counters counters;
  Revision history_floor = 0;     ///< records up to here may be gone
  uint64_t history_since_ms = 0;  ///< times from here on can be answered

  Bytes encode() const;
  /// Of a row in this program's format. kUnimplemented: the rules that hold are newer than the program.
  static Result<Head> decode(ByteView row);
  /// What a row of any format says of itself.
  static Result<StateVersions> versions(ByteView row);
  StateInfo info() const;
};

WallTime from_ms(uint64_t ms);

}  // namespace ipfsc::state
