#include <optional>

#include "cluster/block_maker.h"
#include "importer/importer.h"
#include "ipld/multihash.h"

namespace ipfsc::cluster {
namespace {

constexpr uint64_t kProgressBytes = 256 * 1024;

class UnixFsMaker final : public BlockMaker {
 public:
  UnixFsMaker(importer::ImportOptions options, bool progress, std::vector<ipld::PeerId> destinations)
      : options_(std::move(options)),
        progress_(progress),
        destinations_(std::move(destinations)),
        sink_([this](ipld::Block&& block) -> Result<> {
          made_.blocks.push_back(std::move(block));
          return {};
        }),
        tree_(options_, sink_) {}

  Result<MadeBlocks> process(std::vector<UploadStep> steps) override {
    for (auto& step : steps) TRY(take(step));
    return std::exchange(made_, {});
  }
  ipld::Cid root() const override { return tree_.root().cid; }
  bool hashes_blocks() const override { return true; }

 private:
  Result<> take(UploadStep& step) {
    switch (step.kind) {
      case UploadStep::kBeginFile:
        path_ = std::move(step.path);
        file_.emplace(options_, sink_);
        reported_ = 0;
        return {};
      case UploadStep::kBytes: {
        TRY(file_->write(step.bytes));
        if (progress_ && file_->bytes_written() - reported_ >= kProgressBytes) report_progress();
        return {};
      }
      case UploadStep::kEndFile: {
        if (progress_) report_progress();
        TRY_ASSIGN(auto root, file_->finish());
        file_.reset();
        return report(tree_.add_file(path_, root));
      }
      case UploadStep::kSymlink:
        return report(tree_.add_symlink(step.path, step.bytes));
      case UploadStep::kDirectory:
        return report(tree_.add_directory(step.path));
      case UploadStep::kFinish:
        return report(tree_.finish());
    }
    return fail(ErrorKind::kInternal, "unknown step of an upload");
  }

  Result<> report(Result<std::vector<importer::AddedNode>> nodes) {
    if (!nodes) return std::unexpected(nodes.error());
    for (auto& node : *nodes) {
      made_.outputs.push_back({.name = std::move(node.name),
                               .cid = std::move(node.cid),
                               .size = node.cumulative_size,
                               .allocations = destinations_});
    }
    return {};
  }
  void report_progress() {
    reported_ = file_->bytes_written();
    made_.outputs.push_back({.name = path_, .bytes = reported_});
  }

  importer::ImportOptions options_;
  bool progress_;
  std::vector<ipld::PeerId> destinations_;
  importer::BlockSink sink_;
  importer::TreeBuilder tree_;
  std::optional<importer::FileBuilder> file_;
  std::string path_;
  uint64_t reported_ = 0;
  MadeBlocks made_;
};

}  // namespace

Result<std::unique_ptr<BlockMaker>> make_unixfs_maker(const AddParams& params, std::vector<ipld::PeerId> destinations) {
  if (params.shard) {
    return fail(ErrorKind::kUnimplemented, "shard: adding in shards is not offered yet");
  }
  importer::ImportOptions options;
  if (!params.chunker.empty()) options.chunker = params.chunker;
  if (!params.layout.empty()) options.layout = params.layout;
  options.cid_version = params.cid_version;
  options.raw_leaves = params.raw_leaves.value_or(params.cid_version > 0);
  options.wrap = params.wrap_with_directory;
  auto hash = ipld::hash_code_from_name(params.hash);
  if (!hash) return std::unexpected(hash.error().with_context("hash function name not known"));
  if (!ipld::hash_supported(static_cast<uint64_t>(*hash))) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("hash: {} is not supported", params.hash));
  }
  options.hash_code = static_cast<uint64_t>(*hash);
  TRY_ASSIGN(options, importer::ImportOptions::validate(std::move(options)));
  return std::make_unique<UnixFsMaker>(std::move(options), params.progress, std::move(destinations));
}

}  // namespace ipfsc::cluster
