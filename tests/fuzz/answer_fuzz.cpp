// links: client
#include "base/check.h"
#include "client/answer_parser.h"
#include "client/lines.h"

using namespace ipfsc;
using namespace ipfsc::client;

namespace {

/// What is understood of an answer that comes in pieces of first..last bytes, by turns.
std::string understood(std::string_view text, size_t first, size_t last) {
  constexpr size_t kMaxLineBytes = 100;
  AnswerParser parser;
  LineSplitter lines(kMaxLineBytes);
  std::string out, body;
  auto keep_line = [&](std::string_view line) -> Result<> {
    CHECK(!line.empty() && line.size() <= kMaxLineBytes);
    out.append("[line]").append(line);
    return {};
  };
  HttpSession::OnData on_data = [&](const HttpAnswer& so_far, std::string_view piece) -> Result<> {
    CHECK(!piece.empty() && !parser.done());
    CHECK(so_far.status >= 200 && so_far.status != 204 && so_far.status != 304);
    body += piece;
    return lines.feed(piece, keep_line);
  };
  Result<> result;
  for (size_t at = 0, step = first; at < text.size() && result; at += step, step = step == last ? first : step + 1) {
    // A copy, so that a look behind its end is seen.
    result = parser.feed(std::string(text.substr(at, step)), on_data);
  }
  if (result) result = parser.end_of_input();
  CHECK(parser.done() == result.has_value());
  if (result) result = lines.finish(keep_line);
  const auto& answer = parser.answer();
  out.append("\n[status]").append(std::to_string(answer.status));
  for (const auto& [name, value] : answer.headers) out.append("\n").append(name).append("=").append(value);
  out.append("\n[body]");
  // Of a line that is too long a part may be there.
  if (result || result.error().kind == ErrorKind::kUnavailable) out += body;
  if (!result) out.append("\n[error]").append(result.error().message);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto input = as_bytes(data, size);
  auto whole = understood(input, size + 1, size + 1);
  CHECK(understood(input, 1, 1) == whole);
  CHECK(understood(input, 1, 17) == whole);
  CHECK(understood(input, 5, 8) == whole);
  return 0;
}
