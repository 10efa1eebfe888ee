#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/deadline.h"
#include "ipfs/embedded/pinner.h"

namespace ipfsc::ipfs {
namespace {

/// Those that reach something, the cluster's own first.
std::vector<std::shared_ptr<BlockSource>> sources_to_ask(const Core& core, const FetchHints& hints, bool& any_public) {
  std::vector<std::shared_ptr<BlockSource>> out;
  for (SourceReach reach : {SourceReach::kCluster, SourceReach::kPublic}) {
    for (const auto& source : core.sources) {
      if (source->reach(hints) != reach) continue;
      out.push_back(source);
      any_public |= reach == SourceReach::kPublic;
    }
  }
  return out;
}

}  // namespace

Task<Bytes> fetch_block(Core& core, ipld::Cid cid, const FetchHints& hints, std::string& current) {
  bool any_public = false, all_said_no = true;
  std::vector<std::string> reasons;
  for (const auto& source : sources_to_ask(core, hints, any_public)) {
    current = fmt::format("{} from {}", cid.to_string(), source->name());
    auto data = co_await with_deadline(core.runtime, core.runtime.now() + core.options.fetch_timeout, "no answer",
                                       source->fetch(cid, hints, core.options.max_block_bytes));
    if (data) {
      if (co_await verify_arrived(core.runtime, cid, *data)) co_return data;
      data = fail(ErrorKind::kUnavailable, "sent bytes that are not this block");
    }
    if (data.error().kind == ErrorKind::kCancelled) co_return data;
    all_said_no &= data.error().kind == ErrorKind::kNotFound;
    reasons.push_back(source->name() + ": " + data.error().message);
  }
  if (reasons.empty()) reasons.push_back("not on any peer");
  if (!any_public) {
    reasons.push_back("this node is not on the public IPFS network: attach Kubo or set gateways");
  }
  std::string of = hints.root == cid ? "" : fmt::format(" of {}", hints.root.to_string());
  co_return fail(all_said_no ? ErrorKind::kNotFound : ErrorKind::kUnavailable,
                 fmt::format("block {}{} is missing: {}", cid.to_string(), of, fmt::join(reasons, "; ")));
}

}  // namespace ipfsc::ipfs
