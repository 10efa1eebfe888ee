#include "cluster/add_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/log.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("adder");

constexpr std::string_view kPut = "Blocks/Put";
constexpr size_t kPieceBytes = 1 << 20;

}  // namespace

/// What the writer and the task that sends to one peer share.
struct AddWriter::Copy {
  ipld::PeerId peer;
  Runtime& runtime;
  Traffic& traffic;
  std::shared_ptr<Notifier> changed;
  std::deque<std::shared_ptr<const Bytes>> pieces;  // shared with the other copies
  size_t queued_bytes = 0;
  SteadyTime progress{};
  bool finishing = false;  // no more pieces come
  bool durable = false;
  bool abandoned = false;
  Bytes root;  // not empty: it is pinned
  std::optional<Error> error;

  bool failed() const { return error.has_value(); }
  void fail_with(Error e) {
    if (!error) error = std::move(e);
    pieces.clear();
    queued_bytes = 0;
    changed->notify_all();
  }
};

AddWriter::AddWriter(Runtime& runtime, rpc::PeerClient& client, TaskGroup& tasks, Traffic& traffic,
                     std::unique_ptr<ipfs::BlockWriter> local, std::vector<ipld::PeerId> peers,
                     AddWriterOptions options)
    : runtime_(runtime),
      options_(std::move(options)),
      local_(std::move(local)),
      changed_(std::make_shared<Notifier>(runtime)) {
  for (auto& peer : peers) {
    auto copy = std::make_shared<Copy>(std::move(peer), runtime, traffic, changed_);
    copies_.push_back(copy);
    if (options_.reservation.empty()) {
      copy->error = Error{ErrorKind::kUnavailable, "no leader has reserved room there"};
      continue;
    }
    if (auto worth = options_.worth_trying ? options_.worth_trying(copy->peer) : Result<>(); !worth) {
      copy->error = worth.error();
      continue;
    }
    proto::PutPiece first;
    first.set_reservation(options_.reservation);
    copy->pieces.push_back(std::make_shared<const Bytes>(first.SerializeAsString()));
    copy->progress = runtime.now();
    tasks.spawn("sending added blocks", send(copy, client.open(copy->peer, kPut)));
  }
}

AddWriter::~AddWriter() {
  for (auto& copy : copies_) copy->abandoned = copy->root.empty();
  changed_->notify_all();
}

/// Until everything is sent, or the copy is given up.
Task<> AddWriter::send(CopyPtr copy, std::unique_ptr<rpc::Stream> stream) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto given_up = [](Copy& c) -> Task<> {
    while (!c.abandoned && !c.failed()) CO_TRY(co_await c.changed->wait());
    co_return Result<>{};
  };
  auto first = co_await (send_all(*copy, *stream) || given_up(*copy));
  auto& ended = first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
  if (!ended) copy->fail_with(ended.error());
  co_return Result<>{};
}

Task<> AddWriter::send_all(Copy& copy, rpc::Stream& stream) {
  auto sent = [&copy](size_t bytes) {
    copy.queued_bytes -= std::min(copy.queued_bytes, bytes);
    copy.traffic.out_bytes += bytes;
    copy.progress = copy.runtime.now();
    copy.changed->notify_all();
  };
  // A write that fails says only that; the other side's last word says why.
  auto write = [&stream](Bytes message) -> Task<> {
    auto written = co_await stream.write(std::move(message));
    if (written || written.error().kind == ErrorKind::kCancelled) co_return written;
    auto why = co_await stream.read();
    co_return fail(why ? written.error() : why.error());
  };
  for (;;) {
    if (!copy.pieces.empty()) {
      auto piece = std::move(copy.pieces.front());
      copy.pieces.pop_front();
      CO_TRY(co_await write(*piece));
      sent(piece->size());
    } else if (copy.finishing && !copy.durable) {
      proto::PutPiece last;
      last.set_finish(true);
      CO_TRY(co_await write(last.SerializeAsString()));
      sent(0);
      CO_TRY_ASSIGN(auto answer, co_await stream.read());
      if (!answer) co_return fail(ErrorKind::kUnavailable, "the peer ended the transfer without an answer");
      copy.durable = true;
      sent(0);
    } else if (!copy.root.empty()) {
      proto::PutPiece pinned;
      pinned.set_root(copy.root);
      CO_TRY(co_await write(pinned.SerializeAsString()));
      CO_TRY(co_await stream.end_writes());
      CO_TRY(co_await stream.read());  // its end: the peer has taken note
      co_return Result<>{};
    } else {
      CO_TRY(co_await copy.changed->wait());
    }
  }
}

void AddWriter::queue(const std::vector<ipld::Block>& blocks) {
  if (std::ranges::all_of(copies_, [](const auto& copy) { return copy->failed(); })) return;
  auto push = [this](proto::PutPiece& piece) {
    auto bytes = std::make_shared<const Bytes>(piece.SerializeAsString());
    for (auto& copy : copies_) {
      if (copy->failed()) continue;
      if (copy->pieces.empty()) copy->progress = runtime_.now();
      copy->pieces.push_back(bytes);
      copy->queued_bytes += bytes->size();
    }
    piece.Clear();
  };
  proto::PutPiece piece;
  size_t bytes = 0;
  for (const auto& block : blocks) {
    auto& to = *piece.add_blocks();
    to.set_cid(block.cid.bytes());
    to.set_data(block.data);
    bytes += block.data.size();
    if (bytes < kPieceBytes) continue;
    push(piece);
    bytes = 0;
  }
  if (piece.blocks_size() > 0) push(piece);
  changed_->notify_all();
}

size_t AddWriter::alive() const {
  auto copies = std::ranges::count_if(copies_, [](const auto& copy) { return !copy->failed(); });
  return static_cast<size_t>(copies) + (local_ && !local_error_ ? 1 : 0);
}

Result<> AddWriter::enough() const {
  if (alive() >= options_.needed) return {};
  std::string reasons;
  auto add = [&reasons](std::string_view who, const Error& error) {
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", who, error.message);
  };
  Error worst{ErrorKind::kUnavailable, ""};
  auto note = [&worst](const Error& error) {
    if (error.kind == ErrorKind::kInvalidArgument || error.kind == ErrorKind::kResourceExhausted ||
        error.kind == ErrorKind::kCancelled) {
      worst.kind = error.kind;
    }
  };
  if (copies_.empty() && local_error_) return std::unexpected(*local_error_);
  if (local_error_) {
    add("this peer", *local_error_);
    note(*local_error_);
  }
  for (const auto& copy : copies_) {
    if (!copy->failed()) continue;
    add(copy->peer.to_string(), *copy->error);
    note(*copy->error);
  }
  return fail(worst.kind, fmt::format("only {} of the {} copies that are needed can be written ({})", alive(),
                                      options_.needed, reasons));
}

Duration AddWriter::patience_with(const Copy& copy) const {
  if (alive() <= options_.needed) return options_.last_patience;
  return options_.slow->contains(copy.peer, runtime_.now()) ? options_.next_patience : options_.patience;
}

template <class Wanted>
Task<> AddWriter::wait_for_copies(Wanted wanted) {
  for (;;) {
    CO_TRY(enough());
    Copy* slowest = nullptr;
    SteadyTime until{};
    for (const auto& copy : copies_) {
      if (copy->failed() || wanted(*copy)) continue;
      auto end = copy->progress + patience_with(*copy);
      if (slowest == nullptr || end < until) std::tie(slowest, until) = std::pair(copy.get(), end);
    }
    if (slowest == nullptr) co_return Result<>{};
    if (runtime_.now() >= until) {
      options_.slow->note(slowest->peer, runtime_.now());
      slowest->fail_with({ErrorKind::kDeadlineExceeded, "it took nothing for too long"});
      continue;
    }
    auto woken = co_await changed_->wait_until(until);
    if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return woken;
  }
}

Task<> AddWriter::put(std::vector<ipld::Block> blocks) {
  queue(blocks);
  if (local_ && !local_error_) {
    auto stored = co_await local_->put(std::move(blocks));
    if (!stored && stored.error().kind == ErrorKind::kInvalidArgument) co_return stored;
    if (!stored) local_error_ = stored.error();
  }
  co_return co_await wait_for_copies([this](const Copy& copy) { return copy.queued_bytes <= options_.window_bytes; });
}

Task<> AddWriter::finish() {
  for (auto& copy : copies_) copy->finishing = true;
  changed_->notify_all();
  if (local_ && !local_error_) {
    auto durable = co_await local_->finish();
    if (!durable) local_error_ = durable.error();
  }
  CO_TRY(co_await wait_for_copies([](const Copy& copy) { return copy.durable; }));
  for (const auto& copy : copies_) {
    if (copy->durable) options_.slow->forget(copy->peer);
  }
  for (const auto& left : left_behind()) {
    log.warn("the peer {} did not get all blocks of an add and will fetch them: {}", left.peer.to_string(),
             left.reason);
  }
  co_return Result<>{};
}

void AddWriter::pinned(const ipld::Cid& root) {
  for (auto& copy : copies_) copy->root = root.bytes();
  changed_->notify_all();
}

std::vector<LeftBehind> AddWriter::left_behind() const {
  std::vector<LeftBehind> out;
  if (local_error_) out.push_back({options_.self, local_error_->message});
  for (const auto& copy : copies_) {
    if (copy->failed()) out.push_back({copy->peer, copy->error->message});
  }
  return out;
}

}  // namespace ipfsc::cluster
