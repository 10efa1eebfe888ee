#include "ipfs/kubo/fill.h"

#include <unordered_set>

#include "base/gather.h"
#include "ipfs/kubo/block_put.h"
#include "ipld/links.h"
#include "ipld/multihash.h"

namespace ipfsc::ipfs {
namespace {

constexpr size_t kAtOnce = 32;              // blocks on the way
constexpr size_t kMaxBlockBytes = 2 << 20;  // that IPFS nodes exchange
constexpr std::string_view kNotFound = "could not find ";

bool may_have_links(const ipld::Cid& cid) { return cid.codec() == ipld::kDagPb || cid.codec() == ipld::kDagCbor; }

class Fill {
 public:
  Fill(Runtime& runtime, KuboRpc& rpc, BlockSource& source, const PinRequest& request, PinProgress& progress)
      : runtime_(runtime),
        rpc_(rpc),
        source_(source),
        request_(request),
        progress_(progress),
        hints_{.origins = {}, .root = request.cid},
        writer_(make_block_put(runtime, rpc, /*verified=*/true)) {}

  Task<> run() {
    for (;;) {
      CO_TRY_ASSIGN(auto missing, co_await first_missing());
      if (!missing || !wanted_.insert(*missing).second) co_return Result<>{};
      waiting_.push_back(*std::move(missing));
      while (!waiting_.empty()) CO_TRY(co_await fetch_some());
    }
  }

 private:
  /// A block of the DAG that the Kubo does not hold. It reads the whole DAG when nothing is missing.
  Task<std::optional<ipld::Cid>> first_missing() {
    bool whole = request_.recursive && may_have_links(request_.cid);
    std::string command = whole ? "dag/stat" : "block/stat";
    KuboQuery query{{"arg", request_.cid.to_string()}, {"offline", "true"}};
    if (whole) query.emplace_back("progress", "false");
    auto answer = co_await rpc_.call(command, std::move(query));
    if (answer) co_return std::nullopt;
    std::string_view message = answer.error().message;
    auto at = message.rfind(kNotFound);
    if (at == std::string_view::npos) co_return fail(answer.error());
    auto text = message.substr(at + kNotFound.size());
    auto cid = ipld::Cid::parse(text.substr(0, text.find_first_of(" \")")));
    if (!cid) co_return fail(answer.error());
    co_return *std::move(cid);
  }

  /// The youngest first, so that what waits stays little.
  Task<> fetch_some() {
    std::vector<ipld::Cid> cids;
    std::vector<Task<Bytes>> fetches;
    for (; !waiting_.empty() && cids.size() < kAtOnce; waiting_.pop_back()) {
      fetches.push_back(source_.fetch(waiting_.back(), hints_, kMaxBlockBytes));
      cids.push_back(std::move(waiting_.back()));
    }
    progress_.current = fmt::format("{} from {}", cids.front().to_string(), source_.name());
    auto fetched = co_await gather(runtime_, std::move(fetches));
    std::vector<ipld::Block> blocks;
    for (size_t i = 0; i < fetched.size(); ++i) {
      auto& data = fetched[i];
      if (!data) co_return fail(data.error().with_context(fmt::format("block {}", cids[i].to_string())));
      if (request_.recursive) CO_TRY(add_links(cids[i], *data));
      progress_.bytes += data->size();
      blocks.push_back({std::move(cids[i]), std::move(*data)});
    }
    progress_.fetched_blocks += blocks.size();
    progress_.blocks = progress_.fetched_blocks;
    progress_.last_progress = runtime_.now();
    CO_TRY(co_await writer_->put(std::move(blocks)));
    if (request_.on_progress) request_.on_progress(progress_);
    co_return Result<>{};
  }

  Result<> add_links(const ipld::Cid& cid, ByteView data) {
    if (!may_have_links(cid)) return {};
    TRY_ASSIGN(auto links, ipld::block_links(cid, data));
    for (auto& link : links) {
      TRY_ASSIGN(auto hash, ipld::Multihash::parse(link.multihash()));
      bool carries_its_bytes = hash.code() == static_cast<uint64_t>(ipld::HashCode::kIdentity);
      if (!carries_its_bytes && wanted_.insert(link).second) waiting_.push_back(std::move(link));
    }
    return {};
  }

  Runtime& runtime_;
  KuboRpc& rpc_;
  BlockSource& source_;
  const PinRequest& request_;
  PinProgress& progress_;
  FetchHints hints_;
  std::unique_ptr<BlockWriter> writer_;
  std::vector<ipld::Cid> waiting_;
  std::unordered_set<ipld::Cid> wanted_;  // waiting or put
};

}  // namespace

Task<> fill_kubo(Runtime& runtime, KuboRpc& rpc, BlockSource& source, const PinRequest& request,
                 PinProgress& progress) {
  if (source.reach({.origins = {}, .root = request.cid}) == SourceReach::kNowhere) co_return Result<>{};
  Fill fill(runtime, rpc, source, request, progress);
  co_return co_await fill.run();
}

}  // namespace ipfsc::ipfs
