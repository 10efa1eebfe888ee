#include "net/router.h"

#include "net/test_support.h"

namespace ipfsc::net {
namespace {

Handler named(std::string name) {
  return [name](Request& request, Response& response) -> Task<> {
    co_return response.send(200, fmt::format("{}({},{})", name, request.variable("cid"), request.variable("path")), "");
  };
}

class RouterTest : public testing::Test {
 protected:
  static std::shared_ptr<Router> routes(RouterOptions options = {}) {
    auto router = std::make_shared<Router>(options);
    router->add("GET", "/", named("root"));
    router->add("GET", "/pins", named("pins"));
    router->add("POST", "/pins/{cid}", named("pin"));
    router->add("GET", "/pins/{cid}", named("status"));
    router->add("POST", "/pins/recover", named("recover_all"));
    router->add("POST", "/pins/{cid}/recover", named("recover"));
    router->add("POST", "/pins/ipfs/{path...}", named("pin_path"));
    return router;
  }
};

TEST_F(RouterTest, Matches) {
  TestServer server([router = routes()](Request& q, Response& r) { return (*router)(q, r); });
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    struct Case {
      std::string method, target;
      int status;
      std::string text;  // body, or Location
    };
    for (const auto& c : std::vector<Case>{
             {"GET", "/", 200, "root(,)"},
             {"GET", "/pins", 200, "pins(,)"},
             {"POST", "/pins/Qm1", 200, "pin(Qm1,)"},
             {"GET", "/pins/Qm%31?x=y", 200, "status(Qm1,)"},
             {"POST", "/pins/recover", 200, "recover_all(,)"},
             {"GET", "/pins/recover", 405, ""},
             {"POST", "/pins/Qm1/recover", 200, "recover(Qm1,)"},
             {"POST", "/pins/ipfs/Qm1/a/b", 200, "pin_path(,Qm1/a/b)"},
             {"POST", "/pins/ipfs", 200, "pin(ipfs,)"},
             {"PUT", "/pins", 405, ""},
             {"HEAD", "/pins", 405, ""},
             {"GET", "/nothing", 404, "not found\n"},
             {"GET", "/pins/a/b/c", 404, "not found\n"},
             {"GET", "/pins/?a=b", 307, "/pins?a=b"},
             {"GET", "//example.com/", 307, "/example.com"},
             {"GET", "//example.com", 301, "/example.com"},
             {"GET", "/a/../pins", 301, "/pins"},
             {"GET", "/./pins%20x?q", 301, "/pins%20x?q"},
         }) {
      CO_TRY_ASSIGN(auto answer,
                    co_await client.fetch({.method = c.method, .endpoint = s.endpoint, .target = c.target}, 1000));
      EXPECT_EQ(answer.status, c.status) << c.method << " " << c.target;
      auto location = find_header(answer.headers, "Location");
      EXPECT_EQ(location ? *location : answer.body, c.text) << c.method << " " << c.target;
      if (c.status == 405) EXPECT_NE(find_header(answer.headers, "Allow"), nullptr);
    }
    co_return Result<>{};
  }(server));
}

TEST_F(RouterTest, HeadRunsGetWhenAsked) {
  TestServer server([router = routes({.head_as_get = true})](Request& q, Response& r) { return (*router)(q, r); });
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    CO_TRY_ASSIGN(auto answer,
                  co_await client.fetch({.method = "HEAD", .endpoint = s.endpoint, .target = "/pins"}, 1000));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(*find_header(answer.headers, "Content-Length"), "7");
    EXPECT_EQ(answer.body, "");
    co_return Result<>{};
  }(server));
}

}  // namespace
}  // namespace ipfsc::net
