// POST /add (reference: rest-api 7.2).
#include "api/common/add_upload.h"
#include "api/rest/context.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "net/multipart.h"

namespace ipfsc::api::rest {
namespace {

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
  common::AddAnswer answer(response,
                           {.stream = query.stream,
                            .max_buffered_bytes = context.options.max_buffered_answer_bytes,
                            .print = [](std::string& out, const auto& output) { model::append_json(out, output); }});
  common::AddUpload upload{.parts = net::MultipartReader(request.body(), std::move(boundary)),
                           .session = *session,
                           .answer = answer,
                           .car = car,
                           .max_symlink_bytes = context.options.max_symlink_bytes};
  auto outcome = co_await common::add_parts(upload);
  co_return answer.end(std::move(outcome));
}

}  // namespace

void add_add_route(Routes& routes) {
  routes.add(
      "POST", "/add",
      {.tag = kTagAdd,
       .summary = "Add files and pin their root",
       .text = "With stream-channels=true (the default) a line for each file and folder as it is added, the root last; "
               "a failure after the first line is in the trailer X-Stream-Error. With false one JSON array at the end.",
       .parameters = {kAddParameters, kPinOptionParameters, kIdempotencyKey},
       .body = {"multipart/form-data", "Upload", "What to add."},
       .answer = {"What was added.", "AddedOutput", Form::kLines},
       .errors = {409, 422, 507}},
      &add);
}

}  // namespace ipfsc::api::rest
