// The command line of ipfs-cluster-service as values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ipfsc::cmd::service {

struct GlobalOptions {
  std::string folder;  ///< of --config, IPFS_CLUSTER_PATH or the home directory; absolute
  bool debug = false;
  std::string log_level;
};

struct InitOptions {
  std::string consensus = "raft", datastore, ipfs, peers;
  bool custom_secret = false, force = false, random_ports = false;
};

struct DaemonOptions {
  std::string bootstrap;
  bool upgrade = false, leave = false, stats = false, tracing = false, no_trust = false;
};

struct StateOptions {
  std::string file, allocations;
  bool force = false, blocks = false;
  int64_t replication_min = 0, replication_max = 0;
};

struct MigrateOptions {
  std::string bootstrap, role;
  bool force = false, dry_run = false;
};

struct AdoptOptions {
  std::string basic_auth;
  bool dry_run = false;
  int64_t replication_min = 1, replication_max = 1;
};

struct Options {
  GlobalOptions global;
  InitOptions init;
  DaemonOptions daemon;
  StateOptions state;
  MigrateOptions migrate;
  AdoptOptions adopt;
  std::vector<std::string> arguments;  ///< what is not an option
};

}  // namespace ipfsc::cmd::service
