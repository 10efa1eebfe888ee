// The state's database: its families and how they are stored. Inside state/ only.
#pragma once

#include <memory>

#include "state/head.h"
#include "state/keys.h"
#include "state/options.h"
#include "state/peer_table.h"
#include "storage/database.h"

namespace ipfsc::state {

/// Options of the database, also for tools that make files for it.
storage::DatabaseOptions database_options(const StateOptions& options);

/// What open() finds in `meta`.
struct Loaded {
  Head head;
  PeerTable peers;
  std::vector<uint64_t> peer_pins;  ///< by number; [0] is not used
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> open(storage::DatabaseOptions options);

  storage::Database& db() const { return *database_; }
  storage::Family family(FamilyId id) const { return families_[id]; }
  Result<bool> get(FamilyId id, ByteView key, Bytes& value, const storage::Snapshot* snapshot = nullptr) const {
    return database_->get(families_[id], key, value, snapshot);
  }
  storage::Iterator iterate(FamilyId id, storage::ReadOptions options) const {
    return {*database_, families_[id], std::move(options)};
  }
  /// As of the snapshot; a default one before the first entry.
  Result<Head> head(const storage::Snapshot& snapshot) const;
  Result<Loaded> load() const;

 private:
  std::unique_ptr<storage::Database> database_;
  std::array<storage::Family, kFamilies> families_;
};

}  // namespace ipfsc::state
