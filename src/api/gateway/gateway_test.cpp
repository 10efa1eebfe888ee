#include "api/gateway/gateway.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "api/gateway/test_node.h"
#include "ipld/car.h"
#include "ipld/dag_cbor.h"
#include "net/test_support.h"

namespace ipfsc::api::gateway {
namespace {

class GatewayTest : public testing::Test {
 protected:
  void TearDown() override { (void)server.runtime.run_task(server.stop(std::chrono::seconds(0))); }

  net::WholeResponse ask(std::string target, net::Headers headers = {}, std::string method = "GET") {
    net::ClientRequest request{.method = std::move(method),
                               .endpoint = server.endpoint,
                               .target = std::move(target),
                               .headers = std::move(headers)};
    auto answer = server.runtime.run_task(with_deadline(server.runtime, server.runtime.now() + net::kTestLimit, "ask",
                                                        client.fetch(std::move(request), 64 << 20)));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(net::WholeResponse{});
  }
  static std::string header(const net::WholeResponse& answer, std::string_view name) {
    const auto* value = net::find_header(answer.headers, name);
    return value ? *value : "";
  }
  static std::string path_of(const ipld::Cid& cid, std::string_view rest = "") {
    return "/ipfs/" + cid.to_string() + std::string(rest);
  }
  void expect_error(const net::WholeResponse& answer, int status, std::string_view part) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_NE(answer.body.find(part), std::string::npos) << answer.body;
    EXPECT_EQ(header(answer, "Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(header(answer, "ETag"), "");
  }
  std::string random_bytes(size_t size) {
    std::string out(size, '\0');
    for (auto& c : out) c = static_cast<char>(random());
    return out;
  }

  struct Car {
    std::vector<ipld::Cid> roots;
    std::vector<ipld::Block> blocks;
  };
  static Car read_car(ByteView bytes) {
    ipld::CarReader reader;
    Car car;
    // In pieces of an odd size, as a network would give them.
    for (size_t at = 0; at < bytes.size(); at += 777) {
      reader.feed(bytes.substr(at, 777));
      for (;;) {
        auto block = reader.next();
        EXPECT_TRUE(block) << block.error().message;
        if (!block || !*block) break;
        EXPECT_TRUE(ipld::verify_block((*block)->cid, (*block)->data));
        car.blocks.push_back(*std::move(*block));
      }
    }
    EXPECT_TRUE(reader.finish());
    auto head = reader.header();
    if (head && *head) car.roots = (*head)->roots;
    return car;
  }
  static std::vector<ipld::Cid> cids(const Car& car) {
    std::vector<ipld::Cid> out;
    for (const auto& block : car.blocks) out.push_back(block.cid);
    return out;
  }

  GatewayOptions options{.max_answers = 3, .sorted_entries = 50};
  std::mt19937_64 random{7};
  net::TestServer server{
      [this](net::Request& request, net::Response& response) { return gateway.handle(request, response); }};
  MemoryNode node;
  Gateway gateway{server.runtime, node, options};
  net::HttpClient client{server.runtime};
};

TEST_F(GatewayTest, FilesWithTheirHeaders) {
  auto text = node.file("hello, world\n");
  auto dir = node.directory({{"sub", node.directory({{"a b.css", text}, {"plain", text}})}});
  auto sub = node.directory({{"a b.css", text}, {"plain", text}});

  auto answer = ask(path_of(dir, "/sub/a%20b.css"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello, world\n");
  EXPECT_EQ(header(answer, "Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(header(answer, "Content-Length"), "13");
  EXPECT_EQ(header(answer, "ETag"), "\"" + text.to_string() + "\"");
  EXPECT_EQ(header(answer, "X-Ipfs-Path"), path_of(dir, "/sub/a%20b.css"));
  EXPECT_EQ(header(answer, "X-Ipfs-Roots"), dir.to_string() + "," + sub.to_string() + "," + text.to_string());
  EXPECT_EQ(header(answer, "Cache-Control"), "public, max-age=29030400, immutable");
  EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(answer, "Accept-Ranges"), "bytes");
  EXPECT_EQ(header(answer, "Content-Disposition"), "");

  EXPECT_EQ(header(ask(path_of(text)), "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(header(ask(path_of(text, "?filename=x.png")), "Content-Type"), "image/png");
  EXPECT_EQ(header(ask(path_of(text, "?filename=a%20%22b%22.png")), "Content-Disposition"),
            "inline; filename=\"a _b_.png\"; filename*=UTF-8''a%20%22b%22.png");
  EXPECT_EQ(header(ask(path_of(dir, "/sub/plain?download=true")), "Content-Disposition"),
            "attachment; filename=\"plain\"");
  EXPECT_EQ(header(ask(path_of(text, "?download=true")), "Content-Disposition"),
            "attachment; filename=\"" + text.to_string() + "\"");
  EXPECT_EQ(gateway.active(), 0u);
}

TEST_F(GatewayTest, HeadHasTheHeadersOfGet) {
  auto file = node.file(random_bytes(5000));
  auto dir = node.directory({{"f", file}});
  for (auto target : {path_of(file), path_of(dir, "/"), path_of(dir, "/f"), path_of(dir, "?format=car"),
                      path_of(file, "?format=raw"), path_of(dir, "/none"), std::string("/ipfs/bad")}) {
    auto get = ask(target), head = ask(target, {}, "HEAD");
    EXPECT_EQ(head.status, get.status) << target;
    EXPECT_EQ(head.body, "") << target;
    for (auto name : {"Content-Type", "Content-Length", "ETag", "Cache-Control", "Content-Disposition"}) {
      EXPECT_EQ(header(head, name), header(get, name)) << target << " " << name;
    }
  }
  // Nothing of a large file is read beyond what tells its type.
  node.reads = 0;
  ask(path_of(dir, "/f"), {{"Range", "bytes=0-5"}}, "HEAD");
  EXPECT_LE(node.reads, 6u);
}

TEST_F(GatewayTest, AnyRangeOfAnyFile) {
  for (size_t size : {0, 1, 999, 1000, 1001, 4000, 4001, 23456}) {
    auto bytes = random_bytes(size);
    auto target = path_of(node.file(bytes), "?filename=x.bin.gz");
    EXPECT_EQ(ask(target).body, bytes);
    for (int i = 0; i < 25; ++i) {
      uint64_t from = random() % (size + 10), to = from + random() % (size + 10);
      std::string spec = fmt::format("bytes={}-{}", from, to);
      if (i % 5 == 3) spec = fmt::format("bytes={}-", from), to = size;
      if (i % 5 == 4) spec = fmt::format("bytes=-{}", to), from = size - std::min<uint64_t>(to, size), to = size;
      auto answer = ask(target, {{"Range", spec}});
      bool suffix = spec[6] == '-';
      if (suffix && spec != "bytes=-0" && size == 0) {
        EXPECT_EQ(answer.status, 200) << spec;
        continue;
      }
      if (from >= size || spec == "bytes=-0") {
        EXPECT_EQ(answer.status, 416) << spec << " of " << size;
        EXPECT_EQ(header(answer, "Content-Range"), fmt::format("bytes */{}", size));
        continue;
      }
      auto wanted = bytes.substr(from, to - from + 1);
      EXPECT_EQ(answer.status, 206) << spec << " of " << size;
      EXPECT_EQ(answer.body, wanted) << spec << " of " << size;
      EXPECT_EQ(header(answer, "Content-Range"), fmt::format("bytes {}-{}/{}", from, from + wanted.size() - 1, size));
    }
  }
}

TEST_F(GatewayTest, RangesReadOnlyTheirBlocks) {
  auto file = node.file(random_bytes(64'000));
  node.reads = 0;
  EXPECT_EQ(ask(path_of(file, "?filename=x.gz"), {{"Range", "bytes=63000-63999"}}).body.size(), 1000u);
  EXPECT_LE(node.reads, 4u);  // one for each level
}

TEST_F(GatewayTest, Conditions) {
  auto file = node.file("0123456789");
  auto etag = "\"" + file.to_string() + "\"";
  auto known = ask(path_of(file), {{"If-None-Match", "\"x\", W/" + etag}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
  EXPECT_EQ(header(known, "ETag"), etag);
  EXPECT_EQ(ask(path_of(file), {{"If-None-Match", "\"x\""}}).status, 200);
  EXPECT_EQ(ask(path_of(file, "?format=raw"), {{"If-None-Match", etag}}).status, 200);

  net::Header range{"Range", "bytes=2-3"};
  EXPECT_EQ(ask(path_of(file), {range, {"If-Range", etag}}).body, "23");
  EXPECT_EQ(ask(path_of(file), {range, {"If-Range", "W/" + etag}}).body, "0123456789");
  EXPECT_EQ(ask(path_of(file), {range, {"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}}).body, "0123456789");
}

TEST_F(GatewayTest, Directories) {
  auto page = node.file("<html>index</html>");
  auto with_index = node.directory({{"index.html", page}, {"x", page}});
  auto moved = ask(path_of(with_index, "?a=b"));
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(header(moved, "Location"), path_of(with_index, "/?a=b"));
  auto index = ask(path_of(with_index, "/"));
  EXPECT_EQ(index.body, "<html>index</html>");
  EXPECT_EQ(header(index, "Content-Type"), "text/html");
  EXPECT_EQ(header(index, "ETag"), "\"" + page.to_string() + "\"");

  auto dir = node.directory({{"<i>&", page}, {"..", page}, {"a/b", page}, {"index.html", node.directory({})}});
  EXPECT_EQ(ask(path_of(dir)).status, 301);
  auto listing = ask(path_of(dir, "/"));
  EXPECT_EQ(listing.status, 200);
  EXPECT_EQ(header(listing, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(listing.body.find("&lt;i&gt;&amp;"), std::string::npos);
  EXPECT_EQ(listing.body.find("<i>"), std::string::npos);
  EXPECT_EQ(listing.body.find("href=\"./..\""), std::string::npos);
  EXPECT_NE(header(listing, "Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  auto etag = header(listing, "ETag");
  EXPECT_TRUE(etag.starts_with("W/\"")) << etag;
  EXPECT_EQ(ask(path_of(dir, "/"), {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(ask(path_of(dir, "/a%2Fb")).body, "<html>index</html>");
  EXPECT_EQ(ask(path_of(dir, "/%3Ci%3E%26")).status, 200);
}

TEST_F(GatewayTest, ShardedDirectoriesAreListedAndSearched) {
  MemoryNode::Entries entries;
  for (int i = 0; i < 200; ++i)
    entries.emplace_back(fmt::format("name {}", i), node.file(fmt::format("content {}", i)));
  auto small = node.sharded_directory({entries.begin(), entries.begin() + 40}), large = node.sharded_directory(entries);
  for (auto& [dir, count] : {std::pair(small, 40), std::pair(large, 200)}) {
    auto body = ask(path_of(dir, "/")).body;
    std::set<size_t> places;
    for (int i = 0; i < count; ++i) places.insert(body.find(fmt::format("<bdi>name {}</bdi>", i)));
    EXPECT_EQ(places.size(), static_cast<size_t>(count));
    EXPECT_FALSE(places.contains(std::string::npos));
    EXPECT_NE(body.find(fmt::format("{} entries", count)), std::string::npos);
  }
  auto body = ask(path_of(small, "/")).body;
  EXPECT_LT(body.find(">name 1<"), body.find(">name 10<"));
  EXPECT_LT(body.find(">name 10<"), body.find(">name 2<"));
  EXPECT_EQ(ask(path_of(large, "/name%20199")).body, "content 199");
}

TEST_F(GatewayTest, Symlinks) {
  auto dir = node.directory({{"link", node.symlink("../else <where>")}});
  auto answer = ask(path_of(dir, "/link"));
  EXPECT_EQ(answer.body, "../else <where>");
  EXPECT_EQ(header(answer, "Content-Type"), "inode/symlink");
}

TEST_F(GatewayTest, RawBlocks) {
  auto bytes = random_bytes(5000);
  auto file = node.file(bytes);
  auto dir = node.directory({{"f", file}});
  auto answer = ask(path_of(dir, "/f"), {{"Accept", "application/vnd.ipld.raw"}});
  EXPECT_TRUE(ipld::verify_block(file, answer.body));
  EXPECT_EQ(header(answer, "Content-Type"), "application/vnd.ipld.raw");
  EXPECT_EQ(header(answer, "ETag"), "\"" + file.to_string() + ".raw\"");
  EXPECT_EQ(header(answer, "Content-Disposition"), "attachment; filename=\"" + file.to_string() + ".bin\"");
  EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(ask(path_of(dir, "?format=raw")).body, *server.runtime.run_task(node.get_block(dir)));
  EXPECT_EQ(ask(path_of(file, "?format=raw"), {{"Range", "bytes=1-2"}}).body, answer.body.substr(1, 2));
}

TEST_F(GatewayTest, OtherCodecsAreBlocks) {
  auto file = node.file("linked");
  auto cbor = node.put(ipld::kDagCbor, ipld::encode_cbor(ipld::CborValue::link(file)));
  auto answer = ask(path_of(cbor));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(header(answer, "Content-Type"), "application/vnd.ipld.dag-cbor");
  EXPECT_TRUE(ipld::verify_block(cbor, answer.body));
  EXPECT_EQ(read_car(ask(path_of(cbor, "?format=car")).body).blocks.size(), 2u);
}

TEST_F(GatewayTest, CarsHoldTheWayAndTheDag) {
  auto file = node.file(random_bytes(10'000));
  auto other = node.file(random_bytes(3000));
  auto sub = node.directory({{"again", file}, {"f", file}});
  auto dir = node.directory({{"other", other}, {"sub", sub}});

  auto answer = ask(path_of(dir, "/sub?format=car"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(header(answer, "Content-Type"), "application/vnd.ipld.car; version=1; order=dfs; dups=n");
  EXPECT_TRUE(header(answer, "ETag").starts_with("W/\""));
  auto car = read_car(answer.body);
  EXPECT_EQ(car.roots, std::vector{sub});
  ASSERT_GE(car.blocks.size(), 3u);
  EXPECT_EQ(car.blocks[0].cid, dir);
  EXPECT_EQ(car.blocks[1].cid, sub);
  EXPECT_EQ(car.blocks[2].cid, file);
  auto all = cids(car);
  EXPECT_EQ(all.size(), 2 + 10 + 3 + 1u);  // leaves, nodes over four of them, their root
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());

  auto twice = read_car(ask(path_of(sub), {{"Accept", "application/vnd.ipld.car; dups=y"}}).body);
  EXPECT_EQ(twice.blocks.size(), 1 + 2 * 14u);
  EXPECT_EQ(cids(read_car(ask(path_of(dir, "/sub?format=car&dag-scope=block")).body)), (std::vector{dir, sub}));
  EXPECT_EQ(cids(read_car(ask(path_of(dir, "/sub?format=car&dag-scope=entity")).body)), (std::vector{dir, sub}));
  EXPECT_EQ(read_car(ask(path_of(dir, "/other?format=car&dag-scope=entity")).body).blocks.size(), 1 + 4u);
}

TEST_F(GatewayTest, CarsOfShardedDirectoriesHaveTheShards) {
  MemoryNode::Entries entries;
  for (int i = 0; i < 100; ++i) entries.emplace_back(fmt::format("{}", i), node.file(fmt::format("content {}", i)));
  auto dir = node.sharded_directory(entries);
  size_t shards = node.blocks.size() - 100;
  EXPECT_EQ(read_car(ask(path_of(dir, "?format=car&dag-scope=entity")).body).blocks.size(), shards);
  EXPECT_EQ(read_car(ask(path_of(dir, "?format=car")).body).blocks.size(), shards + 100);

  // What came is enough to walk the path again.
  auto car = read_car(ask(path_of(dir, "/77?format=car")).body);
  EXPECT_EQ(car.roots, std::vector{entries[77].second});
  node.blocks.clear();
  for (auto& block : car.blocks) node.blocks[Bytes(block.cid.multihash())] = block.data;
  EXPECT_EQ(ask(path_of(dir, "/77")).body, "content 77");
}

TEST_F(GatewayTest, CarThatCannotBeWholeIsBrokenOff) {
  auto file = node.file(random_bytes(200'000));
  auto last = random_bytes(1000);
  auto leaf = node.put(ipld::kRaw, last);
  auto dir = node.directory({{"a", file}, {"b", leaf}});
  node.forget(leaf);
  net::ClientRequest request{.endpoint = server.endpoint, .target = path_of(dir, "?format=car")};
  EXPECT_FALSE(server.runtime.run_task(client.fetch(request, 1 << 20)));
  EXPECT_EQ(gateway.active(), 0u);
  EXPECT_EQ(ask(path_of(file)).status, 200);
}

TEST_F(GatewayTest, WhatIsNotHere) {
  auto leaf = node.file("content");
  auto dir = node.directory({{"a", leaf}});
  expect_error(ask(path_of(dir, "/b")), 404, "no link named \"b\" under " + dir.to_string());
  expect_error(ask(path_of(dir, "/a/b")), 404, "\"b\"");
  node.forget(leaf);
  expect_error(ask(path_of(dir, "/a")), 404, leaf.to_string());
  expect_error(ask(path_of(leaf, "?format=car")), 404, leaf.to_string());
  expect_error(ask(path_of(leaf), {{"Cache-Control", "only-if-cached"}}), 412, leaf.to_string());
}

TEST_F(GatewayTest, BadRequests) {
  auto file = node.file("x");
  expect_error(ask("/ipfs/nonsense/x"), 400, "nonsense");
  expect_error(ask("/ipfs/"), 400, "no CID");
  expect_error(ask(path_of(file, "/%2e%2e/x")), 400, "..");
  expect_error(ask(path_of(file, "/../../etc/passwd")), 400, "..");
  expect_error(ask(path_of(file, "?format=tar")), 400, "tar");
  expect_error(ask("/ipns/example.net"), 501, "IPNS");
  expect_error(ask("/api/v0/id"), 404, "/ipfs/");
  expect_error(ask(path_of(file), {}, "POST"), 405, "POST");
  expect_error(ask(path_of(file), {{"Service-Worker", "script"}}), 400, "service worker");
  EXPECT_EQ(ask("/").status, 200);
  auto broken = node.put(ipld::kDagPb, "not protobuf");
  expect_error(ask(path_of(broken)), 422, broken.to_string());
  EXPECT_EQ(ask(path_of(file)).body, "x");
}

TEST_F(GatewayTest, TooManyAnswersAtOnce) {
  auto file = node.file(random_bytes(8 << 20), 256 << 10, 174);
  std::vector<std::unique_ptr<net::ClientExchange>> slow;
  auto open = [&]() -> Task<> {
    for (size_t i = 0; i < 3; ++i) {
      CO_TRY_ASSIGN(auto exchange, co_await client.request({.endpoint = server.endpoint, .target = path_of(file)}));
      slow.push_back(std::make_unique<net::ClientExchange>(std::move(exchange)));  // and nothing of the body is read
    }
    co_return Result<>{};
  };
  ASSERT_TRUE(server.runtime.run_task(open()));
  EXPECT_EQ(gateway.active(), 3u);
  auto refused = ask(path_of(file));
  expect_error(refused, 503, "3 answers");
  EXPECT_NE(header(refused, "Retry-After"), "");
  size_t got = 0;
  auto drain = [&]() -> Task<> {
    CO_TRY_ASSIGN(auto body, co_await slow[0]->read_all(64 << 20));
    got = body.size();
    co_return Result<>{};
  };
  ASSERT_TRUE(server.runtime.run_task(drain()));
  EXPECT_EQ(got, 8u << 20);
  slow.clear();
}

}  // namespace
}  // namespace ipfsc::api::gateway
