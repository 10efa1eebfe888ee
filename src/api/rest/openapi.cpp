#include "api/rest/openapi.h"

#include <algorithm>
#include <map>

#include <boost/json/serialize.hpp>

#include "api/auth/rules.h"
#include "api/common/http_api.h"
#include "api/rest/errors.h"
#include "api/rest/parameters.h"
#include "api/rest/schemas.h"
#include "base/check.h"
#include "base/json.h"

namespace ipfsc::api::rest {
namespace {

namespace json = boost::json;

struct StatusDoc {
  int status;
  std::string_view name, text;
};
constexpr StatusDoc kStatuses[] = {
    {301, "CleanPath", "The same without `//`, `.` and `..` in the path."},
    {307, "NoSlashAtTheEnd", "The same without the slash at the end."},
    {400, "BadRequest", "The request cannot be understood; nothing was done."},
    {401, "Unauthorized", "Nobody has said, or not proven, who asks."},
    {403, "Forbidden", "Who asks may not do this."},
    {404, "NotFound", "There is no such thing."},
    {409, "Conflict", "Not as things stand; the message says why."},
    {422, "NotOffered", "It is understood, and not offered here."},
    {429, "TooManyTries", "Too many wrong passwords from there; see Retry-After."},
    {431, "HeadTooLarge", "The path, the query and the headers are too large together."},
    {500, "OurFault", "A fault of the peer; it is in its log."},
    {503, "NotReady", "The peer starts, or has no part in the log; see Retry-After."},
    {504, "NotInTime", "Other peers or nodes did not answer in time."},
    {507, "NoRoom", "There is no room."},
};
constexpr int kErrorsOfAll[] = {400, 431, 500, 503, 504};
constexpr int kErrorsOfUsers[] = {401, 403, 429};
constexpr int kErrorsOfVariables[] = {301, 307, 404};

constexpr std::string_view kDescription =
    "Errors are an object with `code` and `message`. A listing is one JSON object a line (`x-item-schema`), with the "
    "trailer `X-Stream-Error`: not empty, the listing is not whole. Without any object it is 204. Parameters that are "
    "not known are ignored, but by `/events` and histories they are refused.";

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

const StatusDoc& status_doc(int status) {
  const auto* found = std::ranges::find(kStatuses, status, &StatusDoc::status);
  CHECK(found != std::end(kStatuses));
  return *found;
}

json::object reference(std::string_view kind, std::string_view name) {
  return {{"$ref", fmt::format("#/components/{}/{}", kind, name)}};
}

/// "/pins/ipfs/{path...}" as OpenAPI has it; the names of its variables are appended to `variables`.
std::string path_of(std::string_view pattern, std::vector<std::string>& variables) {
  std::string path;
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] != '{') {
      path += pattern[at++];
      continue;
    }
    auto end = pattern.find('}', at);
    auto name = pattern.substr(at + 1, end - at - 1);
    if (name.ends_with("...")) name.remove_suffix(3);
    variables.emplace_back(name);
    path += fmt::format("{{{}}}", name);
    at = end + 1;
  }
  return path;
}

/// "post_pins_by_cid_recover".
std::string operation_id(std::string_view method, std::string_view path) {
  std::string id;
  for (char c : method) id += static_cast<char>(c | 0x20);
  for (char c : path) {
    if (c == '/' || c == '.') {
      id += '_';
    } else if (c == '{') {
      id += "by_";
    } else if (c != '}') {
      id += c;
    }
  }
  return id;
}

json::object header_doc(std::string_view text) {
  return {{"description", view(text)}, {"schema", json::object{{"type", "string"}}}};
}

class Builder {
 public:
  explicit Builder(const DocumentOptions& options) : options_(options) {}

  json::object build(const std::vector<Route>& routes) {
    json::object paths;
    json::array tags;
    for (const auto& route : routes) {
      std::vector<std::string> variables;
      auto path = path_of(route.pattern, variables);
      auto& item = paths.emplace(path, json::object()).first->value().as_object();
      std::string method;
      for (char c : route.method) method += static_cast<char>(c | 0x20);
      item.emplace(method, operation(route, path, variables));
      json::object tag{{"name", view(route.doc.tag)}};
      if (std::ranges::find(tags, json::value(tag)) == tags.end()) tags.emplace_back(std::move(tag));
    }
    json::object components{
        {"schemas", all_schemas()}, {"parameters", std::move(parameters_)}, {"responses", errors()}};
    json::object document{{"openapi", "3.1.0"},
                          {"info", json::object{{"title", "IPFS Cluster"},
                                                {"description", view(kDescription)},
                                                {"version", view(options_.version)}}},
                          {"servers", json::array{json::object{{"url", "/"}}}},
                          {"tags", std::move(tags)}};
    if (options_.has_users) {
      components.emplace("securitySchemes",
                         json::object{{"basic", json::object{{"type", "http"}, {"scheme", "basic"}}},
                                      {"bearer", json::object{{"type", "http"},
                                                              {"scheme", "bearer"},
                                                              {"description", "A named token, or a JWT."}}},
                                      {"certificate", json::object{{"type", "mutualTLS"}}}});
      document.emplace("security",
                       json::array{json::object{{"basic", json::array()}}, json::object{{"bearer", json::array()}},
                                   json::object{{"certificate", json::array()}}});
    }
    document.emplace("paths", std::move(paths));
    document.emplace("components", std::move(components));
    return document;
  }

 private:
  json::object operation(const Route& route, const std::string& path, const std::vector<std::string>& variables) {
    const auto& doc = route.doc;
    bool open = common::is_open(route.method, route.pattern);
    json::object out{{"tags", json::array{view(doc.tag)}}, {"summary", view(doc.summary)}};
    if (!doc.text.empty()) out.emplace("description", view(doc.text));
    out.emplace("operationId", operation_id(route.method, path));
    if (!open) {
      auto needs = auth::rest_operation(route.method, route.pattern);
      out.emplace("x-operation", view(auth::operation_name(needs)));
    } else if (options_.has_users) {
      out.emplace("security", json::array());
    }
    json::array parameters;
    for (const auto& name : variables) parameters.emplace_back(path_variable(name));
    for (const auto& group : doc.parameters) {
      for (const auto& parameter : group) parameters.emplace_back(reference("parameters", key_of(parameter)));
    }
    if (!parameters.empty()) out.emplace("parameters", std::move(parameters));
    if (!doc.body.content_type.empty()) out.emplace("requestBody", body(doc.body));
    out.emplace("responses", responses(doc, open, !variables.empty()));
    return out;
  }

  static json::object path_variable(std::string_view name) {
    const auto& parameter = path_parameter(name);
    json::object out{{"name", view(name)}, {"in", "path"}, {"required", true}};
    if (!parameter.text.empty()) out.emplace("description", view(parameter.text));
    out.emplace("schema", *parse_json(parameter.schema));
    return out;
  }

  /// Its name among the components, where it is put; a second one of a name has a number.
  const std::string& key_of(const Parameter& parameter) {
    auto& key = keys_[&parameter];
    if (!key.empty()) return key;
    key = parameter.name;
    for (int number = 2; parameters_.contains(key); ++number) key = fmt::format("{}-{}", parameter.name, number);
    json::object out{{"name", view(parameter.name)}, {"in", parameter.in == Parameter::kHeader ? "header" : "query"}};
    if (!parameter.text.empty()) out.emplace("description", view(parameter.text));
    if (parameter.required) out.emplace("required", true);
    if (parameter.in == Parameter::kQueryMap) {
      out.emplace("style", "form");
      out.emplace("explode", true);
    }
    out.emplace("schema", *parse_json(parameter.schema));
    parameters_.emplace(key, std::move(out));
    return key;
  }

  static json::object body(const BodyDoc& doc) {
    auto schema = schema_of(doc.schema);
    // As OpenAPI 3.2 has it, lines are the elements of a list.
    if (doc.content_type == kLinesOfJson) schema = {{"type", "array"}, {"items", std::move(schema)}};
    json::object content{{doc.content_type, json::object{{"schema", std::move(schema)}}}};
    return {{"description", view(doc.text)}, {"required", true}, {"content", std::move(content)}};
  }

  json::object responses(const RouteDoc& doc, bool open, bool has_variables) const {
    json::object out;
    json::object answer{{"description", view(doc.answer.text)}};
    auto item = doc.answer.schema.empty() ? json::object() : schema_of(doc.answer.schema);
    switch (doc.answer.form) {
      case Form::kNothing:
        out.emplace("204", std::move(answer));
        break;
      case Form::kJson:
        answer.emplace("content", json::object{{kJson, json::object{{"schema", std::move(item)}}}});
        out.emplace("200", std::move(answer));
        break;
      case Form::kEvents:
        answer.emplace("content",
                       json::object{{"text/event-stream", json::object{{"x-item-schema", std::move(item)}}}});
        out.emplace("200", std::move(answer));
        break;
      case Form::kHtml:
        answer.emplace("content", json::object{{"text/html", json::object()}});
        out.emplace("200", std::move(answer));
        break;
      case Form::kLines:
      case Form::kPagedLines:
        json::object headers{{"X-Stream-Error", header_doc("Trailer: what went wrong after the first line.")}};
        if (doc.answer.form == Form::kPagedLines) {
          headers.emplace("X-Next-Cursor", header_doc("Trailer (header of a 204), when there was a limit: the cursor "
                                                      "of the rest; empty at the end."));
        }
        json::object none{{"description", "There is none."}, {"headers", headers}};
        answer.emplace("headers", std::move(headers));
        answer.emplace("content", json::object{{kJson, json::object{{"x-item-schema", std::move(item)}}}});
        out.emplace("200", std::move(answer));
        out.emplace("204", std::move(none));
        break;
    }
    std::vector<int> errors = doc.errors;
    errors.insert(errors.end(), std::begin(kErrorsOfAll), std::end(kErrorsOfAll));
    if (has_variables) errors.insert(errors.end(), std::begin(kErrorsOfVariables), std::end(kErrorsOfVariables));
    if (options_.has_users && !open) errors.insert(errors.end(), std::begin(kErrorsOfUsers), std::end(kErrorsOfUsers));
    std::ranges::sort(errors);
    for (int status : errors) out.emplace(std::to_string(status), reference("responses", status_doc(status).name));
    return out;
  }

  static json::object errors() {
    json::object out;
    for (const auto& status : kStatuses) {
      json::object answer{{"description", view(status.text)}};
      if (status.status < 400) {
        answer.emplace("headers", json::object{{"Location", header_doc("Where.")}});
      } else {
        answer.emplace("content", json::object{{kJson, json::object{{"schema", schema_of("Error")}}}});
      }
      out.emplace(view(status.name), std::move(answer));
    }
    return out;
  }

  const DocumentOptions& options_;
  std::map<const Parameter*, std::string> keys_;
  json::object parameters_;
};

}  // namespace

std::string openapi_document(const std::vector<Route>& routes, const DocumentOptions& options) {
  return json::serialize(Builder(options).build(routes));
}

}  // namespace ipfsc::api::rest
