// The parameters that requests can have, each described once. query_options.h reads them.
#pragma once

#include "api/rest/route_doc.h"

namespace ipfsc::api::rest {

extern const Parameters kPinOptionParameters;  ///< parse_pin_options()
extern const Parameters kAddParameters;        ///< parse_add_query(), beside those
extern const Parameters kPageParameters;       ///< parse_page()
extern const Parameters kLimitParameter;       ///< parse_limit()
extern const Parameters kCursorParameter;
extern const Parameters kAllocationParameters;  ///< parse_allocation_query(), beside those of a page
extern const Parameters kAtParameters;          ///< parse_at(), parse_peer()
extern const Parameters kStatusParameters;      ///< of GET /pins, beside those of a page
extern const Parameters kEventParameters;
extern const Parameters kLocalParameter;
extern const Parameters kDryRunParameter;
extern const Parameters kIfAbsentParameter;
extern const Parameters kAllClaimsParameter;
extern const Parameters kRemovePeerParameters;
extern const Parameters kUndoParameter;
extern const Parameters kRoleParameter;
extern const Parameters kWithParameter;
extern const Parameters kIdempotencyKey;  ///< caller_of()

/// The schema of a variable of a path, by its name. CHECKs that there is one.
const Parameter& path_parameter(std::string_view name);

}  // namespace ipfsc::api::rest
