// JSON schemas of all that the API takes and gives, each written once.
//
// The notation of a type: integer, number, string, boolean, null, or the name of a schema; T[] is a list, T{} an object
// whose members all are T, T|U either.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

namespace ipfsc::api::rest {

/// {"$ref":…}, {"type":…}: the schema of a type. CHECKs that it exists.
boost::json::object schema_of(std::string_view type);
/// All of them by name, for components/schemas.
const boost::json::object& all_schemas();

}  // namespace ipfsc::api::rest
