// A streamed answer of newline-delimited JSON (reference: rest-api 4).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/http_server.h"

namespace ipfsc::api::common {

/// The head is sent with the first object: until then an error still gets its own status, and nothing at all is 204.
class JsonStream {
 public:
  /// `with_cursor` announces the trailer X-Next-Cursor.
  explicit JsonStream(net::Response& response, bool with_cursor = false)
      : response_(response), with_cursor_(with_cursor) {}

  /// Whole lines, each with its newline. An error means that the client is gone.
  Task<> write(std::string_view lines);

  struct End {
    Result<> outcome;  ///< of the iteration
    std::string next_cursor;
    bool empty_trailer = true;  ///< X-Stream-Error is sent, empty, when all went well
  };
  Result<> end(End end);
  /// For streams that are 200 also when nothing was written, and have no empty trailer.
  Result<> end_always_200(Result<> outcome);

 private:
  std::vector<std::string> trailer_names() const;

  net::Response& response_;
  bool with_cursor_;
};

}  // namespace ipfsc::api::common
