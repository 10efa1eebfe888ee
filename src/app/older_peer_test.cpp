// What REST does not show of the older peer in tests/fixtures: its history, and what the upgrade finds to do.
// tests/e2e/test_formats.py runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "app/formats.h"
#include "app/options.h"
#include "base/files.h"
#include "base/json.h"
#include "base/real_runtime.h"
#include "config/configuration.h"
#include "consensus/raft/raft_consensus.h"
#include "identity/identity.h"

namespace ipfsc::app {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

/// The folder with the fixtures, above the build folder that this program is in.
fs::path fixtures() {
  fs::path folder = fs::canonical("/proc/self/exe");
  while (folder.has_relative_path() && !fs::exists(folder / "tests/fixtures")) folder = folder.parent_path();
  return folder / "tests/fixtures";
}

class OlderPeer : public testing::Test {
 protected:
  OlderPeer() {
    char name[] = "/tmp/older-peer-XXXXXX";
    root_ = ::mkdtemp(name);
    auto command = fmt::format("tar -xJf '{}/older_peer.tar.xz' -C '{}'", fixtures().string(), root_);
    EXPECT_EQ(std::system(command.c_str()), 0);
    folder_ = root_ + "/older_peer";
    auto text = read_file(fixtures() / "older_peer.json", 1 << 20);
    facts_ = *parse_json(text.value());
    auto identity = identity::load_identity(folder_ + "/identity.json");
    auto config = config::parse_configuration(*read_file(folder_ + "/service.json", 1 << 20), folder_, {});
    options_ = *peer_options(config->config, *identity);
  }
  ~OlderPeer() override { fs::remove_all(root_); }

  ipld::Cid cid(const char* name) const { return *ipld::Cid::parse(std::string_view(facts_.at(name).as_string())); }

  std::string root_, folder_;
  boost::json::value facts_;
  std::optional<PeerOptions> options_;
};

std::vector<state::Change::Kind> kinds(const std::vector<state::HistoryRecord>& records) {
  std::vector<state::Change::Kind> out;
  for (const auto& record : records) out.push_back(record.change.kind);
  return out;
}

TEST_F(OlderPeer, ItsHistoryCanBeRead) {
  auto state = state::State::open(options_->state);
  ASSERT_TRUE(state) << state.error().message;
  RealRuntime runtime;
  auto replay = [](Runtime& on, state::State& into, consensus::RaftOptions raft) -> Task<> {
    CO_TRY_ASSIGN(auto log, co_await consensus::RaftConsensus::open(on, into, std::move(raft)));
    auto ready = co_await log->wait_ready(on.now() + std::chrono::minutes(1));
    CO_TRY(co_await log->stop());
    co_return ready;
  };
  auto done = runtime.run_task<void>(replay(runtime, **state, options_->raft));
  ASSERT_TRUE(done) << done.error().message;
  using Kind = state::Change::Kind;
  auto named = (*state)->history(cid("named"), 0, 10);
  ASSERT_TRUE(named);
  ASSERT_THAT(kinds(*named), ElementsAre(Kind::kPin, Kind::kPin));
  EXPECT_EQ(named->at(0).after->pin.options.name, "greeting-again");
  EXPECT_EQ(named->at(0).before->pin.options.name, "greeting");
  EXPECT_THAT(kinds(*(*state)->history(cid("gone"), 0, 10)), ElementsAre(Kind::kUnpin, Kind::kPin));
  EXPECT_THAT(kinds(*(*state)->history(cid("late"), 0, 10)), ElementsAre(Kind::kPin)) << "only the log had it";
  EXPECT_TRUE((*state)->scan_hash()->equal());
}

TEST_F(OlderPeer, FoldersWithoutANumberAreOfFormatOne) {
  auto formats = folder_formats(*options_);
  ASSERT_TRUE(formats) << formats.error().message;
  std::vector<std::string> names;
  for (const auto& folder : *formats) {
    names.push_back(folder.name);
    EXPECT_EQ(folder.found, 1u) << folder.name;
  }
  EXPECT_THAT(names, ElementsAre("state", "raft", "local", "ipfs"));
}

}  // namespace
}  // namespace ipfsc::app
