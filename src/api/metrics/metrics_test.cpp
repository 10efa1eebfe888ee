#include "api/metrics/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "api/metrics/process.h"
#include "net/test_support.h"

namespace ipfsc::api::metrics {
namespace {

/// The samples of a text by name and labels; fails the test at a line that is none.
std::map<std::string, double> parse(const std::string& text) {
  std::map<std::string, double> samples;
  std::istringstream lines(text);
  std::string type_of;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      type_of = line.substr(7, line.find(' ', 7) - 7);
      continue;
    }
    auto blank = line.rfind(' ');
    auto name = line.substr(0, blank);
    EXPECT_TRUE(name == type_of || name.starts_with(type_of + "{")) << line;
    size_t used = 0;
    double value = std::stod(line.substr(blank + 1), &used);
    EXPECT_EQ(used, line.size() - blank - 1) << line;
    EXPECT_TRUE(samples.emplace(name, value).second) << line;
  }
  return samples;
}

MetricsSources all_sources() {
  return {
      .version = "1.1.6+cpp.1",
      .pins =
          [] { return PinFigures{.pins = 100'000'001, .pin_queued = 2, .pinning = 3, .pin_error = 4, .ipfs_pins = 5}; },
      .pin_counters = [] { return PinCounters{.pin_adds = 6, .pin_add_errors = 7}; },
      .adds =
          [] {
            return AddCounters{
                .blocks_put = 8, .blocks_put_errors = 9, .blocks_added = 10, .blocks_added_bytes = 1ull << 40};
          },
      .informer_disk = [] { return std::optional<double>(-12.0); },
      .http = [] { return std::vector<HttpFigures>{{"restapi", 13, 1}, {"gateway", 14, 2}}; }};
}

TEST(MetricsTest, FiguresOfTheClusterAndOfFolders) {
  RealRuntime runtime;
  auto folder = testing::TempDir() + fmt::format("metrics_{}", ::getpid());
  std::filesystem::create_directories(folder + "/inside");
  std::ofstream(folder + "/a") << "12345";
  std::ofstream(folder + "/inside/b") << "123";
  MetricsSources sources;
  sources.cluster = [] {
    return ClusterFigures{
        .applied_index = 1, .feed_lag = 2, .raft_term = 3, .leads = true, .work = 4, .oldest_pending_seconds = 5.5};
  };
  sources.folders = {{"state", folder}, {"raft", folder + "/none"}};
  Metrics metrics(runtime, std::move(sources));
  auto text = runtime.run_task(metrics.text());
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(text);
  auto samples = parse(*text);
  const std::map<std::string, double> wanted{{"ipfscluster_applied_index", 1},
                                             {"ipfscluster_feed_lag", 2},
                                             {"ipfscluster_raft_term", 3},
                                             {"ipfscluster_raft_leader", 1},
                                             {"ipfscluster_movements", 4},
                                             {"ipfscluster_oldest_pending_operation_seconds", 5.5},
                                             {"ipfscluster_disk_bytes{folder=\"state\"}", 8},
                                             {"ipfscluster_disk_bytes{folder=\"raft\"}", 0}};
  for (const auto& [name, value] : wanted) EXPECT_EQ(samples.at(name), value) << name;
}

TEST(MetricsTest, NamesOfTheGoProgram) {
  RealRuntime runtime;
  Metrics metrics(runtime, all_sources());
  auto text = runtime.run_task(metrics.text());
  ASSERT_TRUE(text);
  auto samples = parse(*text);
  const std::map<std::string, double> wanted{{"ipfscluster_build_info{version=\"1.1.6+cpp.1\"}", 1},
                                             {"ipfscluster_pins", 100'000'001},
                                             {"ipfscluster_pins_pin_queued", 2},
                                             {"ipfscluster_pins_pinning", 3},
                                             {"ipfscluster_pins_pin_error", 4},
                                             {"ipfscluster_pins_ipfs_pins", 5},
                                             {"ipfscluster_pins_pin_add", 6},
                                             {"ipfscluster_pins_pin_add_errors", 7},
                                             {"ipfscluster_blocks_put", 8},
                                             {"ipfscluster_blocks_put_errors", 9},
                                             {"ipfscluster_blocks_added", 10},
                                             {"ipfscluster_blocks_added_size", 1099511627776.0},
                                             {"ipfscluster_informer_disk", -12},
                                             {"ipfscluster_http_requests_total{api=\"restapi\"}", 13},
                                             {"ipfscluster_http_connections{api=\"gateway\"}", 2}};
  for (const auto& [name, value] : wanted) {
    ASSERT_TRUE(samples.contains(name)) << name;
    EXPECT_EQ(samples[name], value) << name;
  }
  EXPECT_GT(samples["process_resident_memory_bytes"], 1 << 20);
  EXPECT_GE(samples["process_open_fds"], 3);
  EXPECT_GE(samples["process_cpu_seconds_total"], 0);
  auto now = static_cast<double>(time(nullptr));
  EXPECT_NEAR(samples["process_start_time_seconds"], now, 3600);
  EXPECT_NE(text->find("# TYPE ipfscluster_pins gauge\n"), std::string::npos);
  EXPECT_NE(text->find("# TYPE ipfscluster_blocks_put counter\n"), std::string::npos);
}

TEST(MetricsTest, SourcesThatAreNotSetAreLeftOut) {
  RealRuntime runtime;
  Metrics metrics(runtime, {.informer_disk = [] { return std::nullopt; }});
  auto samples = parse(*runtime.run_task(metrics.text()));
  EXPECT_TRUE(samples.contains("process_open_fds"));
  for (const auto& [name, value] : samples) EXPECT_TRUE(name.starts_with("process_")) << name;
}

TEST(MetricsTest, OverHttp) {
  std::unique_ptr<Metrics> metrics;
  net::TestServer server(
      [&](net::Request& request, net::Response& response) { return metrics->handle(request, response); });
  metrics = std::make_unique<Metrics>(server.runtime, all_sources());
  net::HttpClient client(server.runtime);
  server.run([](net::HttpClient& client, net::Endpoint endpoint) -> Task<> {
    CO_TRY_ASSIGN(auto good, co_await client.fetch({.endpoint = endpoint, .target = "/metrics"}, 1 << 20));
    EXPECT_EQ(good.status, 200);
    EXPECT_EQ(*net::find_header(good.headers, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_GT(parse(good.body).size(), 15u);
    CO_TRY_ASSIGN(auto other, co_await client.fetch({.endpoint = endpoint, .target = "/other"}, 1 << 20));
    EXPECT_EQ(other.status, 404);
    CO_TRY_ASSIGN(auto post,
                  co_await client.fetch({.method = "POST", .endpoint = endpoint, .target = "/metrics"}, 1 << 20));
    EXPECT_EQ(post.status, 405);
    co_return Result<>{};
  }(client, server.endpoint));
}

TEST(ProcessTest, ProgramNamesWithBlanksAndParentheses) {
  auto stat = parse_process_stat(
      "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 111 222 13 14 15 16 17 18 333 4444 55 18446744073709551615 1\n");
  ASSERT_TRUE(stat) << stat.error().message;
  EXPECT_EQ(*stat, (ProcessStat{.user_ticks = 111,
                                .system_ticks = 222,
                                .start_ticks = 333,
                                .virtual_bytes = 4444,
                                .resident_pages = 55,
                                .threads = 17}));
  EXPECT_FALSE(parse_process_stat("42 (a) S 1 2"));
  EXPECT_FALSE(parse_process_stat(""));
}

}  // namespace
}  // namespace ipfsc::api::metrics
