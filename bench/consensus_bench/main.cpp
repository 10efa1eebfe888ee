// consensus_bench DIR [WRITES [SUBMITTERS]]: that many submitters each write one new pin (three allocations, a name)
// after the other, durable and applied before the next; prints JSON lines: writes a second, processor time a write (of
// all and of the I/O thread), entries used, and how long stopping, opening and opening after a lost state take.
#include <fmt/format.h>

#include <filesystem>

#include "base/log.h"
#include "base/real_runtime.h"
#include "base/task_group.h"
#include "bench/measure.h"
#include "consensus/raft/raft_consensus.h"
#include "ipld/multihash.h"
#include "model/pin_proto.h"

namespace ipfsc::consensus {
namespace {

using bench::Clock, bench::give_up, bench::since;

double process_seconds() { return bench::cpu_seconds(CLOCK_PROCESS_CPUTIME_ID); }
double thread_seconds() { return bench::cpu_seconds(CLOCK_THREAD_CPUTIME_ID); }

void print(std::string_view what, double value, std::string_view unit) {
  bench::print_figure("consensus", what, value, unit);
}

ipld::Multihash hash_of(std::string_view text) { return ipld::Multihash::wrap(0x12, ipld::sha2_256(text)); }
ipld::PeerId peer(int i) { return *ipld::PeerId::from_bytes(hash_of(fmt::format("peer {}", i)).bytes()); }

proto::Operation put(const std::vector<ipld::PeerId>& peers, uint64_t i) {
  model::Pin pin;
  pin.cid = ipld::Cid::v1(ipld::kRaw, hash_of(fmt::format("pin {}", i)));
  pin.options.replication_factor_min = 2;
  pin.options.replication_factor_max = 3;
  pin.options.name = fmt::format("file-{:07}", i);
  pin.allocations = peers;
  pin.timestamp = WallTime(std::chrono::seconds(1'700'000'000 + i / 1000));
  proto::Operation operation;
  operation.set_actor("rest");
  model::to_proto(pin, operation.mutable_pin_put()->mutable_pin());
  return operation;
}

struct Bench {
  RealRuntime runtime;
  std::unique_ptr<state::State> state;
  std::unique_ptr<RaftConsensus> consensus;
  uint64_t next = 0, writes = 0;
  std::vector<ipld::PeerId> peers{peer(1), peer(2), peer(3)};

  void open(const std::string& path) {
    state::StateOptions options;
    options.path = path + "/state";
    auto opened = state::State::open(options);
    if (!opened) give_up(opened.error());
    state = *std::move(opened);
    auto made = runtime.run_task(RaftConsensus::open(runtime, *state, {.self = peers[0], .path = path + "/raft"}));
    if (!made) give_up(made.error());
    consensus = *std::move(made);
    auto ready = runtime.run_task(consensus->wait_ready(runtime.now() + std::chrono::seconds(60)));
    if (!ready) give_up(ready.error());
  }

  void close() {
    if (auto done = runtime.run_task(consensus->stop()); !done) give_up(done.error());
    consensus.reset();
    state.reset();
  }

  Task<> submitter() {
    while (next < writes) {
      uint64_t i = next++;
      CO_TRY(co_await consensus->submit({put(peers, i)}, runtime.now() + std::chrono::seconds(60)));
    }
    co_return Result<>{};
  }

  Task<> all(int submitters) {
    TaskGroup group(runtime);
    for (int i = 0; i < submitters; ++i) group.spawn("submitter", submitter());
    co_await group.join();
    co_return Result<>{};
  }

  void measure(uint64_t count, int submitters) {
    LogIndex first = state->applied_index();
    writes = next + count;
    double process = process_seconds(), thread = thread_seconds();
    auto start = Clock::now();
    if (auto done = runtime.run_task(all(submitters)); !done) give_up(done.error());
    double seconds = since(start), n = static_cast<double>(count);
    print(fmt::format("submit-{}", submitters), n / seconds, "writes/s");
    print(fmt::format("submit-{}-cpu", submitters), (process_seconds() - process) / n * 1e6, "us/write");
    print(fmt::format("submit-{}-io-thread", submitters), (thread_seconds() - thread) / n * 1e6, "us/write");
    print(fmt::format("submit-{}-group", submitters),
          n / static_cast<double>(state->applied_index().value - first.value), "writes/entry");
  }
};

int run(const std::string& path, uint64_t count, int submitters) {
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  Bench bench;
  bench.open(path);
  // What one write alone takes, and what many reach.
  bench.measure(std::min<uint64_t>(count / 100 + 1, 2000), 1);
  bench.measure(std::min<uint64_t>(count / 10 + 1, 20000), 16);
  bench.measure(count, submitters);
  auto start = Clock::now();
  bench.close();
  print("stop", since(start), "s");
  start = Clock::now();
  bench.open(path);
  print("open-after-stop", since(start), "s");
  // The largest piece of the log that can be behind the state's last flush, applied again.
  std::filesystem::copy(path + "/state", path + "/state.old", std::filesystem::copy_options::recursive);
  bench.measure(std::min<uint64_t>(count, 50000), submitters);
  uint64_t behind = bench.state->applied_index().value;
  bench.close();
  std::filesystem::remove_all(path + "/state");
  std::filesystem::rename(path + "/state.old", path + "/state");
  start = Clock::now();
  bench.open(path);
  print("open-50000-behind", since(start), "s");
  if (bench.state->applied_index().value < behind) return 1;
  bench.close();
  return 0;
}

}  // namespace
}  // namespace ipfsc::consensus

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: consensus_bench DIR [WRITES [SUBMITTERS]]\n");
    return 2;
  }
  (void)ipfsc::set_log_levels("warn");
  return ipfsc::consensus::run(argv[1], argc > 2 ? std::stoull(argv[2]) : 200'000, argc > 3 ? std::stoi(argv[3]) : 64);
}
