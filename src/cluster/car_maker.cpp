// Adding a CAR file: its blocks are taken as they are (each verified by the IPFS node), its one root is pinned.
#include <optional>

#include "cluster/block_maker.h"
#include "ipld/car.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"

namespace ipfsc::cluster {
namespace {

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

/// Content size of a UnixFS node; 0 when it is none.
uint64_t unixfs_size(const ipld::Block& block) {
  if (block.cid.codec() == ipld::kRaw) return block.data.size();
  if (block.cid.codec() != ipld::kDagPb) return 0;
  auto node = ipld::decode_pb(block.data);
  if (!node || !node->data) return 0;
  auto unixfs = ipld::decode_unixfs(*node->data);
  return unixfs ? unixfs->file_size.value_or(0) : 0;
}

class CarMaker final : public BlockMaker {
 public:
  explicit CarMaker(std::vector<ipld::PeerId> destinations) : destinations_(std::move(destinations)) {}

  Result<MadeBlocks> process(std::vector<UploadStep> steps) override {
    for (auto& step : steps) TRY(take(step));
    return std::exchange(made_, {});
  }
  ipld::Cid root() const override { return root_.value_or(ipld::Cid()); }
  bool hashes_blocks() const override { return false; }

 private:
  Result<> take(UploadStep& step) {
    switch (step.kind) {
      case UploadStep::kBeginFile:
        if (parts_++ == 0) name_ = std::move(step.path);
        return {};
      case UploadStep::kBytes:
        if (parts_ > 1) return {};  // only the first part counts
        reader_.feed(step.bytes);
        return drain();
      case UploadStep::kEndFile:
        return parts_ > 1 ? Result<>() : end();
      case UploadStep::kSymlink:
      case UploadStep::kDirectory:
        return parts_ > 0 ? Result<>() : refuse("expected CAR file is not of type file");
      case UploadStep::kFinish:
        if (!root_) return refuse("the upload has no CAR file");
        return {};
    }
    return fail(ErrorKind::kInternal, "unknown step of an upload");
  }

  Result<> drain() {
    TRY_ASSIGN(auto header, reader_.header());
    if (!header) return {};
    if (!root_) {
      if (header->roots.size() != 1) return refuse("only CAR files with a single root are supported");
      root_ = header->roots.front();
    }
    while (true) {
      TRY_ASSIGN(auto block, reader_.next());
      if (!block) return {};
      auto codec = block->cid.codec();
      if (codec != ipld::kDagPb && codec != ipld::kRaw && codec != ipld::kDagCbor) {
        return refuse(fmt::format("CAR file: block {} has codec {:#x}; dag-pb, raw and dag-cbor are accepted",
                                  block->cid.to_string(), static_cast<uint64_t>(codec)));
      }
      bytes_ += block->data.size();
      if (block->cid == *root_) size_ = unixfs_size(*block);
      made_.blocks.push_back(*std::move(block));
    }
  }

  Result<> end() {
    TRY(reader_.finish());
    made_.outputs.push_back(
        {.name = name_, .cid = root_, .bytes = bytes_, .size = size_, .allocations = destinations_});
    return {};
  }

  std::vector<ipld::PeerId> destinations_;
  ipld::CarReader reader_;
  std::optional<ipld::Cid> root_;
  std::string name_;
  size_t parts_ = 0;
  uint64_t bytes_ = 0;
  uint64_t size_ = 0;
  MadeBlocks made_;
};

}  // namespace

Result<std::unique_ptr<BlockMaker>> make_car_maker(const AddParams& params, std::vector<ipld::PeerId> destinations) {
  if (params.wrap_with_directory) return refuse("cannot wrap a CAR file upload");
  if (params.shard) return fail(ErrorKind::kUnimplemented, "shard: adding in shards is not offered yet");
  return std::make_unique<CarMaker>(std::move(destinations));
}

}  // namespace ipfsc::cluster
