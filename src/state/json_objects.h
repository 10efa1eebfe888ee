// Cuts a stream of text into its JSON objects, without reading them. Inside state/ only.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ipfsc::state {

/// Objects lie one behind the other with white space between, as the export writes them or otherwise.
class JsonObjects {
 public:
  struct Piece {
    std::string text;
    uint64_t line = 1;  ///< where it begins
  };

  explicit JsonObjects(size_t max_bytes) : max_bytes_(max_bytes) {}
  /// Appends the objects that end in `text`. kInvalidArgument with the line when something else stands between objects,
  /// or one is too long.
  Result<> feed(std::string_view text, std::vector<Piece>& out);
  /// kInvalidArgument when the last object does not end.
  Result<> finish() const;

 private:
  const size_t max_bytes_;
  std::string begun_;  // of an object whose end was not seen
  uint64_t line_ = 1, begun_line_ = 1;
  unsigned depth_ = 0;
  bool in_string_ = false, escaped_ = false;
};

}  // namespace ipfsc::state
