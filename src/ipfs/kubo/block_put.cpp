#include "ipfs/kubo/block_put.h"

#include <map>
#include <set>
#include <tuple>

#include <boost/json/value.hpp>

#include "ipld/multihash.h"

namespace ipfsc::ipfs {
namespace {

/// Everything that one block/put has in common: Kubo makes the CIDs of the whole body with it.
using Format = std::tuple<uint64_t /*codec*/, uint64_t /*hash code*/, size_t /*digest bytes*/>;

Result<std::string> codec_name(uint64_t codec) {
  switch (codec) {
    case ipld::kRaw:
      return "raw";
    case ipld::kDagPb:
      return "dag-pb";
    case ipld::kDagCbor:
      return "dag-cbor";
    case ipld::kDagJson:
      return "dag-json";
    default:
      return fail(ErrorKind::kUnimplemented,
                  fmt::format("codec {:#x} is not one that Kubo's block/put takes here", codec));
  }
}

class BlockPut final : public BlockWriter {
 public:
  BlockPut(Runtime& runtime, KuboRpc& rpc, bool verified) : runtime_(runtime), rpc_(rpc), verified_(verified) {}

  Task<> put(std::vector<ipld::Block> blocks) override {
    if (!verified_) {
      CO_TRY(co_await run_blocking(runtime_, [&blocks]() -> Result<> {
        for (const auto& block : blocks) {
          auto checked = ipld::verify_block(block.cid, block.data);
          if (!checked) return fail(ErrorKind::kInvalidArgument, checked.error().message);
        }
        return {};
      }));
    }
    // One request for each format: a mixed body would get all its CIDs from the first block's.
    std::map<Format, std::vector<ipld::Block>> groups;
    for (auto& block : blocks) {
      CO_TRY_ASSIGN(auto hash, ipld::Multihash::parse(block.cid.multihash()));
      if (hash.code() == static_cast<uint64_t>(ipld::HashCode::kIdentity)) continue;  // the CID carries its bytes
      Format format{block.cid.codec(), hash.code(), hash.digest().size()};
      groups[format].push_back(std::move(block));
    }
    for (auto& [format, group] : groups) CO_TRY(co_await put_group(format, std::move(group)));
    co_return Result<>{};
  }

  Task<> finish() override { co_return Result<>{}; }

 private:
  Task<> put_group(Format format, std::vector<ipld::Block> blocks) {
    auto [codec, hash, size] = format;
    CO_TRY_ASSIGN(auto codec_text, codec_name(codec));
    std::set<Bytes> expected;  // by multihash: Kubo may answer with another version of the CID
    std::vector<std::pair<std::string, Bytes>> files;
    for (auto& block : blocks) {
      expected.emplace(block.cid.multihash());
      files.emplace_back(block.cid.to_string(), std::move(block.data));
    }
    KuboQuery query{{"cid-codec", std::move(codec_text)},
                    {"mhtype", ipld::hash_name(hash)},
                    {"mhlen", std::to_string(size)},
                    {"pin", "false"},
                    {"allow-big-block", "true"}};
    CO_TRY(co_await rpc_.upload("block/put", std::move(query), std::move(files),
                                [&](const boost::json::object& object) -> Result<> {
                                  const auto* key = object.if_contains("Key");
                                  if (!key || !key->is_string()) return {};
                                  TRY_ASSIGN(auto cid, ipld::Cid::parse(std::string_view(key->get_string())));
                                  expected.erase(Bytes(cid.multihash()));
                                  return {};
                                }));
    if (!expected.empty()) {
      co_return fail(ErrorKind::kUnavailable,
                     fmt::format("IPFS (block/put) did not confirm {} blocks", expected.size()));
    }
    co_return Result<>{};
  }

  Runtime& runtime_;
  KuboRpc& rpc_;
  bool verified_;
};

}  // namespace

std::unique_ptr<BlockWriter> make_block_put(Runtime& runtime, KuboRpc& rpc, bool verified) {
  return std::make_unique<BlockPut>(runtime, rpc, verified);
}

}  // namespace ipfsc::ipfs
