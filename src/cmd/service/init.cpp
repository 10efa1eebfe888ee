// init: writes service.json, identity.json and the peerstore.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

#include "app/peerstore.h"
#include "base/bytes.h"
#include "base/files.h"
#include "client/http.h"
#include "cmd/service/commands.h"
#include "cmd/service/lock.h"
#include "cmd/service/peer_addresses.h"

namespace ipfsc::cmd::service {
namespace {

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<> make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::path path(folder);
  if (std::filesystem::is_directory(path, error)) return {};
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0) {
    return fail(ErrorKind::kUnavailable, fmt::format("create {}: {}", folder, std::strerror(errno)));
  }
  return {};
}

/// Whether a Kubo answers where it does by default.
bool kubo_answers() {
  client::HttpSession session;
  client::HttpRequest request{.method = "POST",
                              .url = "http://127.0.0.1:5001/api/v0/id",
                              .timeout = std::chrono::seconds(2),
                              .connect_timeout = std::chrono::seconds(1)};
  auto answer = session.get(request, 1 << 20);
  return answer && answer->first.status == 200 && answer->second.find("\"ID\"") != std::string::npos;
}

struct NodeChoice {
  bool embedded;
  std::string reason;
};

Result<NodeChoice> choose_node(const Context& context) {
  const auto& asked = context.options.init.ipfs;
  if (asked == "embedded") return NodeChoice{true, "as asked"};
  if (asked == "kubo") return NodeChoice{false, "as asked"};
  if (!asked.empty()) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("--ipfs must be kubo or embedded, not \"{}\"", asked));
  }
  if (context.environment.contains("CLUSTER_IPFSHTTP_NODEMULTIADDRESS")) {
    return NodeChoice{false, "CLUSTER_IPFSHTTP_NODEMULTIADDRESS is set"};
  }
  if (kubo_answers()) return NodeChoice{false, "one answers on 127.0.0.1:5001"};
  return NodeChoice{true, "no Kubo answers on 127.0.0.1:5001"};
}

/// Free TCP ports, kept taken until all are chosen so that none comes twice. Below those that the system gives to
/// outgoing connections: one of these would take the port before the peer is started.
class PortPicker {
 public:
  ~PortPicker() {
    for (int fd : taken_) ::close(fd);
  }
  Result<uint16_t> next() {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) taken_.push_back(fd);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    for (int tries = 0; fd >= 0 && tries < kTries; ++tries) {
      uint16_t port = static_cast<uint16_t>(kFirst + random_() % (kEnd - kFirst));
      address.sin_port = htons(port);
      if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return port;
    }
    return fail(ErrorKind::kUnavailable, std::string("find a free port: ") + std::strerror(errno));
  }

 private:
  static constexpr uint32_t kFirst = 10'000, kEnd = 32'768;
  static constexpr int kTries = 100;
  std::random_device random_;
  std::vector<int> taken_;
};

Result<ipld::Multiaddr> with_port(const ipld::Multiaddr& address, uint16_t port) {
  std::string text;
  for (const auto& part : address.parts()) {
    bool numbered = part.name == "tcp" || part.name == "udp";
    text += "/" + part.name;
    if (numbered || !part.value.empty()) text += "/" + (numbered ? std::to_string(port) : part.value);
  }
  return ipld::Multiaddr::parse(text);
}

Result<> randomize_ports(config::Configuration& config) {
  PortPicker picker;
  for (auto* list : config::listeners(config)) {
    for (auto& address : *list) {
      if (address.unix_path()) continue;
      TRY_ASSIGN(auto port, picker.next());
      TRY_ASSIGN(address, with_port(address, port));
    }
  }
  return {};
}

Result<> ask_secret(const Context& context, config::Configuration& config) {
  fmt::print(context.streams.err, "Enter cluster secret (64 hexadecimal digits): ");
  std::fflush(context.streams.err);
  auto secret = from_hex(context.read_line());
  if (!secret || secret->size() != 32) return fail(ErrorKind::kInvalidArgument, "expected 64 hexadecimal digits");
  config.cluster.secret.bytes = std::move(*secret);
  return {};
}

Result<config::Configuration> new_configuration(const Context& context, const NodeChoice& node,
                                                const std::vector<ipld::Multiaddr>& peers) {
  const auto& options = context.options.init;
  config::Configuration config = config::initial_configuration(node.embedded);
  config.folder = context.options.global.folder;
  if (options.random_ports) TRY(randomize_ports(config));
  TRY_ASSIGN(auto warnings, config::apply_environment(config, context.environment));
  for (const auto& warning : warnings) context.say("warning: " + warning);
  if (options.custom_secret) {
    if (auto done = ask_secret(context, config); !done) return fail(done.error().with_context("reading the secret"));
  }
  for (const auto& peer : peers) config.raft.init_peerset.push_back(*peer.peer_id());
  TRY(config::validate(config));
  return config;
}

Result<> check_options(const InitOptions& options) {
  if (options.consensus == "crdt") {
    return fail(ErrorKind::kUnimplemented, "crdt consensus is not offered: raft is, with any number of peers");
  }
  if (options.consensus != "raft") {
    return fail(ErrorKind::kInvalidArgument, fmt::format("unknown consensus \"{}\": use raft", options.consensus));
  }
  for (std::string_view known : {"", "pebble", "badger3", "badger", "leveldb"}) {
    if (options.datastore == known) return {};
  }
  return fail(ErrorKind::kInvalidArgument, fmt::format("unknown datastore \"{}\"", options.datastore));
}

/// The one in the environment, else a new one; nullopt when there is one already.
Result<std::optional<identity::Identity>> new_identity(const Context& context) {
  if (exists(context.path("identity.json"))) return std::nullopt;
  TRY_ASSIGN(auto given, identity::apply_environment(std::nullopt, context.environment));
  return given ? std::move(given) : identity::generate_identity();
}

int write_identity(const Context& context, const identity::Identity& identity) {
  std::string path = context.path("identity.json");
  if (auto done = identity::save_identity(path, identity); !done) {
    return context.failed("writing identity.json", done.error().message);
  }
  context.say("new identity written to " + path);
  return kExitOk;
}

}  // namespace

int init(const Context& context) {
  const auto& options = context.options.init;
  if (auto ok = check_options(options); !ok) return context.failed("choosing consensus", ok.error().message);
  auto peers = parse_peer_addresses(options.peers);
  if (!peers) return context.failed("parsing peers", peers.error().message);
  if (auto done = make_folder(context.options.global.folder); !done) {
    return context.failed("creating the configuration folder", done.error().message);
  }
  std::string path = context.path("service.json");
  std::optional<FolderLock> lock;
  if (exists(path) || exists(context.path("identity.json"))) {
    auto taken = FolderLock::take(context.options.global.folder);
    if (!taken) return context.failed("obtaining execution lock", taken.error().message);
    lock.emplace(std::move(*taken));
  }
  if (exists(path) && !options.force &&
      !context.confirmed("The configuration file will be overwritten. Continue? [y/n]: ")) {
    return kExitOk;
  }

  std::string text, chosen;
  std::string peerstore = "peerstore";
  if (std::string source = context.argument(0); !source.empty()) {
    text = config::format_remote_source(source);
  } else {
    auto node = choose_node(context);
    if (!node) return context.failed("choosing the IPFS node", node.error().message);
    auto config = new_configuration(context, *node, *peers);
    if (!config) return context.failed("making the configuration", config.error().message);
    text = config::format_configuration(*config);
    peerstore = config->cluster.peerstore_file;
    chosen = fmt::format("IPFS node: {} ({}).",
                         node->embedded ? "embedded" : "Kubo at " + config->ipfshttp.node_multiaddress.to_string(),
                         node->reason);
  }
  auto identity = new_identity(context);
  if (!identity) return context.failed("generating an identity", identity.error().message);
  if (auto done = write_file(path, text, 0600); !done) {
    return context.failed("writing service.json", done.error().message);
  }
  context.say("configuration written to " + path + ".");
  if (!chosen.empty()) context.say(chosen);
  if (*identity) {
    if (int code = write_identity(context, **identity); code != kExitOk) return code;
  }

  std::string peerstore_path = context.path(peerstore);
  if (auto done = app::write_peerstore(peerstore_path, *peers); !done) {
    return context.failed("writing the peerstore", done.error().message);
  }
  context.say(peers->empty() ? "new empty peerstore written to " + peerstore_path + "."
                             : fmt::format("peerstore written to {} with {} entries.", peerstore_path, peers->size()));
  return kExitOk;
}

}  // namespace ipfsc::cmd::service
