// Client and server over loopback, with real certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/real_runtime.h"
#include "base/task_group.h"
#include "rpc/grpc/grpc_client.h"
#include "rpc/grpc/grpc_server.h"

namespace ipfsc::rpc {
namespace {

using ::testing::HasSubstr;

identity::ClusterAuthority authority(char fill) {
  return identity::ClusterAuthority::from_secret(Bytes(identity::kSecretBytes, fill)).value();
}

class Grpc : public ::testing::Test {
 protected:
  Grpc() {
    router_.add_unary("Test/Echo", Access::kMember, [](CallInfo info, Bytes request) -> Task<Bytes> {
      co_return info.caller.to_string() + ": " + request;
    });
    router_.add_unary("Test/Join", Access::kOutsider, [](CallInfo, Bytes) -> Task<Bytes> { co_return "welcome"; });
    router_.add_unary("Test/Fail", Access::kMember, [](CallInfo, Bytes request) -> Task<Bytes> {
      co_return fail(ErrorKind::kAborted, "the guard of " + request + " failed");
    });
    router_.add_unary("Test/Hang", Access::kMember, [this](CallInfo, Bytes) -> Task<Bytes> {
      ++hanging_;
      auto slept = co_await runtime_.sleep_for(std::chrono::minutes(10));
      --hanging_;
      CO_TRY(slept);
      co_return "late";
    });
    router_.add_stream("Test/Double", Access::kMember, [](CallInfo, Stream& stream) -> Task<> {
      for (;;) {
        CO_TRY_ASSIGN(auto message, co_await stream.read());
        if (!message) co_return Result<>{};
        if (*message == "fail") co_return fail(ErrorKind::kDataLoss, "asked to fail");
        CO_TRY(co_await stream.write(*message + *message));
      }
    });
    router_.add_stream("Test/Flood", Access::kMember, [this](CallInfo, Stream& stream) -> Task<> {
      for (;;) {
        CO_TRY(co_await stream.write(Bytes(100'000, 'x')));
        ++flooded_;
      }
    });
  }

  static RpcOptions options(const identity::Identity& self, char secret) {
    return {.self = self, .authority = authority(secret), .listen = {*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0")}};
  }

  /// Runs `test` with a server and a client; both are stopped however it ends.
  void with_peers(RpcOptions server_options, RpcOptions client_options, std::function<Task<>(GrpcClient&)> test) {
    auto all = [&]() -> Task<> {
      auto gate = [this](const ipld::PeerId& caller, Access access) -> Result<> {
        if (access == Access::kOutsider || members_.contains(caller)) return {};
        return fail(ErrorKind::kPermissionDenied, caller.to_string() + " is not a peer of this cluster");
      };
      GrpcServer server(runtime_, std::move(server_options), router_, gate);
      CO_TRY(server.start());
      address_ = server.addresses().front();
      GrpcClient client(runtime_, std::move(client_options));
      client.set_addresses(server_.id, {address_});
      auto result = co_await test(client);
      co_await client.stop();
      CO_TRY(co_await server.stop());
      co_return result;
    };
    auto result = runtime_.run_task<void>(all());
    EXPECT_TRUE(result) << result.error().message;
  }
  void with_peers(std::function<Task<>(GrpcClient&)> test) {
    with_peers(options(server_, 's'), options(client_, 's'), std::move(test));
  }
  SteadyTime soon() { return runtime_.now() + std::chrono::seconds(20); }

  RealRuntime runtime_;
  Router router_;
  identity::Identity server_ = identity::generate_identity(), client_ = identity::generate_identity();
  std::set<ipld::PeerId> members_{server_.id, client_.id};
  ipld::Multiaddr address_;
  int hanging_ = 0, flooded_ = 0;
};

TEST_F(Grpc, TheHandlerLearnsWhoCalls) {
  with_peers([this](GrpcClient& client) -> Task<> {
    for (size_t size : {0, 1, 5000, 3 << 20}) {
      Bytes request(size, 'r');
      CO_TRY_ASSIGN(auto answer, co_await client.call(server_.id, "Test/Echo", request, soon()));
      EXPECT_EQ(answer, client_.id.to_string() + ": " + request);
    }
    co_return Result<>{};
  });
}

TEST_F(Grpc, ErrorsOfTheHandlerComeBackAsTheyAre) {
  with_peers([this](GrpcClient& client) -> Task<> {
    auto answer = co_await client.call(server_.id, "Test/Fail", "seven", soon());
    EXPECT_EQ(answer.error(), (Error{ErrorKind::kAborted, "the guard of seven failed"}));
    auto unknown = co_await client.call(server_.id, "Test/Nothing", "", soon());
    EXPECT_EQ(unknown.error().kind, ErrorKind::kUnimplemented);
    EXPECT_THAT(unknown.error().message, HasSubstr("Test/Nothing"));
    co_return Result<>{};
  });
}

TEST_F(Grpc, OutsidersMayOnlyJoin) {
  members_.erase(client_.id);
  with_peers([this](GrpcClient& client) -> Task<> {
    auto refused = co_await client.call(server_.id, "Test/Echo", "", soon());
    EXPECT_EQ(refused.error().kind, ErrorKind::kPermissionDenied);
    EXPECT_THAT(refused.error().message, HasSubstr(client_.id.to_string()));
    CO_TRY_ASSIGN(auto answer, co_await client.call(server_.id, "Test/Join", "", soon()));
    EXPECT_EQ(answer, "welcome");
    co_return Result<>{};
  });
}

TEST_F(Grpc, AnotherSecretIsSaid) {
  with_peers(options(server_, 's'), options(client_, 'x'), [this](GrpcClient& client) -> Task<> {
    auto refused = co_await client.call(server_.id, "Test/Join", "", soon());
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnauthenticated) << refused.error().message;
    EXPECT_THAT(refused.error().message, HasSubstr("secret"));
    auto stream = client.open(server_.id, "Test/Double");
    auto read = co_await stream->read();
    EXPECT_EQ(read.error().kind, ErrorKind::kUnauthenticated) << read.error().message;
    co_return Result<>{};
  });
}

TEST_F(Grpc, WhileTheSecretIsExchangedBothAreAccepted) {
  auto both = options(server_, 's');
  both.previous_authority = authority('o');
  auto old_with_new = options(client_, 'o');
  old_with_new.previous_authority = authority('s');
  with_peers(both, old_with_new, [this](GrpcClient& client) -> Task<> {
    CO_TRY_ASSIGN(auto answer, co_await client.call(server_.id, "Test/Echo", "hi", soon()));
    EXPECT_THAT(answer, HasSubstr("hi"));
    co_return Result<>{};
  });
}

TEST_F(Grpc, AnotherPeerAtTheAddressIsRefused) {
  with_peers([this](GrpcClient& client) -> Task<> {
    auto wanted = identity::generate_identity().id;
    client.set_addresses(wanted, {address_});
    auto refused = co_await client.call(wanted, "Test/Join", "", soon());
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnauthenticated) << refused.error().message;
    EXPECT_THAT(refused.error().message, HasSubstr(server_.id.to_string()));
    EXPECT_THAT(refused.error().message, HasSubstr(wanted.to_string()));
    co_return Result<>{};
  });
}

TEST_F(Grpc, APeerThatIsNotThereIsUnavailableAtOnce) {
  with_peers([this](GrpcClient& client) -> Task<> {
    auto nobody = identity::generate_identity().id;
    auto unknown = co_await client.call(nobody, "Test/Echo", "", soon());
    EXPECT_EQ(unknown.error().kind, ErrorKind::kUnavailable);
    client.set_addresses(nobody, {*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/1")});
    auto refused = co_await client.call(nobody, "Test/Echo", "", soon());
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable) << refused.error().message;
    EXPECT_TRUE(was_not_made(unknown.error())) << unknown.error().message;
    EXPECT_TRUE(was_not_made(refused.error())) << refused.error().message;
    // The next address is tried after that.
    client.set_addresses(server_.id, {*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/1"), address_});
    while (!(co_await client.call(server_.id, "Test/Echo", "", soon()))) EXPECT_LT(runtime_.now(), soon());
    co_return Result<>{};
  });
}

TEST_F(Grpc, DeadlinesEndACallOnBothSides) {
  with_peers([this](GrpcClient& client) -> Task<> {
    auto late = co_await client.call(server_.id, "Test/Hang", "", runtime_.now() + std::chrono::milliseconds(200));
    EXPECT_EQ(late.error().kind, ErrorKind::kDeadlineExceeded);
    while (hanging_ > 0) CO_TRY(co_await runtime_.sleep_for(std::chrono::milliseconds(5)));
    co_return Result<>{};
  });
}

TEST_F(Grpc, ACancelledCallIsCancelledThereToo) {
  with_peers([this](GrpcClient& client) -> Task<> {
    TaskGroup tasks(runtime_);
    auto hang = [](GrpcClient& client, ipld::PeerId peer, SteadyTime deadline) -> Task<> {
      CO_TRY(co_await client.call(peer, "Test/Hang", "", deadline));
      co_return Result<>{};
    };
    tasks.spawn("hanging", hang(client, server_.id, soon()));
    while (hanging_ == 0) CO_TRY(co_await runtime_.sleep_for(std::chrono::milliseconds(5)));
    co_await tasks.stop();
    while (hanging_ > 0) CO_TRY(co_await runtime_.sleep_for(std::chrono::milliseconds(5)));
    co_return Result<>{};
  });
}

TEST_F(Grpc, StreamsGoBothWays) {
  with_peers([this](GrpcClient& client) -> Task<> {
    auto stream = client.open(server_.id, "Test/Double");
    for (int i = 0; i < 200; ++i) {
      CO_TRY(co_await stream->write(std::to_string(i)));
      CO_TRY_ASSIGN(auto answer, co_await stream->read());
      EXPECT_EQ(answer, std::to_string(i) + std::to_string(i));
    }
    CO_TRY(co_await stream->end_writes());
    CO_TRY_ASSIGN(auto end, co_await stream->read());
    EXPECT_FALSE(end);
    auto failing = client.open(server_.id, "Test/Double");
    CO_TRY(co_await failing->write("fail"));
    auto failed = co_await failing->read();
    EXPECT_EQ(failed.error(), (Error{ErrorKind::kDataLoss, "asked to fail"}));
    EXPECT_FALSE(co_await failing->write("more"));
    co_return Result<>{};
  });
}

TEST_F(Grpc, AStreamThatIsNotReadHoldsItsWriterUp) {
  with_peers([this](GrpcClient& client) -> Task<> {
    {
      auto stream = client.open(server_.id, "Test/Flood");
      CO_TRY(co_await stream->read());
      CO_TRY(co_await runtime_.sleep_for(std::chrono::milliseconds(300)));
      EXPECT_LT(flooded_, 300) << "30 MB on their way";
      int before = flooded_;
      for (int i = 0; i < 400; ++i) CO_TRY(co_await stream->read());
      EXPECT_GT(flooded_, before);
    }
    co_return Result<>{};
  });
}

TEST_F(Grpc, MessagesHaveABound) {
  auto small = options(server_, 's');
  small.max_message_bytes = 10'000;
  with_peers(small, options(client_, 's'), [this](GrpcClient& client) -> Task<> {
    auto refused = co_await client.call(server_.id, "Test/Echo", Bytes(20'000, 'x'), soon());
    EXPECT_EQ(refused.error().kind, ErrorKind::kResourceExhausted) << refused.error().message;
    CO_TRY(co_await client.call(server_.id, "Test/Echo", Bytes(1000, 'x'), soon()));
    co_return Result<>{};
  });
}

TEST_F(Grpc, StopEndsCallsUnderWay) {
  with_peers([this](GrpcClient& client) -> Task<> {
    auto stream = client.open(server_.id, "Test/Double");
    CO_TRY(co_await stream->write("a"));
    CO_TRY(co_await stream->read());
    auto flood = client.open(server_.id, "Test/Flood");
    CO_TRY(co_await flood->read());
    co_return Result<>{};  // with_peers() stops both while the streams are open
  });
}

TEST_F(Grpc, APeerThatStopsDuringACallIsUnavailable) {
  auto all = [this]() -> Task<> {
    GrpcServer server(runtime_, options(server_, 's'), router_,
                      [](const ipld::PeerId&, Access) -> Result<> { return {}; });
    CO_TRY(server.start());
    GrpcClient client(runtime_, options(client_, 's'));
    client.set_addresses(server_.id, {server.addresses().front()});
    auto stream = client.open(server_.id, "Test/Double");
    CO_TRY(co_await stream->write("a"));
    CO_TRY(co_await stream->read());
    TaskGroup tasks(runtime_);
    tasks.spawn("stopping the server", [](Runtime& runtime, GrpcServer& stopping, int& hanging) -> Task<> {
      while (hanging == 0) CO_TRY(co_await runtime.sleep_for(std::chrono::milliseconds(5)));
      co_return co_await stopping.stop();
    }(runtime_, server, hanging_));
    auto answer = co_await client.call(server_.id, "Test/Hang", "", soon());
    EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable) << answer.error().message;
    auto read = co_await stream->read();
    EXPECT_EQ(read.error().kind, ErrorKind::kUnavailable) << read.error().message;
    co_await tasks.join();
    co_await client.stop();
    co_return Result<>{};
  };
  auto result = runtime_.run_task<void>(all());
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(Grpc, TwoServersDoNotShareAPort) {
  with_peers([this](GrpcClient&) -> Task<> {
    auto second = options(client_, 's');
    second.listen = {address_};
    GrpcServer server(runtime_, second, router_, [](const ipld::PeerId&, Access) -> Result<> { return {}; });
    auto started = server.start();
    EXPECT_EQ(started.error().kind, ErrorKind::kAlreadyExists);
    EXPECT_THAT(started.error().message, HasSubstr(address_.to_string()));
    co_return Result<>{};
  });
}

}  // namespace
}  // namespace ipfsc::rpc
