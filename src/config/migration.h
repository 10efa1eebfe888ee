// What the service.json of the Go program becomes here. Pure: text in, a configuration and sentences out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.h"

namespace ipfsc::config {

struct MigrationRequest {
  std::string_view json;     ///< the old file
  std::string_view folder;   ///< of the new one, absolute
  const ipld::PeerId& self;  ///< whose configuration it is
  std::string_view role;     ///< empty = what `trusted_peers` makes of this peer
};

struct Migrated {
  Configuration config;
  /// One sentence for each thing that is not as it was.
  std::vector<std::string> differences;
};

/// crdt becomes raft: with trusted_peers "*" any peer may vote; with a list those in it vote and the others are agents
/// that refuse writes. Identity keys, secret, addresses and all that has an effect here stay as they are; the
/// environment is not looked at. kInvalidArgument names the key that cannot be read.
Result<Migrated> migrate_configuration(const MigrationRequest& request);

}  // namespace ipfsc::config
