#include "app/state_commands.h"

#include <filesystem>
#include <set>

#include "app/data_folders.h"
#include "app/options.h"
#include "base/real_runtime.h"
#include "consensus/raft/raft_consensus.h"
#include "consensus/raft/recovery.h"
#include "ipfs/embedded/embedded_node.h"
#include "ipld/keys.h"
#include "state/state.h"
#include "state/transfer.h"
#include "storage/database.h"

namespace ipfsc::app {
namespace {

constexpr Duration kReplayTimeout = std::chrono::minutes(10);
constexpr Duration kLookAgain = std::chrono::milliseconds(10);
constexpr Duration kVerifyReport = std::chrono::seconds(1);

/// Reads what is in the log and not yet in the state, as a start does. A peer that is not the only voter cannot know of
/// the last entries whether the cluster has them; without the others they do not count.
Task<> replay_log(Runtime& runtime, state::State& state, consensus::RaftOptions options) {
  CO_TRY_ASSIGN(auto log, co_await consensus::RaftConsensus::open(runtime, state, std::move(options)));
  Result<> ready;
  if (log->alone()) ready = co_await log->wait_ready(runtime.now() + kReplayTimeout);
  auto deadline = runtime.now() + kReplayTimeout;
  while (ready && state.applied_index() < log->known_commit()) {
    ready = runtime.now() < deadline ? co_await runtime.sleep_for(kLookAgain)
                                     : fail(ErrorKind::kDeadlineExceeded, "the log could not be applied in time");
  }
  auto stopped = co_await log->stop();
  CO_TRY(ready);
  co_return stopped;
}

/// The state of a stopped peer, up to date; null when it never had one.
Result<std::unique_ptr<state::State>> open_state(const config::Configuration& config,
                                                 const identity::Identity& identity) {
  DataFolders folders(config);
  TRY(finish_replacement(folders));
  std::error_code ec;
  bool has_log = std::filesystem::exists(folders.raft, ec);
  if (!has_log && !std::filesystem::exists(folders.state, ec)) return nullptr;
  TRY_ASSIGN(auto options, peer_options(config, identity));
  TRY_ASSIGN(auto state, state::State::open(options.state));
  if (has_log) {
    RealRuntime runtime;
    TRY(runtime.run_task<void>(replay_log(runtime, *state, options.raft)));
  }
  return state;
}

Bytes random_cluster_id() { return ipld::PrivateKey::generate_ed25519().peer_id().bytes().substr(6, 16); }

Task<VerifyReport> verify(Runtime& runtime, ipfs::EmbeddedOptions options,
                          const std::function<void(std::string_view)>& on_bad,
                          const std::function<void(const VerifyReport&)>& on_progress) {
  CO_TRY_ASSIGN(auto node, co_await ipfs::EmbeddedNode::open(runtime, std::move(options), {}));
  VerifyReport report;
  SteadyTime last = runtime.now();
  ipfs::VerifyRequest request;
  request.on_corrupt = [&](const ipfs::CorruptBlock& block) {
    ++report.bad;
    if (on_bad) on_bad(fmt::format("{}: {}", block.cid.to_string(), block.reason));
  };
  request.on_progress = [&](const ipfs::VerifyProgress& progress) {
    report.blocks = progress.blocks;
    report.bytes = progress.bytes;
    if (on_progress && runtime.now() - last >= kVerifyReport) {
      last = runtime.now();
      on_progress(report);
    }
  };
  auto result = co_await node->verify(std::move(request));
  auto stopped = co_await node->stop();
  CO_TRY_ASSIGN(auto totals, std::move(result));
  CO_TRY(stopped);
  co_return VerifyReport{.blocks = totals.blocks, .bytes = totals.bytes, .bad = totals.corrupt};
}

}  // namespace

Result<uint64_t> export_state(const config::Configuration& config, const identity::Identity& identity,
                              const TextSink& sink) {
  TRY_ASSIGN(auto state, open_state(config, identity));
  if (!state) return 0;
  return state::export_pins(*state, sink);
}

Result<ImportReport> import_state(const config::Configuration& config, const identity::Identity& identity,
                                  const TextSource& source, const ImportRequest& request) {
  DataFolders folders(config);
  TRY(finish_replacement(folders));
  std::error_code ec;
  std::filesystem::remove_all(folders.new_state, ec);  // of an import that did not end
  TRY_ASSIGN(auto options, peer_options(config, identity));

  // The cluster keeps its id; its incarnation tells everybody that positions in the old log mean nothing any more.
  state::ImportOptions import{.state = options.state,
                              .cluster_id = random_cluster_id(),
                              .incarnation = 1,
                              .now = std::chrono::system_clock::now(),
                              .replication_factor_min = request.replication_factor_min,
                              .replication_factor_max = request.replication_factor_max,
                              .allocations = request.allocations};
  std::set<ipld::PeerId> members{identity.id};
  if (std::filesystem::exists(folders.state, ec)) {
    TRY_ASSIGN(auto old, state::State::inspect(options.state));
    if (!old.cluster_id.empty()) import.cluster_id = old.cluster_id;
    import.incarnation = old.incarnation + 1;
    auto state = state::State::open(options.state);  // one that cannot be read may be why it is replaced
    for (const auto& peer : state ? (*state)->peers() : std::vector<state::Peer>()) {
      if (peer.member) members.insert(peer.id);
    }
  }
  import.state.path = folders.new_state;
  TRY_ASSIGN(auto report, state::import_pins(source, import));
  TRY(replace_state(folders, config.raft.backups_rotate));
  std::erase_if(report.holders, [&](const auto& holder) { return members.contains(holder.first); });
  return ImportReport{.pins = report.pins,
                      .duplicates = report.duplicates,
                      .repaired = report.repaired,
                      .strangers = std::move(report.holders)};
}

Result<RecoverReport> recover_state(const config::Configuration& config, const identity::Identity& identity,
                                    const OnStep& on_step) {
  DataFolders folders(config);
  TRY(finish_replacement(folders));
  std::error_code ec;
  if (!std::filesystem::exists(folders.state, ec)) {
    return fail(ErrorKind::kFailedPrecondition, "this peer has no pinset to recover");
  }
  TRY_ASSIGN(auto options, peer_options(config, identity));
  RecoverReport report;
  {
    TRY_ASSIGN(auto state, state::State::open(options.state));
    auto on_applied = [&](uint64_t done, uint64_t total) {
      on_step(fmt::format("applying the log: {} of {} entries", done, total));
    };
    TRY_ASSIGN(auto recovered,
               consensus::begin_incarnation(options.raft, *state, std::chrono::system_clock::now(), on_applied));
    report = {.pins = state->counters().pins,
              .uncertain_entries = recovered.uncertain_entries,
              .incarnation = recovered.incarnation};
  }
  TRY(set_log_aside(folders, config.raft.backups_rotate));
  return report;
}

Result<FormatReport> data_formats(const config::Configuration& config, const identity::Identity& identity) {
  TRY(finish_replacement(DataFolders(config)));
  TRY_ASSIGN(auto options, peer_options(config, identity));
  FormatReport report;
  TRY_ASSIGN(report.folders, folder_formats(options));
  TRY_ASSIGN(auto state, state::State::versions(options.state));
  if (state && state->apply_version > 0) report.apply_version = state->apply_version;
  return report;
}

Result<UpgradeReport> upgrade_data(const config::Configuration& config, const identity::Identity& identity,
                                   const OnStep& on_step) {
  DataFolders folders(config);
  TRY(finish_replacement(folders));
  TRY_ASSIGN(auto options, peer_options(config, identity));
  TRY_ASSIGN(auto formats, folder_formats(options));
  return upgrade_folders(formats, migrations(), folders.upgrade_backups, config.raft.backups_rotate, on_step);
}

Result<> cleanup_state(const config::Configuration& config, bool blocks) {
  if (blocks && !config.uses_embedded_node()) {
    return fail(ErrorKind::kFailedPrecondition,
                "this peer's blocks are in Kubo (ipfs_connector.ipfshttp): `ipfs repo gc` removes them there");
  }
  DataFolders folders(config);
  TRY(finish_replacement(folders));
  TRY(set_data_aside(folders, config.raft.backups_rotate, true));
  return blocks ? storage::Database::destroy({.path = folders.ipfs}) : Result<>();
}

Result<VerifyReport> verify_repo(const config::Configuration& config, const identity::Identity& identity,
                                 const std::function<void(std::string_view)>& on_bad,
                                 const std::function<void(const VerifyReport&)>& on_progress) {
  if (!config.uses_embedded_node()) {
    return fail(ErrorKind::kFailedPrecondition,
                "this peer's blocks are in Kubo (ipfs_connector.ipfshttp): use `ipfs repo verify` there");
  }
  TRY_ASSIGN(auto options, peer_options(config, identity));
  RealRuntime runtime;
  return runtime.run_task<VerifyReport>(verify(runtime, options.embedded, on_bad, on_progress));
}

}  // namespace ipfsc::app
