// POST and DELETE /pins: many pins or unpins, a line of JSON each, with a line of answer for each in the same order.
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"
#include "model/pin_json.h"
#include "net/line_reader.h"

namespace ipfsc::api::rest {
namespace {

constexpr size_t kLinesAtOnce = 1000;       // of one entry of the log
constexpr size_t kBytesAtOnce = 256 << 10;  // … of text, so that an entry stays below its bound
constexpr size_t kMostLineBytes = 256 << 10;
/// Clients that read nothing before they have sent everything are common: so much of the answer waits for them.
constexpr size_t kMostHeldBytes = 64 << 20;

/// What a line asks for, or what is wrong with it.
using Line = Result<model::Pin>;

Line parse_line(std::string_view text) {
  TRY_ASSIGN(auto pin, model::pin_from_json(text));
  if (pin.type != model::PinType::kData) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("type: a pin of type {} cannot be asked for", to_string(pin.type)));
  }
  return pin;
}

/// The next lines, as many as go together; none at the end of the body.
Task<std::vector<Line>> next_lines(Runtime& runtime, net::LineReader& reader) {
  std::vector<std::string> texts;
  for (size_t bytes = 0; texts.size() < kLinesAtOnce && bytes < kBytesAtOnce;) {
    auto text = co_await reader.next();
    // A limit of the request, not of this machine.
    if (!text && text.error().kind == ErrorKind::kResourceExhausted) {
      co_return fail(ErrorKind::kInvalidArgument, text.error().message);
    }
    CO_TRY(text);
    if (!*text) break;
    bytes += (*text)->size();
    texts.emplace_back(**text);
  }
  if (texts.empty()) co_return std::vector<Line>();
  // A thousand lines take milliseconds, in which the log's heartbeats would wait.
  co_return co_await run_blocking(runtime, [&texts]() -> Result<std::vector<Line>> {
    std::vector<Line> lines;
    for (const auto& text : texts) lines.push_back(parse_line(text));
    return lines;
  });
}

void append_answer(std::string& out, uint64_t line, const ipld::Cid* cid, const Result<model::Pin>& result) {
  model::JsonObject object(out);
  object.number("line", line);
  if (cid != nullptr) object.plain("cid", cid->to_string());
  if (!result) {
    object.number("code", status_of(result.error()));
    object.text("message", result.error().message);
  }
  object.end();
  out += '\n';
}

/// The last line when the rest was not done. Few clients look at trailers.
void append_end(std::string& out, uint64_t done, const Error& error) {
  model::JsonObject object(out);
  object.number("code", status_of(error));
  object.text("message", fmt::format("nothing was done from line {} on: {}", done + 1, error.message));
  object.end();
  out += '\n';
}

/// `act` does what is asked for with those lines that could be read: one result for each, in order.
template <class Act>
Task<> each_line(Runtime& runtime, net::Request& request, net::Response& response, Act act) {
  net::LineReader reader(request.body(), kMostLineBytes);
  JsonStream stream(response);
  uint64_t number = 0;
  std::string held;
  auto end = [&](Result<> outcome) -> Task<> {
    if (!outcome && number > 0) append_end(held, number, outcome.error());
    if (!held.empty()) CO_TRY(co_await stream.write(held));
    co_return stream.end({.outcome = std::move(outcome)});
  };
  for (;;) {
    auto lines = co_await next_lines(runtime, reader);
    if (!lines) co_return co_await end(fail(lines.error()));
    if (lines->empty()) co_return co_await end({});
    std::vector<model::Pin> asked;
    for (const auto& line : *lines) {
      if (line) asked.push_back(*line);
    }
    auto results = co_await act(std::move(asked));
    if (!results && number == 0) co_return co_await end(fail(results.error()));  // the whole request's answer
    size_t done = 0;
    for (const auto& line : *lines) {
      ++number;
      if (!line) {
        append_answer(held, number, nullptr, line);
      } else {
        append_answer(held, number, &line->cid, results ? (*results)[done++] : Line(fail(results.error())));
      }
    }
    if (!results) co_return co_await end(fail(results.error()));
    if (held.size() < kMostHeldBytes) continue;
    CO_TRY(co_await stream.write(held));
    held.clear();
  }
}

/// With if-absent=true what is in the pinset already is answered 409 and stays as it is.
Task<> pin_lines(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  CO_TRY_ASSIGN(bool only_new, parse_bool(request.query(), "if-absent"));
  co_return co_await each_line(context.runtime, request, response, [&](std::vector<model::Pin> asked) {
    std::vector<std::pair<ipld::Cid, model::PinOptions>> pins;
    for (auto& pin : asked) pins.emplace_back(std::move(pin.cid), std::move(pin.options));
    return context.cluster->pin_many(std::move(pins), caller, only_new);
  });
}

Task<> unpin_lines(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  co_return co_await each_line(context.runtime, request, response, [&](std::vector<model::Pin> asked) {
    std::vector<ipld::Cid> cids;
    for (auto& pin : asked) cids.push_back(std::move(pin.cid));
    return context.cluster->unpin_many(std::move(cids), caller);
  });
}

}  // namespace

void add_bulk_routes(Routes& routes) {
  routes.add("POST", "/pins",
             {.tag = kTagPins,
              .summary = "Pin many",
              .text = "A line of JSON for each pin, and a line of answer for each, in the same order.",
              .parameters = {kIfAbsentParameter, kIdempotencyKey},
              .body = {kLinesOfJson, "PinRequest", "Pins, as a listing of the pinset has them."},
              .answer = {"What became of each line.", "LineResult", Form::kLines},
              .errors = {409}},
             &pin_lines);
  routes.add("DELETE", "/pins",
             {.tag = kTagPins,
              .summary = "Unpin many",
              .text = "A line of JSON with a `cid` for each, and a line of answer for each, in the same order.",
              .parameters = {kIdempotencyKey},
              .body = {kLinesOfJson, "PinRequest", "Pins, as a listing of the pinset has them."},
              .answer = {"What became of each line.", "LineResult", Form::kLines},
              .errors = {409}},
             &unpin_lines);
}

}  // namespace ipfsc::api::rest
