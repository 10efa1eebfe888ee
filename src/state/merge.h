// Several claims on one CID make one effective pin. Pure.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "model/pin.h"

namespace ipfsc::state {

/// By (owner, claim): the default owner ("", "") is first.
using ClaimSet = std::map<std::pair<std::string, std::string>, model::Pin>;

/// Most copies (everywhere is more than any number), the greatest depth, the latest expiry (none = never), all names in
/// the order of the claims without repetition joined by ", ", all metadata and origins (the first claim wins a key),
/// the latest timestamp; type, reference and update source of the first claim that has one. Allocations stay empty.
/// `claims` must not be empty.
model::Pin merge_claims(const ClaimSet& claims);

}  // namespace ipfsc::state
