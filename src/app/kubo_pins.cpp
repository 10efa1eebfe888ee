#include "app/kubo_pins.h"

#include "app/options.h"
#include "base/real_runtime.h"
#include "ipfs/kubo/kubo_node.h"

namespace ipfsc::app {
namespace {

constexpr size_t kPage = 1000;

Task<> list(Runtime& runtime, ipfs::KuboOptions options,
            const std::function<Result<>(std::span<const KuboPin>)>& sink) {
  ipfs::KuboNode node(runtime, std::move(options));
  auto read = [&](this auto) -> Task<> {
    auto cursor = node.list_pins();
    std::vector<ipfs::PinnedItem> items;
    std::vector<KuboPin> pins;
    for (;;) {
      items.clear();
      CO_TRY_ASSIGN(size_t n, co_await cursor->next(items, kPage));
      if (n == 0) co_return Result<>{};
      pins.clear();
      for (auto& item : items) pins.push_back({std::move(item.cid), item.kind == ipfs::PinKind::kRecursive});
      CO_TRY(sink(pins));
    }
  };
  auto outcome = co_await read();
  auto stopped = co_await node.stop();
  CO_TRY(outcome);
  co_return stopped;
}

}  // namespace

Result<> list_kubo_pins(const config::Configuration& config, const identity::Identity& identity,
                        const std::function<Result<>(std::span<const KuboPin>)>& sink) {
  if (config.uses_embedded_node()) {
    return fail(ErrorKind::kFailedPrecondition,
                "this peer's IPFS node is the embedded one, which holds nothing but the pinset");
  }
  TRY_ASSIGN(auto options, peer_options(config, identity));
  RealRuntime runtime;
  return runtime.run_task<void>(list(runtime, options.kubo, sink));
}

}  // namespace ipfsc::app
