#include "state/import_run.h"

#include "state/hash.h"
#include "state/index_rows.h"
#include "storage/sorted_file.h"

namespace ipfsc::state {
namespace {

/// Rows of one family in one buffer, sorted by reference.
class Rows {
 public:
  void add(ByteView key, ByteView value) {
    rows_.push_back({.front = front_of(key),
                     .offset = bytes_.size(),
                     .key_size = static_cast<uint32_t>(key.size()),
                     .value_size = static_cast<uint32_t>(value.size())});
    bytes_.append(key).append(value);
  }
  bool empty() const { return rows_.empty(); }

  Result<> write(storage::SortedFileWriter& writer) {
    std::sort(rows_.begin(), rows_.end(),
              [this](const Row& a, const Row& b) { return a.front != b.front ? a.front < b.front : key(a) < key(b); });
    const Row* last = nullptr;
    for (const auto& row : rows_) {
      if (last != nullptr && key(*last) == key(row)) continue;  // of a text that was cut
      last = &row;
      TRY(writer.put(key(row), ByteView(bytes_).substr(row.offset + row.key_size, row.value_size)));
    }
    return {};
  }

 private:
  struct Row {
    uint64_t front;  // first 8 bytes of the key, for cheap comparisons
    size_t offset;
    uint32_t key_size, value_size;
  };
  static uint64_t front_of(ByteView key) {
    char padded[8] = {};
    std::copy_n(key.data(), std::min<size_t>(8, key.size()), padded);
    return read_be64(padded);
  }
  ByteView key(const Row& row) const { return ByteView(bytes_).substr(row.offset, row.key_size); }

  Bytes bytes_;
  std::vector<Row> rows_;
};

}  // namespace

bool ImportRun::add(const Bytes& cid, Bytes row) {
  auto it = places_.find(cid);
  if (it != places_.end()) {
    it->second->row = std::move(row);
    return true;
  }
  auto& pin = pins_.emplace_back(Pin{cid, std::move(row)});
  places_.emplace(pin.cid, &pin);
  return false;
}

Result<> ImportRun::write(const Store& store, const storage::DatabaseOptions& options, size_t number,
                          ImportTotals& totals) const {
  std::array<Rows, kFamilies> rows;
  RowHasher hasher;
  for (const auto& pin : pins_) {
    TRY_ASSIGN(auto view, PinView::read(pin.row));
    rows[kPins].add(pin.cid, pin.row);
    each_index_row(view, pin.cid, [&rows](FamilyId id, const Bytes& key) { rows[id].add(key, {}); });
    count_pin(view, 1, totals.counters, totals.peer_pins);
    state::add(totals.hash, hasher.row(kPins, pin.cid, pin.row));
  }
  for (int id = 0; id < kFamilies; ++id) {
    if (rows[id].empty()) continue;
    std::string path = fmt::format("{}/import-{}-{}.sst", options.path, number, kFamilyNames[id]);
    storage::SortedFileWriter writer(options, options.families[id]);
    TRY(writer.open(path));
    TRY(rows[id].write(writer));
    TRY(writer.finish());
    TRY(store.db().ingest(store.family(static_cast<FamilyId>(id)), {path}));
    rows[id] = {};
  }
  return {};
}

}  // namespace ipfsc::state
