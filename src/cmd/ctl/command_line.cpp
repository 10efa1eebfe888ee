#include "cmd/ctl/command_line.h"

#include "base/version.h"
#include "cmd/cli/completion.h"
#include "cmd/cli/go_style.h"
#include "cmd/cli/values.h"
#include "cmd/ctl/words.h"

namespace ipfsc::cmd::ctl {
namespace {

/// Declares every command; options are bound to one Options.
class CommandLine {
 public:
  explicit CommandLine(Options& options) : o_(options) {
    root_.set_help_flag("");
    root_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    declare_globals();
    command(&root_, "id", "Show this peer's id, addresses and IPFS node", "", id);
    declare_peers();
    declare_add();
    declare_get();
    declare_pin();
    declare_status();
    declare_events();
    declare_health();
    declare_tokens();
    command(&root_, "version", "Show the version of the peer", "", version);
    command(&root_, "config", "Show what this program would use: address, user, limits, and why", "", ctl::config);
    auto* ipfs = group("ipfs", "Do something on every peer's IPFS node");
    auto* gc = command(ipfs, "gc", "Collect garbage", "", ipfs_gc);
    gc->add_flag("--local", o_.local, "only on the peer that answers");
    auto* list = command(&root_, "commands", "List all commands", "", nullptr);
    list->group("");
    declare_completion(root_);
  }

  CLI::App& root() { return root_; }
  std::function<int(Context&)> handler(const CLI::App* command) const {
    auto found = handlers_.find(command);
    return found == handlers_.end() ? nullptr : found->second;
  }

 private:
  using Handler = int (*)(Context&);

  CLI::App* command(CLI::App* parent, std::string name, std::string description, std::string arguments,
                    Handler handler) {
    auto* out = parent->add_subcommand(std::move(name), std::move(description));
    out->footer(std::move(arguments));
    if (handler) handlers_[out] = handler;
    return out;
  }
  CLI::App* group(std::string name, std::string description) {
    return command(&root_, std::move(name), std::move(description), "", nullptr);
  }

  void declare_globals() {
    auto& g = o_.global;
    root_.add_option("--host,-l", g.host, "API addresses of peers, comma-separated, tried in order")
        ->default_str(g.host);
    root_.add_option("--secret", g.secret, "cluster secret, used by libp2p endpoints only (not offered)");
    root_.add_flag("--https,-s", g.https, "use HTTPS");
    root_.add_flag("--no-check-certificate", g.no_check_certificate, "do not verify the server's certificate");
    takes_one_of(root_.add_option("--encoding,--enc", g.encoding, "output format: text or json"), {"text", "json"})
        ->default_str(g.encoding);
    root_.add_option("--timeout,-t", g.timeout_seconds, "seconds for a whole request, 0 for no limit")
        ->default_str("0");
    root_.add_flag("--debug,-d", g.debug, "log what goes over the wire to stderr");
    root_.add_option("--basic-auth", g.basic_auth, "user[:password]; uses HTTPS unless --force-http is given")
        ->envname("CLUSTER_CREDENTIALS");
    root_
        .add_option("--token", g.token,
                    "token of `token create` or POST /token; uses HTTPS unless --force-http is given")
        ->envname("CLUSTER_TOKEN");
    takes_file(root_.add_option("--client-cert", g.client_cert, "PEM certificate to log in with; uses HTTPS"))
        ->envname("CLUSTER_CLIENT_CERT");
    takes_file(root_.add_option("--client-key", g.client_key, "its private key, PEM"))->envname("CLUSTER_CLIENT_KEY");
    root_.add_flag("--force-http,-f", g.force_http, "send credentials without HTTPS");
    root_.add_flag("--no-color,--no-colour", g.no_colour, "no colours on a terminal either, as with NO_COLOR set");
  }

  void declare_peers() {
    auto* peers = group("peers", "List and change the peers of the cluster");
    table_option(command(peers, "ls", "List the peers of the cluster", "", peers_ls));
    auto* rm = command(peers, "rm", "Remove a peer from the cluster, after its copies were made elsewhere", "<peer id>",
                       peers_rm);
    rm->add_flag("--force", o_.force, "at once, even if pins come below their minimum");
    rm->add_flag("--ban", o_.ban, "and let it join no more, whether it belongs to the cluster or not");
    command(peers, "add", "Let a peer join that waits for it, or that was banned", "<peer id>", peers_add);
    auto* drain =
        command(peers, "drain", "Move the copies of a peer elsewhere; it gets no new ones", "<peer id>", peers_drain);
    drain->add_flag("--undo", o_.undo, "let it take part again");
    auto* replace =
        command(peers, "replace", "Move the copies of a peer to another one", "<peer id> <new peer id>", peers_replace);
    replace->add_flag("--dry-run", o_.dry_run, "only show what would move, and why");
    auto* role = command(peers, "role", "Say whether a peer votes: auto, voter, standby or agent", "<peer id> <role>",
                         peers_role);
    add_argument(role);
    takes_one_of(add_argument(role), kRoles);
    auto* balance = command(&root_, "rebalance", "Move copies so that the peers have about as many", "", rebalance);
    balance->add_flag("--dry-run", o_.dry_run, "only show what would move, and why");
    balance->add_flag("--top-up", o_.top_up, "instead, give pins below their maximum more copies");
    auto* moving = group("movements", "Copies that are on the move");
    table_option(command(moving, "ls", "Show what is under way, and why", "", movements));
    command(moving, "pause", "Begin no new movement, whatever for; what is under way goes on", "", movements_pause);
    command(moving, "resume", "Let movements begin again", "", movements_resume);
  }

  void table_option(CLI::App* to) {
    to->add_flag("--table", o_.table, "as a table; on a terminal long values are cut to fit");
  }
  void pin_options(CLI::App* to) {
    to->add_option("--name,-n", o_.pin.name, "a name for the pin");
    to->add_option("--expire-in", o_.pin.expire_in, "unpin after this time, like 24h");
  }
  void replication_options(CLI::App* to) {
    to->add_option("--replication-min,--rmin", o_.pin.replication_min, "fewest copies")->default_str("0");
    to->add_option("--replication-max,--rmax", o_.pin.replication_max, "most copies")->default_str("0");
    to->add_option("--allocations,--allocs", o_.pin.allocations, "ids of peers to prefer, comma-separated");
    to->add_option("--metadata", o_.pin.metadata, "key=value, may be given many times")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  void wait_options(CLI::App* to, std::string names) {
    to->add_flag(std::move(names), o_.wait.wait, "wait until it is done on the peers");
    add_duration(to, "--wait-timeout,--wt", o_.wait.timeout, "how long to wait at most");
  }

  void declare_add() {
    auto* add = command(&root_, "add", "Add files, directories, URLs or - (standard input) and pin them",
                        "<path> [<path>...]", ctl::add);
    takes_file(add_argument(add, /*many=*/true));
    auto& a = o_.add;
    add->add_flag("--recursive,-r", a.recursive, "take directories with all that is in them");
    add->add_flag("--quiet,-q", a.quiet, "print CIDs only");
    add->add_flag("--quieter,-Q", a.quieter, "print only the last CID");
    add->add_flag("--no-stream", a.no_stream, "print when all is done; with --enc=json as one array");
    add->add_flag("--local", a.local, "put the blocks on the peer that answers only");
    pin_options(add);
    replication_options(add);
    add->add_flag("--no-pin", a.no_pin, "put the blocks, pin nothing");
    wait_options(add, "--wait");
    add->add_flag("--wrap-with-directory,-w", a.wrap, "put all in a directory; always with more than one path");
    takes_one_of(add->add_option("--format", a.format, "unixfs, or car for a CAR file"), {"unixfs", "car"})
        ->default_str("unixfs");
    takes_one_of(add->add_option("--layout", a.layout, "balanced or trickle"), {"balanced", "trickle"})
        ->default_str("balanced");
    add->add_flag("--hidden,-H", a.hidden, "take names in directories that begin with a dot");
    takes_one_of(add->add_option("--chunker,-s", a.chunker, "size-<bytes>, rabin[-...] or buzhash"), kChunkers)
        ->default_str(a.chunker);
    add->add_flag("--raw-leaves", a.raw_leaves, "put the content into raw blocks");
    takes_one_of(add->add_option("--cid-version", a.cid_version, "0 or 1; 1 implies --raw-leaves"), {"0", "1"})
        ->default_str("0");
    takes_one_of(add->add_option("--hash", a.hash, "hash function; another one implies --cid-version 1"), kHashes)
        ->default_str(a.hash);
    add->add_flag("--nocopy", a.nocopy, "for URLs: let the IPFS node refer to them");
    add->add_flag("--progress", a.progress, "a bar on a terminal")->default_str("true");
  }

  void declare_get() {
    auto* get = command(&root_, "get", "Fetch a file or directory through a gateway", "<CID|path>", ctl::get);
    takes_file(get->add_option("--output,-o", o_.get.output, "where to put it; default: the last part of the path"));
    get->add_option("--gateway", o_.get.gateway, "URL or multiaddress")->default_str(o_.get.gateway);
    get->add_flag("--progress", o_.get.progress, "a bar on a terminal")->default_str("true");
  }

  void declare_pin() {
    auto* pin = group("pin", "Pin, unpin and list");
    auto* add = command(pin, "add", "Pin something on the cluster", "<CID|path>", pin_add);
    add->add_option("--replication,-r", o_.pin.replication, "copies: sets both of the next two")->default_str("0");
    replication_options(add);
    pin_options(add);
    takes_one_of(add->add_option("--mode", o_.pin.mode, "recursive or direct"), {"recursive", "direct"})
        ->default_str(o_.pin.mode);
    add->add_flag("--dry-run", o_.dry_run, "pin nothing; show which peers would get it, and why");
    status_after(add);

    auto* rm = command(pin, "rm", "Unpin something", "<CID|path>", pin_rm);
    rm->add_flag("--all-claims", o_.all_claims, "also when users of the pinning service ask for it: their requests go");
    status_after(rm);

    auto* update = command(pin, "update", "Pin something that is mostly like what is pinned already",
                           "<existing CID> <new CID|path>", pin_update);
    pin_options(update);
    status_after(update);

    auto* ls = command(pin, "ls", "List the pinset", "[CID]", pin_ls);
    takes_list_of(
        ls->add_option("--filter", o_.filter, "types, comma-separated: pin, meta-pin, clusterdag-pin, shard-pin, all"),
        kPinTypes)
        ->default_str("all");
    auto& l = o_.list;
    ls->add_option("--name", l.name, "those with this name");
    ls->add_option("--name-prefix", l.name_prefix, "those whose name begins so, by name");
    ls->add_option("--metadata,--meta", l.metadata, "those with this key=value, may be given many times")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    takes_one_of(ls->add_option("--sort", l.sort, "cid, name or newest"), {"cid", "name", "newest"})
        ->default_str("cid");
    ls->add_option("--limit", l.limit, "at most so many; 0 for all")->default_str("0");
    ls->add_flag("--count", l.count, "only how many there are");
    ls->add_option("--peer", l.peer, "those that this peer is to hold; with --at those that it was to hold");
    ls->add_option("--at", l.at, "as it was at a time, and who had it: RFC 3339, unix seconds, -24h or now");

    table_option(ls);

    auto* history = command(pin, "history", "Show every change of a pin, the newest first", "<CID>", pin_history);
    history->add_option("--limit", l.limit, "at most so many; 0 for all")->default_str("0");
  }

  void declare_events() {
    auto* events = command(&root_, "events", "Show what changed in the cluster, in order", "", ctl::events);
    auto& e = o_.events;
    events->add_option("--from", e.from, "a position, a time, -24h, oldest or now")
        ->default_str("oldest; now with --follow");
    events->add_flag("--follow,-f", e.follow, "go on with what happens; resumes by itself");
    takes_list_of(
        events->add_option("--type", e.type, "comma-separated: pin, unpin, move, work, peer, record, cluster"),
        kEventTypes);
    events->add_option("--cid", e.cid, "only about these CIDs, comma-separated");
  }

  void status_after(CLI::App* to) {
    to->add_flag("--no-status,--ns", o_.no_status, "print the pin, not its status");
    wait_options(to, "--wait,-w");
    to->add_option_function<int64_t>(
          "--wait-limit,--wl",
          [this](const int64_t& limit) {
            o_.wait.limit = limit;
            o_.wait.limit_given = o_.wait.wait = true;
          },
          "wait for so many peers only; implies --wait")
        ->default_str("smallest number of copies");
  }

  void declare_status() {
    auto* status = command(&root_, "status", "Show how pins are doing", "[CID...]", ctl::status);
    status->add_flag("--local", o_.local, "ask only the peer that answers");
    takes_list_of(
        status->add_option("--filter", o_.filter,
                           "statuses, comma-separated: pinned, pinning, pin_queued, pin_error, error, remote, ..."),
        filter_words());
    status->add_flag("--why", o_.why, "of each CID: what was asked for, what each peer does about it, and why no more");
    table_option(status);
    auto* recover = command(&root_, "recover", "Try again what failed", "[CID]", ctl::recover);
    recover->add_flag("--local", o_.local, "only on the peer that answers");
    auto* sync =
        command(&root_, "sync", "Compare with what the IPFS nodes have, and mend what differs", "[CID]", ctl::sync);
    sync->add_flag("--local", o_.local, "only on the peer that answers");
  }

  void declare_tokens() {
    auto* token = group("token", "Tokens for programs, which can be revoked one by one");
    auto* create = command(token, "create", "Make a token and show it, this once", "<name>", token_create);
    create->add_option("--role", o_.token.role, "admin, pinner or reader");
    create->add_option(
        "--operations", o_.token.operations,
        "instead: what it is good for, comma-separated: read, pin, unpin, add, recover, peers, movements, "
        "gc, tokens, admin");
    create->add_option("--expire-in", o_.token.expire_in,
                       "good for this long, like 720h; by default until it is removed");
    command(token, "ls", "List the tokens", "", token_ls);
    command(token, "rm", "Revoke a token, at all peers", "<name>", token_rm);
  }

  void declare_health() {
    auto* health = group("health", "Show what peers know of each other");
    auto* graph = command(health, "graph", "Draw the connections as a DOT graph", "", health_graph);
    takes_file(graph->add_option("--file,-f", o_.graph_file, "output file"));
    graph->add_flag("--all-ipfs-peers", o_.all_ipfs_peers, "draw IPFS peers outside of the cluster too");
    table_option(command(health, "metrics", "List metrics, or the newest values of one", "[name]", health_metrics));
    table_option(command(health, "alerts", "List alerts", "", health_alerts));
    command(health, "bandwidth", "Show the traffic by protocol", "", health_bandwidth);
  }

  Options& o_;
  CLI::App root_{"talk to an IPFS Cluster peer", "ipfs-cluster-ctl"};
  std::map<const CLI::App*, std::function<int(Context&)>> handlers_;
};

std::vector<Setting> settings_of(const CLI::App& root, const Selected& selected) {
  std::vector<Setting> out;
  for (const auto* option : root.get_options()) {
    bool given = option->count() > 0;
    std::string otherwise = option->get_items_expected_max() == 0 ? "false" : option->get_default_str();
    out.push_back({option->get_lnames().front(), given ? option->results().back() : otherwise,
                   !given                                       ? "default"
                   : selected.from_environment.contains(option) ? "$" + option->get_envname()
                                                                : "command line"});
  }
  return out;
}

}  // namespace

std::variant<Chosen, Printed> read_command_line(const std::vector<std::string>& arguments) {
  Chosen chosen;
  CommandLine line(chosen.options);
  auto selected = parse_go_style(line.root(), arguments, {.version = std::string(kVersion)});
  if (!selected) return Printed{selected.error().exit_code, selected.error().out, selected.error().err};
  if (selected->command->get_name() == "commands") {
    Printed list;
    for (const auto& path : command_paths(line.root())) list.out += path + "\n";
    return list;
  }
  chosen.options.arguments = std::move(selected->arguments);
  chosen.options.settings = settings_of(line.root(), *selected);
  chosen.command = line.handler(selected->command);
  return chosen;
}

}  // namespace ipfsc::cmd::ctl
