// add: with Kubo's parameters and the cluster's, answered as Kubo does.
#include "api/common/add_upload.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/rest/errors.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"

namespace ipfsc::api::proxy {
namespace {

std::unexpected<Error> refuse(std::string_view what) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("{} is not supported when adding to cluster", what));
}

/// Options that would give another CID, or put the content elsewhere, than what would be done.
Result<> check_not_offered(const net::Query& query) {
  for (std::string_view name : {"only-hash", "inline", "preserve-mode", "preserve-mtime", "nocopy"}) {
    TRY_ASSIGN(bool wanted, rest::parse_bool(query, name));
    if (wanted) return refuse(name);
  }
  for (std::string_view name :
       {"to-files", "mtime", "mtime-nsecs", "max-file-links", "max-directory-links", "max-hamt-fanout"}) {
    if (!query.value(name).empty()) return refuse(name);
  }
  return {};
}

Result<rest::AddQuery> parse(const net::Query& query, WallTime now) {
  TRY_ASSIGN(auto add, rest::parse_add_query(query, now));
  TRY_ASSIGN(bool trickle, rest::parse_bool(query, "trickle"));
  if (trickle) add.params.layout = "trickle";
  if (!query.value("pin").empty()) {
    TRY_ASSIGN(bool pin, rest::parse_bool(query, "pin"));
    add.params.no_pin |= !pin;
  }
  if (add.params.pin.name.empty()) add.params.pin.name = query.value("pin-name");
  if (add.params.format == cluster::AddFormat::kCar && add.params.wrap_with_directory) {
    return fail(ErrorKind::kInvalidArgument, "cannot wrap a CAR file upload");
  }
  return add;
}

/// A file that came without a name is called by its CID. The wrapping directory's name is empty.
void print(std::string& out, const model::AddedOutput& output, bool wrapped) {
  bool unnamed = output.name.empty() && output.cid && !wrapped;
  model::JsonObject object(out);
  object.text("Name", unnamed ? output.cid->to_string() : output.name);
  if (output.cid) object.plain("Hash", output.cid->to_string());
  if (output.bytes > 0) object.number("Bytes", output.bytes);
  if (output.size > 0) object.plain("Size", std::to_string(output.size));
  object.end();
}

Task<> upload(ProxyContext& context, net::Request& request, net::Response& response, rest::AddQuery query,
              std::string boundary) {
  bool car = query.params.format == cluster::AddFormat::kCar;
  auto print_line = [wrapped = query.params.wrap_with_directory](std::string& out, const model::AddedOutput& output) {
    print(out, output, wrapped);
  };
  query.params.size_hint_bytes = request.content_length();
  CO_TRY_ASSIGN(auto session, co_await context.cluster->add(std::move(query.params), caller_of(request)));
  response.add_header("Cache-Control", "no-cache");
  common::AddAnswer answer(
      response,
      {.stream = query.stream, .max_buffered_bytes = context.options.max_buffered_answer_bytes, .print = print_line});
  common::AddUpload parts{.parts = net::MultipartReader(request.body(), std::move(boundary)),
                          .session = *session,
                          .answer = answer,
                          .car = car,
                          .max_symlink_bytes = context.options.max_symlink_bytes};
  auto outcome = co_await common::add_parts(parts);
  co_return answer.end(std::move(outcome));
}

Task<> add(ProxyContext& context, net::Request& request, net::Response& response) {
  auto boundary = net::MultipartReader::boundary_of(request.header("Content-Type").value_or(""));
  if (!boundary) co_return fail(boundary.error().with_context("error reading request"));
  CO_TRY(check_not_offered(request.query()));
  auto query = parse(request.query(), context.runtime.wall_now());
  if (!query) co_return fail(query.error().with_context("error parsing options"));
  bool stream = query->stream;
  auto outcome = co_await upload(context, request, response, *std::move(query), *std::move(boundary));
  if (!outcome && !stream && !response.started() && outcome.error().kind != ErrorKind::kCancelled) {
    // As the Go program: in this form errors are those of the REST API.
    rest::send_error(response, command_status(outcome.error()), outcome.error().message);
    co_return Result<>{};
  }
  co_return outcome;
}

}  // namespace

void add_add_command(net::Router& router, ProxyContext& context) { add_command(router, context, "add", add); }

}  // namespace ipfsc::api::proxy
