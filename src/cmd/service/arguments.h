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
  bool force = false;
  int64_t replication_min = 0, replication_max = 0;
};

struct Options {
  GlobalOptions global;
  InitOptions init;
  DaemonOptions daemon;
  StateOptions state;
  std::vector<std::string> arguments;  ///< what is not an option
};

}  // namespace ipfsc::cmd::service
