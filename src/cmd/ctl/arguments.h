// The command line of ipfs-cluster-ctl as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace ipfsc::cmd::ctl {

struct GlobalOptions {
  std::string host = "/ip4/127.0.0.1/tcp/9094";
  std::string secret;
  bool https = false, no_check_certificate = false, debug = false, force_http = false;
  std::string encoding = "text";
  int64_t timeout_seconds = 0;
  std::string basic_auth, token;
  std::string client_cert, client_key;
  bool no_colour = false;
};
/// Credentials are not sent in the clear unless that is asked for.
inline bool uses_https(const GlobalOptions& global) {
  bool credentials = !global.basic_auth.empty() || !global.token.empty();
  return global.https || !global.client_cert.empty() || (credentials && !global.force_http);
}

/// A global option, for `config`.
struct Setting {
  std::string name, value, origin;  ///< origin: "default", "command line" or "$VARIABLE"
};

struct WaitOptions {
  bool wait = false;
  int64_t limit = 0;  ///< 0 = the pin's smallest number of copies
  bool limit_given = false;
  Duration timeout{0};  ///< 0 = for ever
};

/// What several commands know of a pin.
struct PinFlags {
  int64_t replication = 0, replication_min = 0, replication_max = 0;
  std::string name, mode = "recursive", expire_in, allocations;
  std::vector<std::string> metadata;
};

struct AddOptions {
  bool recursive = false, quiet = false, quieter = false, no_stream = false, local = false, no_pin = false;
  bool wrap = false, hidden = false, raw_leaves = false, nocopy = false;
  std::string format, layout, chunker = "size-262144", hash = "sha2-256";
  int64_t cid_version = 0;
  bool progress = true;
};

struct TokenOptions {
  std::string role, operations, expire_in;
};

struct GetOptions {
  std::string gateway = "http://127.0.0.1:8080", output;
  bool progress = true;
};

/// What `pin ls` and `pin history` narrow a list with.
struct ListFlags {
  std::optional<std::string> name, name_prefix;
  std::vector<std::string> metadata;
  std::string sort, at, peer;
  int64_t limit = 0;  ///< 0 = all
  bool count = false;
  bool any() const { return name || name_prefix || !metadata.empty() || !sort.empty() || limit != 0 || count; }
};

struct EventFlags {
  std::string from, type, cid;
  bool follow = false;
};

struct Options {
  GlobalOptions global;
  std::vector<Setting> settings;
  WaitOptions wait;
  PinFlags pin;
  AddOptions add;
  GetOptions get;
  ListFlags list;
  EventFlags events;
  TokenOptions token;
  bool no_status = false;
  bool why = false;  // status
  bool dry_run = false;
  bool force = false;
  bool undo = false;
  bool ban = false;
  bool top_up = false;
  bool local = false;
  bool table = false;
  bool all_claims = false;
  std::string filter;
  std::string graph_file;
  bool all_ipfs_peers = false;

  std::vector<std::string> arguments;  ///< what is not an option
};

}  // namespace ipfsc::cmd::ctl
