// What `init` writes.
#include <openssl/rand.h>

#include <boost/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "config/tables.h"

namespace ipfsc::config {
namespace {

namespace json = boost::json;

/// The member at a dotted path, made when it is not there.
json::value& place(json::object& object, std::string_view path) {
  size_t dot = path.find('.');
  json::value& member = object[path.substr(0, dot)];
  if (dot == std::string_view::npos) return member;
  if (!member.is_object()) member = json::object();
  return place(member.get_object(), path.substr(dot + 1));
}

}  // namespace

Configuration initial_configuration(bool embedded_node) {
  Configuration config;
  Bytes secret(32, '\0');
  CHECK(RAND_bytes(u8(secret), static_cast<int>(secret.size())) == 1);
  config.cluster.secret.bytes = std::move(secret);
  for (bool* present :
       {&config.cluster.present, &config.raft.present, &config.pinsvcapi.present, &config.restapi.present,
        &config.ipfsproxy.present, &config.tracker.present, &config.pubsubmon.present, &config.balanced.present,
        &config.disk.present, &config.pinqueue.present, &config.tags.present, &config.metrics.present}) {
    *present = true;
  }
  config.embedded.present = config.gateway.present = embedded_node;
  config.ipfshttp.present = !embedded_node;
  return config;
}

std::string format_configuration(const Configuration& config) {
  const Configuration defaults;
  Configuration copy = config;  // the table's `present` gives a reference that can be written
  json::object root;
  for (const auto& section : sections()) {
    if (!section.present || !section.present(copy)) continue;
    json::object object;
    for (const auto& field : section.fields) {
      if (!field.write) continue;
      json::value value = field.write(config);
      if (!field.write_default && value == field.write(defaults)) continue;
      place(object, field.key) = std::move(value);
    }
    place(root, section.path) = std::move(object);
  }
  return pretty_json(root, 2) + "\n";
}

std::vector<Addresses*> listeners(Configuration& config) {
  std::vector<Addresses*> out;
  for (const auto& section : sections()) {
    if (!section.present || !section.present(config)) continue;
    for (const auto& field : section.fields) {
      if (field.listener) out.push_back(field.listen_addresses(config));
    }
  }
  return out;
}

}  // namespace ipfsc::config
