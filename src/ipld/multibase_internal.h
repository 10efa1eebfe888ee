// Multibase without a string for each result. Internal to ipld/.
#pragma once

#include <string>

#include "base/bytes.h"

namespace ipfsc::ipld {

bool multibase_supported(char prefix);
void append_multibase(std::string& out, char prefix, ByteView bytes);
void append_base58(std::string& out, ByteView bytes);

}  // namespace ipfsc::ipld
