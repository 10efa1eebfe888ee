#include "consensus/raft/checkpoint_fetcher.h"

#include <rocksdb/env.h>

#include "base/check.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/version.h"
#include "consensus/raft/checkpoint_server.h"
#include "storage/folder.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr double kMib = 1 << 20;
constexpr uint64_t kSpareBytes = 64 << 20;  // that stay free on the disk

}  // namespace

/// What there is of a checkpoint.
struct CheckpointFetcher::Download {
  ipld::PeerId from;
  Bytes id;
  state::StateInfo info;  // as the header has it: index, cluster, incarnation
  std::string hash;
  std::vector<CheckpointFileInfo> files;
  uint64_t total_bytes = 0;
  size_t whole_files = 0;
  uint64_t whole_bytes = 0;
  std::unique_ptr<FileWriter> writer;  // of the file behind the whole ones
  bool fresh = true;                   // its folder is still to be made
  SteadyTime began, reported;
  uint64_t bytes = 0;  // that came, of whole files and the one under way
};

CheckpointFetcher::CheckpointFetcher(Runtime& runtime, rpc::PeerClient& client, const state::State& state,
                                     CheckpointOptions options)
    : runtime_(runtime), client_(client), state_(state), options_(options) {}
CheckpointFetcher::~CheckpointFetcher() = default;

size_t CheckpointFetcher::kept_files() const { return download_ ? download_->whole_files : 0; }

std::optional<StateFetch> CheckpointFetcher::progress() const {
  if (!running_ || !download_) return std::nullopt;
  return StateFetch{download_->from, download_->info.applied, download_->bytes, download_->total_bytes};
}

Task<FetchedCheckpoint> CheckpointFetcher::fetch(ipld::PeerId from, LogIndex least,
                                                 std::function<bool(LogIndex)> still_wanted) {
  CHECK(!running_);
  running_ = true;
  std::unique_ptr<bool, void (*)(bool*)> running(&running_, [](bool* flag) { *flag = false; });
  proto::CheckpointRequest request;
  request.set_least_index(least.value);
  if (download_) {
    // Of the file that was under way nothing is used.
    download_->writer.reset();
    download_->bytes = download_->whole_bytes;
    request.set_id(download_->id);
    request.set_whole_files(download_->whole_files);
  }
  auto stream = client_.open(from, kCheckpointMethod);
  CO_TRY(co_await with_deadline(runtime_, runtime_.now() + options_.silence, "asking for the state",
                                stream->write(request.SerializeAsString())));
  CO_TRY(co_await stream->end_writes());
  CO_TRY_ASSIGN(auto first, co_await read(*stream));
  CO_TRY(begin(first.header(), least));
  download_->from = from;
  CO_TRY(check_space(download_->total_bytes - download_->whole_bytes));
  log.info("fetching the state of entry {} from {}: {:.1f} MiB in {} files{}", download_->info.applied.value,
           from.to_string(), static_cast<double>(download_->total_bytes) / kMib, download_->files.size(),
           download_->whole_files > 0 ? fmt::format(", {} of them are here", download_->whole_files) : "");
  auto received = co_await receive(*stream, still_wanted);
  stream.reset();
  if (!received) {
    if (received.error().kind == ErrorKind::kDataLoss || received.error().kind == ErrorKind::kInvalidArgument) {
      download_.reset();
    }
    co_return fail(received.error());
  }
  // Whatever comes of it, it is no longer a download to be continued.
  auto download = std::move(download_);
  CO_TRY_ASSIGN(auto info, co_await run_blocking(runtime_, [&] { return verify(*download); }));
  co_return FetchedCheckpoint{fetched_checkpoint_path(state_.options()), std::move(info)};
}

/// Takes up the download that the header tells of.
Result<> CheckpointFetcher::begin(const proto::CheckpointHeader& header, LogIndex least) {
  if (header.id().empty() || LogIndex(header.index()) < least) {
    return fail(ErrorKind::kInvalidArgument, "the other peer answers with another state than it was asked for");
  }
  TRY(state::check_apply_version(header.apply_version()));
  uint32_t format = std::max(header.format(), 1u);
  if (format != kVersions.formats.state) {
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("the state of the other peer has format {}, and this program ({}) works with {}: the state "
                            "of a peer with the same program is needed",
                            format, kVersion, kVersions.formats.state));
  }
  auto ours = state_.info();
  if (!ours.cluster_id.empty() && (header.cluster_id() != ours.cluster_id || header.incarnation() < ours.incarnation)) {
    return fail(ErrorKind::kFailedPrecondition, "the state of the other peer is another cluster's");
  }
  std::vector<CheckpointFileInfo> files;
  for (const auto& file : header.files()) files.push_back({file.name(), file.size_bytes()});
  if (download_ && download_->id == header.id() && download_->files == files) return {};
  download_.reset();
  TRY(check_checkpoint_files(files, options_.max_files));
  auto download = std::make_unique<Download>();
  for (const auto& file : files) {
    if (file.size_bytes > INT64_MAX - download->total_bytes) {
      return fail(ErrorKind::kInvalidArgument, "a checkpoint of an impossible size");
    }
    download->total_bytes += file.size_bytes;
  }
  download->id = header.id();
  download->info.applied = LogIndex(header.index());
  download->info.cluster_id = header.cluster_id();
  download->info.incarnation = header.incarnation();
  download->hash = header.hash();
  download->files = std::move(files);
  download->began = download->reported = runtime_.now();
  download_ = std::move(download);
  return {};
}

Result<> CheckpointFetcher::check_space(uint64_t bytes) const {
  const auto& options = state_.options();
  auto* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  uint64_t free_bytes = 0;
  if (!env->GetFreeSpace(options.path, &free_bytes).ok() || free_bytes >= bytes + kSpareBytes) return {};
  return fail(ErrorKind::kResourceExhausted,
              fmt::format("the state needs {:.1f} MiB on the disk, and {:.1f} MiB are free",
                          static_cast<double>(bytes + kSpareBytes) / kMib, static_cast<double>(free_bytes) / kMib));
}

Task<> CheckpointFetcher::receive(rpc::Stream& stream, const std::function<bool(LogIndex)>& still_wanted) {
  Download& download = *download_;
  while (download.whole_files < download.files.size()) {
    if (!still_wanted(download.info.applied)) co_return fail(ErrorKind::kAborted, "a later state is needed");
    CO_TRY_ASSIGN(auto piece, co_await read(stream));
    CO_TRY(co_await run_blocking(runtime_, [&] { return write(download, piece); }));
    download.bytes += piece.data().size();
    report();
  }
  co_return Result<>{};
}

Task<proto::CheckpointPiece> CheckpointFetcher::read(rpc::Stream& stream) {
  auto read = co_await with_deadline(runtime_, runtime_.now() + options_.silence, "fetching the state", stream.read());
  // That the other peer does not know the call says nothing of this program.
  if (!read && read.error().kind == ErrorKind::kUnimplemented) read.error().kind = ErrorKind::kUnavailable;
  CO_TRY_ASSIGN(auto message, std::move(read));
  if (!message) co_return fail(ErrorKind::kUnavailable, "the stream of the state ended early");
  proto::CheckpointPiece piece;
  if (!piece.ParseFromString(*message)) co_return fail(ErrorKind::kInvalidArgument, "a damaged piece of the state");
  co_return piece;
}

/// Pool thread.
Result<> CheckpointFetcher::write(Download& download, const proto::CheckpointPiece& piece) const {
  const auto& options = state_.options();
  auto folder = fetched_checkpoint_path(options);
  if (download.fresh) {
    TRY(storage::remove_folder(folder, options.env));
    TRY(storage::make_folder(folder, options.env));
    download.fresh = false;
  }
  const auto& file = download.files[download.whole_files];
  if (!download.writer) {
    TRY_ASSIGN(download.writer, FileWriter::create(folder + "/" + file.name, file.size_bytes, options.env));
  }
  TRY(download.writer->append(piece.data()));
  if (piece.sha256().empty()) return {};
  TRY(download.writer->finish(piece.sha256()));
  download.writer.reset();
  ++download.whole_files;
  download.whole_bytes += file.size_bytes;
  return {};
}

/// Pool thread. What came is the state that was announced, and it is on the disk.
Result<state::StateInfo> CheckpointFetcher::verify(const Download& download) const {
  auto options = state_.options();
  options.path = fetched_checkpoint_path(options);
  TRY(storage::sync_folder(options.path, options.env));
  TRY_ASSIGN(auto info, state::State::inspect(options));
  if (info.applied != download.info.applied || info.cluster_id != download.info.cluster_id ||
      info.incarnation != download.info.incarnation || info.hash.to_hex() != download.hash) {
    return fail(ErrorKind::kDataLoss, "the state that came is not the one that was announced");
  }
  log.info("fetched the state of entry {}: {:.1f} MiB", info.applied.value,
           static_cast<double>(download.total_bytes) / kMib);
  return info;
}

void CheckpointFetcher::report() {
  Download& download = *download_;
  if (runtime_.now() - download.reported < options_.report_every) return;
  download.reported = runtime_.now();
  log.info("fetching the state: {:.1f} of {:.1f} MiB ({} %)", static_cast<double>(download.bytes) / kMib,
           static_cast<double>(download.total_bytes) / kMib,
           download.total_bytes == 0 ? 100 : download.bytes * 100 / download.total_bytes);
}

}  // namespace ipfsc::consensus
