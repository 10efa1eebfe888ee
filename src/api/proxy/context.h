// What the commands work with, and the groups they come in (one file each).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/proxy/options.h"
#include "base/runtime.h"
#include "cluster/cluster.h"
#include "net/router.h"

namespace ipfsc::cluster {
class RepoStats;
}

namespace ipfsc::api::proxy {

class Forwarder;
class KuboHeaders;

struct ProxyContext {
  Runtime& runtime;
  const ProxyOptions& options;
  Forwarder* forwarder = nullptr;       ///< null: there is no Kubo
  KuboHeaders* kubo_headers = nullptr;  ///< the same
  // Set before any command runs.
  cluster::Cluster* cluster = nullptr;
  cluster::RepoStats* repo_stats = nullptr;
  ipfs::IpfsNode* content = nullptr;  ///< where cat and block/get read without a Kubo
};

/// A command of ours. An Error returned unanswered becomes an answer in Kubo's form.
using Command = Task<> (*)(ProxyContext& context, net::Request& request, net::Response& response);

/// Answers with `command` inside what all our commands share: headers, foreign web pages, readiness, errors.
Task<> run_command(ProxyContext& context, net::Request& request, net::Response& response, Command command);

/// /api/v0/<name> for POST, GET and PUT. The context outlives the router.
void add_command(net::Router& router, ProxyContext& context, std::string_view name, Command command);
/// The same, and /api/v0/<name>/{arg}, which stands for ?arg=.
void add_command_with_arg(net::Router& router, ProxyContext& context, std::string_view name, Command command);

void add_pin_commands(net::Router& router, ProxyContext& context);    // pin_commands.cpp: pin/add rm update
void add_pin_ls_command(net::Router& router, ProxyContext& context);  // pin_ls.cpp
void add_add_command(net::Router& router, ProxyContext& context);     // add_command.cpp
void add_repo_commands(net::Router& router, ProxyContext& context);   // repo_commands.cpp: repo/stat gc
void add_put_commands(net::Router& router, ProxyContext& context);    // put_commands.cpp: with pin=true, by Kubo
void add_node_commands(net::Router& router, ProxyContext& context);  // node_commands.cpp: version id cat block/get stat
void add_block_put_command(net::Router& router, ProxyContext& context);  // block_put.cpp: without Kubo

/// All values of `arg`, that of the path first.
std::vector<std::string> arguments(const net::Request& request);
/// Who asks.
cluster::Caller caller_of(const net::Request& request);
/// A CID or a path → the CID at its end. Errors of malformed ones begin "Error parsing IPFS Path".
Task<ipld::Cid> resolve(ProxyContext& context, std::string argument);

}  // namespace ipfsc::api::proxy
