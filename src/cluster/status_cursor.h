// StatusCursor: a listing of statuses, pulled in pages.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "ipld/cid.h"
#include "model/status.h"

namespace ipfsc::cluster {

struct StatusQuery {
  bool local = false;
  model::StatusSet filter;
  std::vector<ipld::Cid> cids;  ///< only these, in this order; filter applies too
  std::string cursor;           ///< opaque, from next_cursor(); "" = from the start
};

class StatusCursor {
 public:
  virtual ~StatusCursor() = default;
  /// Appends at most `max` items in the order of binary CIDs and returns how many; 0 = the end.
  virtual Task<size_t> next(std::vector<model::GlobalPinInfo>& out, size_t max) = 0;
  /// Where to go on after what next() returned so far; "" at the end.
  virtual std::string next_cursor() const = 0;
};

}  // namespace ipfsc::cluster
