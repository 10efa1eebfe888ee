// Where a peer's data lies in its folder, and how state and log are replaced as one.
#pragma once

#include <string>

#include "base/result.h"
#include "config/configuration.h"

namespace ipfsc::app {

struct DataFolders {
  std::string raft;             ///< the log
  std::string state;            ///< the pinset
  std::string local;            ///< the tracker's table
  std::string ipfs;             ///< the embedded node's blocks
  std::string new_state;        ///< an imported state before it is put in place
  std::string upgrade_backups;  ///< + ".N": folders as they were before an upgrade of their formats
  explicit DataFolders(const config::Configuration& config);
};

/// Moves log and state (and with `with_local` the tracker's table) into raft.old.0; older ones move up to
/// raft.old.(backups − 1), the oldest is removed. Nothing there: nothing happens.
Result<> set_data_aside(const DataFolders& folders, int64_t backups, bool with_local);

/// Moves only the log into raft.old.0; the next start begins one behind the state.
Result<> set_log_aside(const DataFolders& folders, int64_t backups);

/// Puts new_state in the place of log and state, which are set aside. A crash at any moment leaves the old data or the
/// new: finish_replacement() completes it at the next start, and what a crash left of an upgrade too.
Result<> replace_state(const DataFolders& folders, int64_t backups);
Result<> finish_replacement(const DataFolders& folders);

}  // namespace ipfsc::app
