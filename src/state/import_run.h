// A run of an import: pins that are turned into sorted files together. Inside state/ only.
#pragma once

#include <deque>
#include <unordered_map>

#include "state/store.h"
#include "state/stored_pin.h"

namespace ipfsc::state {

/// What an import has counted, beside the rows.
struct ImportTotals {
  Counters counters;
  StateHash hash;
  std::vector<uint64_t> peer_pins;  ///< by number
};

class ImportRun {
 public:
  /// Adds a pin's row; true when it took the place of one with the same CID.
  bool add(const Bytes& cid, Bytes row);
  bool contains(const Bytes& cid) const { return places_.contains(cid); }
  size_t size() const { return pins_.size(); }

  /// Writes one sorted file for each family, lets the store take them over, and adds to `totals`. `number` tells the
  /// files of runs apart.
  Result<> write(const Store& store, const storage::DatabaseOptions& options, size_t number,
                 ImportTotals& totals) const;

 private:
  struct Pin {
    Bytes cid, row;
  };
  std::deque<Pin> pins_;  // its CIDs stay where they are: `places_` points to them
  std::unordered_map<std::string_view, Pin*> places_;
};

}  // namespace ipfsc::state
