#pragma once

#include "api/common/json_stream.h"

namespace ipfsc::api::rest {

using common::JsonStream;

}  // namespace ipfsc::api::rest
