// What a route says about itself: the one source of the OpenAPI document (openapi.h). Texts are literals.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace ipfsc::api::rest {

/// One parameter of a query or a header; the rows are in parameters.cpp, beside the parsers.
struct Parameter {
  enum In : unsigned char { kQuery, kHeader, kQueryMap };  ///< kQueryMap: any number of names that begin with `name`
  std::string_view name;
  std::string_view schema;  ///< JSON
  std::string_view text;
  In in = kQuery;
  bool required = false;
};
using Parameters = std::span<const Parameter>;

/// What a request carries. Schemas are in the notation of schemas.h.
struct BodyDoc {
  std::string_view content_type;  ///< "": none
  std::string_view schema;        ///< of a line, when the content type is kLinesOfJson
  std::string_view text;
};
inline constexpr std::string_view kLinesOfJson = "application/x-ndjson";

enum class Form : unsigned char {
  kJson,
  kLines,       ///< one JSON object a line, with the trailer X-Stream-Error; 204 when there are none
  kPagedLines,  ///< … and with X-Next-Cursor when there was a `limit`
  kEvents,
  kHtml,
  kNothing,  ///< 204
};

/// An answer that is no error.
struct AnswerDoc {
  std::string_view text;
  std::string_view schema = {};  ///< of the whole, or of a line
  Form form = Form::kJson;
};

struct RouteDoc {
  std::string_view tag;
  std::string_view summary;
  std::string_view text = {};
  std::vector<Parameters> parameters = {};
  BodyDoc body = {};
  AnswerDoc answer;
  std::vector<int> errors = {};  ///< beside those that every route can have (openapi.cpp)
};

inline constexpr std::string_view kTagPins = "Pinset";
inline constexpr std::string_view kTagStatus = "Status";
inline constexpr std::string_view kTagAdd = "Adding";
inline constexpr std::string_view kTagPeers = "Peers";
inline constexpr std::string_view kTagMovements = "Movements";
inline constexpr std::string_view kTagHealth = "Health";
inline constexpr std::string_view kTagPast = "Past";
inline constexpr std::string_view kTagAccess = "Access";
inline constexpr std::string_view kTagDocument = "This document";

}  // namespace ipfsc::api::rest
