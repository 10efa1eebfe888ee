// Tests and benches only: what a node that does only a part is made of.
#pragma once

#include <functional>
#include <map>
#include <ranges>

#include "ipfs/ipfs_node.h"

namespace ipfsc::ipfs {

/// Answers every call with kUnimplemented, and stops at once; override what is needed.
class UnusedNode : public IpfsNode {
 public:
  Task<NodeId> id() override { co_return unused(); }
  Task<> pin(PinRequest) override { co_return unused(); }
  Task<> unpin(ipld::Cid) override { co_return unused(); }
  Task<PinKind> pinned(ipld::Cid, bool) override { co_return unused(); }
  std::unique_ptr<PinList> list_pins() override { return nullptr; }
  Task<std::unique_ptr<BlockWriter>> put_blocks(WriterOptions) override { co_return unused(); }
  Task<Bytes> get_block(ipld::Cid) override { co_return unused(); }
  Task<bool> has(ipld::Cid) override { co_return unused(); }
  Task<RepoStat> stat() override { co_return unused(); }
  Task<GcResult> gc(std::function<void(const GcItem&)>) override { co_return unused(); }
  Task<VerifyResult> verify(VerifyRequest) override { co_return unused(); }
  Task<> connect(ipld::Multiaddr) override { co_return unused(); }
  Task<ipld::Cid> resolve(std::string) override { co_return unused(); }
  Task<> stop() override { co_return Result<>(); }

 private:
  static std::unexpected<Error> unused() { return fail(ErrorKind::kUnimplemented, "not used"); }
};

/// The pins that a fake node had when it was made; `answer` comes before each page.
class FixedPinList final : public PinList {
 public:
  FixedPinList(const std::map<ipld::Cid, PinKind>& pins, bool sorted, std::function<Task<>()> answer)
      : sorted_(sorted), answer_(std::move(answer)) {
    for (const auto& [cid, kind] : pins) items_.push_back({cid, kind});
    if (!sorted) std::ranges::reverse(items_);
  }
  bool sorted() const override { return sorted_; }
  Task<size_t> next(std::vector<PinnedItem>& out, size_t max) override {
    CO_TRY(co_await answer_());
    auto page = items_ | std::views::drop(at_) | std::views::take(max);
    size_t count = page.size();
    out.insert(out.end(), page.begin(), page.end());
    at_ += count;
    co_return count;
  }

 private:
  bool sorted_;
  std::function<Task<>()> answer_;
  std::vector<PinnedItem> items_;
  size_t at_ = 0;
};

}  // namespace ipfsc::ipfs
