// migrate: a new configuration folder from one of the Go program and an exported pinset. The old folder is only read.
#include <fmt/format.h>

#include <filesystem>

#include "app/peerstore.h"
#include "app/state_commands.h"
#include "base/files.h"
#include "cmd/service/commands.h"
#include "cmd/service/lock.h"
#include "cmd/service/new_folder.h"
#include "cmd/service/peer_addresses.h"
#include "cmd/service/pin_file.h"
#include "config/migration.h"

namespace ipfsc::cmd::service {
namespace {

namespace fs = std::filesystem;

std::string canonical(const std::string& path) {
  std::error_code ec;
  auto absolute = fs::absolute(path.empty() ? "." : path, ec);
  auto real = fs::weakly_canonical(absolute, ec);
  auto text = (ec ? absolute : real).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

bool inside(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder == "/" ? folder : folder + "/");
}

/// What the old folder says.
struct Old {
  std::string folder;
  config::Migrated migrated;
  identity::Identity identity;
  std::vector<ipld::Multiaddr> peers;
  std::vector<std::string> files;  // of certificates: relative names, to be copied
};

/// Certificates and keys that the configuration names inside its folder come along; others keep their place.
Result<> find_files(Old& old) {
  auto& config = old.migrated.config;
  for (auto* api : {&config.restapi, &config.pinsvcapi}) {
    for (auto* name : {&api->ssl_cert_file, &api->ssl_key_file}) {
      if (name->empty() || fs::path(*name).is_absolute()) continue;
      std::string from = old.folder + "/" + *name;
      auto relative = fs::path(*name).lexically_normal();
      if (*relative.begin() == "..") {
        *name = canonical(from);
        old.migrated.differences.push_back(fmt::format("a certificate file lies outside the folder: it is {}", *name));
        continue;
      }
      TRY(read_file(from, 1 << 20));  // it can be read
      old.files.push_back(relative.string());
    }
  }
  return {};
}

/// Addresses at which the new program can be reached as well.
std::vector<ipld::Multiaddr> known_peers(const std::string& path, std::vector<std::string>& differences) {
  auto all = app::read_peerstore(path);
  size_t before = all.size();
  std::erase_if(all, [](const ipld::Multiaddr& address) { return !address.tcp(); });
  if (all.size() < before) {
    differences.push_back(
        fmt::format("peerstore: {} of {} addresses are left out: peers talk over TCP", before - all.size(), before));
  }
  return all;
}

Result<Old> read_old(const Context& context, const std::string& folder) {
  std::error_code ec;
  if (!fs::is_directory(folder, ec)) return fail(ErrorKind::kNotFound, folder + " is not a folder");
  TRY_ASSIGN(auto found, find_identity(folder));
  std::optional<identity::Identity> identity;
  if (found) identity = std::move(found->identity);
  TRY_ASSIGN(identity, identity::apply_environment(std::move(identity), context.environment));
  if (!identity) {
    return fail(ErrorKind::kNotFound, fmt::format("{0}/identity.json does not exist, and {0}/service.json has no "
                                                  "identity either",
                                                  folder));
  }
  TRY_ASSIGN(auto configuration, read_configuration(folder));
  auto migrated = config::migrate_configuration({.json = configuration.text,
                                                 .folder = context.options.global.folder,
                                                 .self = identity->id,
                                                 .role = context.options.migrate.role});
  if (!migrated) return fail(migrated.error().with_context(configuration.from));
  Old old{.folder = folder, .migrated = *std::move(migrated), .identity = *std::move(identity)};
  if (configuration.from != folder + "/service.json") {
    old.migrated.differences.push_back(
        fmt::format("the configuration of {} is in service.json from now on", configuration.from));
  }
  if (found && found->in_configuration) old.migrated.differences.push_back("the identity moves to identity.json");
  TRY(find_files(old));
  old.peers = known_peers(folder + "/" + old.migrated.config.cluster.peerstore_file, old.migrated.differences);
  return old;
}

Result<> write_files(const Old& old, const std::string& to, const std::vector<ipld::Multiaddr>& bootstrap) {
  const auto& config = old.migrated.config;
  TRY(write_file(to + "/service.json", config::format_configuration(config), 0600));
  TRY(identity::save_identity(to + "/identity.json", old.identity));
  TRY(app::write_peerstore(to + "/" + config.cluster.peerstore_file, old.peers));
  if (!bootstrap.empty()) TRY(app::write_peerstore(to + "/" + config.raft.data_folder + ".rejoin", bootstrap));
  for (const auto& name : old.files) {
    std::error_code ec;
    fs::create_directories(fs::path(to + "/" + name).parent_path(), ec);
    if (!ec) fs::copy_file(old.folder + "/" + name, to + "/" + name, ec);
    if (ec) return fail(ErrorKind::kUnavailable, fmt::format("copying {}: {}", name, ec.message()));
  }
  return {};
}

/// kInvalidArgument for command lines and folders that cannot be meant.
Result<> check_request(const Context& context, const std::string& old_folder) {
  const auto& new_folder = context.options.global.folder;
  const auto& options = context.options.migrate;
  bool pinset = !context.argument(1).empty();
  auto wrong = [](std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); };
  if (context.argument(0).empty()) return wrong("which folder? migrate OLD-FOLDER EXPORT-FILE");
  if (context.options.arguments.size() > 2) return wrong("too many arguments: migrate OLD-FOLDER EXPORT-FILE");
  if (pinset == !options.bootstrap.empty()) {
    return wrong(
        "give either the file that \"state export\" of the old program wrote (on one peer), or --bootstrap with the "
        "address of a peer that has moved in already (on the others)");
  }
  auto target = canonical(new_folder);
  if (inside(target, old_folder) || inside(old_folder, target)) {
    return wrong(
        fmt::format("the new folder ({}) must lie outside the old one ({}), which stays as it is: name one "
                    "with ipfs-cluster-service --config FOLDER migrate …",
                    target, old_folder));
  }
  return {};
}

class Migrator {
 public:
  Migrator(const Context& context, const Old& old, std::vector<ipld::Multiaddr> bootstrap)
      : context_(context), old_(old), bootstrap_(std::move(bootstrap)) {}

  int run() {
    auto folder = NewFolder::make(context_.options.global.folder);
    if (!folder) return context_.failed("creating the new folder", folder.error().message);
    auto lock = FolderLock::take(context_.options.global.folder);
    if (!lock) return context_.failed("obtaining execution lock", lock.error().message);
    auto occupied = folder->occupied();
    if (!occupied) return context_.failed("reading the new folder", occupied.error().message);
    if (!occupied->empty() && !context_.options.migrate.dry_run && !may_set_aside(*occupied)) return kExitError;
    if (int code = build(*folder); code != kExitOk) return code;
    for (const auto& difference : old_.migrated.differences) context_.say("- " + difference);
    if (context_.options.migrate.dry_run) {
      context_.say("nothing was written (--dry-run).");
      return kExitOk;
    }
    auto backup = folder->put_in_place();
    if (!backup) return context_.failed("putting the new folder in place", backup.error().message);
    if (!backup->empty()) context_.say("what was in the folder before is in " + *backup);
    say_end();
    return kExitOk;
  }

 private:
  bool may_set_aside(const std::vector<std::string>& names) {
    const auto& folder = context_.options.global.folder;
    auto some =
        fmt::format("{}{}", fmt::join(names.begin(), names.begin() + std::min<ptrdiff_t>(5, std::ssize(names)), ", "),
                    names.size() > 5 ? ", …" : "");
    if (context_.options.migrate.force ||
        context_.confirmed(fmt::format("{} is not empty ({}). Set that aside? [y/n]: ", folder, some))) {
      return true;
    }
    context_.failed("choosing the new folder",
                    fmt::format("{} is not empty ({}): nothing was changed (--force sets it aside)", folder, some));
    return false;
  }

  int build(NewFolder& folder) {
    if (auto done = folder.begin(); !done) return context_.failed("creating the new folder", done.error().message);
    if (auto done = write_files(old_, folder.path(), bootstrap_); !done) {
      return context_.failed("writing the new folder", done.error().message);
    }
    std::string path = context_.argument(1);
    if (path.empty()) return kExitOk;
    auto file = PinFile::open(path, context_.streams.in);
    if (!file) return context_.failed("opening the export file", file.error().message);
    auto config = old_.migrated.config;
    config.folder = folder.path();
    ProgressLine progress(context_.streams.err);
    auto report = app::import_state(config, old_.identity,
                                    [&](std::span<char> buffer) { return file->read(buffer, progress); }, {});
    progress.clear();
    if (!report) return context_.failed("importing " + path, report.error().message);
    report_ = *report;
    context_.say(fmt::format("{}: {} pins", path, report_.pins));
    say_repairs(context_, report_);
    return kExitOk;
  }

  void say_end() {
    const auto& folder = context_.options.global.folder;
    const auto& config = old_.migrated.config;
    context_.say(
        fmt::format("{} is ready: peer {} ({}), {}.", folder, old_.identity.id.to_string(), config.cluster.peername,
                    bootstrap_.empty() ? fmt::format("{} pins", report_.pins)
                                       : "which joins " + bootstrap_.front().to_string() + " at its first start"));
    context_.say(fmt::format("start it with: ipfs-cluster-service --config {} daemon", folder));
    if (bootstrap_.empty()) {
      context_.say("move the other peers, when it runs, with --bootstrap and the address that its daemon prints.");
    }
  }

  const Context& context_;
  const Old& old_;
  const std::vector<ipld::Multiaddr> bootstrap_;
  app::ImportReport report_;
};

}  // namespace

int migrate(const Context& context) {
  auto old_folder = canonical(context.argument(0));
  if (auto ok = check_request(context, old_folder); !ok) return context.failed("reading arguments", ok.error().message);
  auto bootstrap = parse_peer_addresses(context.options.migrate.bootstrap);
  if (!bootstrap) return context.failed("parsing bootstrap", bootstrap.error().message);
  auto old_lock = FolderLock::take_for_reading(old_folder);
  if (!old_lock) return context.failed("reading the old folder", old_lock.error().message);
  auto old = read_old(context, old_folder);
  if (!old) return context.failed("reading the old folder", old.error().message);
  if (bootstrap->empty() && old->migrated.config.cluster.role == "agent") {
    return context.failed(
        "choosing a role",
        "this peer becomes an agent, which does not vote: import the pinset on one of trusted_peers and "
        "move this one with --bootstrap, or say --role voter");
  }
  return Migrator(context, *old, *std::move(bootstrap)).run();
}

}  // namespace ipfsc::cmd::service
