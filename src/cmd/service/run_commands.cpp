// daemon, version, state …, repo verify: the command line around what app/ does.
#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ranges>

#include "app/daemon.h"
#include "app/state_commands.h"
#include "base/log.h"
#include "base/version.h"
#include "cmd/cli/progress_line.h"
#include "cmd/cli/terminal.h"
#include "cmd/service/commands.h"
#include "cmd/service/peer_addresses.h"
#include "cmd/service/pin_file.h"
#include "cmd/service/with_peer.h"

namespace ipfsc::cmd::service {
namespace {

LogComponent log("config");

Result<std::vector<ipld::PeerId>> parse_peer_ids(std::string_view list) {
  std::vector<ipld::PeerId> out;
  while (!list.empty()) {
    std::string_view text = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), text.size() + 1));
    if (text.empty()) continue;
    auto id = ipld::PeerId::parse(text);
    if (!id) return fail(id.error().with_context(text));
    out.push_back(std::move(*id));
  }
  return out;
}

/// What is typed into the terminal is not shown as long as this lives. Of no effect on anything else than a terminal.
class HiddenInput {
 public:
  explicit HiddenInput(int fd) : fd_(fd), is_terminal_(::tcgetattr(fd, &before_) == 0) {
    if (!is_terminal_) return;
    auto hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd_, TCSAFLUSH, &hidden);
  }
  ~HiddenInput() {
    if (is_terminal_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

  bool is_terminal() const { return is_terminal_; }

 private:
  int fd_;
  termios before_{};
  bool is_terminal_;
};

Result<app::ImportRequest> import_request(const StateOptions& options) {
  app::ImportRequest request;
  if (options.replication_min > 0) request.replication_factor_min = static_cast<int>(options.replication_min);
  if (options.replication_max > 0) request.replication_factor_max = static_cast<int>(options.replication_max);
  if (!options.allocations.empty()) {
    TRY_ASSIGN(request.allocations, parse_peer_ids(options.allocations));
  }
  return request;
}

/// Says what became of it; false when it failed.
bool upgrade(const Context& context, const config::Configuration& config, const identity::Identity& identity) {
  ProgressLine progress(context.streams.err);
  auto report = app::upgrade_data(config, identity, [&](std::string_view step) { progress.draw(step); });
  progress.clear();
  if (!report) {
    context.failed("upgrading the data", report.error().message);
    return false;
  }
  for (const auto& folder : report->folders) {
    context.say(fmt::format("{}: format {} is now {}.", folder.name, folder.from, folder.to));
  }
  context.say(report->folders.empty() ? "the data is in the formats of this program: there is nothing to upgrade."
                                      : fmt::format("what was there before is in {}.", report->backup));
  return true;
}

/// A file that is closed at the end; null for one that could not be opened.
struct File {
  FILE* file;
  bool own;
  ~File() {
    if (own && file) std::fclose(file);
  }
};

}  // namespace

void say_repairs(const Context& context, const app::ImportReport& report) {
  if (report.duplicates > 0) {
    context.say(fmt::format("{} lines replaced an earlier one with the same CID.", report.duplicates));
  }
  if (report.repaired > 0) context.say(fmt::format("{} pins of type \"bad-type\" became pins.", report.repaired));
  if (report.strangers.empty()) return;
  constexpr size_t kMostNamed = 20;
  context.say("pins are allocated to peers that are no members of this cluster:");
  for (const auto& [peer, pins] : report.strangers | std::views::take(kMostNamed)) {
    context.say(fmt::format("  {}: {} pins", peer.to_string(), pins));
  }
  if (report.strangers.size() > kMostNamed) {
    context.say(fmt::format("  and {} more peers", report.strangers.size() - kMostNamed));
  }
  context.say(
      "they stay so until those peers join. `ipfs-cluster-ctl peers rm --ban ID` gives the pins of one that never will "
      "to others; --allocations here allocates all pins anew.");
}

int daemon(const Context& context) {
  const auto& options = context.options.daemon;
  auto bootstrap = parse_peer_addresses(options.bootstrap);
  if (!bootstrap) return context.failed("parsing bootstrap", bootstrap.error().message);
  return with_peer(context, [&](config::Configuration& config, const identity::Identity& identity) {
    if (options.upgrade && !upgrade(context, config, identity)) return kExitError;
    for (const auto& danger : config::dangers(config)) log.warn("{}", danger);
    if (options.leave) config.cluster.leave_on_shutdown = true;
    if (options.stats) config.metrics.enable_stats = true;
    if (options.tracing) context.say("warning: tracing is not offered: --tracing has no effect");
    const auto& global = context.options.global;
    if (global.log_level.empty() && !global.debug && !config.logs.level.empty()) {
      if (auto done = set_log_levels(config.logs.level); !done) {
        return context.failed("setting log levels", done.error().message);
      }
    }
    auto load = [&context, &options]() -> Result<config::Configuration> {
      TRY_ASSIGN(auto again, load_configuration(context));
      if (options.leave) again.cluster.leave_on_shutdown = true;
      if (options.stats) again.metrics.enable_stats = true;
      return again;
    };
    auto code =
        app::run_daemon(config, identity, {.bootstrap = *bootstrap, .no_trust = options.no_trust, .load = load});
    if (!code) return context.failed("starting the peer", code.error().message);
    return *code;
  });
}

int hash_password(const Context& context) {
  HiddenInput hidden(::fileno(context.streams.in));
  if (hidden.is_terminal()) context.say("the password, and Enter:");
  auto password = context.read_line();
  if (password.empty()) return context.failed("reading the password", "there is none on the standard input");
  auto hash = app::hash_password(password);
  if (!hash) return context.failed("hashing the password", hash.error().message);
  fmt::print(context.streams.out, "{}\n", *hash);
  return kExitOk;
}

int version(const Context& context) {
  fmt::print(context.streams.out, "{}\n", kVersion);
  return kExitOk;
}

int state_export(const Context& context) {
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    const auto& path = context.options.state.file;
    File file{path.empty() ? context.streams.out : std::fopen(path.c_str(), "wb"), !path.empty()};
    if (!file.file) return context.failed("creating file", fmt::format("{}: {}", path, std::strerror(errno)));
    // Not between the lines of pins on a terminal.
    ProgressLine progress(context.streams.err, !is_terminal(file.file));
    uint64_t lines = 0;
    auto sink = [&](std::string_view text) -> Result<> {
      lines += static_cast<uint64_t>(std::ranges::count(text, '\n'));
      progress.show("{} pins", lines);
      if (std::fwrite(text.data(), 1, text.size(), file.file) == text.size()) return {};
      return fail(ErrorKind::kUnavailable, std::string("write: ") + std::strerror(errno));
    };
    auto pins = app::export_state(config, identity, sink);
    progress.clear();
    if (!pins) return context.failed("exporting state", pins.error().message);
    if (std::fflush(file.file) != 0) return context.failed("exporting state", std::strerror(errno));
    context.say(fmt::format("exported {} pins.", *pins));
    return kExitOk;
  });
}

int state_import(const Context& context) {
  auto request = import_request(context.options.state);
  if (!request) return context.failed("decoding allocations", request.error().message);
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    if (!context.options.state.force &&
        !context.confirmed("The pinset (state) of this peer will be replaced. Continue? [y/n]:")) {
      return kExitOk;
    }
    std::string path = context.argument(0);
    auto file = PinFile::open(path, context.streams.in);
    if (!file) return context.failed("opening file", file.error().message);
    if (path.empty()) context.say("reading from stdin, Ctrl-D to finish");
    ProgressLine progress(context.streams.err);
    auto report = app::import_state(
        config, identity, [&](std::span<char> buffer) { return file->read(buffer, progress); }, *request);
    progress.clear();
    if (!report) return context.failed("importing state", report.error().message);
    context.say(fmt::format("the state was replaced: {} pins.", report->pins));
    say_repairs(context, *report);
    return kExitOk;
  });
}

int state_recover(const Context& context) {
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    if (!context.options.state.force &&
        !context.confirmed(
            "This peer alone will decide for the cluster: what it has not heard of is lost, and the other "
            "peers set their pinsets aside and take over this one. Do this only when most peers are gone "
            "for good, on the peer that has the newest pinset. Continue? [y/n]:")) {
      return kExitOk;
    }
    ProgressLine progress(context.streams.err);
    auto report = app::recover_state(config, identity, [&](std::string_view step) { progress.draw(step); });
    progress.clear();
    if (!report) return context.failed("recovering the state", report.error().message);
    context.say(fmt::format("incarnation {} of the cluster begins with this peer: {} pins.", report->incarnation,
                            report->pins));
    if (report->uncertain_entries > 0) {
      context.say(
          fmt::format("the last {} entries of the log were kept; whether they had been acknowledged is not known.",
                      report->uncertain_entries));
    }
    return kExitOk;
  });
}

int state_version(const Context& context) {
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    auto report = app::data_formats(config, identity);
    if (!report) return context.failed("reading the versions", report.error().message);
    auto print = [&](std::string_view name, std::optional<uint32_t> found, uint32_t known) {
      fmt::print(context.streams.out, "{}: {}, this program: {}\n", name, found ? std::to_string(*found) : "none yet",
                 known);
    };
    for (const auto& folder : report->folders) print(folder.name, folder.found, folder.known);
    print("apply version", report->apply_version, kVersions.apply_version);
    return kExitOk;
  });
}

int state_upgrade(const Context& context) {
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    return upgrade(context, config, identity) ? kExitOk : kExitError;
  });
}

int state_cleanup(const Context& context) {
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    bool blocks = context.options.state.blocks;
    std::string_view question =
        blocks ? "The peer state will be removed, and all blocks of its embedded IPFS node: content that no other peer "
                 "has is lost. Continue? [y/n]:"
               : "The peer state will be removed.  Existing pins may be lost. Continue? [y/n]:";
    if (!context.options.state.force && !context.confirmed(question)) return kExitOk;
    if (auto done = app::cleanup_state(config, blocks); !done) {
      return context.failed("cleaning state", done.error().message);
    }
    context.say(blocks ? "the state and the blocks were removed." : "the state was removed.");
    return kExitOk;
  });
}

/// As the Go program says it to a raft peer.
int state_crdt(const Context& context) {
  return context.failed("", "crdt subcommands can only be run on peers initialized with crdt consensus");
}

int repo_verify(const Context& context) {
  return with_peer(context, [&](const config::Configuration& config, const identity::Identity& identity) {
    ProgressLine progress(context.streams.err);
    auto report = app::verify_repo(
        config, identity,
        [&](std::string_view sentence) {
          progress.clear();
          fmt::print(context.streams.out, "{}\n", sentence);
        },
        [&](const app::VerifyReport& so_far) { progress.show("{} blocks, {} bytes", so_far.blocks, so_far.bytes); });
    progress.clear();
    if (!report) return context.failed("verifying the blocks", report.error().message);
    fmt::print(context.streams.out, "{} blocks, {} bytes, {} bad\n", report->blocks, report->bytes, report->bad);
    return report->bad == 0 ? kExitOk : kExitError;
  });
}

}  // namespace ipfsc::cmd::service
