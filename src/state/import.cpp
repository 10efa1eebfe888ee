#include <rocksdb/env.h>

#include <future>

#include "model/pin_json.h"
#include "state/import_run.h"
#include "state/json_objects.h"
#include "state/transaction.h"
#include "state/transfer.h"

namespace ipfsc::state {
namespace {

using Pieces = std::vector<JsonObjects::Piece>;
using Pins = std::vector<model::Pin>;

Result<Pins> parse(Pieces pieces) {
  Pins pins;
  pins.reserve(pieces.size());
  for (const auto& piece : pieces) {
    auto pin = model::pin_from_json(piece.text);
    if (!pin) return fail(pin.error().kind, fmt::format("line {}: {}", piece.line, pin.error().message));
    pins.push_back(*std::move(pin));
  }
  return pins;
}

/// Builds the new directory; three things go on at once: reading and cutting the text with the encoding of pins (the
/// caller's thread), parsing the next pins, and writing the last run's files.
class Importer {
 public:
  explicit Importer(const ImportOptions& options) : options_(options), database_(database_options(options.state)) {
    for (auto& family : database_.families) family.level0_files = 16;  // leave compaction to whoever opens it
    revision_ = make_revision(options.index, 0);
    front_ = encode_revision(revision_);
    totals_.peer_pins.resize(1);
  }

  Result<ImportReport> run(const TextSource& source) {
    TRY_ASSIGN(store_, Store::open(database_));
    TRY(read_all(source));
    TRY(end_run());
    TRY(wait_for_run());
    TRY(write_meta());
    TRY(write_late());
    TRY(store_->db().flush());
    TRY_ASSIGN(auto loaded, store_->load());
    report_.info = loaded.head.info();
    report_.pins = loaded.head.counters.pins;
    for (const auto& peer : loaded.peers.all()) {
      if (auto pins = loaded.peer_pins[peer.number.value]; pins > 0) report_.holders.emplace_back(peer.id, pins);
    }
    store_.reset();
    return report_;
  }

 private:
  Result<> read_all(const TextSource& source) {
    constexpr size_t kBufferBytes = 1 << 20, kBatch = 2000;
    JsonObjects objects(options_.max_pin_bytes);
    std::string buffer(kBufferBytes, '\0');
    Pieces pieces;
    std::future<Result<Pins>> parsing;
    for (;;) {
      TRY_ASSIGN(size_t got, source(buffer));
      bool end = got == 0;
      TRY(objects.feed(std::string_view(buffer).substr(0, got), pieces));
      if (end) TRY(objects.finish());
      if (pieces.size() >= kBatch || end) {
        auto next = std::async(std::launch::async, parse, std::exchange(pieces, {}));
        if (parsing.valid()) TRY(take(parsing.get()));
        parsing = std::move(next);
      }
      if (end) return take(parsing.get());
    }
  }

  Result<> take(Result<Pins> pins) {
    if (!pins) return std::unexpected(pins.error());
    for (auto& pin : *pins) TRY(take(std::move(pin)));
    return {};
  }

  Result<> take(model::Pin pin) {
    override(pin);
    Bytes row = front_;
    PeerNumbers numbers;
    for (const auto& peer : pin.allocations) numbers.push_back(peers_.add(peer).value);
    row += encode_body(pin, numbers, /*many_claims=*/false);
    const Bytes& cid = pin.cid.bytes();
    Bytes unused;
    bool earlier = writing_run_ && writing_run_->contains(cid);
    if (!earlier && runs_ > 1) {
      TRY_ASSIGN(earlier, store_->get(kPins, cid, unused));
    }
    if (earlier) {
      ++report_.duplicates;
      late_.emplace_back(cid, std::move(row));
      return {};
    }
    if (run_->add(cid, std::move(row))) ++report_.duplicates;
    return run_->size() < options_.pins_per_run ? Result<>() : end_run();
  }

  void override(model::Pin& pin) {
    if (pin.type == model::PinType::kBad) {
      pin.type = model::PinType::kData;
      ++report_.repaired;
    }
    auto& pin_options = pin.options;
    if (options_.replication_factor_min) pin_options.replication_factor_min = *options_.replication_factor_min;
    if (options_.replication_factor_max) pin_options.replication_factor_max = *options_.replication_factor_max;
    if (options_.allocations && pin.type != model::PinType::kMeta) pin.allocations = *options_.allocations;
    if (pin.everywhere()) pin.allocations.clear();
    for (auto it = pin.allocations.begin(); it != pin.allocations.end();) {
      it = std::find(pin.allocations.begin(), it, *it) != it ? pin.allocations.erase(it) : it + 1;
    }
  }

  Result<> end_run() {
    TRY(wait_for_run());
    if (run_->size() == 0) return {};
    writing_run_ = std::exchange(run_, std::make_unique<ImportRun>());
    totals_.peer_pins.resize(peers_.size() + 1);
    writing_ = std::async(std::launch::async,
                          [this, number = runs_] { return writing_run_->write(*store_, database_, number, totals_); });
    ++runs_;
    return {};
  }

  Result<> wait_for_run() {
    if (!writing_.valid()) return {};
    auto written = writing_.get();
    writing_run_.reset();
    return written;
  }

  Head head() const {
    Head head;
    head.cluster_id = options_.cluster_id;
    head.incarnation = options_.incarnation;
    head.applied = options_.index;
    head.time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.now.time_since_epoch()).count();
    head.hash = totals_.hash;
    head.counters = totals_.counters;
    head.history_floor = make_revision(options_.index, kMaxOperation);
    head.history_since_ms = head.time_ms;
    return head;
  }

  Result<> write_meta() {
    totals_.peer_pins.resize(peers_.size() + 1);
    Transaction transaction(*store_, head(), std::make_shared<PeerTable>(peers_), totals_.peer_pins);
    for (const auto& peer : peers_.all()) transaction.mark_peer(peer.number);
    return store_->db().write(transaction.finish());
  }

  /// Pins that came again after their run was written: they replace what is there as an entry of the log would.
  Result<> write_late() {
    for (size_t i = 0; i < late_.size();) {
      TRY_ASSIGN(auto loaded, store_->load());
      Transaction transaction(*store_, loaded.head, std::make_shared<PeerTable>(loaded.peers), loaded.peer_pins);
      transaction.begin_operation(0, {});
      for (size_t end = std::min(i + 1000, late_.size()); i < end; ++i) {
        const auto& [cid, row] = late_[i];
        TRY_ASSIGN(auto before, transaction.find_pin(cid));
        TRY(transaction.write_pin(cid, before, ByteView(row).substr(front_.size()), Change::kPin));
      }
      transaction.erase_range(kHistory, key::history(0), key::history(revision_ + 1));
      transaction.head.counters.history = 0;
      TRY(store_->db().write(transaction.finish()));
    }
    return {};
  }

  const ImportOptions& options_;
  storage::DatabaseOptions database_;
  Revision revision_ = 0;
  Bytes front_;  // of every row: the revision
  PeerTable peers_;
  ImportReport report_;
  std::vector<std::pair<Bytes, Bytes>> late_;
  std::unique_ptr<Store> store_;
  ImportTotals totals_;
  size_t runs_ = 0;
  std::unique_ptr<ImportRun> run_ = std::make_unique<ImportRun>(), writing_run_;
  std::future<Result<>> writing_;  // last: waits for its end before the rest goes
};

void remove_directory(rocksdb::Env& env, const std::string& path) {
  std::vector<std::string> names;
  env.GetChildren(path, &names).PermitUncheckedError();
  for (const auto& name : names) env.DeleteFile(path + "/" + name).PermitUncheckedError();
  env.DeleteDir(path).PermitUncheckedError();
}

}  // namespace

Result<ImportReport> import_pins(const TextSource& source, const ImportOptions& options) {
  auto& env = options.state.env != nullptr ? *options.state.env : *rocksdb::Env::Default();
  const std::string& path = options.state.path;
  if (env.FileExists(path).ok()) return fail(ErrorKind::kAlreadyExists, fmt::format("{} exists already", path));
  if (options.cluster_id.size() != 16) return fail(ErrorKind::kInvalidArgument, "a cluster id has 16 bytes");
  ImportOptions building = options;
  building.state.path = path + ".building";  // what a crash leaves never looks like a state
  remove_directory(env, building.state.path);
  auto report = Importer(building).run(source);
  if (!report) {
    remove_directory(env, building.state.path);
    return report;
  }
  TRY(storage::check(env.RenameFile(building.state.path, path), "put the new state in place"));
  return report;
}

}  // namespace ipfsc::state
