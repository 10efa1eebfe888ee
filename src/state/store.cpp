#include "state/store.h"

#include "base/version.h"
#include "state/codec.h"
#include "storage/format.h"

namespace ipfsc::state {
namespace {

storage::FamilyOptions family_options(FamilyId id, const StateOptions& options) {
  storage::FamilyOptions family;
  family.name = kFamilyNames[id];
  family.write_buffer_bytes = std::max<size_t>(options.write_buffer_bytes, 32 << 20) * 2;  // apply() flushes earlier
  bool looked_up = id == kPins || id == kClaims || id == kWork || id == kRemoved || id == kRequests || id == kRecords;
  family.bloom_bits_per_key = looked_up ? 10 : 0;
  family.memtable_bloom = id == kPins;
  family.sort_late = id == kByPeer || id == kByName || id == kByMeta || id == kByTime;  // read by listings only
  return family;
}

}  // namespace

storage::DatabaseOptions database_options(const StateOptions& options) {
  storage::DatabaseOptions out;
  out.path = options.path;
  out.env = options.env;
  for (int id = 0; id < kFamilies; ++id) out.families.push_back(family_options(static_cast<FamilyId>(id), options));
  // Twice: apply() starts a flush at write_buffer_bytes, and goes on into new buffers while it runs.
  out.memory = storage::make_memory(options.cache_bytes, std::max<size_t>(options.write_buffer_bytes, 16 << 20) * 2);
  out.write_ahead_log = false;
  out.background_compaction = options.background_compaction;
  return out;
}

Result<std::unique_ptr<Store>> Store::open(storage::DatabaseOptions options) {
  std::unique_ptr<Store> store(new Store);
  TRY_ASSIGN(store->database_, storage::Database::open(std::move(options)));
  for (int id = 0; id < kFamilies; ++id) store->families_[id] = store->database_->family(kFamilyNames[id]);
  return store;
}

Result<Head> Store::head(const storage::Snapshot& snapshot) const {
  Bytes row;
  TRY_ASSIGN(bool found, get(kMeta, key::kHead, row, &snapshot));
  return found ? Head::decode(row) : Head();
}

Result<Loaded> Store::load() const {
  Loaded out;
  Bytes row;
  TRY_ASSIGN(bool found, get(kMeta, key::kHead, row));
  out.peer_pins.resize(1);
  if (!found) return out;
  TRY_ASSIGN(auto versions, Head::versions(row));
  TRY(storage::check_format(database_->path(), versions.format, kVersions.formats.state));
  TRY_ASSIGN(out.head, Head::decode(row));
  Bytes prefix(key::kPeerPrefix);
  auto it = iterate(kMeta, {.lower = prefix, .upper = storage::prefix_end(prefix)});
  for (it.seek_to_first(); it.valid(); it.next()) {
    if (it.key().size() != prefix.size() + 4) return bad_row("peer key");
    PeerNumber number(read_be32(it.key().data() + prefix.size()));
    TRY(out.peers.load(number, it.value()));
    TRY_ASSIGN(bool counted, get(kMeta, key::peer_pins(number), row));
    Reader in(row);
    out.peer_pins.push_back(counted ? in.number() : 0);
  }
  TRY(it.status());
  return out;
}

}  // namespace ipfsc::state
