// Uploads to a server on this machine: files go from the page cache into the socket (sendfile) without a copy here,
// which halves the processor time that libcurl needs. The server has the same processors to work with.
#pragma once

#include <atomic>

#include "client/http.h"

namespace ipfsc::client {

/// Whether it is an upload by plain HTTP to the loopback or a unix socket.
bool is_direct_upload(const HttpRequest& request);

/// As HttpSession::run(). `body_was_read` is set once the body source was asked for anything.
Result<HttpAnswer> direct_upload(const HttpRequest& request, const HttpSession::OnData& on_data,
                                 const std::atomic<bool>* cancelled, bool& body_was_read);

}  // namespace ipfsc::client
