#include "rpc/meter.h"

#include <gtest/gtest.h>

#include "base/virtual_runtime.h"
#include "rpc/testing/sim_network.h"

namespace ipfsc::rpc {
namespace {

using namespace std::chrono_literals;

ipld::PeerId peer_of(int number) {
  return *ipld::PeerId::from_bytes(Bytes("\x12\x20", 2) + Bytes(32, static_cast<char>(number)));
}

/// What the other side is, for one call.
Task<> echo(Stream& stream) {
  CO_TRY_ASSIGN(auto message, co_await stream.read());
  co_return co_await stream.write(*message + "!");
}

TEST(Meter, CallsAndStreamsAreCounted) {
  VirtualRuntime runtime{1};
  Meter here{runtime}, there{runtime};
  Router router;
  router.add_unary("Test/Twice", Access::kOutsider,
                   [](CallInfo, Bytes request) -> Task<Bytes> { co_return request + request; });
  router.add_stream("Test/Stream", Access::kOutsider, [&there](CallInfo, Stream& stream) -> Task<> {
    MeteredStream counted(stream, "Test/Stream", there);
    co_return co_await echo(counted);
  });
  rpc::testing::SimNetwork network{runtime};
  network.attach(peer_of(1), router);
  auto unmetered = network.client(peer_of(2));
  MeteredClient client{*unmetered, here};
  ASSERT_TRUE(runtime.run_task(client.call(peer_of(1), "Test/Twice", Bytes(100, 'x'), runtime.now() + 1s)));
  auto talk = [](PeerClient& with) -> Task<Bytes> {
    auto stream = with.open(peer_of(1), "Test/Stream");
    CO_TRY(co_await stream->write(Bytes(10, 'y')));
    CO_TRY_ASSIGN(auto message, co_await stream->read());
    co_return *message;
  };
  ASSERT_EQ(runtime.run_task(talk(client)).value().size(), 11u);
  (void)runtime.run_task(network.detach(peer_of(1)));
  auto ours = here.read(), theirs = there.read();
  EXPECT_EQ(ours.size(), 2u);
  EXPECT_EQ(ours["Test/Twice"].out.bytes, 100u);
  EXPECT_EQ(ours["Test/Twice"].in.bytes, 200u);
  EXPECT_EQ(ours["Test/Stream"].out.bytes, 10u);
  EXPECT_EQ(ours["Test/Stream"].in.bytes, 11u);
  EXPECT_EQ(theirs["Test/Stream"].in.bytes, 10u);
  EXPECT_EQ(theirs["Test/Stream"].out.bytes, 11u);
}

TEST(Meter, RatesAreOfNow) {
  VirtualRuntime runtime{1};
  Meter meter{runtime};
  for (int second = 0; second < 60; ++second) {
    meter.add_in("Test/Twice", 1000);
    (void)runtime.run_task(runtime.sleep_for(1s));
  }
  EXPECT_NEAR(meter.read()["Test/Twice"].in.per_second, 1000, 100);
  EXPECT_EQ(meter.read()["Test/Twice"].out.per_second, 0);
  (void)runtime.run_task(runtime.sleep_for(1min));
  EXPECT_LT(meter.read()["Test/Twice"].in.per_second, 1);
  EXPECT_EQ(meter.read()["Test/Twice"].in.bytes, 60'000u);
}

}  // namespace
}  // namespace ipfsc::rpc
