// The opaque text of a cursor. Persistent as long as clients hold one: version 1. Inside state/ only.
#pragma once

#include "state/state.h"

namespace ipfsc::state {

/// Which part of a listing, and where in it.
struct CursorPlace {
  uint32_t part = 0;
  Bytes position;
};

std::string encode_cursor(const ListQuery& query, const CursorPlace& place);
/// kInvalidArgument when it is damaged, of another version, or of another query.
Result<CursorPlace> decode_cursor(const ListQuery& query, std::string_view token);

}  // namespace ipfsc::state
