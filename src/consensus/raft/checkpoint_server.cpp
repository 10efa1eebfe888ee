#include "consensus/raft/checkpoint_server.h"

#include "base/check.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/version.h"
#include "consensus/raft/checkpoint_files.h"
#include "proto/peer.pb.h"
#include "storage/folder.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr Duration kLookAgain = std::chrono::milliseconds(50);  // whether the state is so far

Bytes encode(const proto::CheckpointPiece& piece) { return piece.SerializeAsString(); }

}  // namespace

std::string made_checkpoint_path(const state::StateOptions& options) { return options.path + ".checkpoint"; }
std::string fetched_checkpoint_path(const state::StateOptions& options) { return options.path + ".fetch"; }

Result<> remove_checkpoints(const state::StateOptions& options) {
  // RocksDB makes a checkpoint under the name with ".tmp" first.
  TRY(storage::remove_folder(made_checkpoint_path(options) + ".tmp", options.env));
  TRY(storage::remove_folder(made_checkpoint_path(options), options.env));
  return storage::remove_folder(fetched_checkpoint_path(options), options.env);
}

struct CheckpointServer::Checkpoint {
  Bytes id;
  state::StateInfo info;
  std::vector<CheckpointFileInfo> files;
  size_t users = 0;
  SteadyTime used;  // last
};

/// One stream's hold on a checkpoint and on its place among the streams.
struct CheckpointServer::Use {
  explicit Use(CheckpointServer& s) : server(s) { ++server.streams_; }
  ~Use() {
    CHECK(server.streams_-- > 0);
    if (checkpoint) {
      --checkpoint->users;
      checkpoint->used = server.runtime_.now();
    }
    server.changed_.notify_all();
  }
  Use(const Use&) = delete;
  CheckpointServer& server;
  std::shared_ptr<Checkpoint> checkpoint;
};

CheckpointServer::CheckpointServer(Runtime& runtime, state::State& state, CheckpointOptions options)
    : runtime_(runtime), state_(state), options_(options), changed_(runtime) {}
CheckpointServer::~CheckpointServer() = default;

std::optional<LogIndex> CheckpointServer::at_hand() const {
  return current_ ? std::optional(current_->info.applied) : std::nullopt;
}

std::optional<SteadyTime> CheckpointServer::last_sent(const ipld::PeerId& peer) const {
  auto it = last_sent_.find(peer);
  return it == last_sent_.end() ? std::nullopt : std::optional(it->second);
}

Task<> CheckpointServer::serve(rpc::CallInfo info, rpc::Stream& stream) {
  CO_TRY_ASSIGN(auto message, co_await with_deadline(runtime_, runtime_.now() + options_.silence,
                                                     "waiting for what is asked for", stream.read()));
  proto::CheckpointRequest request;
  if (!message || !request.ParseFromString(*message)) {
    co_return fail(ErrorKind::kInvalidArgument, "a damaged request for a checkpoint");
  }
  if (streams_ >= options_.max_streams) {
    co_return fail(ErrorKind::kResourceExhausted, fmt::format("{} peers are being sent the state already", streams_));
  }
  Use use(*this);
  CO_TRY_ASSIGN(use.checkpoint, co_await get(LogIndex(request.least_index())));
  ++use.checkpoint->users;
  bool goes_on = request.id() == use.checkpoint->id && request.whole_files() <= use.checkpoint->files.size();
  co_return co_await send(info.caller, *use.checkpoint, goes_on ? request.whole_files() : 0, stream);
}

/// One that has applied the entry `least`.
Task<std::shared_ptr<CheckpointServer::Checkpoint>> CheckpointServer::get(LogIndex least) {
  SteadyTime patience = runtime_.now() + options_.silence / 2;
  while (changing_ || state_.applied_index() < least) {
    if (current_ && !changing_ && current_->info.applied >= least) break;
    if (stopping_) co_return fail(ErrorKind::kUnavailable, "this peer is shutting down");
    if (!changing_ && runtime_.now() >= patience) {
      co_return fail(ErrorKind::kUnavailable, fmt::format("the state of this peer ends at entry {}, before {}",
                                                          state_.applied_index().value, least.value));
    }
    auto woken = co_await changed_.wait_until(runtime_.now() + kLookAgain);
    if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return fail(woken.error());
  }
  if (stopping_) co_return fail(ErrorKind::kUnavailable, "this peer is shutting down");
  if (current_ && current_->info.applied >= least) co_return current_;
  if (current_ && current_->users > 0) {
    co_return fail(ErrorKind::kResourceExhausted, "an older state is being sent to another peer");
  }
  changing_ = true;
  auto made = co_await make();
  changing_ = false;
  changed_.notify_all();
  co_return made;
}

Task<std::shared_ptr<CheckpointServer::Checkpoint>> CheckpointServer::make() {
  current_.reset();
  auto checkpoint = std::make_shared<Checkpoint>();
  append_be64(checkpoint->id, runtime_.random());
  append_be64(checkpoint->id, runtime_.random());
  CO_TRY(co_await run_blocking(runtime_, [&]() -> Result<> {
    const auto& options = state_.options();
    auto path = made_checkpoint_path(options);
    TRY(storage::remove_folder(path + ".tmp", options.env));
    TRY(storage::remove_folder(path, options.env));
    TRY_ASSIGN(checkpoint->info, state_.checkpoint(path));
    TRY_ASSIGN(checkpoint->files, list_checkpoint(path, options.env));
    return {};
  }));
  checkpoint->used = runtime_.now();
  current_ = checkpoint;
  log.info("made a checkpoint of the state at entry {}", checkpoint->info.applied.value);
  co_return checkpoint;
}

Task<> CheckpointServer::send(const ipld::PeerId& to, Checkpoint& checkpoint, uint64_t first_file,
                              rpc::Stream& stream) {
  proto::CheckpointPiece piece;
  auto& header = *piece.mutable_header();
  header.set_id(checkpoint.id);
  header.set_index(checkpoint.info.applied.value);
  header.set_cluster_id(checkpoint.info.cluster_id);
  header.set_incarnation(checkpoint.info.incarnation);
  header.set_hash(checkpoint.info.hash.to_hex());
  header.set_format(kVersions.formats.state);
  header.set_apply_version(checkpoint.info.apply_version);
  for (const auto& file : checkpoint.files) {
    auto& entry = *header.add_files();
    entry.set_name(file.name);
    entry.set_size_bytes(file.size_bytes);
  }
  CO_TRY(co_await write(to, stream, encode(piece)));
  auto folder = made_checkpoint_path(state_.options());
  for (uint64_t i = first_file; i < checkpoint.files.size(); ++i) {
    const auto& file = checkpoint.files[i];
    CO_TRY(co_await send_file(to, folder + "/" + file.name, file.size_bytes, stream));
  }
  co_return Result<>{};
}

Task<> CheckpointServer::send_file(const ipld::PeerId& to, const std::string& path, uint64_t size_bytes,
                                   rpc::Stream& stream) {
  std::unique_ptr<FileReader> file;
  uint64_t sent = 0;
  do {
    size_t bytes = std::min<uint64_t>(options_.piece_bytes, size_bytes - sent);
    CO_TRY_ASSIGN(auto message, co_await run_blocking(runtime_, [&]() -> Result<Bytes> {
                    if (!file) {
                      TRY_ASSIGN(file, FileReader::open(path, state_.options().env));
                    }
                    proto::CheckpointPiece piece;
                    TRY_ASSIGN(*piece.mutable_data(), file->read(bytes));
                    if (piece.data().size() != bytes) return fail(ErrorKind::kDataLoss, path + " has become shorter");
                    if (sent + bytes == size_bytes) piece.set_sha256(file->digest());
                    return encode(piece);
                  }));
    sent += bytes;
    CO_TRY(co_await write(to, stream, std::move(message)));
  } while (sent < size_bytes);
  co_return Result<>{};
}

Task<> CheckpointServer::write(const ipld::PeerId& to, rpc::Stream& stream, Bytes message) {
  if (stopping_) co_return fail(ErrorKind::kUnavailable, "this peer is shutting down");
  CO_TRY(co_await with_deadline(runtime_, runtime_.now() + options_.silence, "sending the state",
                                stream.write(std::move(message))));
  last_sent_[to] = runtime_.now();
  co_return Result<>{};
}

Task<> CheckpointServer::clean_loop() {
  for (;;) {
    while (!current_ || changing_) CO_TRY(co_await changed_.wait());
    SteadyTime due = current_->used + options_.keep_unused;
    if (current_->users == 0 && due <= runtime_.now()) {
      CO_TRY(co_await remove());
      continue;
    }
    auto woken = current_->users > 0 ? co_await changed_.wait() : co_await changed_.wait_until(due);
    if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return woken;
  }
}

Task<> CheckpointServer::remove() {
  changing_ = true;
  current_.reset();
  auto removed = co_await run_blocking(runtime_, [this] {
    return storage::remove_folder(made_checkpoint_path(state_.options()), state_.options().env);
  });
  changing_ = false;
  changed_.notify_all();
  if (!removed) log.warn("{}", removed.error().message);  // the next one that is made does it
  co_return Result<>{};
}

Task<> CheckpointServer::stop() {
  stopping_ = true;
  changed_.notify_all();
  if (current_ && !changing_ && streams_ == 0) co_return co_await remove();
  co_return Result<>{};
}

}  // namespace ipfsc::consensus
