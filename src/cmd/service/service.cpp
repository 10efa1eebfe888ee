#include "cmd/service/service.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>

#include "base/log.h"
#include "base/log_output.h"
#include "base/version.h"
#include "cmd/cli/completion.h"
#include "cmd/cli/go_style.h"
#include "cmd/cli/values.h"
#include "cmd/service/commands.h"
#include "model/peer_roles.h"

namespace ipfsc::cmd::service {
namespace {

class CommandLine {
 public:
  explicit CommandLine(Options& options) : o_(options) {
    root_.set_help_flag("");
    root_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    auto& g = o_.global;
    takes_folder(root_.add_option("--config,-c", g.folder, "folder of configuration and data"))
        ->envname("IPFS_CLUSTER_PATH")
        ->default_str("~/.ipfs-cluster");
    root_.add_flag("--force,-f", ignored_, "accepted for compatibility");
    root_.add_flag("--debug,-d", g.debug, "log everything");
    takes_list_of(root_.add_option("--loglevel,-l", g.log_level,
                                   "level or component:level, comma-separated: debug, info, warn, error"),
                  {"debug", "info", "warn", "error", "dpanic", "panic", "fatal"})
        ->envname("IPFS_CLUSTER_LOG_LEVEL")
        ->default_str("info");
    declare_init();
    declare_daemon();
    declare_state();
    declare_moving_in();
    auto* config = command(&root_, "config", "Look at the configuration", "", nullptr);
    takes_file(add_argument(command(config, "check", "Say what in it is wrong, unknown, without effect or dangerous",
                                    "[service.json]", config_check)));
    command(config, "docs", "Print the page of all keys", "", config_docs)->group("");
    auto* repo = command(&root_, "repo", "Look after the blocks of the embedded IPFS node", "", nullptr);
    command(repo, "verify", "Hash every block again; the peer must be stopped", "", repo_verify);
    command(&root_, "hash-password", "Hash the password on the standard input for service.json", "", hash_password);
    command(&root_, "version", "Print the version", "", version);
    declare_completion(root_);
  }

  CLI::App& root() { return root_; }
  std::function<int(const Context&)> handler(const CLI::App* command) const { return handlers_.at(command); }

 private:
  using Handler = int (*)(const Context&);

  CLI::App* command(CLI::App* parent, std::string name, std::string description, std::string arguments,
                    Handler handler) {
    auto* out = parent->add_subcommand(std::move(name), std::move(description));
    out->footer(std::move(arguments));
    if (handler) handlers_[out] = handler;
    return out;
  }

  void declare_init() {
    auto* init = command(&root_, "init", "Write a new configuration and identity", "[http-source-url]", service::init);
    auto& i = o_.init;
    takes_one_of(init->add_option("--consensus", i.consensus, "raft"), {"raft"})->default_str(i.consensus);
    takes_one_of(
        init->add_option("--datastore", i.datastore, "accepted for compatibility: the state has its own database"),
        {"pebble", "badger3", "badger", "leveldb"});
    takes_one_of(init->add_option("--ipfs", i.ipfs, "kubo or embedded; by default what is there"),
                 {"kubo", "embedded"});
    init->add_flag("--custom-secret,-s", i.custom_secret, "ask for the cluster's secret");
    init->add_option("--peers", i.peers, "addresses of peers with /p2p/<id>, comma-separated");
    init->add_flag("--force,-f", i.force, "overwrite without asking");
    init->add_flag("--randomports", i.random_ports, "use free ports for everything that listens");
  }

  void declare_daemon() {
    auto* daemon = command(&root_, "daemon", "Run the peer", "", service::daemon);
    auto& d = o_.daemon;
    daemon->add_flag("--upgrade,-u", d.upgrade, "first bring older data to this program's formats, with a backup");
    daemon->add_option("--bootstrap,-j", d.bootstrap, "addresses of peers to join, with /p2p/<id>, comma-separated");
    daemon->add_flag("--leave,-x", d.leave, "leave the cluster when it ends")->group("");
    daemon->add_flag("--stats", d.stats, "offer figures for Prometheus");
    daemon->add_flag("--tracing", d.tracing, "accepted for compatibility: tracing is not offered");
    daemon->add_flag("--no-trust", d.no_trust, "accepted for compatibility: raft peers trust each other");
  }

  void declare_moving_in() {
    auto* migrate =
        command(&root_, "migrate", "Move in from a folder of the Go program; only the new folder is written",
                "OLD-FOLDER [EXPORT-FILE]", service::migrate);
    takes_folder(add_argument(migrate));
    takes_file(add_argument(migrate));
    auto& m = o_.migrate;
    migrate->add_option("--bootstrap,-j", m.bootstrap, "instead of a pinset: addresses of peers of the new cluster");
    takes_one_of(
        migrate->add_option("--role", m.role, "auto, voter, standby or agent; by default as trusted_peers says"),
        {model::kPeerRoles.begin(), model::kPeerRoles.end()});
    migrate->add_flag("--dry-run", m.dry_run, "check everything and say what would become different; write nothing");
    migrate->add_flag("--force,-f", m.force, "set aside what is in the new folder without asking");
    auto* adopt = command(&root_, "adopt", "Pin what this peer's Kubo holds and the pinset has not; the peer must run",
                          "", service::adopt);
    auto& a = o_.adopt;
    adopt->add_flag("--dry-run", a.dry_run, "only count");
    adopt->add_option("--replication-min,--rmin", a.replication_min, "fewest copies of what is adopted")
        ->default_str("1");
    adopt->add_option("--replication-max,--rmax", a.replication_max, "most copies of what is adopted")
        ->default_str("1");
    adopt->add_option("--basic-auth", a.basic_auth, "user:password of the REST API; by default as in service.json");
  }

  void declare_state() {
    auto* state = command(&root_, "state", "Look after the data of a stopped peer", "", nullptr);
    auto& s = o_.state;
    auto* out = command(state, "export", "Write the pinset, one pin a line", "", state_export);
    takes_file(out->add_option("--file,-f", s.file, "output file; stdout by default"));
    auto* in = command(state, "import", "Replace the pinset by an exported one", "[file]", state_import);
    takes_file(add_argument(in));
    in->add_flag("--force,-f", s.force, "do not ask");
    in->add_option("--replication-min,--rmin", s.replication_min, "fewest copies of every pin");
    in->add_option("--replication-max,--rmax", s.replication_max, "most copies of every pin");
    in->add_option("--allocations,--allocs", s.allocations, "ids of the peers that get every pin, comma-separated");
    auto* recover =
        command(state, "recover", "After the loss of most peers: begin the cluster anew with this one's pinset", "",
                state_recover);
    recover->add_flag("--force,-f", s.force, "do not ask");
    command(state, "version", "Print in what formats the data is", "", state_version);
    command(state, "upgrade", "Bring older data to this program's formats, with a backup", "", state_upgrade);
    auto* clean = command(state, "cleanup", "Remove the pinset and the log", "", state_cleanup);
    clean->add_flag("--force,-f", s.force, "do not ask");
    clean->add_flag("--blocks", s.blocks, "also remove the blocks of the embedded IPFS node, for good");
    auto* crdt = command(state, "crdt", "Of the Go program: there is no crdt state here", "", nullptr);
    crdt->group("");
    for (const char* name : {"info", "dot", "mark-dirty", "mark-clean"}) {
      command(crdt, name, "Of the Go program: there is no crdt state here", "", state_crdt)
          ->add_option("--file,-f", s.file, "output file");
    }
  }

  Options& o_;
  bool ignored_ = false;
  CLI::App root_{"run a peer of an IPFS Cluster", "ipfs-cluster-service"};
  std::map<const CLI::App*, std::function<int(const Context&)>> handlers_;
};

std::string home_folder(const config::Environment& environment) {
  if (auto home = environment.find("HOME"); home != environment.end() && !home->second.empty()) return home->second;
  const passwd* user = ::getpwuid(::getuid());
  return user && user->pw_dir ? user->pw_dir : "/";
}

/// The variables of Go's logger that set the format.
Result<> prepare_logs(const GlobalOptions& options, const config::Environment& environment) {
  LogOptions log;
  for (const char* name : {"GOLOG_LOG_FMT", "IPFS_LOGGING_FMT"}) {
    if (auto format = environment.find(name); format != environment.end()) log.json = format->second == "json";
  }
  configure_log(log);
  auto value_of = [&](const char* name) {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  if (auto file = value_of("GOLOG_FILE"), output = value_of("GOLOG_OUTPUT"); !file.empty() || !output.empty()) {
    TRY(set_log_output(file, output));
  }
  std::string levels = options.log_level;
  if (auto go = environment.find("GOLOG_LOG_LEVEL"); levels.empty() && go != environment.end()) levels = go->second;
  if (options.debug) levels = "debug";
  return levels.empty() ? Result<>() : set_log_levels(levels);
}

}  // namespace

void Context::say(std::string_view message) const {
  fmt::print(streams.err, "{}\n", message);
  std::fflush(streams.err);
}

int Context::failed(std::string_view doing, std::string_view message) const {
  say(fmt::format("error {}: {}", doing, message));
  return kExitError;
}

std::string Context::read_line() const {
  std::string line;
  for (int c; (c = std::fgetc(streams.in)) != EOF && c != '\n' && line.size() < 4096;) line += static_cast<char>(c);
  while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
  return line;
}

bool Context::confirmed(std::string_view question) const {
  for (int tries = 0; tries < 3; ++tries) {
    fmt::print(streams.err, "{}", question);
    std::fflush(streams.err);
    std::string answer = read_line();
    if (answer.empty()) return false;
    if (answer == "y" || answer == "Y" || answer == "yes") return true;
    if (answer == "n" || answer == "N" || answer == "no") return false;
  }
  return false;
}

int run_service(const std::vector<std::string>& arguments, const config::Environment& environment,
                const Streams& streams) {
  Options options;
  CommandLine line(options);
  auto selected = parse_go_style(line.root(), arguments,
                                 {.version = std::string(kVersion), .no_command_exit = 1, .help_for_unknown = true});
  if (!selected) {
    fmt::print(streams.out, "{}", selected.error().out);
    fmt::print(streams.err, "{}", selected.error().err);
    return selected.error().exit_code;
  }
  options.arguments = std::move(selected->arguments);
  auto& folder = options.global.folder;
  if (folder.empty()) folder = home_folder(environment) + "/.ipfs-cluster";
  folder = std::filesystem::absolute(folder).lexically_normal().string();
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  Context context{options, environment, streams};
  if (auto done = prepare_logs(options.global, environment); !done) {
    return context.failed("setting log levels", done.error().message);
  }
  return line.handler(selected->command)(context);
}

}  // namespace ipfsc::cmd::service
