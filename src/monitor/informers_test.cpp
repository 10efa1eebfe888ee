#include "monitor/informers.h"

#include <stdexcept>

#include "base/virtual_runtime.h"
#include "monitor/ping.h"
#include "monitor/test_support.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

template <class T>
Task<T> answer(T value) {
  co_return value;
}
template <class T>
std::function<Task<T>()> giving(T value) {
  return [value] { return answer<T>(value); };
}
template <class T>
Task<T> failure(Error error) {
  co_return std::unexpected(error);
}
template <class T>
Task<T> exception() {
  throw std::runtime_error("broken");
  co_return T{};
}

class InformersTest : public ::testing::Test {
 protected:
  Findings ask(const Source& source) { return runtime_.run_task(source()).value(); }
  Informer informer(Source source) { return {runtime_, peer(1), {.name = "test"}, std::move(source)}; }

  VirtualRuntime runtime_{1};
};

Finding finding(std::string name, std::string value, int64_t weight) {
  return {.name = std::move(name), .value = std::move(value), .weight = weight};
}

TEST_F(InformersTest, DiskTellsFreeSpaceAndRepoSize) {
  EXPECT_THAT(ask(disk_source({}, giving(DiskFigures{.repo_size_bytes = 300, .storage_max_bytes = 1000}))),
              ElementsAre(finding("freespace", "700", 700), finding("reposize", "300", -300)));
  EXPECT_THAT(ask(disk_source({.reposize = false}, giving(DiskFigures{300, 1000}))),
              ElementsAre(finding("freespace", "700", 700)));
}

TEST_F(InformersTest, AFullDiskHasNoFreeSpaceMetric) {
  for (uint64_t size : {1000u, 1001u}) {
    EXPECT_THAT(ask(disk_source({}, giving(DiskFigures{size, 1000}))),
                ElementsAre(finding("reposize", std::to_string(size), -static_cast<int64_t>(size))));
  }
}

TEST_F(InformersTest, FiguresBeyondAWeightAreItsMost) {
  auto most = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(ask(disk_source({}, giving(DiskFigures{0, UINT64_MAX}))),
              ElementsAre(finding("freespace", "18446744073709551615", most), finding("reposize", "0", 0)));
  EXPECT_THAT(ask(numpin_source(giving(UINT64_MAX))), ElementsAre(finding("numpin", "18446744073709551615", -most)));
}

TEST_F(InformersTest, NumpinPrefersFewPins) {
  EXPECT_THAT(ask(numpin_source(giving(uint64_t{42}))), ElementsAre(finding("numpin", "42", -42)));
}

TEST_F(InformersTest, TagsArePartitionable) {
  EXPECT_THAT(ask(tags_source({.tags = {{"zone", "eu"}, {"group", "default"}}})),
              ElementsAre(Finding{"tag:group", "default", 0, true}, Finding{"tag:zone", "eu", 0, true}));
  EXPECT_THAT(ask(tags_source({})), IsEmpty());
  EXPECT_THAT(ask(tags_source({.tags = {{"a", ""}, {"b", ""}, {"c", ""}}, .max_tags = 2})), SizeIs(2));
}

TEST_F(InformersTest, PinqueueIsWeightedInBuckets) {
  EXPECT_THAT(ask(pinqueue_source({}, giving(uint64_t{99'999}))), ElementsAre(finding("pinqueue", "99999", 0)));
  EXPECT_THAT(ask(pinqueue_source({}, giving(uint64_t{250'000}))), ElementsAre(finding("pinqueue", "250000", -2)));
  EXPECT_THAT(ask(pinqueue_source({.weight_bucket_size = 0}, giving(uint64_t{7}))),
              ElementsAre(finding("pinqueue", "7", -7)));
}

TEST_F(InformersTest, BandwidthPrefersIdlePeers) {
  EXPECT_THAT(ask(bandwidth_source({}, giving(BandwidthFigures{3 << 20, 1 << 20}))),
              ElementsAre(finding("bandwidth", "4194304", -4)));
}

TEST_F(InformersTest, RttIsTheMedian) {
  EXPECT_THAT(ask(rtt_source(giving(std::vector<Duration>{9ms, 1ms, 300ms, 2ms, 5ms}))),
              ElementsAre(finding("rtt", "5000", -5000)));
  EXPECT_THAT(ask(rtt_source(giving(std::vector<Duration>{9ms, 1ms}))), ElementsAre(finding("rtt", "1000", -1000)));
  EXPECT_THAT(ask(rtt_source(giving(std::vector<Duration>{}))), IsEmpty());
}

TEST_F(InformersTest, AnInformerGivesReadingsOfItsPeer) {
  auto one = informer(numpin_source(giving(uint64_t{42})));
  auto readings = runtime_.run_task(one.read()).value();
  ASSERT_THAT(readings, SizeIs(1));
  const auto& metric = readings[0].metric;
  EXPECT_EQ(metric.name, "numpin");
  EXPECT_EQ(metric.peer, peer(1));
  EXPECT_TRUE(metric.valid);
  EXPECT_EQ(metric.received_at, runtime_.wall_now());
  EXPECT_EQ(metric.expire, runtime_.wall_now() + 30s);
  EXPECT_EQ(readings[0].ttl, 30s);
  runtime_.run_for(1s);
  EXPECT_NE(runtime_.run_task(one.read()).value()[0].stamp, readings[0].stamp);
}

TEST_F(InformersTest, WhatFailsOrThrowsYieldsNoMetric) {
  auto failing = informer(numpin_source([] { return failure<uint64_t>({ErrorKind::kUnavailable, "no node"}); }));
  EXPECT_THAT(runtime_.run_task(failing.read()).value(), IsEmpty());
  EXPECT_EQ(failing.failure()->message, "no node");
  auto throwing = informer(numpin_source([] { return exception<uint64_t>(); }));
  auto begin = runtime_.now();
  EXPECT_THAT(runtime_.run_task(throwing.read()).value(), IsEmpty());
  EXPECT_THAT(throwing.failure()->message, ::testing::HasSubstr("broken"));
  EXPECT_EQ(runtime_.now(), begin) << "at once";
}

TEST_F(InformersTest, WhatHangsIsGivenUpAtTheTimeout) {
  auto hanging = informer([this]() -> Task<Findings> {
    return [](Runtime& runtime) -> Task<Findings> {
      CO_TRY(co_await runtime.sleep_for(1h));
      co_return Findings{};
    }(runtime_);
  });
  auto begin = runtime_.now();
  EXPECT_THAT(runtime_.run_task(hanging.read()).value(), IsEmpty());
  EXPECT_EQ(runtime_.now() - begin, 10s);
  EXPECT_EQ(hanging.failure()->kind, ErrorKind::kDeadlineExceeded);
}

TEST_F(InformersTest, CancellationIsPassedOn) {
  auto cancelled = informer(numpin_source([] { return failure<uint64_t>({ErrorKind::kCancelled, "stop"}); }));
  EXPECT_EQ(ipld::kind(runtime_.run_task(cancelled.read())), ErrorKind::kCancelled);
  EXPECT_FALSE(cancelled.failure());
}

TEST_F(InformersTest, AFailureIsSaidOnceAndItsEndToo) {
  Result<uint64_t> now = 1;
  auto one = informer(
      numpin_source([&now]() { return [](Result<uint64_t> value) -> Task<uint64_t> { co_return value; }(now); }));
  auto said = [&] {
    ::testing::internal::CaptureStderr();
    (void)runtime_.run_task(one.read());
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(said(), "");
  now = fail(ErrorKind::kUnavailable, "no node, try 1");
  EXPECT_THAT(said(), ::testing::HasSubstr("no node, try 1"));
  now = fail(ErrorKind::kUnavailable, "no node, try 2");
  EXPECT_EQ(said(), "");
  EXPECT_EQ(one.failure()->message, "no node, try 2");
  now = fail(ErrorKind::kInternal, "nonsense");
  EXPECT_THAT(said(), ::testing::HasSubstr("nonsense"));
  now = 1;
  EXPECT_THAT(said(), ::testing::HasSubstr("again"));
  EXPECT_EQ(said(), "");
}

TEST_F(InformersTest, RunReadsTwiceATtlAndSoonerAfterNothing) {
  bool good = true;
  std::vector<Duration> sunk;
  int asked = 0;
  auto begin = runtime_.now();
  Informer slow(runtime_, peer(1), {.name = "test", .ttl = 60s, .retry = 5s}, [&] {
    ++asked;
    return answer(good ? Findings{finding("a", "1", 1)} : Findings{});
  });
  spawn_into(runtime_.executor(), slow.run([&](std::vector<Reading>) { sunk.push_back(runtime_.now() - begin); }),
             [](Result<>) {});
  runtime_.run_for(70s);
  EXPECT_THAT(sunk, ElementsAre(0s, 30s, 60s));
  good = false;
  runtime_.run_for(40s);  // asked at 90, 95, 100, 105 and 110 s
  EXPECT_EQ(asked, 8);
  EXPECT_THAT(sunk, SizeIs(3));
}

std::vector<ipld::Multiaddr> addresses(const std::vector<std::string>& texts) {
  std::vector<ipld::Multiaddr> all;
  for (const auto& text : texts) all.push_back(ipld::Multiaddr::parse(text).value());
  return all;
}

TEST(Ping, TellsTheNameAndTheIpfsNodeWithItsUsefulAddresses) {
  PingFacts facts{.peername = "one",
                  .ipfs_id = "12D3I",
                  .ipfs_addresses = addresses({"/ip4/127.0.0.1/tcp/4001", "/ip4/192.168.1.2/tcp/4001",
                                               "/ip4/169.254.7.7/tcp/4001", "/ip6/::1/tcp/4001", "/ip6/fe80::1/tcp/1",
                                               "/ip6/2001:db8::1/tcp/4001", "/dns4/example.org/tcp/4001",
                                               "/ip4/0.0.0.0/tcp/1", "/ip4/224.0.0.1/udp/1", "/unix/run/ipfs"})};
  auto value = ping_value(facts);
  EXPECT_EQ(value, R"({"peer_name":"one","ipfs_id":"12D3I","ipfs_addresses":["/ip4/192.168.1.2/tcp/4001",)"
                   R"("/ip6/2001:db8::1/tcp/4001","/dns4/example.org/tcp/4001"]})");
  facts.ipfs_addresses =
      addresses({"/ip4/192.168.1.2/tcp/4001", "/ip6/2001:db8::1/tcp/4001", "/dns4/example.org/tcp/4001"});
  EXPECT_EQ(ping_from_value(value), facts);
}

TEST(Ping, LeavesOutWhatIsEmptyAndReadsWhatItCan) {
  EXPECT_EQ(ping_value({}), "{}");
  EXPECT_EQ(ping_from_value("{}"), PingFacts{});
  EXPECT_EQ(ping_from_value(R"({"peer_name":3,"ipfs_id":"I","ipfs_addresses":[1,"x","/dns/a/tcp/1"],"more":1})"),
            (PingFacts{.peername = "", .ipfs_id = "I", .ipfs_addresses = addresses({"/dns/a/tcp/1"})}));
  for (std::string_view bad : {"", "[]", "\"x\"", "{"}) {
    EXPECT_EQ(ipld::kind(ping_from_value(bad)), ErrorKind::kInvalidArgument) << bad;
  }
}

TEST(Ping, FitsIntoAMetricWhateverTheNodeHas) {
  PingFacts facts{.peername = "one", .ipfs_id = "12D3I", .ipfs_addresses = {}};
  for (int i = 0; i < 200; ++i) {
    auto name = std::string(60, 'a') + "." + std::string(60, 'b') + std::to_string(i);
    facts.ipfs_addresses.push_back(ipld::Multiaddr::parse("/dns4/" + name + "/tcp/4001").value());
  }
  auto value = ping_value(facts);
  EXPECT_LE(value.size(), 4096u);
  auto read = ping_from_value(value).value();
  EXPECT_EQ(read.peername, "one");
  EXPECT_GT(read.ipfs_addresses.size(), 20u);
  facts.peername = std::string(5000, 'n');
  EXPECT_EQ(ping_value(facts), R"({"ipfs_id":"12D3I"})");
}

}  // namespace
}  // namespace ipfsc::monitor
