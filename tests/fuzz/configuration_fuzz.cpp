// links: config
#include <boost/json.hpp>

#include "base/check.h"
#include "config/configuration.h"
#include "config/migration.h"
#include "config/tables.h"

using namespace ipfsc;
using namespace ipfsc::config;

namespace {

/// All that a file says, as text; without the sections that it does not have when `present_only`.
std::string contents(Configuration config, bool present_only) {
  std::string out;
  for (const auto& section : sections()) {
    bool present = section.present && section.present(config);
    if (present_only && !present) continue;
    out.append(section.path).append(present ? " {\n" : " absent {\n");
    for (const auto& field : section.fields) {
      if (field.write) out.append(field.key).append(" ").append(boost::json::serialize(field.write(config))) += '\n';
    }
  }
  return out;
}

/// Lines NAME=value up to the one that begins the file.
Environment take_environment(std::string_view& text) {
  Environment out;
  while (text.starts_with("CLUSTER_")) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (size_t equals = line.find('='); equals != line.npos)
      out.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = as_bytes(data, size);
  Environment environment = take_environment(text);
  if (auto url = remote_source(text)) CHECK(remote_source(format_remote_source(*url)) == url);
  (void)legacy_identity(text);
  static const auto self = ipld::PeerId::parse("12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M").value();
  if (auto migrated = migrate_configuration({.json = text, .folder = "/data", .self = self, .role = {}})) {
    CHECK(parse_configuration(format_configuration(migrated->config), "/data", {}).has_value());
  }
  auto loaded = parse_configuration(text, "/data", environment);
  if (!loaded) {
    CHECK(!loaded.error().message.empty());
    return 0;
  }
  std::string written = format_configuration(loaded->config);
  auto again = parse_configuration(written, "/data", {});
  CHECK(again.has_value());
  CHECK(format_configuration(again->config) == written);
  // What variables say of a section that the file does not have is not written.
  bool present_only = !environment.empty();
  CHECK(contents(again->config, present_only) == contents(loaded->config, present_only));
  return 0;
}
