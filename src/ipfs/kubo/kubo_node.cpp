#include "ipfs/kubo/kubo_node.h"

#include <optional>

#include <boost/json/value.hpp>

#include "base/deadline.h"
#include "base/json.h"
#include "ipfs/kubo/block_put.h"
#include "ipfs/kubo/fill.h"
#include "net/line_reader.h"

namespace ipfsc::ipfs {
namespace {

namespace json = boost::json;

std::optional<std::string_view> text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

uint64_t number_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  json::error_code ec;
  uint64_t number = value ? value->to_number<uint64_t>(ec) : 0;
  return ec ? 0 : number;
}

PinKind kind_from(std::string_view type) {
  if (type.starts_with("recursive")) return PinKind::kRecursive;
  if (type.starts_with("direct")) return PinKind::kDirect;
  if (type.starts_with("indirect")) return PinKind::kIndirect;
  return PinKind::kNone;
}

std::unexpected<Error> unexpected_answer(std::string_view path) {
  return fail(ErrorKind::kUnavailable, fmt::format("IPFS ({}) answered without what was asked for", path));
}

/// The recursive pins, then the direct ones, as Kubo streams them.
class KuboPinList final : public PinList {
 public:
  explicit KuboPinList(KuboRpc& rpc) : rpc_(rpc) {}
  bool sorted() const override { return false; }

  Task<size_t> next(std::vector<PinnedItem>& out, size_t max) override {
    size_t count = 0;
    while (count < max && list_ < kTypes.size()) {
      if (!exchange_) {
        CO_TRY_ASSIGN(exchange_,
                      co_await rpc_.open("pin/ls", {{"stream", "true"}, {"type", std::string(kTypes[list_])}}));
        lines_.emplace(exchange_->body());
      }
      CO_TRY_ASSIGN(auto line, co_await lines_->next());
      if (!line) {
        CO_TRY(KuboRpc::check_end("pin/ls", *exchange_));
        lines_.reset();
        exchange_.reset();
        ++list_;
        continue;
      }
      CO_TRY_ASSIGN(auto item, parse(*line));
      if (!item) continue;
      out.push_back(*std::move(item));
      ++count;
    }
    co_return count;
  }

 private:
  static Result<std::optional<PinnedItem>> parse(std::string_view line) {
    auto value = parse_json(line);
    if (!value || !value->is_object()) return unexpected_answer("pin/ls");
    const auto& object = value->get_object();
    auto cid = text_of(object, "Cid");
    if (!cid) return unexpected_answer("pin/ls");
    if (cid->empty()) return std::optional<PinnedItem>();  // the end of an empty list
    TRY_ASSIGN(auto parsed, ipld::Cid::parse(*cid));
    return PinnedItem{.cid = std::move(parsed), .kind = kind_from(text_of(object, "Type").value_or(""))};
  }

  static constexpr std::array<std::string_view, 2> kTypes = {"recursive", "direct"};
  KuboRpc& rpc_;
  std::optional<net::ClientExchange> exchange_;
  std::optional<net::LineReader> lines_;  // reads *exchange_
  size_t list_ = 0;
};

}  // namespace

KuboNode::KuboNode(Runtime& runtime, KuboOptions options, std::shared_ptr<BlockSource> peers)
    : runtime_(runtime), options_(std::move(options)), rpc_(runtime, options_), peers_(std::move(peers)) {}

Task<NodeId> KuboNode::id() {
  CO_TRY_ASSIGN(auto answer, co_await rpc_.call_json("id", {}));
  auto id = text_of(answer, "ID");
  if (!id) co_return unexpected_answer("id");
  NodeId node{.id = std::string(*id), .agent_version = std::string(text_of(answer, "AgentVersion").value_or(""))};
  if (const auto* list = answer.if_contains("Addresses"); list && list->is_array()) {
    for (const auto& item : list->get_array()) {
      if (!item.is_string()) continue;
      if (auto address = ipld::Multiaddr::parse(std::string_view(item.get_string())))
        node.addresses.push_back(*address);
    }
  }
  co_return node;
}

Task<bool> KuboNode::is_pinned(ipld::Cid cid, std::string_view type) {
  bool found = false;
  auto listed =
      co_await rpc_.stream("pin/ls", {{"stream", "true"}, {"arg", cid.to_string()}, {"type", std::string(type)}}, {},
                           [&](const json::object& object) -> Result<> {
                             // "recursive" must not be taken for "indirect through …": the kind says which.
                             found = found || kind_from(text_of(object, "Type").value_or("")) == kind_from(type);
                             return {};
                           });
  if (!listed && listed.error().kind == ErrorKind::kNotFound && says_not_pinned(listed.error().message))
    co_return false;
  CO_TRY(listed);
  co_return found;
}

Task<PinKind> KuboNode::pinned(ipld::Cid cid, bool recursive_wanted) {
  // A recursive pin includes a direct one, so that list counts first either way; type=all would look at every pin's
  // DAG.
  for (auto type : {recursive_wanted ? "recursive" : "direct", recursive_wanted ? "direct" : "recursive"}) {
    CO_TRY_ASSIGN(bool found, co_await is_pinned(cid, type));
    if (found) co_return kind_from(type);
  }
  co_return PinKind::kNone;
}

Task<> KuboNode::connect_origins(std::vector<ipld::Multiaddr> origins) {
  if (origins.size() > options_.max_origins) origins.resize(options_.max_origins);
  for (auto& origin : origins) {
    // A hint that does not answer is no failure of the pin.
    auto connected = co_await with_deadline<void>(runtime_, runtime_.now() + options_.origin_timeout, "connecting",
                                                  connect(std::move(origin)));
    if (!connected && connected.error().kind == ErrorKind::kCancelled) co_return connected;
  }
  // Ends with the pin that it accompanies.
  co_return co_await runtime_.sleep_until(SteadyTime::max());
}

Task<> KuboNode::pin(PinRequest request) {
  CO_TRY_ASSIGN(auto have, co_await pinned(request.cid, request.recursive));
  if (have == PinKind::kRecursive || (have == PinKind::kDirect && !request.recursive)) co_return Result<>{};
  std::string peers_said;
  if (peers_) {
    PinProgress progress{.last_progress = runtime_.now()};
    auto filled = co_await fill_kubo(runtime_, rpc_, *peers_, request, progress);
    if (!filled && filled.error().kind == ErrorKind::kCancelled) co_return filled;
    if (!filled) peers_said = fmt::format("; {}: {}", peers_->name(), filled.error().message);
  }
  auto pinned = co_await find_and_pin(request);
  if (pinned || peers_said.empty()) co_return pinned;
  co_return fail(pinned.error().kind, pinned.error().message + peers_said);
}

/// Kubo looks for what it lacks.
Task<> KuboNode::find_and_pin(const PinRequest& request) {
  if (request.origins.empty()) co_return co_await pin_content(request);
  using boost::asio::experimental::awaitable_operators::operator||;
  auto first = co_await (pin_content(request) || connect_origins(request.origins));
  co_return first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
}

Task<> KuboNode::pin_content(const PinRequest& request) {
  if (request.update_from && request.recursive) {
    CO_TRY_ASSIGN(bool from_is_pinned, co_await is_pinned(*request.update_from, "recursive"));
    if (from_is_pinned) {
      auto updated = co_await rpc_.call(
          "pin/update",
          {{"arg", request.update_from->to_string()}, {"arg", request.cid.to_string()}, {"unpin", "false"}},
          options_.pin_timeout);
      if (!updated) co_return std::unexpected(updated.error());
      co_return Result<>{};
    }
  }
  KuboQuery query{
      {"arg", request.cid.to_string()}, {"recursive", request.recursive ? "true" : "false"}, {"progress", "true"}};
  if (!request.name.empty() && request.name.size() <= options_.max_pin_name_bytes)
    query.emplace_back("name", request.name);
  PinProgress progress{.current = request.cid.to_string(), .last_progress = runtime_.now()};
  bool done = false;
  CO_TRY(co_await rpc_.stream(
      "pin/add", std::move(query), options_.pin_timeout, [&](const json::object& object) -> Result<> {
        done = done || object.contains("Pins");
        uint64_t blocks = number_of(object, "Progress");
        auto now = runtime_.now();
        if (blocks > progress.blocks) {
          progress.blocks = progress.fetched_blocks = blocks;
          progress.bytes = number_of(object, "Bytes");
          progress.last_progress = now;
        } else if (!done && now - progress.last_progress > options_.pin_timeout) {
          // Kubo goes on sending the same number for ever.
          return fail(ErrorKind::kDeadlineExceeded,
                      fmt::format("{}: no progress for {} after {} blocks", request.cid.to_string(),
                                  format_go_duration(options_.pin_timeout), progress.blocks));
        }
        if (request.on_progress) request.on_progress(progress);
        return {};
      }));
  if (!done) {
    co_return fail(ErrorKind::kUnavailable,
                   fmt::format("IPFS (pin/add) ended its answer before {} was pinned", request.cid.to_string()));
  }
  co_return Result<>{};
}

Task<> KuboNode::unpin(ipld::Cid cid) {
  if (options_.unpin_disable) {
    co_return fail(ErrorKind::kPermissionDenied, "ipfs unpinning is disallowed by configuration on this peer");
  }
  auto removed = co_await rpc_.call("pin/rm", {{"arg", cid.to_string()}}, options_.unpin_timeout);
  if (!removed && !says_not_pinned(removed.error().message)) co_return std::unexpected(removed.error());
  co_return Result<>{};
}

std::unique_ptr<PinList> KuboNode::list_pins() { return std::make_unique<KuboPinList>(rpc_); }

Task<std::unique_ptr<BlockWriter>> KuboNode::put_blocks(WriterOptions options) {
  co_return make_block_put(runtime_, rpc_, options.verified);
}

Task<Bytes> KuboNode::get_block(ipld::Cid cid) {
  co_return co_await rpc_.call("block/get", {{"arg", cid.to_string()}, {"offline", "true"}}, {},
                               options_.max_block_bytes);
}

Task<bool> KuboNode::has(ipld::Cid cid) {
  auto stat = co_await rpc_.call("block/stat", {{"arg", cid.to_string()}, {"offline", "true"}});
  if (stat) co_return true;
  if (stat.error().kind == ErrorKind::kNotFound) co_return false;
  co_return std::unexpected(stat.error());
}

Task<RepoStat> KuboNode::stat() {
  CO_TRY_ASSIGN(auto answer, co_await rpc_.call_json("repo/stat", {{"size-only", "true"}}));
  co_return RepoStat{.repo_size_bytes = number_of(answer, "RepoSize"),
                     .storage_max_bytes = number_of(answer, "StorageMax"),
                     .num_objects = number_of(answer, "NumObjects")};
}

Task<GcResult> KuboNode::gc(std::function<void(const GcItem&)> on_item) {
  if (collecting_) co_return fail(ErrorKind::kFailedPrecondition, "a garbage collection is running already");
  struct Running {
    bool& flag;
    explicit Running(bool& f) : flag(f) { flag = true; }
    ~Running() { flag = false; }
  } running(collecting_);
  CO_TRY_ASSIGN(auto before, co_await stat());
  GcResult result;
  CO_TRY(co_await rpc_.stream("repo/gc", {{"stream-errors", "true"}}, options_.repogc_timeout,
                              [&](const json::object& object) -> Result<> {
                                GcItem item{.error = std::string(text_of(object, "Error").value_or(""))};
                                const auto* key = object.if_contains("Key");
                                if (key && key->is_object()) {
                                  auto cid = ipld::Cid::parse(text_of(key->get_object(), "/").value_or(""));
                                  if (cid) item.cid = *std::move(cid);
                                }
                                if (item.error.empty()) ++result.removed_blocks;
                                if (on_item) on_item(item);
                                return {};
                              }));
  CO_TRY_ASSIGN(auto after, co_await stat());
  result.removed_bytes = before.repo_size_bytes - std::min(before.repo_size_bytes, after.repo_size_bytes);
  co_return result;
}

Task<VerifyResult> KuboNode::verify(VerifyRequest) {
  co_return fail(ErrorKind::kUnimplemented, "this peer's blocks are in Kubo: use `ipfs repo verify` there");
}

Task<> KuboNode::connect(ipld::Multiaddr address) {
  CO_TRY(co_await rpc_.call("swarm/connect", {{"arg", address.to_string()}}));
  co_return Result<>{};
}

Task<std::vector<std::string>> KuboNode::swarm_peers() {
  CO_TRY_ASSIGN(auto answer, co_await rpc_.call_json("swarm/peers", {}));
  std::vector<std::string> peers;
  const auto* list = answer.if_contains("Peers");
  if (!list || !list->is_array()) co_return peers;  // null: it has none
  for (const auto& item : list->get_array()) {
    if (!item.is_object()) co_return unexpected_answer("swarm/peers");
    auto peer = text_of(item.get_object(), "Peer");
    if (!peer) co_return unexpected_answer("swarm/peers");
    peers.emplace_back(*peer);
  }
  std::ranges::sort(peers);
  peers.erase(std::ranges::unique(peers).begin(), peers.end());
  co_return peers;
}

Task<ipld::Cid> KuboNode::resolve(std::string path) {
  if (!path.starts_with('/')) path = "/ipfs/" + path;
  CO_TRY_ASSIGN(auto answer, co_await rpc_.call_json("resolve", {{"arg", path}}));
  auto resolved = text_of(answer, "Path").value_or("");
  if (!resolved.starts_with("/ipfs/")) {
    co_return fail(ErrorKind::kNotFound, fmt::format("{} does not lead to immutable content", path));
  }
  resolved.remove_prefix(6);
  co_return ipld::Cid::parse(resolved.substr(0, resolved.find('/')));
}

Task<> KuboNode::stop() { co_return Result<>{}; }

}  // namespace ipfsc::ipfs
