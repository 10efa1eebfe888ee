// POST /add: from a multipart body, while it arrives, into an add session (reference: rest-api 7.2).
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/query_options.h"
#include "net/multipart.h"

namespace ipfsc::api::rest {
namespace {

using Outputs = cluster::AddSession::Outputs;

/// Where the reports of an add go: line by line, or gathered into one array.
class AddAnswer {
 public:
  AddAnswer(const RestOptions& options, net::Response& response, bool stream)
      : options_(options), response_(response), lines_(response), stream_(stream) {}

  Task<> report(const Outputs& outputs) {
    for (const auto& output : outputs) {
      if (stream_) {
        line_.clear();
        model::append_json(line_, output);
        line_ += '\n';
        if (!response_.started()) response_.add_header("X-Chunked-Output", "1");
        CO_TRY(co_await lines_.write(line_));
      } else {
        array_ += array_.empty() ? '[' : ',';
        model::append_json(array_, output);
        if (array_.size() > options_.max_buffered_answer_bytes) {
          co_return fail(ErrorKind::kResourceExhausted, "too many files for stream-channels=false");
        }
      }
    }
    co_return Result<>{};
  }

  /// An Error is left to the caller when nothing was sent yet.
  Result<> end(Result<> outcome) {
    if (!stream_) {
      if (!outcome) return outcome;
      return response_.send(200, array_.empty() ? "null\n" : array_ + "]\n", kJson);
    }
    // Nothing to report and no error: Go answers 200 with an empty stream.
    if (outcome && !response_.started()) {
      response_.add_header("Trailer", "X-Stream-Error");
      return response_.send(200, {}, kJson);
    }
    return lines_.end({.outcome = std::move(outcome), .empty_trailer = false});
  }

 private:
  const RestOptions& options_;
  net::Response& response_;
  JsonStream lines_;
  bool stream_;
  std::string line_, array_;
};

Task<> add_file(net::MultipartReader& parts, std::string path, cluster::AddSession& session, AddAnswer& answer) {
  CO_TRY_ASSIGN(auto begun, co_await session.begin_file(std::move(path)));
  CO_TRY(co_await answer.report(begun));
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await parts.read_some());
    if (piece.empty()) break;
    CO_TRY_ASSIGN(auto outputs, co_await session.write(Bytes(piece)));
    if (!outputs.empty()) CO_TRY(co_await answer.report(outputs));
  }
  CO_TRY_ASSIGN(auto ended, co_await session.end_file());
  co_return co_await answer.report(ended);
}

Task<std::string> read_target(const RestOptions& options, net::MultipartReader& parts, std::string_view path) {
  auto target = co_await net::read_all(parts.body(), options.max_symlink_bytes);
  if (!target && target.error().kind == ErrorKind::kResourceExhausted) {
    co_return fail(ErrorKind::kInvalidArgument, fmt::format("the target of the symlink {} is longer than {} bytes",
                                                            path, options.max_symlink_bytes));
  }
  co_return target;
}

Task<> add_parts(const RestOptions& options, net::MultipartReader& parts, cluster::AddSession& session, bool car,
                 AddAnswer& answer) {
  for (size_t count = 0;; ++count) {
    CO_TRY_ASSIGN(auto part, co_await parts.next());
    if (!part) break;
    if (car && count > 0) continue;  // a CAR is one part; the rest is passed over
    CO_TRY_ASSIGN(auto file, net::FilePart::from(*part));
    using Kind = net::FilePart::Kind;
    if (car && file.kind != Kind::kFile)
      co_return fail(ErrorKind::kInvalidArgument, "expected CAR file is not of type file");
    if (file.kind == Kind::kFile) {
      CO_TRY(co_await add_file(parts, std::move(file.path), session, answer));
    } else if (file.kind == Kind::kDirectory) {
      CO_TRY_ASSIGN(auto outputs, co_await session.add_directory(std::move(file.path)));
      CO_TRY(co_await answer.report(outputs));
    } else {
      CO_TRY_ASSIGN(auto target, co_await read_target(options, parts, file.path));
      CO_TRY_ASSIGN(auto outputs, co_await session.add_symlink(std::move(file.path), std::move(target)));
      CO_TRY(co_await answer.report(outputs));
    }
  }
  CO_TRY_ASSIGN(auto outputs, co_await session.finish());
  co_return co_await answer.report(outputs);
}

Task<> add(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto query, parse_add_query(request.query(), context.runtime.wall_now()));
  CO_TRY_ASSIGN(auto boundary, net::MultipartReader::boundary_of(request.header("Content-Type").value_or("")));
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  bool car = query.params.format == cluster::AddFormat::kCar;
  if (car && query.params.wrap_with_directory) {
    co_return fail(ErrorKind::kInvalidArgument, "cannot wrap a CAR file upload");
  }
  query.params.size_hint_bytes = request.content_length();
  CO_TRY_ASSIGN(auto session, co_await context.cluster->add(std::move(query.params), std::move(caller)));
  response.add_header("Cache-Control", "no-cache");
  net::MultipartReader parts(request.body(), std::move(boundary));
  AddAnswer answer(context.options, response, query.stream);
  auto outcome = co_await add_parts(context.options, parts, *session, car, answer);
  co_return answer.end(std::move(outcome));
}

}  // namespace

void add_add_route(net::Router& router, RestContext& context) {
  router.add("POST", "/add",
             [&context](net::Request& request, net::Response& response) { return add(context, request, response); });
}

}  // namespace ipfsc::api::rest
