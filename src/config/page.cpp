// docs/configuration.md out of the tables.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/text.h"
#include "config/tables.h"

namespace ipfsc::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

*This page is generated: `ipfs-cluster-service config docs > docs/configuration.md`. A test fails when it is not what the program says.*

A peer reads `service.json` in its folder (`--config`, `IPFS_CLUSTER_PATH`, `~/.ipfs-cluster`) at each start. `init` writes it; the
daemon never does. What stands there goes over the defaults, and variables of the environment go over the file. `ipfs-cluster-service
config check` says what in it is wrong, unknown, without effect or dangerous.

- Files of the Go program (raft) are read as they are; for one with a `crdt` section there is `migrate` (`docs/migrating.md`).
- A section that is there switches its API, informer or IPFS node on, also when it is empty (`{}`). Variables alone do not.
- Unknown keys, sections and `CLUSTER_*` variables are ignored with a warning that says what may have been meant.
- Durations are texts like `"1h2m3s"` or `"500ms"`; an empty text is the default. Sizes are `"500GB"`, `"64MiB"` or a number.
- Where a list of addresses or texts is wanted a single one may stand without brackets.
- In a variable a list is `a,b`, a map `key:value,key:value`, and true and false are also `1` and `0`.
- `{"source": "http://…"}` alone: the configuration is fetched from there at each start.
- *When missing* is the value of a key that is not in a section that is there; a blank there means the default.
- A key whose effect is *none* is one of the Go program that is accepted; where its value could have mattered, a warning says so.
)";

std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", text); }

/// As JSON; what differs from machine to machine is said in words.
std::string default_of(const Section& section, const Field& field, const Configuration& defaults) {
  if (section.path == "cluster" && field.key == "peername") return "the host's name";
  if (section.path == "cluster" && field.key == "secret") return "random (`init`)";
  if (!field.write) return field.otherwise == "*" || field.otherwise == "-" ? "" : code(field.otherwise);
  return code(boost::json::serialize(field.write(defaults)));
}

void append_section(std::string& out, const Section& section, const Configuration& defaults) {
  if (section.path == "state") return;
  out += fmt::format("\n## {}\n\n{}", section.path, section.doc);
  if (!section.no_effect.empty()) {
    out += fmt::format("{}No effect: {}.", section.doc.empty() ? "" : " ", section.no_effect);
  }
  out += '\n';
  if (section.fields.empty()) return;
  out += "\n| Key | Default | When missing | Variable | Effect |\n|---|---|---|---|---|\n";
  for (const auto& field : section.fields) {
    std::string effect = field.no_effect.empty() ? fmt::format("{} ({})", field.doc, kind_name(field.kind))
                                                 : fmt::format("*none*: {}", field.no_effect);
    out += fmt::format("| `{}` | {} | {} | `{}` | {} |\n", field.key, cell(default_of(section, field, defaults)),
                       cell(code(field.missing)), variable_name(section, field), cell(effect));
  }
}

}  // namespace

std::string configuration_page() {
  const Configuration defaults;
  std::string out(kIntroduction);
  for (const auto& section : sections()) append_section(out, section, defaults);
  return out;
}

}  // namespace ipfsc::config
