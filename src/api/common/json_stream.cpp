#include "api/common/json_stream.h"

namespace ipfsc::api::common {
namespace {
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kErrorTrailer = "X-Stream-Error";
constexpr std::string_view kCursorTrailer = "X-Next-Cursor";
}  // namespace

std::vector<std::string> JsonStream::trailer_names() const {
  std::vector<std::string> names{std::string(kErrorTrailer)};
  if (with_cursor_) names.emplace_back(kCursorTrailer);
  return names;
}

Task<> JsonStream::write(std::string_view lines) {
  if (!response_.started()) CO_TRY(response_.begin({.content_type = kJson, .trailers = trailer_names()}));
  co_return co_await response_.write(lines);
}

Result<> JsonStream::end(End end) {
  if (!response_.started()) {
    response_.add_header("Trailer", kErrorTrailer);
    if (!end.outcome) return fail(end.outcome.error());
    if (with_cursor_)
      response_.add_header(kCursorTrailer, end.next_cursor);  // an answer without a body has no trailers
    return response_.send(204, {}, kJson);
  }
  net::Headers trailers;
  if (!end.outcome) {
    trailers.push_back({std::string(kErrorTrailer), end.outcome.error().message});
  } else if (end.empty_trailer) {
    trailers.push_back({std::string(kErrorTrailer), ""});
  }
  if (with_cursor_) trailers.push_back({std::string(kCursorTrailer), std::move(end.next_cursor)});
  return response_.end(trailers);
}

Result<> JsonStream::end_always_200(Result<> outcome) {
  if (response_.started() || !outcome) return end({.outcome = std::move(outcome), .empty_trailer = false});
  response_.add_header("Trailer", kErrorTrailer);
  return response_.send(200, {}, kJson);
}

}  // namespace ipfsc::api::common
