// The other side of an add: blocks that another peer sends because this one is to hold them.
#include "base/log.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("adder");

constexpr Duration kPinTime = std::chrono::seconds(30);  // for the pin to be known here, once it is acknowledged there

Result<std::vector<ipld::Block>> blocks_of(proto::PutPiece& piece) {
  std::vector<ipld::Block> blocks;
  blocks.reserve(static_cast<size_t>(piece.blocks_size()));
  for (auto& block : *piece.mutable_blocks()) {
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(block.cid()));
    blocks.push_back({std::move(cid), std::move(*block.mutable_data())});
  }
  return blocks;
}

}  // namespace

void Cluster::serve_adds(rpc::Router& router) {
  router.add_stream("Blocks/Put", rpc::Access::kMember,
                    [this](rpc::CallInfo, rpc::Stream& stream) { return take_blocks(stream); });
}

/// Blocks until `finish`, then the root when it is pinned. A stream that ends before leaves garbage.
Task<> Cluster::take_blocks(rpc::Stream& stream) {
  std::shared_ptr<ipfs::BlockWriter> writer;
  bool durable = false;
  for (;;) {
    CO_TRY_ASSIGN(auto message, co_await stream.read());
    if (!message) co_return Result<>{};
    traffic_.in_bytes += message->size();
    proto::PutPiece piece;
    if (!piece.ParseFromString(*message)) co_return fail(ErrorKind::kInvalidArgument, "damaged blocks of an add");
    if (!writer) {
      if (piece.reservation().empty()) {
        co_return fail(ErrorKind::kFailedPrecondition, "blocks of an add for which no leader has reserved room");
      }
      CO_TRY_ASSIGN(writer, co_await ipfs_.put_blocks({}));
    }
    if (piece.blocks_size() > 0 && !durable) {
      CO_TRY_ASSIGN(auto blocks, blocks_of(piece));
      CO_TRY(co_await writer->put(std::move(blocks)));
    }
    if (piece.finish() && !durable) {
      CO_TRY(co_await writer->finish());
      durable = true;
      CO_TRY(co_await stream.write(proto::PutAnswer().SerializeAsString()));
    }
    if (!piece.root().empty() && durable) {
      CO_TRY_ASSIGN(auto root, ipld::Cid::from_bytes(piece.root()));
      tasks_.spawn("holding added blocks", hold_taken(std::move(root), std::move(writer)));
      co_return Result<>{};
    }
  }
}

/// The pin is in the log; when it has come here too, the blocks are held as those of an add of this peer's own.
Task<> Cluster::hold_taken(ipld::Cid root, std::shared_ptr<ipfs::BlockWriter> writer) {
  auto known = co_await consensus_.barrier(runtime_.now() + kPinTime);
  if (!known) log.debug("whether {} is pinned is not known: {}", root.to_string(), known.error().message);
  CO_TRY_ASSIGN(auto stored, state_.get(root));
  if (!stored) co_return Result<>{};
  co_return co_await hold_until_pinned(std::move(root), stored->pin.allocated_to(options_.self), std::move(writer));
}

}  // namespace ipfsc::cluster
