// Whole command lines in a temporary folder. What app/ does is replaced by the functions below.
#include "cmd/service/service.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "app/daemon.h"
#include "app/kubo_pins.h"
#include "app/peerstore.h"
#include "app/state_commands.h"
#include "base/files.h"
#include "base/version.h"
#include "cmd/service/lock.h"
#include "config/configuration.h"
#include "identity/identity.h"

namespace ipfsc::app {
namespace {
std::string called, imported;
bool formats_are_newer = false;
}  // namespace

Result<> write_peerstore(const std::string& path, const std::vector<ipld::Multiaddr>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += address.to_string() + "\n";
  return write_file(path, text, 0644);
}

Result<int> run_daemon(const config::Configuration& config, const identity::Identity&, const DaemonFlags& flags) {
  called = fmt::format("daemon {} stats={} leave={} bootstrap={}", config.cluster.peername, config.metrics.enable_stats,
                       config.cluster.leave_on_shutdown, flags.bootstrap.size());
  return 0;
}
Result<std::string> hash_password(std::string_view password) { return fmt::format("hash of {}", password); }
Result<uint64_t> export_state(const config::Configuration&, const identity::Identity&, const TextSink& sink) {
  TRY(sink("{\"cid\":\"a\"}\n"));
  return 1;
}
std::vector<ipld::Multiaddr> read_peerstore(const std::string& path) {
  std::vector<ipld::Multiaddr> out;
  std::istringstream lines(read_file(path, 1 << 20).value_or(""));
  for (std::string line; std::getline(lines, line);) out.push_back(ipld::Multiaddr::parse(line).value());
  return out;
}

Result<> list_kubo_pins(const config::Configuration&, const identity::Identity&,
                        const std::function<Result<>(std::span<const KuboPin>)>&) {
  return fail(ErrorKind::kUnavailable, "no Kubo");
}

Result<ImportReport> import_state(const config::Configuration& config, const identity::Identity&,
                                  const TextSource& source, const ImportRequest& request) {
  imported.clear();
  char buffer[7];
  for (;;) {
    TRY_ASSIGN(size_t n, source(buffer));
    if (n == 0) break;
    imported.append(buffer, n);
  }
  if (imported == "bad\n") return fail(ErrorKind::kInvalidArgument, "line 1: not JSON");
  called = fmt::format("import rmin={}", request.replication_factor_min.value_or(0));
  std::filesystem::create_directories(config.path("state"));
  return ImportReport{.pins = 1, .duplicates = 2};
}
Result<RecoverReport> recover_state(const config::Configuration&, const identity::Identity&, const OnStep&) {
  called = "recover";
  return RecoverReport{.pins = 5, .uncertain_entries = 2, .incarnation = 3};
}
Result<FormatReport> data_formats(const config::Configuration&, const identity::Identity&) {
  return FormatReport{.folders = {{.name = "state", .path = "", .found = 7, .known = 8},
                                  {.name = "ipfs", .path = "", .found = std::nullopt, .known = 9}}};
}
Result<UpgradeReport> upgrade_data(const config::Configuration&, const identity::Identity&, const OnStep&) {
  called = "upgrade";
  if (formats_are_newer) return fail(ErrorKind::kUnimplemented, "too new");
  return UpgradeReport{.folders = {{.name = "state", .from = 7, .to = 8}}, .backup = "/backup.0"};
}
Result<> cleanup_state(const config::Configuration&, bool blocks) {
  called = blocks ? "cleanup with blocks" : "cleanup";
  return {};
}
Result<VerifyReport> verify_repo(const config::Configuration&, const identity::Identity&,
                                 const std::function<void(std::string_view)>& on_bad,
                                 const std::function<void(const VerifyReport&)>&) {
  on_bad("QmA is bad");
  return VerifyReport{.blocks = 3, .bytes = 30, .bad = 1};
}

}  // namespace ipfsc::app

namespace ipfsc::cmd::service {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Outcome {
  int code;
  std::string out, err;
};

class Service : public ::testing::Test {
 protected:
  Service() { std::filesystem::create_directories(root_); }
  ~Service() override { std::filesystem::remove_all(root_); }

  Outcome run(std::vector<std::string> arguments, std::string input = "", config::Environment environment = {}) {
    arguments.insert(arguments.begin(), {"--config", folder_});
    return run_plain(arguments, std::move(input), std::move(environment));
  }
  Outcome run_plain(const std::vector<std::string>& arguments, std::string input = "",
                    config::Environment environment = {}) {
    char *out = nullptr, *err = nullptr;
    size_t out_size = 0, err_size = 0;
    input += '\0';
    FILE* in_file = ::fmemopen(input.data(), input.size() - 1, "r");
    if (input.size() == 1) in_file = std::fopen("/dev/null", "r");
    FILE* out_file = ::open_memstream(&out, &out_size);
    FILE* err_file = ::open_memstream(&err, &err_size);
    int code = run_service(arguments, environment, {in_file, out_file, err_file});
    for (FILE* file : {in_file, out_file, err_file}) std::fclose(file);
    Outcome result{code, {out, out_size}, {err, err_size}};
    std::free(out);
    std::free(err);
    return result;
  }
  std::string file(const std::string& name) { return read_file(folder_ + "/" + name, 1 << 20).value_or(""); }

  std::string root_ = std::filesystem::temp_directory_path() / ("service_test." + std::to_string(::getpid()));
  std::string folder_ = root_ + "/deep/cluster";
};

TEST_F(Service, HelpAndUsage) {
  EXPECT_EQ(run_plain({}).code, 1);
  EXPECT_THAT(run_plain({}).out, AllOf(HasSubstr("USAGE:"), HasSubstr("COMMANDS:"), HasSubstr("daemon")));
  EXPECT_EQ(run_plain({"nonsense"}).code, 1);
  EXPECT_EQ(run_plain({"--help"}).code, 0);
  EXPECT_EQ(run_plain({"daemon", "--help"}).code, 0);
  EXPECT_EQ(run_plain({"daemon", "--help"}).out.find("--leave"), std::string::npos);
  EXPECT_EQ(run_plain({"daemon", "--nonsense"}).code, 1);
  EXPECT_THAT(run_plain({"--version"}).out, StartsWith("ipfs-cluster-service version 1.1.6+cpp."));
  EXPECT_THAT(run_plain({"version"}).out, StartsWith("1.1.6+cpp."));
  EXPECT_THAT(run({"--loglevel", "loud", "version"}).err, StartsWith("error setting log levels: "));
}

TEST_F(Service, InitWritesEverything) {
  auto first = run({"init", "--ipfs", "embedded"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.err, AllOf(HasSubstr("configuration written to " + folder_ + "/service.json.\n"),
                               HasSubstr("IPFS node: embedded (as asked).\n"),
                               HasSubstr("new identity written to " + folder_ + "/identity.json\n"),
                               HasSubstr("new empty peerstore written to " + folder_ + "/peerstore.\n")));
  struct stat info;
  ASSERT_EQ(::stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((folder_ + "/service.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  auto config = config::parse_configuration(file("service.json"), folder_, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->warnings, IsEmpty());
  EXPECT_TRUE(config->config.uses_embedded_node());
  std::string identity = file("identity.json");
  EXPECT_TRUE(identity::parse_identity(identity));

  std::string before = file("service.json");
  auto refused = run({"init", "--ipfs", "embedded"}, "n\n");
  EXPECT_EQ(refused.code, 0);
  EXPECT_THAT(refused.err, "The configuration file will be overwritten. Continue? [y/n]: ");
  EXPECT_EQ(file("service.json"), before);
  EXPECT_EQ(run({"init", "--ipfs", "embedded"}, "what\ny\n").code, 0);
  EXPECT_NE(file("service.json"), before);  // a new secret
  EXPECT_EQ(file("identity.json"), identity);
  EXPECT_EQ(run({"init", "--force", "--ipfs", "embedded"}).code, 0);
}

TEST_F(Service, InitOptions) {
  std::string secret(64, 'a');
  std::string peer = "/ip4/10.0.0.1/tcp/9096/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M";
  auto key = identity::generate_identity();
  auto done = run({"init", "--ipfs=embedded", "--randomports", "-s", "--peers", peer}, secret + "\n",
                  {{"CLUSTER_PEERNAME", "named"},
                   {"CLUSTER_ID", key.id.to_string()},
                   {"CLUSTER_PRIVATEKEY", to_base64(key.key.to_protobuf())}});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("/peerstore with 1 entries."));
  auto loaded = config::parse_configuration(file("service.json"), folder_, {});
  ASSERT_TRUE(loaded);
  auto& config = loaded->config;
  EXPECT_EQ(to_hex(config.cluster.secret.bytes), secret);
  EXPECT_EQ(config.cluster.peername, "named");
  EXPECT_EQ(config.raft.init_peerset.size(), 1u);
  EXPECT_EQ(file("peerstore"), peer + "\n");
  EXPECT_EQ(identity::parse_identity(file("identity.json"))->id, key.id);
  std::set<uint16_t> ports;
  for (auto* list : config::listeners(config)) {
    for (const auto& address : *list) ports.insert(address.tcp()->port);
  }
  EXPECT_EQ(ports.size(), 6u);
  for (uint16_t taken : {9096, 9094, 9095, 9097, 8080, 8888}) EXPECT_FALSE(ports.contains(taken));
}

TEST_F(Service, InitRefuses) {
  auto crdt = run({"init", "--consensus", "crdt"});
  EXPECT_EQ(crdt.code, 1);
  EXPECT_THAT(crdt.err, HasSubstr("crdt consensus is not offered"));
  EXPECT_EQ(run({"init", "--consensus", "paxos"}).code, 1);
  EXPECT_EQ(run({"init", "--datastore", "tape"}).code, 1);
  EXPECT_EQ(run({"init", "--ipfs", "none"}).code, 1);
  EXPECT_EQ(run({"init", "--peers", "/ip4/1.2.3.4/tcp/1"}).code, 1);
  EXPECT_EQ(run({"init", "--ipfs", "embedded", "-s"}, "xyz\n").code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/service.json"));
}

TEST_F(Service, InitWithASource) {
  ASSERT_EQ(run({"init", "http://127.0.0.1:1/service.json"}).code, 0);
  EXPECT_EQ(file("service.json"), "{\n  \"source\": \"http://127.0.0.1:1/service.json\"\n}\n");
  auto daemon = run({"daemon"});
  EXPECT_EQ(daemon.code, 1);
  EXPECT_THAT(daemon.err, HasSubstr("could not fetch configuration from source: http://127.0.0.1:1/service.json"));
}

TEST_F(Service, TheDaemonGetsItsFlags) {
  EXPECT_THAT(run({"daemon"}).err, HasSubstr("does not exist: run \"ipfs-cluster-service init\" first"));
  ASSERT_EQ(run({"init", "--ipfs", "embedded"}, "", {{"CLUSTER_PEERNAME", "me"}}).code, 0);
  auto daemon = run({"daemon", "--stats", "-x", "--bootstrap",
                     "/ip4/10.0.0.1/tcp/9096/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"});
  EXPECT_EQ(daemon.code, 0) << daemon.err;
  EXPECT_EQ(app::called, "daemon me stats=true leave=true bootstrap=1");
  EXPECT_EQ(run({"daemon", "--bootstrap", "/ip4/10.0.0.1/tcp/9096"}).code, 1);

  auto lock = FolderLock::take(folder_);
  ASSERT_TRUE(lock);
  auto locked = run({"daemon"});
  EXPECT_EQ(locked.code, 1);
  EXPECT_THAT(locked.err, StartsWith("error obtaining execution lock: lock " + folder_ +
                                     "/cluster.lock: someone else has the lock. If no other"));
}

TEST_F(Service, AnOldIdentityIsTakenOut) {
  std::filesystem::create_directories(folder_);
  auto key = identity::generate_identity();
  std::ofstream(folder_ + "/service.json")
      << R"({"cluster":{"peername":"old","id":")" << key.id.to_string() << R"(","private_key":")"
      << to_base64(key.key.to_protobuf()) << R"("},"consensus":{"raft":{}},"informer":{"disk":{}}})";
  auto daemon = run({"daemon"});
  EXPECT_EQ(daemon.code, 0) << daemon.err;
  EXPECT_EQ(identity::parse_identity(file("identity.json"))->id, key.id);
}

TEST_F(Service, RefusesCrdt) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ + "/service.json") << R"({"cluster":{},"consensus":{"crdt":{}}})";
  auto daemon = run({"daemon"});
  EXPECT_EQ(daemon.code, 1);
  EXPECT_THAT(daemon.err, AllOf(HasSubstr("migrate"), HasSubstr("crdt")));
  EXPECT_EQ(std::count(daemon.err.begin(), daemon.err.end(), '\n'), 1);
}

TEST_F(Service, StateCommands) {
  ASSERT_EQ(run({"init", "--ipfs", "embedded"}).code, 0);
  EXPECT_EQ(run({"state", "export"}).out, "{\"cid\":\"a\"}\n");
  EXPECT_EQ(run({"state", "export", "-f", root_ + "/export"}).code, 0);
  EXPECT_EQ(read_file(root_ + "/export", 100).value(), "{\"cid\":\"a\"}\n");
  EXPECT_EQ(run({"state", "import", root_ + "/export"}, "n\n").code, 0);
  EXPECT_THAT(app::imported, IsEmpty());
  EXPECT_EQ(run({"state", "import", "-f", "-rmin", "2", root_ + "/export"}).code, 0);
  EXPECT_EQ(app::imported, "{\"cid\":\"a\"}\n");
  EXPECT_EQ(app::called, "import rmin=2");
  std::filesystem::remove(folder_ + "/state");
  auto bad = run({"state", "import", "--force"}, "bad\n");
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr("error importing state: line 1: not JSON"));
  EXPECT_EQ(run({"state", "import", "--force", "/does/not/exist"}).code, 1);
  EXPECT_EQ(run({"state", "recover"}, "n\n").code, 0);
  EXPECT_NE(app::called, "recover");
  auto recovered = run({"state", "recover", "--force"});
  EXPECT_EQ(recovered.code, 0);
  EXPECT_EQ(app::called, "recover");
  EXPECT_THAT(recovered.out + recovered.err, HasSubstr("incarnation 3 of the cluster begins with this peer: 5 pins."));
  EXPECT_EQ(run({"state", "version"}).out, fmt::format("state: 7, this program: 8\nipfs: none yet, this program: 9\n"
                                                       "apply version: none yet, this program: {}\n",
                                                       kVersions.apply_version));
  auto upgraded = run({"state", "upgrade"});
  EXPECT_EQ(upgraded.code, 0);
  EXPECT_EQ(upgraded.err, "state: format 7 is now 8.\nwhat was there before is in /backup.0.\n");
  EXPECT_EQ(run({"daemon", "--upgrade"}).code, 0);
  EXPECT_TRUE(app::called.starts_with("daemon"));
  app::formats_are_newer = true;
  auto newer = run({"daemon", "-u"});
  EXPECT_EQ(newer.code, 1);
  EXPECT_EQ(newer.err, "error upgrading the data: too new\n");
  EXPECT_EQ(app::called, "upgrade");  // and no daemon
  EXPECT_EQ(run({"state", "cleanup"}, "y\n").code, 0);
  EXPECT_EQ(app::called, "cleanup");
  EXPECT_EQ(run({"state", "cleanup", "--blocks"}, "n\n").code, 0);
  EXPECT_EQ(app::called, "cleanup") << "it asks first";
  auto blocks = run({"state", "cleanup", "--blocks", "-f"});
  EXPECT_EQ(blocks.err, "the state and the blocks were removed.\n");
  EXPECT_EQ(app::called, "cleanup with blocks");
  EXPECT_EQ(run({"state", "crdt", "info"}).err,
            "error : crdt subcommands can only be run on peers initialized with crdt consensus\n");
  EXPECT_EQ(run({"state", "crdt", "dot", "-f", "x"}).code, 1);
  auto verify = run({"repo", "verify"});
  EXPECT_EQ(verify.code, 1);
  EXPECT_EQ(verify.out, "QmA is bad\n3 blocks, 30 bytes, 1 bad\n");
}

TEST_F(Service, TheGoProgramsLockHolds) {
  std::filesystem::create_directories(folder_);
  int fd = ::open((folder_ + "/cluster.lock").c_str(), O_RDWR | O_CREAT, 0600);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(fd, F_OFD_SETLK, &whole), 0);  // as fcntl()'s lock of another process
  EXPECT_FALSE(FolderLock::take(folder_));
  EXPECT_FALSE(FolderLock::take_for_reading(folder_));
  ::close(fd);
  EXPECT_TRUE(FolderLock::take_for_reading(folder_));
  auto ours = FolderLock::take(folder_);
  EXPECT_TRUE(ours);
  EXPECT_FALSE(FolderLock::take_for_reading(folder_));
}

TEST_F(Service, ConfigCheck) {
  ASSERT_EQ(run({"init", "--ipfs", "embedded"}).code, 0);
  auto good = run({"config", "check"});
  EXPECT_EQ(good.code, 0);
  EXPECT_EQ(good.out, folder_ + "/service.json: nothing to say against it\n");
  std::filesystem::permissions(folder_ + "/service.json", std::filesystem::perms(0644));
  auto named = run({"config", "check"}, "",
                   {{"CLUSTER_DISABLEREPINNING", "true"}, {"CLUSTER_RESTAPI_HTTPLISTENMULTIADRESS", ""}});
  EXPECT_EQ(named.code, 0);
  EXPECT_THAT(named.out, AllOf(HasSubstr("cluster.disable_repinning"),
                               HasSubstr("did you mean CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS"),
                               HasSubstr("can be read by other users (mode 644)"), HasSubstr("can be used as it is")));
  std::ofstream(root_ + "/other.json") << R"({"cluster":{"secret":"zz"},"consensus":{"raft":{}}})";
  auto bad = run({"config", "check", root_ + "/other.json"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, StartsWith("error loading configurations: " + root_ + "/other.json: cluster.secret: "));
  EXPECT_EQ(run({"config", "check", root_ + "/none.json"}).code, 1);
  std::filesystem::remove(folder_ + "/identity.json");
  EXPECT_EQ(run({"config", "check"}).code, 1);
  EXPECT_EQ(run({"config"}).code, run({"state"}).code);
}

class Migrate : public Service {
 protected:
  Migrate() {
    std::filesystem::create_directories(old_);
    write("service.json", R"({"cluster":{"peername":"old","secret":")" + std::string(64, 'a') +
                              R"(","listen_multiaddress":"/ip4/10.0.0.2/tcp/9096"},
      "consensus":{"crdt":{"trusted_peers":["*"]}},"api":{"restapi":{"ssl_cert_file":"tls/cert.pem","ssl_key_file":"tls/key.pem"}},
      "informer":{"disk":{}},"datastore":{"pebble":{}}})");
    write("identity.json", identity::format_identity(key_));
    write("peerstore",
          peer_ + "\n/ip4/10.0.0.3/udp/9096/quic/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M\n");
    write("tls/cert.pem", "certificate");
    write("tls/key.pem", "key");
    std::ofstream(export_) << "{\"cid\":\"a\"}\n";
  }

  void write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(old_ + "/" + name).parent_path());
    std::ofstream(old_ + "/" + name) << text;
  }
  /// Every name with its content.
  static std::map<std::string, std::string> contents(const std::string& folder) {
    std::map<std::string, std::string> out;
    if (!std::filesystem::exists(folder)) return out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      out[entry.path().string()] = entry.is_regular_file() ? read_file(entry.path().string(), 1 << 20).value() : "";
    }
    return out;
  }
  /// Refused with this, and nothing was changed anywhere.
  void refuses(std::vector<std::string> arguments, std::string_view message, std::string input = "") {
    auto before = contents(root_);
    arguments.insert(arguments.begin(), "migrate");
    auto refused = run(arguments, std::move(input));
    EXPECT_EQ(refused.code, 1) << message;
    EXPECT_THAT(refused.err, HasSubstr(message));
    EXPECT_EQ(contents(root_), before) << message;
  }

  std::string old_ = root_ + "/old", export_ = root_ + "/export";
  std::string peer_ = "/ip4/10.0.0.1/tcp/9096/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M";
  identity::Identity key_ = identity::generate_identity();
};

TEST_F(Migrate, MakesANewFolder) {
  auto before = contents(old_);
  auto dry = run({"migrate", "--dry-run", old_, export_});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_THAT(dry.err, AllOf(HasSubstr("every peer may vote"), HasSubstr("nothing was written")));
  EXPECT_FALSE(std::filesystem::exists(folder_));

  auto done = run({"migrate", old_, export_});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(contents(old_), before);
  EXPECT_EQ(app::imported, "{\"cid\":\"a\"}\n");
  EXPECT_THAT(done.err, AllOf(HasSubstr("- consensus: crdt becomes raft"), HasSubstr("- datastore.pebble is left out"),
                              HasSubstr("- peerstore: 1 of 2 addresses are left out"), HasSubstr(export_ + ": 1 pins"),
                              HasSubstr("2 lines replaced an earlier one"), HasSubstr(key_.id.to_string()),
                              HasSubstr("ipfs-cluster-service --config " + folder_ + " daemon")));
  EXPECT_EQ(identity::parse_identity(file("identity.json"))->id, key_.id);
  EXPECT_EQ(file("peerstore"), peer_ + "\n");
  EXPECT_EQ(file("tls/key.pem"), "key");
  EXPECT_TRUE(std::filesystem::is_directory(folder_ + "/state"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/.migrating"));
  auto config = config::parse_configuration(file("service.json"), folder_, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(to_hex(config->config.cluster.secret.bytes), std::string(64, 'a'));
  EXPECT_EQ(config->config.cluster.listen_multiaddress.front().to_string(), "/ip4/10.0.0.2/tcp/9096");
  struct stat info;
  ASSERT_EQ(::stat((folder_ + "/service.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(Migrate, TheOtherPeersJoin) {
  auto done = run({"migrate", old_, "--bootstrap", peer_});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(file("raft.rejoin"), peer_ + "\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state"));
}

TEST_F(Migrate, SetsAsideWhatIsThereOnlyWhenAsked) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ + "/service.json") << "mine";
  std::ofstream(folder_ + "/cluster.lock") << "";
  refuses({old_, export_}, "is not empty (service.json): nothing was changed", "n\n");
  auto done = run({"migrate", old_, export_}, "y\n");
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(file("before-migration.0/service.json"), "mine");
  auto again = run({"migrate", "--force", old_, export_});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/before-migration.1/state"));
  EXPECT_EQ(file("before-migration.0/service.json"), "mine");
}

TEST_F(Migrate, RefusesAndChangesNothing) {
  refuses({}, "which folder?");
  refuses({old_}, "give either the file");
  refuses({old_, export_, "--bootstrap", peer_}, "give either the file");
  refuses({old_, export_, "more"}, "too many arguments");
  refuses({old_, "--bootstrap", "/ip4/10.0.0.1/tcp/9096"}, "/ip4/10.0.0.1/tcp/9096");
  refuses({root_ + "/nowhere", export_}, root_ + "/nowhere is not a folder");
  refuses({old_, root_ + "/nowhere"}, root_ + "/nowhere: No such file");
  refuses({old_, root_}, root_ + ": Is a directory");
  refuses({old_, export_, "--role", "king"}, "role \"king\"");
  std::ofstream(root_ + "/bad") << "bad\n";
  refuses({old_, root_ + "/bad"}, "error importing " + root_ + "/bad: line 1: not JSON");
  auto inside = run_plain({"--config", old_ + "/new", "migrate", old_, export_});
  EXPECT_EQ(inside.code, 1);
  EXPECT_THAT(inside.err, HasSubstr("must lie outside the old one"));
  auto same = run_plain({"--config", old_ + "/.", "migrate", old_, export_});
  EXPECT_THAT(same.err, HasSubstr("must lie outside the old one"));

  {
    auto running = FolderLock::take(old_);
    refuses({old_, export_}, "a peer runs in " + old_);
  }
  auto good = read_file(old_ + "/service.json", 1 << 20).value();
  write("service.json", "{");
  refuses({old_, export_}, old_ + "/service.json: incomplete JSON at line 1");
  write("service.json", std::string(good).replace(good.find("tls/cert"), 8, "tls/lost"));
  refuses({old_, export_}, old_ + "/tls/lost.pem");
  write("service.json",
        std::string(good).replace(good.find("\"*\""), 3, "\"12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M\""));
  refuses({old_, export_}, "this peer becomes an agent");
  write("service.json", good);
  write("identity.json", "{}");
  refuses({old_, export_}, old_ + "/identity.json: id is missing");
  std::filesystem::remove(old_ + "/identity.json");
  refuses({old_, export_}, old_ + "/identity.json does not exist");
}

TEST_F(Service, HashesAPasswordFromItsInput) {
  EXPECT_EQ(run({"hash-password"}, "correct horse\n").out, "hash of correct horse\n");
  auto none = run({"hash-password"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("there is none on the standard input"));
}

}  // namespace
}  // namespace ipfsc::cmd::service
