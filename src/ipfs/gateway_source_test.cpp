#include "ipfs/gateway_source.h"

#include <gmock/gmock.h>

#include "base/deadline.h"
#include "base/real_runtime.h"
#include "net/http_server.h"

namespace ipfsc::ipfs {
namespace {

using testing::HasSubstr;

class GatewayTest : public testing::Test {
 protected:
  GatewayTest()
      : server_(runtime_, {},
                [this](net::Request& request, net::Response& response) { return answer(request, response); }) {
    auto listened = server_.listen(*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0"));
    EXPECT_TRUE(listened);
    address_ = server_.addresses().at(0);
    url_ = "http://127.0.0.1:" + std::to_string(address_.tcp()->port);
  }
  ~GatewayTest() override { (void)runtime_.run_task(stop()); }
  Task<> stop() {
    source_.reset();
    co_await server_.stop(runtime_.now());
    co_return Result<>{};
  }
  Task<> answer(net::Request& request, net::Response& response) {
    targets_.emplace_back(request.target());
    accepts_.emplace_back(request.header("Accept").value_or(""));
    if (targets_.size() == 1 && !redirect_.empty()) {
      response.add_header("Location", redirect_);
      co_return response.send_empty(302);
    }
    bool lies = targets_.back().starts_with("/liar/");
    co_return response.send(status_, lies ? "lies!" : body_, "application/vnd.ipld.raw");
  }
  Result<Bytes> fetch(std::vector<std::string> urls, FetchHints hints = {}, size_t max_bytes = 1000) {
    auto made = GatewaySource::make(runtime_, {.urls = std::move(urls)});
    EXPECT_TRUE(made);
    source_ = *made;
    return runtime_.run_task(with_deadline(runtime_, runtime_.now() + std::chrono::seconds(20), "the test",
                                           source_->fetch(cid_, std::move(hints), max_bytes)));
  }

  RealRuntime runtime_;
  net::HttpServer server_;
  ipld::Multiaddr address_;
  std::string url_, redirect_, body_ = "bytes";
  int status_ = 200;
  std::vector<std::string> targets_, accepts_;
  std::shared_ptr<GatewaySource> source_;
  ipld::Cid cid_ = *ipld::Cid::of(1, ipld::kRaw, 0x12, "bytes");
};

TEST_F(GatewayTest, AsksForTheRawBlock) {
  EXPECT_EQ(fetch({url_ + "/base/"}).value(), "bytes");
  EXPECT_THAT(targets_, testing::ElementsAre("/base/ipfs/" + cid_.to_string() + "?format=raw"));
  EXPECT_THAT(accepts_, testing::ElementsAre("application/vnd.ipld.raw"));
}

TEST_F(GatewayTest, UsesHttpOriginsOnly) {
  auto http = *ipld::Multiaddr::parse(address_.to_string() + "/http");
  auto libp2p = *ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/4001");
  EXPECT_EQ(fetch({}, {.origins = {libp2p, http}}).value(), "bytes");
  EXPECT_EQ(source_->reach({.origins = {http}}), SourceReach::kPublic);
  EXPECT_EQ(source_->reach({.origins = {libp2p}}), SourceReach::kNowhere);
}

TEST_F(GatewayTest, GoesOnToTheNext) { EXPECT_EQ(fetch({"http://127.0.0.1:1", url_}).value(), "bytes"); }

TEST_F(GatewayTest, ALiarHidesNobody) {
  EXPECT_EQ(fetch({url_ + "/liar", url_}).value(), "bytes");
  auto lied = fetch({url_ + "/liar"});
  ASSERT_FALSE(lied);
  EXPECT_EQ(lied.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(lied.error().message, HasSubstr("sent bytes that are not this block"));
}

TEST_F(GatewayTest, SaysWhatEachAnswered) {
  status_ = 404;
  auto no = fetch({url_});
  EXPECT_EQ(no.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(no.error().message, HasSubstr("answered 404"));
  status_ = 503;
  auto busy = fetch({url_});
  EXPECT_EQ(busy.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(busy.error().message, HasSubstr("answered 503"));
}

TEST_F(GatewayTest, RefusesTooManyBytes) {
  body_ = Bytes(5000, 'x');
  EXPECT_FALSE(fetch({url_}));
}

TEST_F(GatewayTest, FollowsARedirect) {
  redirect_ = url_ + "/elsewhere?x=1";
  EXPECT_EQ(fetch({url_}).value(), "bytes");
  EXPECT_EQ(targets_.back(), "/elsewhere?x=1");
}

TEST_F(GatewayTest, RefusesWhatIsNoUrl) { EXPECT_FALSE(GatewaySource::make(runtime_, {.urls = {"gopher"}})); }

}  // namespace
}  // namespace ipfsc::ipfs
