// Entries of the log that put and remove records (state::Record).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "proto/log.pb.h"

namespace ipfsc::cluster {

proto::Operation put_record(std::string_view kind, ByteView key, ByteView value, std::string actor);
proto::Operation remove_record(std::string_view kind, ByteView key, std::string actor);

}  // namespace ipfsc::cluster
