#include "state/state.h"

#include "base/version.h"
#include "state/known.h"
#include "state/store.h"
#include "state/test_support.h"

namespace ipfsc::state {
namespace {

using namespace testing;

TEST(State, PutsGetsAndRemoves) {
  Fixture f;
  auto pin = pin_of(1, {1, 2}, "one");
  auto outcome = f.one(put_op(pin));
  EXPECT_EQ(outcome.status, OutcomeStatus::kApplied);
  EXPECT_EQ(outcome.index, LogIndex(1));
  EXPECT_EQ(outcome.revision, make_revision(LogIndex(1), 0));
  EXPECT_EQ(outcome.before, std::nullopt);
  EXPECT_EQ(outcome.after, pin);
  auto stored = f.state->get(pin.cid);
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->pin, pin);

  EXPECT_EQ(f.one(put_op(pin)).status, OutcomeStatus::kUnchanged);
  pin.options.name = "two";
  outcome = f.one(put_op(pin));
  EXPECT_EQ(outcome.before->options.name, "one");
  EXPECT_EQ(outcome.after->options.name, "two");

  outcome = f.one(remove_op(pin.cid));
  EXPECT_EQ(outcome.before, pin);
  EXPECT_EQ(outcome.after, std::nullopt);
  EXPECT_EQ(f.one(remove_op(pin.cid)).status, OutcomeStatus::kNotFound);
  EXPECT_EQ(*f.state->get(pin.cid), std::nullopt);
  EXPECT_EQ(f.state->counters().pins, 0u);
  EXPECT_TRUE(f.state->scan_hash()->equal());
  EXPECT_EQ(f.state->state_hash(), StateHash());
}

TEST(State, RefusesWhatIsWrongWithASentence) {
  Fixture f;
  auto op = put_op(pin_of(1));
  op.mutable_pin_put()->mutable_pin()->set_cid("bad");
  auto outcome = f.one(op);
  EXPECT_EQ(outcome.status, OutcomeStatus::kRefused);
  EXPECT_TRUE(outcome.detail.starts_with("cid: ")) << outcome.detail;
  auto bad_type = pin_of(1);
  bad_type.type = model::PinType::kBad;
  EXPECT_EQ(f.one(put_op(bad_type)).status, OutcomeStatus::kRefused);
  proto::Operation long_id = put_op(pin_of(1));
  long_id.set_request_id(std::string(1000, 'x'));
  EXPECT_EQ(f.one(long_id).status, OutcomeStatus::kRefused);
  EXPECT_EQ(f.state->counters(), Counters());
}

TEST(State, GuardsHold) {
  Fixture f;
  auto op = put_op(pin_of(1, {1}));
  op.mutable_pin_put()->set_if_revision(0);
  EXPECT_EQ(f.one(op).status, OutcomeStatus::kApplied);
  auto failed = f.one(op);
  EXPECT_EQ(failed.status, OutcomeStatus::kGuardFailed);
  EXPECT_EQ(failed.revision, make_revision(LogIndex(1), 0));
  proto::Operation move;
  move.mutable_pin_move()->set_cid(cid_of(1).bytes());
  move.mutable_pin_move()->add_add(peer_of(2).bytes());
  move.mutable_pin_move()->set_if_revision(failed.revision);
  auto moved = f.one(move);
  EXPECT_EQ(moved.status, OutcomeStatus::kApplied);
  EXPECT_EQ(moved.after->allocations, (std::vector{peer_of(1), peer_of(2)}));
  EXPECT_EQ(f.one(move).status, OutcomeStatus::kGuardFailed);
  auto remove = remove_op(cid_of(1));
  remove.mutable_pin_remove()->set_if_revision(failed.revision);
  EXPECT_EQ(f.one(remove).status, OutcomeStatus::kGuardFailed);
}

TEST(State, NeverMovesAPinAwayFromItsLastHolder) {
  Fixture f;
  f.one(put_op(pin_of(1, {1})));
  f.one(put_op(pin_of(2)));
  proto::Operation move;
  move.mutable_pin_move()->set_cid(cid_of(1).bytes());
  move.mutable_pin_move()->add_remove(peer_of(1).bytes());
  EXPECT_EQ(f.one(move).status, OutcomeStatus::kRefused);
  move.mutable_pin_move()->set_cid(cid_of(2).bytes());
  EXPECT_EQ(f.one(move).status, OutcomeStatus::kRefused);  // everywhere
}

TEST(State, ARetryIsAnsweredNotDoneAgain) {
  Fixture f;
  auto op = put_op(pin_of(1, {1}, "first"));
  op.set_request_id("id");
  auto first = f.one(op);
  f.one(put_op(pin_of(1, {1}, "second")));
  auto again = f.one(op);
  EXPECT_EQ(again.status, OutcomeStatus::kDuplicate);
  EXPECT_EQ(again.first, OutcomeStatus::kApplied);
  EXPECT_EQ(again.index, first.index);
  EXPECT_EQ(again.revision, first.revision);
  EXPECT_EQ(again.after->options.name, "second");
  // Also inside one entry.
  auto remove = remove_op(cid_of(1));
  remove.set_request_id("remove");
  auto both = f.apply({remove, remove});
  EXPECT_EQ(both[0].status, OutcomeStatus::kApplied);
  EXPECT_EQ(both[1].status, OutcomeStatus::kDuplicate);
}

/// Who writes a claim may not know of another that came a moment before.
TEST(State, APinHasAsManyCopiesAsItsClaimsAskForTogether) {
  Fixture f;
  proto::Operation version;
  version.mutable_apply_version()->set_version(kFittedCopies);
  f.one(version);
  for (int peer : {6, 7}) {
    proto::Operation joins;
    joins.mutable_peer_put()->set_peer(peer_of(peer).bytes());
    joins.mutable_peer_put()->set_state(peer == 6 ? proto::PEER_STATE_DOWN : proto::PEER_STATE_UP);
    f.one(joins);
  }
  auto holders = [](std::vector<int> numbers) {
    std::vector<ipld::PeerId> peers;
    for (int number : numbers) peers.push_back(peer_of(number));
    std::ranges::sort(peers);
    return peers;
  };
  auto held = [&](int pin) {
    auto peers = (**f.state->get(cid_of(pin))).pin.allocations;
    std::ranges::sort(peers);
    return peers;
  };
  auto pin = [](int number, int least, int most, std::vector<int> peers) {
    auto out = pin_of(number, std::move(peers));
    out.options.replication_factor_min = least;
    out.options.replication_factor_max = most;
    return out;
  };
  // Too few: those that held it go on, up to the most.
  f.one(put_op(pin(1, 2, 3, {1, 2, 3})));
  f.one(put_op(pin(1, 1, 1, {4}), "user", "a"));
  EXPECT_EQ(held(1).size(), 3u);
  EXPECT_EQ(std::ranges::count(held(1), peer_of(4)), 1);
  // The end of a claim says who holds it then, and is not believed when others ask for more.
  auto end = remove_op(cid_of(1));
  end.mutable_pin_remove()->add_allocations(peer_of(4).bytes());
  f.one(end);
  EXPECT_EQ(held(1), holders({4}));
  // Nobody is named, since it was held everywhere when that was planned: then any, best one that is up.
  f.one(put_op(pin_of(2), "user", "everywhere"));
  f.one(put_op(pin(2, 1, 1, {}), "user", "one"));
  f.one(remove_op(cid_of(2), "user", "everywhere"));
  EXPECT_EQ(held(2), holders({7}));
  f.one(put_op(pin(3, 2, 2, {})));
  EXPECT_EQ(held(3), holders({6, 7}));
  // Too many: those that hold it stay, unless something is under way.
  f.one(put_op(pin(4, 1, 1, {1}), "user", "a"));
  f.one(put_op(pin(4, 1, 1, {2, 1}), "user", "b"));
  EXPECT_EQ(held(4), holders({1}));
  auto moving = put_op(pin(4, 1, 1, {1, 2}), "user", "c");
  moving.mutable_pin_put()->mutable_work()->add_moves()->set_to(peer_of(2).bytes());
  f.one(moving);
  EXPECT_EQ(held(4), holders({1, 2}));
}

TEST(State, SeveralClaimsMerge) {
  Fixture f;
  auto rest = pin_of(1, {1}, "rest");
  rest.options.expire_at = seconds(2'000'000'000);
  rest.options.metadata = {{"a", "rest"}};
  auto service = pin_of(1, {1, 2, 3}, "service");
  service.options.expire_at = seconds(2'100'000'000);
  service.options.metadata = {{"a", "service"}, {"b", "service"}};
  f.one(put_op(service, "user", "req-1"));
  EXPECT_EQ(f.state->counters().claims, 1u);
  auto outcome = f.one(put_op(rest));
  ASSERT_TRUE(outcome.after);
  EXPECT_EQ(outcome.after->options.name, "rest, service");
  EXPECT_EQ(outcome.after->options.replication_factor_max, 3);
  EXPECT_EQ(outcome.after->options.expire_at, seconds(2'100'000'000));
  EXPECT_EQ(outcome.after->options.metadata, (std::map<std::string, std::string>{{"a", "rest"}, {"b", "service"}}));
  EXPECT_EQ(f.state->claims(cid_of(1))->size(), 2u);

  EXPECT_EQ(f.one(remove_op(cid_of(1), "user", "other")).status, OutcomeStatus::kNotFound);
  outcome = f.one(remove_op(cid_of(1), "user", "req-1"));
  EXPECT_EQ(outcome.after->options.name, "rest");
  EXPECT_EQ(f.state->counters().claims, 0u);
  auto stored = **f.state->get(cid_of(1));
  EXPECT_FALSE(stored.many_claims);
  f.one(put_op(service, "user", "req-1"));
  auto all = remove_op(cid_of(1));
  all.mutable_pin_remove()->set_all_claims(true);
  EXPECT_EQ(f.one(all).after, std::nullopt);
  EXPECT_EQ(f.state->counters().claims, 0u);
  EXPECT_EQ(f.state->state_hash(), StateHash());
}

TEST(State, PassesOverRepeatsAndRefusesGaps) {
  Fixture f;
  f.one(put_op(pin_of(1)));
  auto entry = entry_of(1, {put_op(pin_of(2))});
  EXPECT_TRUE(f.state->apply(LogIndex(1), entry)->empty());
  EXPECT_EQ(*f.state->get(cid_of(2)), std::nullopt);
  auto gap = f.state->apply(LogIndex(3), entry);
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().kind, ErrorKind::kFailedPrecondition);
  EXPECT_TRUE(f.state->apply(LogIndex(2), proto::Entry()));  // an empty entry counts
  EXPECT_TRUE(f.state->apply(LogIndex(3), entry));
}

TEST(State, TimeNeverRunsBack) {
  Fixture f;
  ASSERT_TRUE(f.state->apply(LogIndex(1), entry_of(5000, {put_op(pin_of(1))})));
  ASSERT_TRUE(f.state->apply(LogIndex(2), entry_of(4000, {put_op(pin_of(2))})));
  EXPECT_EQ(f.state->info().time, millis(5000));
  EXPECT_EQ((*f.state->changes_after({}, 10))[1].time, millis(5000));
}

TEST(State, FlushIsWhatLastsAndTheRestIsAppliedAgain) {
  Fixture f;
  f.one(put_op(pin_of(1)));
  EXPECT_EQ(f.state->flushed_index(), LogIndex(0));
  EXPECT_GT(f.state->bytes_since_flush(), 0u);
  ASSERT_TRUE(f.state->flush());
  EXPECT_EQ(f.state->bytes_since_flush(), 0u);
  EXPECT_EQ(f.state->flushed_index(), LogIndex(1));
  f.one(put_op(pin_of(2)));
  f.env.cut_power();
  f.state.reset();
  f.env.restore_power();
  f.open();
  EXPECT_EQ(f.state->applied_index(), LogIndex(1));
  EXPECT_EQ(f.state->flushed_index(), LogIndex(1));
  EXPECT_TRUE(*f.state->get(cid_of(1)));
  EXPECT_FALSE(*f.state->get(cid_of(2)));
  EXPECT_EQ(f.state->counters().pins, 1u);
}

TEST(State, FlushesByItselfWhenItsBuffersAreFull) {
  Fixture f(false);
  f.options.write_buffer_bytes = 1 << 20;
  f.open();
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  int i = 0;
  while (f.state->flushed_index() == LogIndex(0) && std::chrono::steady_clock::now() < deadline) {
    std::vector<proto::Operation> ops;
    for (int n = 0; n < 100; ++n) ops.push_back(put_op(pin_of(++i, {1, 2, 3}, "name")));
    f.apply(std::move(ops));
  }
  auto flushed = f.state->flushed_index();
  EXPECT_GT(flushed, LogIndex(0));
  f.env.cut_power();
  f.state.reset();
  f.env.restore_power();
  f.open();
  EXPECT_GE(f.state->applied_index(), flushed);
  EXPECT_EQ(f.state->counters().pins, f.state->applied_index().value * 100);
  EXPECT_TRUE(f.state->scan_hash()->equal());
}

TEST(State, AFullDiskPoisonsUntilReopened) {
  Fixture f;
  f.one(put_op(pin_of(1)));
  ASSERT_TRUE(f.state->flush());
  f.one(put_op(pin_of(2)));
  f.env.fail_after(1, storage::FaultEnv::Fault::kNoSpace);
  auto flushed = f.state->flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().kind, ErrorKind::kResourceExhausted) << flushed.error().message;
  f.env.clear_faults();
  auto applied = f.state->apply(LogIndex(3), entry_of(1, {}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_TRUE(*f.state->get(cid_of(2)));  // reads go on
  ASSERT_TRUE(f.state->reopen());
  EXPECT_EQ(f.state->applied_index(), LogIndex(1));
  f.one(put_op(pin_of(2)));
  EXPECT_TRUE(f.state->flush());
}

TEST(State, RecordsArePutUnderGuards) {
  Fixture f;
  proto::Operation put;
  put.mutable_record_put()->set_kind("token");
  put.mutable_record_put()->set_key("k1");
  put.mutable_record_put()->set_value("v");
  put.mutable_record_put()->set_if_revision(0);
  auto first = f.one(put);
  EXPECT_EQ(first.status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.one(put).status, OutcomeStatus::kGuardFailed);
  put.mutable_record_put()->clear_if_revision();
  EXPECT_EQ(f.one(put).status, OutcomeStatus::kUnchanged);
  put.mutable_record_put()->set_key("k2");
  f.one(put);
  put.mutable_record_put()->set_kind("tokens");
  f.one(put);
  EXPECT_EQ((**f.state->record("token", "k1")).revision, first.revision);
  EXPECT_EQ(f.state->records("token", "", 10)->size(), 2u);
  EXPECT_EQ(f.state->records("token", "k1", 10)->at(0).key, "k2");
  proto::Operation remove;
  remove.mutable_record_remove()->set_kind("token");
  remove.mutable_record_remove()->set_key("k1");
  EXPECT_EQ(f.one(remove).status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.one(remove).status, OutcomeStatus::kNotFound);
  EXPECT_EQ(f.state->counters().records, 2u);
  EXPECT_TRUE(f.state->scan_hash()->equal());
}

TEST(State, PeersKeepTheirNumbers) {
  Fixture f;
  f.one(put_op(pin_of(1, {3})));  // a peer that is only named gets a number too
  proto::Operation put;
  put.mutable_peer_put()->set_peer(peer_of(1).bytes());
  put.mutable_peer_put()->set_name("alpha");
  put.mutable_peer_put()->set_role(proto::PEER_ROLE_VOTER);
  put.mutable_peer_put()->add_addresses(ipld::Multiaddr::parse("/ip4/1.2.3.4/tcp/9096")->bytes());
  EXPECT_EQ(f.one(put).status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.one(put).status, OutcomeStatus::kUnchanged);
  proto::Operation remove;
  remove.mutable_peer_remove()->set_peer(peer_of(1).bytes());
  EXPECT_EQ(f.one(remove).status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.one(remove).status, OutcomeStatus::kNotFound);
  remove.mutable_peer_remove()->set_ban(true);
  EXPECT_EQ(f.one(remove).status, OutcomeStatus::kApplied);
  ASSERT_TRUE(f.state->flush());
  f.open();
  auto peers = f.state->peers();
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0].id, peer_of(3));
  EXPECT_EQ(peers[0].number, PeerNumber(1));
  EXPECT_EQ(peers[0].pins, 1u);
  EXPECT_FALSE(peers[0].member);
  EXPECT_EQ(peers[1].name, "alpha");
  EXPECT_EQ(peers[1].state, proto::PEER_STATE_BANNED);
  EXPECT_EQ(peers[1].addresses.size(), 1u);
}

TEST(State, AChangeOfAPeerLeavesTheRestAndRevivesNobody) {
  Fixture f;
  auto change = [&](auto fill) {
    proto::Operation op;
    op.mutable_peer_change()->set_peer(peer_of(1).bytes());
    fill(*op.mutable_peer_change());
    return f.one(op).status;
  };
  auto drain = [](proto::PeerChange& peer) { peer.set_state(proto::PEER_STATE_DRAINING); };
  EXPECT_EQ(change(drain), OutcomeStatus::kNotFound);
  auto address = ipld::Multiaddr::parse("/ip4/1.2.3.4/tcp/9096")->bytes();
  proto::Operation put;
  put.mutable_peer_put()->set_peer(peer_of(1).bytes());
  put.mutable_peer_put()->set_name("alpha");
  put.mutable_peer_put()->add_addresses(address);
  f.one(put);
  EXPECT_EQ(change(drain), OutcomeStatus::kApplied);
  EXPECT_EQ(change(drain), OutcomeStatus::kUnchanged);
  EXPECT_EQ(change([](auto& peer) { peer.set_role(proto::PEER_ROLE_STANDBY); }), OutcomeStatus::kApplied);
  EXPECT_EQ(change([](auto& peer) {
              peer.set_if_state(proto::PEER_STATE_UP);
              peer.set_state(proto::PEER_STATE_DOWN);
            }),
            OutcomeStatus::kGuardFailed);
  EXPECT_EQ(change([](auto& peer) { peer.mutable_addresses()->add_addresses("not one"); }), OutcomeStatus::kRefused);
  auto peer = *f.state->peer(peer_of(1));
  EXPECT_EQ(peer.name, "alpha");
  EXPECT_EQ(peer.role, proto::PEER_ROLE_STANDBY);
  EXPECT_EQ(peer.state, proto::PEER_STATE_DRAINING);
  EXPECT_EQ(peer.addresses.size(), 1u);
  EXPECT_EQ(change([](auto& peer) { peer.mutable_addresses(); }), OutcomeStatus::kApplied);
  EXPECT_TRUE(f.state->peer(peer_of(1))->addresses.empty());
  proto::Operation remove;
  remove.mutable_peer_remove()->set_peer(peer_of(1).bytes());
  f.one(remove);
  EXPECT_EQ(change([](auto& peer) { peer.set_state(proto::PEER_STATE_UP); }), OutcomeStatus::kNotFound);
  EXPECT_FALSE(f.state->peer(peer_of(1))->member);
}

TEST(State, APeerKeepsTheTimeSinceWhichItIsInItsState) {
  Fixture f;
  auto put = [&](proto::PeerState state, std::string name) {
    proto::Operation op;
    op.mutable_peer_put()->set_peer(peer_of(1).bytes());
    op.mutable_peer_put()->set_name(std::move(name));
    op.mutable_peer_put()->set_state(state);
    f.time_ms += 1000;
    f.one(op);
    return millis(static_cast<int64_t>(f.time_ms));
  };
  auto since = [&] { return f.state->peer(peer_of(1))->since; };
  auto joined = put(proto::PEER_STATE_UP, "a");
  EXPECT_EQ(since(), joined);
  put(proto::PEER_STATE_UP, "b");
  EXPECT_EQ(since(), joined);
  auto down = put(proto::PEER_STATE_DOWN, "b");
  EXPECT_EQ(since(), down);
  put(proto::PEER_STATE_DOWN, "c");
  ASSERT_TRUE(f.state->flush());
  f.open();
  EXPECT_EQ(since(), down);
  EXPECT_EQ(f.state->peer(peer_of(1))->name, "c");
  EXPECT_EQ(put(proto::PEER_STATE_UP, "c"), since());
  proto::Operation remove;
  remove.mutable_peer_remove()->set_peer(peer_of(1).bytes());
  f.time_ms += 1000;
  f.one(remove);
  EXPECT_EQ(since(), millis(static_cast<int64_t>(f.time_ms)));
}

TEST(State, ClusterInitGivesIncarnations) {
  Fixture f;
  proto::Operation init;
  init.mutable_cluster_init()->set_cluster_id("0123456789abcdef");
  init.mutable_cluster_init()->set_incarnation(1);
  EXPECT_EQ(f.one(init).status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.one(init).status, OutcomeStatus::kUnchanged);
  auto position = f.state->feed_end();
  EXPECT_TRUE(f.state->changes_after(position, 10)->empty());
  init.mutable_cluster_init()->set_incarnation(3);
  EXPECT_EQ(f.one(init).status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.state->info().incarnation, 3u);
  auto lost = f.state->changes_after(position, 10);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kOutOfRange);
  init.mutable_cluster_init()->set_incarnation(2);
  EXPECT_EQ(f.one(init).status, OutcomeStatus::kRefused);
}

TEST(State, StopsAtRulesThatItDoesNotKnow) {
  Fixture f;
  proto::Operation op;
  op.mutable_apply_version()->set_version(1);
  EXPECT_EQ(f.one(op).status, OutcomeStatus::kUnchanged);
  op.mutable_apply_version()->set_version(99);
  auto applied = f.state->apply(LogIndex(2), entry_of(1, {op}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::kUnimplemented);
  EXPECT_EQ(f.state->applied_index(), LogIndex(1));
}

// To apply a part of an entry would make another state than the program does that wrote it.
TEST(State, StopsAtOperationsThatItDoesNotKnow) {
  auto refuses = [](const proto::Operation& op) {
    Fixture f;
    auto known = put_op(pin_of(1));
    auto applied = f.state->apply(LogIndex(1), entry_of(1, {known, op}));
    EXPECT_EQ(applied ? ErrorKind::kUnknown : applied.error().kind, ErrorKind::kUnimplemented);
    EXPECT_EQ(f.state->applied_index(), LogIndex(0));
    EXPECT_EQ(f.state->counters().pins, 0u);
  };
  constexpr int kNewField = 9999;
  auto unknown_of = [](proto::Operation& op) { return op.GetReflection()->MutableUnknownFields(&op); };
  proto::Operation op;
  refuses(op);
  unknown_of(op)->AddLengthDelimited(22, "a new kind of operation");
  refuses(op);
  op = put_op(pin_of(2));
  unknown_of(op)->AddVarint(kNewField, 1);
  refuses(op);
}

/// Gives every message in `message`, whichever of its fields it is in, an unknown field in turn.
void each_with_unknown_field(google::protobuf::Message& message, const std::function<void()>& use) {
  const auto* reflection = message.GetReflection();
  auto* unknown = reflection->MutableUnknownFields(&message);
  unknown->AddVarint(9999, 1);
  use();
  unknown->Clear();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    auto* inner =
        field->is_repeated() ? reflection->AddMessage(&message, field) : reflection->MutableMessage(&message, field);
    each_with_unknown_field(*inner, use);
  }
}

TEST(State, KnowsEveryMessageInsideAnOperation) {
  const auto* kinds = proto::Operation::descriptor()->FindOneofByName("body");
  for (int i = 0; i < kinds->field_count(); ++i) {
    proto::Operation op;
    auto* body = op.GetReflection()->MutableMessage(&op, kinds->field(i));
    EXPECT_TRUE(is_known(op)) << kinds->field(i)->name();
    each_with_unknown_field(*body, [&] { EXPECT_FALSE(is_known(op)) << op.ShortDebugString(); });
    EXPECT_TRUE(is_known(op)) << kinds->field(i)->name();
  }
}

TEST(State, RefusesFoldersOfOtherFormats) {
  Fixture f;
  EXPECT_EQ(*State::versions(f.options), std::nullopt);
  f.one(put_op(pin_of(1)));
  ASSERT_TRUE(f.state->flush());
  f.state.reset();
  EXPECT_EQ((*State::versions(f.options))->format, kVersions.formats.state);
  auto write_format = [&](uint32_t format) {
    auto store = Store::open(database_options(f.options));
    Bytes row;
    ASSERT_TRUE(*(*store)->get(kMeta, key::kHead, row));
    row[0] = static_cast<char>(format);
    storage::WriteBatch batch;
    batch.put((*store)->family(kMeta), key::kHead, row);
    ASSERT_TRUE((*store)->db().write(batch) && (*store)->db().flush());
  };
  write_format(kVersions.formats.state + 1);
  EXPECT_EQ((*State::versions(f.options))->format, kVersions.formats.state + 1);
  auto newer = State::open(f.options);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, ErrorKind::kUnimplemented);
  EXPECT_TRUE(newer.error().message.contains("/state has format 2")) << newer.error().message;
  write_format(kVersions.formats.state - 1);
  auto older = State::open(f.options);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, ErrorKind::kFailedPrecondition);
  EXPECT_TRUE(older.error().message.contains("state upgrade")) << older.error().message;
}

TEST(State, HistoryAnswersThePastUntilItIsTrimmed) {
  Fixture f;
  auto pin = pin_of(1, {1}, "v1");
  f.one(put_op(pin));  // at 1'001'000 ms
  pin.options.name = "v2";
  f.one(put_op(pin));         // 1'002'000
  f.one(remove_op(pin.cid));  // 1'003'000
  pin.options.name = "v3";
  f.one(put_op(pin));  // 1'004'000
  auto name_at = [&](int64_t ms) -> std::string {
    auto then = f.state->pin_at(pin.cid, millis(ms));
    if (!then) return "error";
    return *then ? (*then)->pin.options.name : "none";
  };
  EXPECT_EQ(name_at(0), "none");
  EXPECT_EQ(name_at(1'000'999), "none");
  EXPECT_EQ(name_at(1'001'000), "v1");
  EXPECT_EQ(name_at(1'002'500), "v2");
  EXPECT_EQ(name_at(1'003'500), "none");
  EXPECT_EQ(name_at(9'000'000), "v3");
  auto history = f.state->history(pin.cid, 0, 10);
  ASSERT_TRUE(history && history->size() == 4);
  EXPECT_EQ((*history)[0].change.kind, Change::kPin);
  EXPECT_EQ((*history)[0].before, std::nullopt);
  EXPECT_EQ((*history)[1].change.kind, Change::kUnpin);
  EXPECT_EQ((*history)[1].before->pin.options.name, "v2");
  EXPECT_EQ((*history)[2].after->pin.options.name, "v2");
  EXPECT_EQ(f.state->history(pin.cid, (*history)[1].change.position.revision(), 10)->size(), 2u);
  // Page by page it is the same, and a revision that is not of this pin is a place too.
  for (size_t i = 0; i < 3; ++i) {
    auto page = f.state->history(pin.cid, (*history)[i].change.position.revision(), 1);
    ASSERT_TRUE(page && page->size() == 1);
    EXPECT_EQ(page->front().change, (*history)[i + 1].change);
    EXPECT_EQ(page->front().before, (*history)[i + 1].before);
    EXPECT_EQ(page->front().after, (*history)[i + 1].after);
  }
  EXPECT_EQ(f.state->history(pin.cid, (*history)[3].change.position.revision(), 10)->size(), 0u);
  EXPECT_EQ(f.state->history(pin.cid, make_revision(LogIndex(3), 7), 10)->size(), 3u);

  auto changes_since = [&](int64_t ms) {
    return f.state->changes_after(*f.state->position_at(millis(ms)), 10)->size();
  };
  EXPECT_EQ(changes_since(0), 4u);
  EXPECT_EQ(changes_since(1'001'000), 3u);
  EXPECT_EQ(changes_since(1'003'999), 1u);
  EXPECT_EQ(changes_since(9'000'000), 0u);
  EXPECT_EQ(f.state->changes_after(f.state->feed_begin(), 10)->size(), 4u);

  proto::Operation trim;
  trim.mutable_trim()->set_history_before_ms(1'003'000);
  auto position = FeedPosition{0, LogIndex(1), 0};
  f.one(trim);
  EXPECT_EQ(f.state->history_since(), millis(1'003'000));
  EXPECT_EQ(name_at(1'002'999), "error");
  EXPECT_EQ(name_at(1'003'000), "none");
  EXPECT_EQ(name_at(1'004'000), "v3");
  EXPECT_EQ(f.state->history(pin.cid, 0, 10)->size(), 2u);
  EXPECT_EQ(f.state->changes_after(position, 10).error().kind, ErrorKind::kOutOfRange);
  EXPECT_EQ(f.state->changes_after({0, LogIndex(2), 0}, 10)->size(), 2u);
  EXPECT_EQ(f.state->changes_after(f.state->feed_begin(), 10)->size(), 2u);
  EXPECT_EQ(f.state->position_at(millis(1'002'999)).error().kind, ErrorKind::kOutOfRange);
  trim.mutable_trim()->set_history_before_ms(~0ull);
  f.apply({trim, trim});
  EXPECT_EQ(f.state->counters().history, 0u);
  EXPECT_EQ(name_at(f.time_ms), "v3");
}

TEST(State, TrimForgetsRequests) {
  Fixture f;
  auto request = [](int i) {
    auto op = remove_op(cid_of(i));
    op.set_request_id("id" + std::to_string(i));
    return op;
  };
  for (int i = 0; i < 5; ++i) f.one(request(i));
  proto::Operation trim;
  trim.mutable_trim()->set_requests_keep(3);
  f.apply({trim, trim});
  EXPECT_EQ(f.state->counters().requests, 3u);
  EXPECT_EQ(f.state->request("id1"), std::nullopt);
  auto known = f.state->request("id2");
  ASSERT_TRUE(known && *known);
  EXPECT_EQ((*known)->status, OutcomeStatus::kDuplicate);
  EXPECT_EQ((*known)->first, OutcomeStatus::kNotFound);
  EXPECT_EQ(f.one(request(1)).status, OutcomeStatus::kNotFound);  // forgotten: done again
  EXPECT_EQ(f.one(request(2)).status, OutcomeStatus::kDuplicate);
  trim.mutable_trim()->set_requests_before_ms(f.time_ms + 1);
  f.apply({trim, request(3), trim});
  EXPECT_EQ(f.state->counters().requests, 1u);
  EXPECT_EQ(f.one(request(3)).status, OutcomeStatus::kDuplicate);
}

TEST(State, ExpiresByIndex) {
  Fixture f;
  for (int i = 1; i <= 3; ++i) {
    auto pin = pin_of(i);
    pin.options.expire_at = seconds(4'000'000'000 - i);
    f.one(put_op(pin));
  }
  f.one(put_op(pin_of(4)));
  EXPECT_EQ(*f.state->next_expiry(), seconds(3'999'999'997));
  EXPECT_EQ(f.state->expiring_before(seconds(3'999'999'996), 10)->size(), 0u);
  auto expiring = *f.state->expiring_before(seconds(3'999'999'998), 10);
  ASSERT_EQ(expiring.size(), 2u);
  EXPECT_EQ(expiring[0], (Expiring{cid_of(3), seconds(3'999'999'997)}));
  f.one(remove_op(cid_of(3)));
  EXPECT_EQ(f.state->expiring_before(seconds(5'000'000'000), 1)->at(0).cid, cid_of(2));
  EXPECT_EQ(f.state->counters().expiring, 2u);
}

TEST(State, WorkGoesWithItsPin) {
  Fixture f;
  proto::Operation work;
  work.mutable_work_put()->set_cid(cid_of(1).bytes());
  work.mutable_work_put()->mutable_work()->set_below_minimum_since_ms(5);
  EXPECT_EQ(f.one(work).status, OutcomeStatus::kNotFound);
  f.one(put_op(pin_of(1, {1})));
  EXPECT_EQ(f.one(work).status, OutcomeStatus::kApplied);
  EXPECT_EQ(f.one(work).status, OutcomeStatus::kUnchanged);
  EXPECT_EQ((**f.state->work(cid_of(1))).below_minimum_since_ms(), 5u);
  EXPECT_EQ(f.state->work_after({}, 10)->size(), 1u);
  EXPECT_EQ(f.state->work_after(cid_of(1), 10)->size(), 0u);
  f.one(remove_op(cid_of(1)));
  EXPECT_EQ(*f.state->work(cid_of(1)) == std::nullopt, true);
  EXPECT_EQ(f.state->counters().work, 0u);
}

}  // namespace
}  // namespace ipfsc::state
