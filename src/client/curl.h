// What the files of this folder that call libcurl share.
#pragma once

namespace ipfsc::client {

/// libcurl's start, once a process.
void prepare_curl();

}  // namespace ipfsc::client
