// One line for each key of service.json: the table that reading, writing, the environment, warnings and the page in the
// docs share.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "config/configuration.h"
#include "config/values.h"

namespace ipfsc::config {

struct Field {
  std::string_view key;  ///< inside its section; a dot for an object in between ("batching.max_batch_age")
  Kind kind;
  std::string_view doc;
  /// Empty for a key that does something. Else why it does nothing; then `otherwise` is the value that needs no
  /// warning.
  std::string_view no_effect;
  std::string_view otherwise;
  /// JSON of the value when the section is there and the key is not. Empty = the default.
  std::string_view missing;
  bool write_default = true;  ///< false: written only when it is not the default
  bool listener = false;
  bool secret = false;

  /// Empty functions for a key without effect.
  std::function<Result<>(Configuration&, const boost::json::value&)> read;
  std::function<boost::json::value(const Configuration&)> write;
  std::function<Addresses*(Configuration&)> listen_addresses;
};

struct Section {
  std::string_view path;             ///< "cluster", "api.restapi"
  std::string_view variable_prefix;  ///< "CLUSTER_RESTAPI_"
  std::string_view doc;
  /// Why a section that is present does nothing; empty for those that do something.
  std::string_view no_effect;
  /// Keys are not looked at (all of them are known).
  bool opaque = false;
  std::function<bool&(Configuration&)> present;
  std::vector<Field> fields;

  std::string_view component() const { return path.substr(path.rfind('.') + 1); }
};

/// In the order in which they are written.
const std::vector<Section>& sections();

/// "CLUSTER_RESTAPI_" and "http_listen_multiaddress" → "CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS".
std::string variable_name(const Section& section, const Field& field);

/// docs/configuration.md: every key with its default, its variable and what it does.
std::string configuration_page();

/// The candidate nearest to `word` by edit distance, when it is near enough to be what was meant; else "".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ipfsc::config
