// Pin as JSON: answers of the API, lines of a state export.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/json_writer.h"
#include "model/pin.h"

namespace ipfsc::model {

/// Which of Go's two spellings of "nothing" is written (reference: rest-api 5.1).
enum class PinJsonStyle {
  kStored,   ///< as read from the state: metadata null, origins [], user_allocations null
  kRequest,  ///< the answer to a pin request: metadata {}, origins null, user allocations echoed
};

/// The fields alone, for an object that has more.
void add_fields(JsonObject& object, const Pin& pin, PinJsonStyle style = PinJsonStyle::kStored);

/// One object without a line end, fields in Go's order.
void append_json(std::string& out, const Pin& pin, PinJsonStyle style = PinJsonStyle::kStored);

/// One object; unknown keys are ignored. A missing `type` is "pin"; a missing `max_depth` follows `mode` (default
/// recursive). kInvalidArgument says which field is wrong.
Result<Pin> pin_from_json(std::string_view text);

}  // namespace ipfsc::model
