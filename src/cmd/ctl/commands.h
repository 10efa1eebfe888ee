// The commands of ipfs-cluster-ctl. Each returns the exit code.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <boost/json/value.hpp>

#include "client/client.h"
#include "cmd/ctl/arguments.h"
#include "cmd/ctl/output.h"

namespace ipfsc::cmd::ctl {

struct Context {
  const Options& options;
  client::Client& client;
  Output& output;
  const std::atomic<bool>* cancelled;

  /// The n-th argument, "" when there is none.
  std::string argument(size_t n) const { return n < options.arguments.size() ? options.arguments[n] : std::string(); }
};

using Formatter = std::function<std::string(const boost::json::value&)>;

/// With `format`, or as JSON.
void print(Context& context, const boost::json::value& value, const Formatter& format);
/// One request, one object: print()ed.
int show(Context& context, const client::ApiRequest& request, const Formatter& format);
/// One request, a stream of objects.
int show_stream(Context& context, const client::ApiRequest& request, const Formatter& format);
/// The object of an answer.
client::Answer<boost::json::value> ask(Context& context, const client::ApiRequest& request);

int id(Context& context);
int version(Context& context);
int config(Context& context);
int peers_ls(Context& context);
int peers_add(Context& context);
int peers_drain(Context& context);
int peers_replace(Context& context);
int peers_role(Context& context);
int rebalance(Context& context);
int movements(Context& context);
int movements_pause(Context& context);
int movements_resume(Context& context);
int peers_rm(Context& context);
int token_create(Context& context);
int token_ls(Context& context);
int token_rm(Context& context);
int add(Context& context);
int get(Context& context);
int pin_add(Context& context);
int pin_rm(Context& context);
int pin_update(Context& context);
int pin_ls(Context& context);
int pin_history(Context& context);
int events(Context& context);
int status(Context& context);
int status_why(Context& context);
int recover(Context& context);
int sync(Context& context);
int health_metrics(Context& context);
int health_alerts(Context& context);
int health_bandwidth(Context& context);
int health_graph(Context& context);
int ipfs_gc(Context& context);

/// The arguments, each a CID, as text.
Result<std::vector<std::string>> cid_arguments(const Context& context);
/// "/ipfs/<cid>[/path]" of a CID or a path; kInvalidArgument.
Result<std::string> content_path(std::string_view text);
/// The query that PinFlags stand for. The error's message is a whole line, with what was being done.
Result<std::vector<std::pair<std::string, std::string>>> pin_query(const PinFlags& flags, bool drop_bad_allocations);

/// Waits until the cluster says so (ctl-cli.md §4) and prints the last status when `print` is set. What goes wrong is
/// said.
int wait_for_status(Context& context, const std::string& cid, std::string_view target, int64_t limit, bool print);
/// The status that `pin add` and the like print without --wait: once no peer is busy with it, or after a second.
int show_settled_status(Context& context, const std::string& cid);

}  // namespace ipfsc::cmd::ctl
