// What `state …` and `repo verify` do with the data of a stopped peer. The caller holds the folder's lock. All block.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "app/formats.h"
#include "base/result.h"
#include "config/configuration.h"
#include "identity/identity.h"
#include "ipld/peer_id.h"

namespace ipfsc::app {

/// Gets text in pieces, whole lines each.
using TextSink = std::function<Result<>(std::string_view text)>;
/// Fills the buffer from its front and returns how much; 0 = the end.
using TextSource = std::function<Result<size_t>(std::span<char> buffer)>;

/// One pin object of JSON a line; returns how many. What is only in the log so far is applied first.
Result<uint64_t> export_state(const config::Configuration& config, const identity::Identity& identity,
                              const TextSink& sink);

struct ImportRequest {
  std::optional<int> replication_factor_min, replication_factor_max;  ///< replace those of every pin
  std::optional<std::vector<ipld::PeerId>> allocations;
};
struct ImportReport {
  uint64_t pins = 0;        ///< in the new state
  uint64_t duplicates = 0;  ///< objects that replaced an earlier one with the same CID
  uint64_t repaired = 0;    ///< objects of Go's "bad-type", which became pins
  /// Peers that pins are allocated to and that were no members when this peer stopped, with the number of these pins.
  std::vector<std::pair<ipld::PeerId, uint64_t>> strangers;
};
/// Validates the whole input, then puts it in place of this peer's state; on an error the old state is untouched.
Result<ImportReport> import_state(const config::Configuration& config, const identity::Identity& identity,
                                  const TextSource& source, const ImportRequest& request);

struct RecoverReport {
  uint64_t pins = 0;
  uint64_t uncertain_entries = 0;  ///< of the log, that were kept without knowing that a majority had them
  uint64_t incarnation = 0;
};
/// After the loss of the majority: this peer keeps its pinset and becomes the only voter of a new incarnation of the
/// cluster. The others rejoin when they hear of it; their data is renamed.
Result<RecoverReport> recover_state(const config::Configuration& config, const identity::Identity& identity,
                                    const OnStep& on_step);

struct FormatReport {
  std::vector<FolderFormat> folders;
  std::optional<uint32_t> apply_version;  ///< by which the state was written; nullopt: none yet, or not known
};
/// In what formats this peer's data is.
Result<FormatReport> data_formats(const config::Configuration& config, const identity::Identity& identity);
/// Brings older data to this program's formats; what was there is kept (UpgradeReport::backup).
Result<UpgradeReport> upgrade_data(const config::Configuration& config, const identity::Identity& identity,
                                   const OnStep& on_step);

/// Removes state and log (what is worth a backup is renamed to raft.old.N); with `blocks` those of the embedded IPFS
/// node as well, for good. kFailedPrecondition when they are to go and the peer uses Kubo: nothing is removed then.
Result<> cleanup_state(const config::Configuration& config, bool blocks);

struct VerifyReport {
  uint64_t blocks = 0, bytes = 0;
  uint64_t bad = 0;  ///< blocks whose bytes do not have their hash
};
/// Reads and re-hashes every block of the embedded IPFS node. `on_bad` gets one sentence for each bad block;
/// `on_progress` is called about once a second. kFailedPrecondition when the peer uses Kubo.
Result<VerifyReport> verify_repo(const config::Configuration& config, const identity::Identity& identity,
                                 const std::function<void(std::string_view)>& on_bad,
                                 const std::function<void(const VerifyReport&)>& on_progress);

}  // namespace ipfsc::app
