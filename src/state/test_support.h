// Helpers of the tests of state/.
#pragma once

#include <gtest/gtest.h>

#include "ipld/multihash.h"
#include "model/pin_proto.h"
#include "state/state.h"
#include "storage/fault_env.h"

namespace ipfsc::state::testing {

inline ipld::Cid cid_of(int i) {
  auto hash = ipld::Multihash::wrap(0x12, ipld::sha2_256("block " + std::to_string(i)));
  return i % 3 == 0 ? ipld::Cid::v0(hash.digest()) : ipld::Cid::v1(i % 3 == 1 ? ipld::kRaw : ipld::kDagPb, hash);
}

inline ipld::PeerId peer_of(int i) {
  return *ipld::PeerId::from_bytes(ipld::Multihash::wrap(0x12, ipld::sha2_256("peer " + std::to_string(i))).bytes());
}

inline WallTime seconds(int64_t s) { return WallTime(std::chrono::seconds(s)); }
inline WallTime millis(int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

inline model::Pin pin_of(int i, std::vector<int> peers = {}, std::string name = "") {
  model::Pin pin;
  pin.cid = cid_of(i);
  pin.options.name = std::move(name);
  pin.options.replication_factor_min = peers.empty() ? model::kEverywhere : 1;
  pin.options.replication_factor_max = peers.empty() ? model::kEverywhere : static_cast<int>(peers.size());
  for (int peer : peers) pin.allocations.push_back(peer_of(peer));
  pin.timestamp = seconds(1'700'000'000 + i);
  return pin;
}

inline proto::Operation put_op(const model::Pin& pin, std::string owner = "", std::string claim = "") {
  proto::Operation op;
  op.set_actor("test");
  op.mutable_pin_put()->set_owner(std::move(owner));
  op.mutable_pin_put()->set_claim(std::move(claim));
  model::to_proto(pin, op.mutable_pin_put()->mutable_pin());
  return op;
}

inline proto::Operation remove_op(const ipld::Cid& cid, std::string owner = "", std::string claim = "") {
  proto::Operation op;
  op.set_actor("test");
  op.mutable_pin_remove()->set_cid(cid.bytes());
  op.mutable_pin_remove()->set_owner(std::move(owner));
  op.mutable_pin_remove()->set_claim(std::move(claim));
  return op;
}

inline proto::Entry entry_of(uint64_t time_ms, std::vector<proto::Operation> operations) {
  proto::Entry entry;
  entry.set_format(1);
  entry.set_time_ms(time_ms);
  for (auto& operation : operations) *entry.add_operations() = std::move(operation);
  return entry;
}

/// A State on files in memory that does nothing by itself.
struct Fixture {
  storage::FaultEnv env;
  StateOptions options;
  std::unique_ptr<State> state;
  uint64_t time_ms = 1'000'000;

  explicit Fixture(bool open_it = true) {
    options.path = "/state";
    options.env = &env;
    options.cache_bytes = 8 << 20;
    options.write_buffer_bytes = 0;
    options.background_compaction = false;
    if (open_it) open();
  }
  void open() {
    state.reset();
    auto opened = State::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    state = *std::move(opened);
  }
  std::vector<Outcome> apply(std::vector<proto::Operation> operations) {
    time_ms += 1000;
    auto outcomes = state->apply(LogIndex(state->applied_index().value + 1), entry_of(time_ms, std::move(operations)));
    EXPECT_TRUE(outcomes) << outcomes.error().message;
    return outcomes ? *std::move(outcomes) : std::vector<Outcome>();
  }
  Outcome one(proto::Operation operation) {
    auto outcomes = apply({std::move(operation)});
    EXPECT_EQ(outcomes.size(), 1u);
    return outcomes.empty() ? Outcome() : outcomes[0];
  }
  std::vector<StoredPin> list(ListQuery query = {}, size_t step = 7) const { return list_of(*state, query, step); }

  static std::vector<StoredPin> list_of(const State& state, const ListQuery& query, size_t step) {
    std::vector<StoredPin> out;
    auto cursor = state.list(query);
    EXPECT_TRUE(cursor) << cursor.error().message;
    if (!cursor) return out;
    for (;;) {
      auto got = (*cursor)->next(out, step);
      EXPECT_TRUE(got) << got.error().message;
      if (!got || *got == 0) return out;
    }
  }
};

}  // namespace ipfsc::state::testing
