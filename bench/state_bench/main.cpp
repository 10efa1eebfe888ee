// state_bench DIR [PINS [apply|reads]]: applies PINS new pins (three allocations, a name, a time) in entries of 300,
// lists them, exports and imports them; prints one JSON line a figure. Nothing is timed that a test depends on.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "bench/measure.h"
#include "ipld/multihash.h"
#include "model/pin_proto.h"
#include "state/transfer.h"

namespace ipfsc::state {
namespace {

namespace fs = std::filesystem;
using bench::Clock, bench::directory_bytes, bench::must, bench::resident_mib, bench::since;
void print(std::string_view what, double value, std::string_view unit) {
  bench::print_figure("state", what, value, unit);
}

double cpu() { return bench::cpu_seconds(CLOCK_THREAD_CPUTIME_ID); }

ipld::PeerId peer(int i) {
  return *ipld::PeerId::from_bytes(ipld::Multihash::wrap(0x12, ipld::sha2_256(fmt::format("peer {}", i))).bytes());
}

/// Entries as they come from the log: serialized.
std::vector<std::string> make_entries(size_t pins, size_t per_entry) {
  std::vector<ipld::PeerId> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(peer(i));
  std::mt19937_64 random(1);
  std::vector<std::string> entries;
  for (size_t i = 0; i < pins;) {
    proto::Entry entry;
    entry.set_format(1);
    entry.set_time_ms(1'700'000'000'000 + i);
    for (size_t n = 0; n < per_entry && i < pins; ++n, ++i) {
      model::Pin pin;
      pin.cid = ipld::Cid::v1(ipld::kRaw, ipld::Multihash::wrap(0x12, ipld::sha2_256(fmt::format("pin {}", i))));
      pin.options.replication_factor_min = 2;
      pin.options.replication_factor_max = 3;
      pin.options.name = fmt::format("file-{:07}", i);
      std::shuffle(peers.begin(), peers.end(), random);
      pin.allocations.assign(peers.begin(), peers.begin() + 3);
      pin.timestamp = WallTime(std::chrono::seconds(1'700'000'000 + i / 1000));
      auto* op = entry.add_operations();
      op->set_actor("rest");
      model::to_proto(pin, op->mutable_pin_put()->mutable_pin());
    }
    entries.push_back(entry.SerializeAsString());
  }
  return entries;
}

void list_all(const State& state, size_t expected, std::string_view what) {
  auto start = Clock::now();
  auto cursor = must(state.list({}));
  std::vector<StoredPin> pins;
  size_t count = 0;
  double cpu_start = cpu();
  while (size_t got = must(cursor->next(pins, 512))) {
    count += got;
    pins.clear();
  }
  print(what, static_cast<double>(count) / since(start), "pins/s");
  print(fmt::format("{}-cpu", what), (cpu() - cpu_start) / static_cast<double>(count) * 1e6, "us/pin");
  if (count != expected) fmt::print(stderr, "listed {} of {}\n", count, expected);
}

void bench_apply(State& state, const std::vector<std::string>& entries, size_t pins, std::string_view what) {
  double worst = 0, cpu_start = cpu();
  auto start = Clock::now();
  for (const auto& bytes : entries) {
    auto begin = Clock::now();
    proto::Entry entry;
    entry.ParseFromString(bytes);
    must(state.apply(LogIndex(state.applied_index().value + 1), entry));
    worst = std::max(worst, since(begin));
  }
  print(what, static_cast<double>(pins) / since(start), "pins/s");
  print(fmt::format("{}-cpu", what), (cpu() - cpu_start) / static_cast<double>(pins) * 1e6, "us/pin");
  print(fmt::format("{}-worst-entry", what), worst * 1e3, "ms");
}

/// What a fresh process sees of the state that an earlier run made.
void bench_reads(const fs::path& directory, size_t pins) {
  StateOptions options{.path = directory / "state"};
  double baseline = resident_mib();
  auto start = Clock::now();
  auto state = must(State::open(options));
  print("open", since(start) * 1e3, "ms");
  print("resident-idle", resident_mib() - baseline, "MiB");
  for (int i = 0; i < 5; ++i) list_all(*state, pins, "list");
  print("resident-after-list", resident_mib() - baseline, "MiB");
}

void bench(const fs::path& directory, size_t pins, bool only_apply) {
  fs::remove_all(directory);
  fs::create_directories(directory);
  StateOptions options;
  options.path = directory / "state";
  auto entries = make_entries(pins, 300);
  double baseline = resident_mib();
  auto start = Clock::now();
  auto state = must(State::open(options));
  print("open-empty", since(start) * 1e3, "ms");
  bench_apply(*state, entries, pins, "apply");
  if (only_apply) return;
  for (auto query : {ListQuery{.name = "file-0000007"}, ListQuery{.order = ListQuery::Order::kNewest}}) {
    start = Clock::now();
    std::vector<StoredPin> some;
    must(must(state->list(query))->next(some, 100));
    print("first-page-while-writing", since(start) * 1e3, "ms");
  }
  print("resident-after-apply", resident_mib() - baseline, "MiB");
  start = Clock::now();
  must(state->flush());
  print("flush", since(start) * 1e3, "ms");
  list_all(*state, pins, "list-before-compaction");

  for (auto& entry : entries) {  // the same pins under another name: every one is read and its index changed
    proto::Entry parsed;
    parsed.ParseFromString(entry);
    if (&entry - entries.data() >= 400) break;
    for (auto& op : *parsed.mutable_operations())
      op.mutable_pin_put()->mutable_pin()->mutable_options()->set_name("new");
    entry = parsed.SerializeAsString();
  }
  size_t some = std::min<size_t>(entries.size(), 400);
  bench_apply(*state, {entries.begin(), entries.begin() + static_cast<ptrdiff_t>(some)}, std::min(pins, some * 300),
              "replace");
  must(state->flush());
  state.reset();
  print("disk-before-compaction", directory_bytes(options.path) / static_cast<double>(pins), "bytes/pin");
  must(State::compact(options));
  print("disk", directory_bytes(options.path) / static_cast<double>(pins), "bytes/pin");
  entries = {};
  start = Clock::now();
  state = must(State::open(options));
  print("open", since(start) * 1e3, "ms");
  list_all(*state, pins, "list");
  start = Clock::now();
  for (size_t i = 0; i < 100'000; ++i) {
    must(state->get(ipld::Cid::v1(
        ipld::kRaw, ipld::Multihash::wrap(0x12, ipld::sha2_256(fmt::format("pin {}", i * 7919 % pins))))));
  }
  print("get", 100'000 / since(start), "gets/s");
  start = Clock::now();
  auto scan = must(state->scan_hash());
  print("scan-hash", static_cast<double>(pins) / since(start), "pins/s");
  if (!scan.equal()) fmt::print(stderr, "the hash differs\n");

  start = Clock::now();
  std::ofstream out(directory / "export");
  must(export_pins(*state, [&out](std::string_view text) -> Result<> {
    out << text;
    return {};
  }));
  out.close();
  print("export", static_cast<double>(pins) / since(start), "pins/s");
  state.reset();

  start = Clock::now();
  std::ifstream in(directory / "export");
  ImportOptions import{.state = options, .cluster_id = "0123456789abcdef"};
  import.state.path = directory / "imported";
  auto report = must(import_pins(
      [&in](std::span<char> buffer) -> Result<size_t> {
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        return static_cast<size_t>(in.gcount());
      },
      import));
  print("import", static_cast<double>(report.pins) / since(start), "pins/s");
  print("resident-after-import", resident_mib(), "MiB");
  start = Clock::now();
  state = must(State::open(import.state));
  print("open-imported", since(start) * 1e3, "ms");
  list_all(*state, pins, "list-imported");
}

}  // namespace
}  // namespace ipfsc::state

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "state_bench DIR [PINS [apply|reads]]\n");
    return 2;
  }
  size_t pins = argc > 2 ? std::stoul(argv[2]) : 1'000'000;
  std::string_view what = argc > 3 ? argv[3] : "all";
  if (what == "reads") {
    ipfsc::state::bench_reads(argv[1], pins);
  } else {
    ipfsc::state::bench(argv[1], pins, what == "apply");
  }
}
