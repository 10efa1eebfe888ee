#include "config/migration.h"

#include <fmt/ranges.h>

#include <algorithm>

#include <boost/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "config/values.h"
#include "model/peer_roles.h"

namespace ipfsc::config {
namespace {

namespace json = boost::json;

std::unexpected<Error> wrong(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

const json::object* member_object(const json::object& object, std::string_view key) {
  const auto* member = object.if_contains(key);
  return member ? member->if_object() : nullptr;
}

/// A key of consensus.crdt with what Go writes for it by itself, and why it is not needed any more.
struct Gone {
  std::string_view key, usual, why;
};
constexpr Gone kGone[] = {
    {"cluster_name", "\"ipfs-cluster\"", "a cluster is its secret and its log, not a topic"},
    {"repair_interval", "\"1h0m0s\"", "there is no history of changes that would need repair"},
    {"rebroadcast_interval", "\"1m0s\"", "the log is sent to every peer in its order"},
    {"peerset_metric", "\"ping\"", "the members are in the log"},
    {"datastore_namespace", "\"/c\"", "the state has its own database"},
};

/// Who may write to the cluster, as the old file says.
struct Trust {
  bool all = false;
  std::vector<ipld::PeerId> peers;
  bool trusts(const ipld::PeerId& id) const { return all || std::ranges::find(peers, id) != peers.end(); }
};

Result<Trust> read_trust(const json::object& crdt) {
  Trust trust;
  const auto* found = crdt.if_contains("trusted_peers");
  if (!found || found->is_null()) return trust;
  std::vector<std::string> texts;
  if (auto done = decode(*found, texts); !done) {
    return wrong("consensus.crdt.trusted_peers: " + done.error().message);
  }
  for (const auto& text : texts) {
    if (text == "*") {
      trust.all = true;
      continue;
    }
    auto id = ipld::PeerId::parse(text);
    if (!id) return wrong(fmt::format("consensus.crdt.trusted_peers: {}: {}", quoted(text), id.error().message));
    trust.peers.push_back(*std::move(id));
  }
  return trust;
}

class Migration {
 public:
  explicit Migration(const MigrationRequest& request) : request_(request) {}

  Result<Migrated> run() {
    if (request_.json.size() > kMaxFileBytes) return wrong(fmt::format("longer than {} bytes", kMaxFileBytes));
    TRY_ASSIGN(auto value, parse_json(request_.json));
    if (!value.is_object()) return wrong("not a JSON object");
    auto& root = value.get_object();
    TRY(consensus(root));
    datastore(root);
    TRY_ASSIGN(auto loaded, parse_configuration(json::serialize(root), std::string(request_.folder), {}));
    out_.config = std::move(loaded.config);
    std::ranges::move(loaded.warnings, std::back_inserter(out_.differences));
    TRY(role());
    node();
    finish();
    TRY(validate(out_.config));
    return std::move(out_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    out_.differences.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  Result<> consensus(json::object& root) {
    const auto* section = member_object(root, "consensus");
    const auto* crdt = section ? section->if_contains("crdt") : nullptr;
    if (!crdt || section->contains("raft")) return {};  // raft already; both or none is refused by the parser
    if (!crdt->is_object()) return wrong("consensus.crdt: expected an object");
    crdt_ = true;
    say("consensus: crdt becomes raft, one log that a majority of the voting peers agrees on");
    TRY_ASSIGN(trust_, read_trust(crdt->get_object()));
    for (const auto& [key, value] : crdt->get_object()) gone(std::string_view(key), value);
    json::object raft;
    raft["raft"] = json::object();
    root["consensus"] = std::move(raft);
    return {};
  }

  void gone(std::string_view key, const json::value& value) {
    if (key == "trusted_peers" || value.is_null()) return;
    if (key == "batching") {
      const auto* object = value.if_object();
      const auto* size = object ? object->if_contains("max_batch_size") : nullptr;
      if (size && *size != 0) say("consensus.crdt.batching is not needed: writes that wait are grouped by themselves");
      return;
    }
    for (const auto& known : kGone) {
      if (known.key != key) continue;
      if (auto text = json::serialize(value); text != known.usual) {
        say("consensus.crdt.{} ({}) is not needed: {}", key, text.substr(0, 100), known.why);
      }
      return;
    }
    say("unknown key \"consensus.crdt.{}\" is left out", std::string(key).substr(0, 100));
  }

  void datastore(json::object& root) {
    const auto* section = member_object(root, "datastore");
    for (const auto& [name, ignored] : section ? *section : json::object()) {
      say("datastore.{} is left out: the pinset comes from the export file and has a database of its own",
          std::string(std::string_view(name)).substr(0, 100));
    }
    root.erase("datastore");
  }

  Result<> role() {
    auto& cluster = out_.config.cluster;
    std::string_view from_trust;
    if (crdt_ && !trust_.all) {
      // A peer trusts itself, listed or not; but when others are listed and it is not, they do not listen to it.
      bool votes = trust_.peers.empty() || trust_.trusts(request_.self);
      from_trust = votes ? "voter" : "agent";
    }
    std::string role(!request_.role.empty() ? request_.role : from_trust);
    if (!role.empty()) {
      if (std::ranges::find(model::kPeerRoles, role) == model::kPeerRoles.end()) {
        return wrong(fmt::format("role {}: expected one of {}", quoted(role), fmt::join(model::kPeerRoles, ", ")));
      }
      cluster.role = role;
    }
    if (!crdt_) return {};
    if (trust_.all) {
      say("consensus.crdt.trusted_peers was \"*\": every peer may vote (cluster.role: {})", cluster.role);
    } else if (!request_.role.empty()) {
      say("cluster.role: {}, as asked for, whatever trusted_peers said", cluster.role);
    } else if (trust_.peers.empty()) {
      say("consensus.crdt.trusted_peers was empty, this peer trusted only itself: it votes (cluster.role: voter)");
    } else if (cluster.role == "voter") {
      say("consensus.crdt.trusted_peers has this peer: it votes (cluster.role: voter)");
    } else {
      say("consensus.crdt.trusted_peers does not have this peer: it holds content and refuses writes (cluster.role: "
          "agent, cluster.follower_mode: true); if it was trusted by the others, use --role voter");
      cluster.follower_mode = true;
    }
    return {};
  }

  void node() {
    auto& config = out_.config;
    if (!config.embedded.present && !config.ipfshttp.present) {
      config.ipfshttp.present = true;
      say("ipfs_connector was missing, which means Kubo at {}", config.ipfshttp.node_multiaddress.to_string());
    }
  }

  void finish() {
    auto& config = out_.config;
    if (config.raft.data_folder != Raft{}.data_folder) {
      say("consensus.raft.data_folder ({}) is left out: the new log never lies in the old one's folder",
          config.raft.data_folder);
      config.raft.data_folder = Raft{}.data_folder;
    }
    if (config.cluster.disable_repinning) {
      say("cluster.disable_repinning stays true: the copies of a peer that is down are not made elsewhere");
    }
    if (crdt_) {
      say("peers are members when they have joined once: there is no mDNS and no trust by address, so the others join "
          "with --bootstrap");
    }
  }

  const MigrationRequest& request_;
  bool crdt_ = false;
  Trust trust_;
  Migrated out_;
};

}  // namespace

Result<Migrated> migrate_configuration(const MigrationRequest& request) { return Migration(request).run(); }

}  // namespace ipfsc::config
