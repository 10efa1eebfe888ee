#include "config/configuration.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include <boost/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "config/tables.h"

extern char** environ;

namespace ipfsc::config {
namespace {

namespace json = boost::json;

std::unexpected<Error> wrong(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

/// The member at a dotted path; null when it, or an object on the way, is not there.
const json::value* find(const json::object& object, std::string_view path) {
  size_t dot = path.find('.');
  const json::value* member = object.if_contains(path.substr(0, dot));
  if (!member || dot == std::string_view::npos) return member;
  const auto* inner = member->if_object();
  return inner ? find(*inner, path.substr(dot + 1)) : nullptr;
}

std::string joined(std::string_view prefix, std::string_view key) {
  return prefix.empty() ? std::string(key) : fmt::format("{}.{}", prefix, key);
}

/// Reads one file and collects what there is to say about it.
class Reader {
 public:
  Reader(Configuration& config, std::vector<std::string>& warnings) : config_(config), warnings_(warnings) {}

  Result<> read(const json::object& root) {
    for (const auto& section : sections()) TRY(read_section(root, section));
    warn_unknown_sections(root);
    return {};
  }

 private:
  Result<> read_section(const json::object& root, const Section& section) {
    const json::value* found = find(root, section.path);
    if (!found || found->is_null()) return {};
    const auto* object = found->if_object();
    if (!object) return wrong(fmt::format("{}: expected an object", section.path));
    if (section.present) section.present(config_) = true;
    if (!section.no_effect.empty()) {
      warnings_.push_back(fmt::format("the section {} has no effect: {}", section.path, section.no_effect));
    }
    if (section.opaque) return {};
    for (const auto& field : section.fields) TRY(read_field(*object, section, field));
    warn_unknown_keys(*object, section, "");
    return {};
  }

  Result<> read_field(const json::object& object, const Section& section, const Field& field) {
    const json::value* found = find(object, field.key);
    if (found && found->is_null()) found = nullptr;
    if (!field.no_effect.empty()) {
      if (found && field.otherwise != "*" && json::serialize(*found) != field.otherwise) {
        warnings_.push_back(fmt::format("{}.{} has no effect: {}", section.path, field.key, field.no_effect));
      }
      return {};
    }
    json::value missing;
    if (!found && !field.missing.empty()) {
      missing = json::parse(json::string_view(field.missing));
      found = &missing;
    }
    if (!found) return {};
    auto done = field.read(config_, *found);
    if (!done) return wrong(fmt::format("{}.{}: {}", section.component(), field.key, done.error().message));
    return {};
  }

  void warn_unknown_keys(const json::object& object, const Section& section, std::string_view prefix) {
    for (const auto& [name, value] : object) {
      std::string key = joined(prefix, std::string_view(name));
      std::vector<std::string> siblings;
      bool known = false, group = false;
      for (const auto& field : section.fields) {
        if (field.key == key) known = true;
        if (field.key.starts_with(key + ".")) group = true;
        std::string_view rest = field.key;
        if (!prefix.empty()) {
          if (!rest.starts_with(std::string(prefix) + ".")) continue;
          rest.remove_prefix(prefix.size() + 1);
        }
        siblings.emplace_back(rest.substr(0, rest.find('.')));
      }
      if (known) continue;
      if (group && value.is_object()) {
        warn_unknown_keys(value.get_object(), section, key);
      } else if (!group) {
        warn_unknown("key", section.path, key, std::string_view(name), siblings);
      }
    }
  }

  void warn_unknown_sections(const json::object& root) {
    std::vector<std::string> groups = {"source"};
    for (const auto& section : sections()) groups.emplace_back(section.path.substr(0, section.path.find('.')));
    for (const auto& [name, value] : root) {
      std::string group{std::string_view(name)};
      if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
        warn_unknown("section", "", group, group, groups);
        continue;
      }
      if (group == "cluster" || group == "state" || !value.is_object()) continue;
      std::vector<std::string> components;
      for (const auto& section : sections()) {
        if (section.path.starts_with(group + ".")) components.emplace_back(section.component());
      }
      for (const auto& [member, ignored] : value.get_object()) {
        std::string component{std::string_view(member)};
        if (std::find(components.begin(), components.end(), component) == components.end()) {
          warn_unknown("section", group, component, component, components);
        }
      }
    }
  }

  void warn_unknown(std::string_view what, std::string_view where, std::string_view key, std::string_view word,
                    const std::vector<std::string>& candidates) {
    if (warnings_.size() >= kMaxWarnings) return;
    std::string near = nearest(word, candidates);
    warnings_.push_back(fmt::format("unknown {} \"{}\" is ignored{}", what, joined(where, key).substr(0, 200),
                                    near.empty() ? "" : fmt::format(": did you mean \"{}\"?", near)));
  }

  static constexpr size_t kMaxWarnings = 100;  // a file of rubbish says enough with these

  Configuration& config_;
  std::vector<std::string>& warnings_;
};

/// Only TCP listens: what Go writes for QUIC beside it (and never listens on) is dropped.
void drop_other_transports(Configuration& config, std::vector<std::string>& warnings) {
  auto& listen = config.cluster.listen_multiaddress;
  for (auto it = listen.begin(); it != listen.end() && listen.size() > 1;) {
    if (it->tcp() || it->unix_path()) {
      ++it;
      continue;
    }
    if (it->to_string() != "/ip4/0.0.0.0/udp/9096/quic") {
      warnings.push_back(
          fmt::format("cluster.listen_multiaddress: nothing listens on {}: only TCP is offered", it->to_string()));
    }
    it = listen.erase(it);
  }
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "localhost";
}

Result<json::object> parse_object(std::string_view text) {
  if (text.size() > kMaxFileBytes) return wrong(fmt::format("longer than {} bytes", kMaxFileBytes));
  TRY_ASSIGN(auto value, parse_json(text));
  if (!value.is_object()) return wrong("not a JSON object");
  return std::move(value.get_object());
}

}  // namespace

Addresses addresses(std::initializer_list<std::string_view> texts) {
  Addresses out;
  for (auto text : texts) {
    auto address = ipld::Multiaddr::parse(text);
    CHECK(address.has_value());
    out.push_back(std::move(*address));
  }
  return out;
}

Configuration::Configuration() {
  cluster.peername = host_name();
  restapi.http_listen_multiaddress = addresses({"/ip4/127.0.0.1/tcp/9094"});
  pinsvcapi.http_listen_multiaddress = addresses({"/ip4/127.0.0.1/tcp/9097"});
}

std::string Configuration::path(std::string_view name) const {
  return (std::filesystem::path(folder) / std::filesystem::path(name)).string();
}

Result<Loaded> parse_configuration(std::string_view text, std::string folder, const Environment& environment) {
  TRY_ASSIGN(auto root, parse_object(text));
  Loaded loaded;
  loaded.config.folder = std::move(folder);
  if (root.contains("source")) {
    return wrong("a configuration that was fetched from a source must not have a source itself");
  }
  const json::value* consensus = root.if_contains("consensus");
  bool crdt = consensus && consensus->is_object() && consensus->get_object().contains("crdt");
  bool raft = consensus && consensus->is_object() && consensus->get_object().contains("raft");
  if (crdt == raft) return wrong("could not determine the consensus component");
  if (crdt) {
    return fail(
        ErrorKind::kFailedPrecondition,
        "the consensus section is crdt, which this program does not run: \"ipfs-cluster-service migrate\" makes "
        "a raft configuration of it that keeps identity, secret and addresses");
  }
  TRY(Reader(loaded.config, loaded.warnings).read(root));
  TRY_ASSIGN(auto more, apply_environment(loaded.config, environment));
  loaded.warnings.insert(loaded.warnings.end(), more.begin(), more.end());
  drop_other_transports(loaded.config, loaded.warnings);
  if (!loaded.config.balanced.present && !environment.contains("CLUSTER_BALANCED_ALLOCATEBY")) {
    loaded.config.balanced.allocate_by = {"freespace"};
  }
  TRY(validate(loaded.config));
  return loaded;
}

std::optional<std::string> remote_source(std::string_view text) {
  auto root = parse_object(text);
  if (!root) return std::nullopt;
  const json::value* source = root->if_contains("source");
  if (!source || !source->is_string() || source->get_string().empty()) return std::nullopt;
  return std::string(source->get_string());
}

std::string format_remote_source(std::string_view url) {
  json::object root;
  root["source"] = url;
  return pretty_json(root, 2) + "\n";
}

std::optional<LegacyIdentity> legacy_identity(std::string_view text) {
  auto root = parse_object(text);
  if (!root) return std::nullopt;
  const json::value* id = find(*root, "cluster.id");
  const json::value* key = find(*root, "cluster.private_key");
  if (!id || !key || !id->is_string() || !key->is_string()) return std::nullopt;
  return LegacyIdentity{std::string(id->get_string()), std::string(key->get_string())};
}

Result<std::vector<std::string>> apply_environment(Configuration& config, const Environment& environment) {
  std::vector<std::string> warnings, known = {"CLUSTER_ID", "CLUSTER_PRIVATEKEY", "CLUSTER_CREDENTIALS"};
  for (const auto& section : sections()) {
    for (const auto& field : section.fields) {
      std::string name = variable_name(section, field);
      known.push_back(name);
      auto variable = environment.find(name);
      if (variable == environment.end()) continue;
      if (!field.no_effect.empty()) {
        if (field.otherwise != "*") {
          warnings.push_back(fmt::format("the variable {} has no effect: {}", name, field.no_effect));
        }
        continue;
      }
      auto value = from_environment(field.kind, variable->second);
      if (!value) return wrong(fmt::format("{}: {}", name, value.error().message));
      if (field.secret && value->is_object() && value->get_object().empty()) *value = nullptr;  // no passwords
      if (auto done = field.read(config, *value); !done)
        return wrong(fmt::format("{}: {}", name, done.error().message));
    }
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("CLUSTER_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const Section* unused = nullptr;  // a component of the Go program that is not part of this one
    for (const auto& section : sections()) {
      if (section.opaque && !section.variable_prefix.empty() && name.starts_with(section.variable_prefix)) {
        unused = &section;
      }
    }
    if (unused) {
      warnings.push_back(fmt::format("the variable {} has no effect: {}", name, unused->no_effect));
      continue;
    }
    std::string flat = name;  // CLUSTER_MONITOR_PING_INTERVAL: the words are right, the separators are not
    std::erase(flat, '_');
    std::string near;
    for (const auto& candidate : known) {
      std::string other = candidate;
      std::erase(other, '_');
      if (flat == other) near = candidate;
    }
    if (near.empty()) near = nearest(name, known);
    warnings.push_back(fmt::format("unknown variable {} is ignored{}", name,
                                   near.empty() ? "" : fmt::format(": did you mean {}?", near)));
  }
  return warnings;
}

Environment process_environment() {
  Environment out;
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view text(*entry);
    if (size_t equals = text.find('='); equals != std::string_view::npos) {
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return out;
}

std::vector<std::string> changed_keys(const Configuration& a, const Configuration& b) {
  std::vector<std::string> out;
  for (const auto& section : sections()) {
    for (const auto& field : section.fields) {
      if (field.write && field.write(a) != field.write(b)) out.push_back(joined(section.path, field.key));
    }
  }
  return out;
}

}  // namespace ipfsc::config
