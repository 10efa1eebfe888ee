#include "state/transfer.h"

#include <random>

#include "model/pin_json.h"
#include "state/json_objects.h"
#include "state/test_support.h"

namespace ipfsc::state {
namespace {

using namespace testing;

TextSource source_of(std::string text, size_t step = 1000) {
  return [text = std::move(text), step, at = size_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
    size_t size = std::min({step, buffer.size(), text.size() - at});
    std::copy_n(text.data() + at, size, buffer.data());
    at += size;
    return size;
  };
}

ImportOptions import_options(Fixture& f, std::string path) {
  ImportOptions options;
  options.state = f.options;
  options.state.path = std::move(path);
  options.cluster_id = "0123456789abcdef";
  options.incarnation = 4;
  options.now = seconds(1'700'000'000);
  options.pins_per_run = 10;
  return options;
}

std::string exported(const State& state) {
  std::string text;
  auto count = export_pins(state, [&text](std::string_view piece) -> Result<> {
    text += piece;
    return {};
  });
  EXPECT_TRUE(count);
  EXPECT_EQ(*count, static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')));
  return text;
}

std::vector<model::Pin> pins_of(const State& state) {
  std::vector<model::Pin> pins;
  for (auto& stored : Fixture::list_of(state, {}, 100)) pins.push_back(std::move(stored.pin));
  return pins;
}

void expect_no_directory(Fixture& f, const std::string& path) {
  EXPECT_FALSE(f.env.FileExists(path).ok());
  std::vector<std::string> left;
  f.env.GetChildren(path + ".building", &left).PermitUncheckedError();
  EXPECT_TRUE(left.empty());
}

TEST(Transfer, RoundTripsEverything) {
  Fixture f;
  std::vector<proto::Operation> ops;
  for (int i = 0; i < 47; ++i) {
    auto pin =
        i % 4 == 0 ? pin_of(i, {}, "every") : pin_of(i, {i % 5, i % 7 + 5}, i % 3 ? "name " + std::to_string(i) : "");
    if (i % 5 == 0) pin.options.metadata = {{"key", "value " + std::to_string(i)}, {"\"q\\", "\n"}};
    if (i % 6 == 0) pin.options.expire_at = seconds(2'000'000'000 + i);
    if (i % 7 == 0) {
      pin.max_depth = 0;
      pin.options.mode = model::PinMode::kDirect;
    }
    if (i % 11 == 0) {
      pin.type = model::PinType::kMeta;
      pin.reference = cid_of(1000);
    }
    if (i % 13 == 0) pin.options.origins = {*ipld::Multiaddr::parse("/ip4/1.2.3.4/tcp/4001")};
    ops.push_back(put_op(pin));
  }
  f.apply(ops);
  auto text = exported(*f.state);
  auto report = import_pins(source_of(text), import_options(f, "/new"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->pins, 47u);
  EXPECT_EQ(report->duplicates, 0u);
  EXPECT_EQ(report->info.applied, LogIndex(1));
  EXPECT_EQ(report->info.incarnation, 4u);

  auto old = pins_of(*f.state);
  auto old_counters = f.state->counters();
  ASSERT_TRUE(f.state->install("/new"));
  EXPECT_EQ(pins_of(*f.state), old);
  EXPECT_EQ(exported(*f.state), text);
  EXPECT_TRUE(f.state->scan_hash()->equal());
  EXPECT_EQ(f.state->state_hash(), report->info.hash);
  auto counters = f.state->counters();
  EXPECT_EQ(counters.history, 0u);
  counters.history = old_counters.history;
  EXPECT_EQ(counters, old_counters);
  EXPECT_EQ(f.list({.name = "name 1"}).size(), 1u);
  EXPECT_EQ(f.list({.metadata = {{"key", "value 5"}}}).size(), 1u);
  EXPECT_EQ(f.state->expiring_before(seconds(3'000'000'000), 100)->size(), 8u);
  // Its history begins here, and goes on.
  EXPECT_EQ(f.state->history_since(), seconds(1'700'000'000));
  EXPECT_EQ(f.state->changes_after({}, 1).error().kind, ErrorKind::kOutOfRange);
  auto end = f.state->feed_end();
  EXPECT_EQ(end.incarnation, 4u);
  f.time_ms = 1'700'000'000'000;
  f.one(remove_op(cid_of(1)));
  EXPECT_EQ(f.state->changes_after(end, 10)->size(), 1u);
  EXPECT_TRUE(*f.state->pin_at(cid_of(1), seconds(1'700'000'000)));
  EXPECT_EQ(f.state->history(cid_of(1), 0, 10)->size(), 1u);
}

TEST(Transfer, TheLastOfSeveralWinsWhereverTheyAre) {
  Fixture f;
  std::string text;
  auto add = [&text](int i, std::string name, std::vector<int> peers) {
    model::append_json(text, pin_of(i, std::move(peers), std::move(name)));
    text += '\n';
  };
  add(1, "in one run", {1});
  add(1, "in one run, again", {1, 2});
  add(2, "over runs", {1});
  for (int i = 100; i < 150; ++i) add(i, "x", {3});
  add(2, "over runs, again", {2});
  add(2, "over runs, again and again", {4});
  auto report = import_pins(source_of(text), import_options(f, "/new"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->pins, 52u);
  EXPECT_EQ(report->duplicates, 3u);
  ASSERT_TRUE(f.state->install("/new"));
  EXPECT_EQ((**f.state->get(cid_of(1))).pin.options.name, "in one run, again");
  EXPECT_EQ((**f.state->get(cid_of(2))).pin.allocations, std::vector{peer_of(4)});
  EXPECT_EQ(f.list({.name = "over runs"}).size(), 0u);
  EXPECT_EQ(f.list({.name_prefix = "over"}).size(), 1u);
  EXPECT_EQ(f.list({.peer = peer_of(1)}).size(), 1u);
  EXPECT_EQ(f.state->peer(peer_of(1))->pins, 1u);
  EXPECT_EQ(f.state->counters().pins, 52u);
  EXPECT_EQ(f.state->counters().history, 0u);
  EXPECT_TRUE(f.state->scan_hash()->equal());
}

TEST(Transfer, MissingFieldsAndOldFormsAreMended) {
  Fixture f;
  std::string cid = cid_of(1).to_string();
  std::string text = "{\"cid\":\"" + cid +
                     "\",\"name\":\"n\",\"replication_factor_min\":-1,\"replication_factor_max\":-1}  {\"cid\":\"" +
                     cid_of(2).to_string() +
                     "\",\"type\":\"bad-type\",\"mode\":\"direct\",\"unknown\":{\"a\":[1,\"}\"]}}";
  auto report = import_pins(source_of(text, 3), import_options(f, "/new"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->repaired, 1u);
  ASSERT_TRUE(f.state->install("/new"));
  auto first = (**f.state->get(cid_of(1))).pin;
  EXPECT_EQ(first.type, model::PinType::kData);
  EXPECT_FALSE(first.direct());
  EXPECT_TRUE(first.everywhere());
  auto second = (**f.state->get(cid_of(2))).pin;
  EXPECT_EQ(second.type, model::PinType::kData);
  EXPECT_TRUE(second.direct());
}

TEST(Transfer, OptionsReplaceFactorsAndAllocations) {
  Fixture f;
  std::string text;
  model::append_json(text, pin_of(1));
  auto options = import_options(f, "/new");
  options.replication_factor_min = 1;
  options.replication_factor_max = 2;
  options.allocations = std::vector{peer_of(1), peer_of(2), peer_of(1)};
  ASSERT_TRUE(import_pins(source_of(text), options));
  ASSERT_TRUE(f.state->install("/new"));
  auto pin = (**f.state->get(cid_of(1))).pin;
  EXPECT_EQ(pin.options.replication_factor_max, 2);
  EXPECT_EQ(pin.allocations, (std::vector{peer_of(1), peer_of(2)}));
}

TEST(Transfer, BadInputNamesItsLineAndLeavesNothing) {
  Fixture f;
  std::string good;
  model::append_json(good, pin_of(1));
  std::string many;
  for (int i = 0; i < 40; ++i) {
    model::append_json(many, pin_of(i));
    many += '\n';
  }
  struct Case {
    std::string text, says;
  };
  for (const auto& c : std::vector<Case>{
           {good + "\n{\"cid\":\"nonsense\"}", "line 2: cid: "},
           {good + "\n\n{}", "line 3: cid: missing"},
           {good + "\n{\"cid\":\"" + cid_of(2).to_string(), "line 2: the JSON object does not end"},
           {good + "\nnull", "line 2: expected a JSON object"},
           {"[" + good + "]", "line 1: expected a JSON object"},
           {good + "\n{\"cid\":{\"/\":\"Qm\"}}", "line 2: cid: "},
           {good + "\n{\"cid\":\"" + cid_of(2).to_string() + "\",\"type\":2}", "line 2: type: "},
           {good + "\n{\"cid\" \"x\"}", "line 2: not a JSON object"},
           {many + "{\"name\":\"" + std::string(3000, 'x') + "\"}", "line 41: longer than 2000 bytes"},
           {many + "{\"name\":1}", "line 41: "},
       }) {
    auto options = import_options(f, "/new");
    options.max_pin_bytes = 2000;
    auto report = import_pins(source_of(c.text), options);
    ASSERT_FALSE(report) << c.text;
    EXPECT_EQ(report.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_TRUE(report.error().message.starts_with(c.says)) << report.error().message;
    expect_no_directory(f, "/new");
  }
  auto failing = [](std::span<char>) -> Result<size_t> { return fail(ErrorKind::kUnavailable, "broken pipe"); };
  EXPECT_EQ(import_pins(failing, import_options(f, "/new")).error().message, "broken pipe");
  EXPECT_EQ(import_pins(source_of(""), import_options(f, "/state")).error().kind, ErrorKind::kAlreadyExists);
  auto empty = import_pins(source_of(" \n "), import_options(f, "/new"));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->pins, 0u);
}

TEST(Transfer, AFullDiskLeavesNothing) {
  Fixture f;
  std::string text;
  for (int i = 0; i < 60; ++i) model::append_json(text, pin_of(i, {1, 2}, "name"));
  for (uint64_t k = 1; k < 200; k += 9) {
    f.env.fail_after(k, storage::FaultEnv::Fault::kNoSpace);
    auto report = import_pins(source_of(text), import_options(f, "/new"));
    f.env.clear_faults();
    if (report) break;
    EXPECT_EQ(report.error().kind, ErrorKind::kResourceExhausted) << report.error().message;
    EXPECT_FALSE(f.env.FileExists("/new").ok());
  }
  auto report = import_pins(source_of(text), import_options(f, "/new"));
  EXPECT_TRUE(report) << report.error().message;
}

TEST(JsonObjects, CutsWhateverThePieces) {
  std::string text = "\n{\"a\":\"}\\\"{\"}{\"b\":{\"c\":{}}}\r\n\t {}";
  for (size_t step = 1; step <= text.size(); ++step) {
    JsonObjects objects(100);
    std::vector<JsonObjects::Piece> pieces;
    for (size_t at = 0; at < text.size(); at += step) ASSERT_TRUE(objects.feed(text.substr(at, step), pieces));
    ASSERT_TRUE(objects.finish());
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[0].text, "{\"a\":\"}\\\"{\"}");
    EXPECT_EQ(pieces[0].line, 2u);
    EXPECT_EQ(pieces[1].text, "{\"b\":{\"c\":{}}}");
    EXPECT_EQ(pieces[2].text, "{}");
    EXPECT_EQ(pieces[2].line, 3u);
  }
}

}  // namespace
}  // namespace ipfsc::state
