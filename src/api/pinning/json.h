// Answers of the pinning service as the specification writes them.
#pragma once

#include <string>
#include <string_view>

#include "cluster/pinning_requests.h"

namespace ipfsc::api::pinning {

/// A PinStatus object.
void append_json(std::string& out, const cluster::PinningItem& item);
/// A PinResults object and a newline.
std::string to_json(const cluster::PinningPage& page);
/// {"error":{"reason":"NOT_FOUND","details":"…"}} and a newline.
std::string error_json(int status, std::string_view details);

}  // namespace ipfsc::api::pinning
