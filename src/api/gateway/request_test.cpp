#include "api/gateway/request.h"

#include <gtest/gtest.h>

namespace ipfsc::api::gateway {
namespace {

const std::string kCid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";  // raw, of nothing

ErrorKind kind_of(std::string_view path) {
  auto parsed = parse_content_path(path);
  return parsed ? ErrorKind::kUnknown : parsed.error().kind;
}

TEST(GatewayRequestTest, PathsAreSplitBeforeTheyAreDecoded) {
  auto parsed = parse_content_path("/ipfs/" + kCid + "/a%2Fb//./c%20d/");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->path.root.to_string(), kCid);
  EXPECT_EQ(parsed->path.segments, (std::vector<std::string>{"a/b", "c d"}));
  EXPECT_TRUE(parsed->trailing_slash);
  EXPECT_FALSE(parse_content_path("/ipfs/" + kCid)->trailing_slash);
  EXPECT_TRUE(parse_content_path("/ipfs/" + kCid)->path.segments.empty());
}

TEST(GatewayRequestTest, BadPaths) {
  for (auto path : {"/ipfs", "/ipfs/", "/ipfs//", "/ipfs/..", "/ipfs/nonsense/a", "/ipfs/%zz", "/ipfs/%00"}) {
    EXPECT_EQ(kind_of(path), ErrorKind::kInvalidArgument) << path;
  }
  for (auto tail : {"/..", "/../x", "/a/../b", "/%2e%2e", "/%2E./x", "/%", "/%4"}) {
    EXPECT_EQ(kind_of("/ipfs/" + kCid + tail), ErrorKind::kInvalidArgument) << tail;
  }
  std::string deep = "/ipfs/" + kCid;
  for (size_t i = 0; i <= ipfs::kMaxPathSegments; ++i) deep += "/a";
  EXPECT_EQ(kind_of(deep), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of("/other"), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of("/ipfsx/" + kCid), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of("/ipns/example.net"), ErrorKind::kUnimplemented);
}

Wanted wanted(std::string_view query, std::string_view accept = "") {
  auto parsed = parse_wanted(*net::Query::parse(query), accept);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed.value_or(Wanted{});
}

TEST(GatewayRequestTest, Formats) {
  EXPECT_EQ(wanted("").format, Format::kContent);
  EXPECT_EQ(wanted("", "text/html,application/xhtml+xml,*/*;q=0.8").format, Format::kContent);
  EXPECT_EQ(wanted("format=raw").format, Format::kRaw);
  EXPECT_EQ(wanted("", "application/vnd.ipld.raw").format, Format::kRaw);
  EXPECT_EQ(wanted("format=raw", "application/vnd.ipld.car").format, Format::kRaw);
  EXPECT_EQ(wanted("", "application/vnd.ipld.raw;q=0, application/vnd.ipld.car; version=1; order=dfs; dups=y").format,
            Format::kCar);
  EXPECT_TRUE(wanted("", "application/vnd.ipld.car;dups=y").duplicates);
  EXPECT_TRUE(wanted("format=car&car-dups=y").duplicates);
  EXPECT_FALSE(wanted("format=car").duplicates);
  EXPECT_EQ(wanted("format=car&dag-scope=entity").scope, DagScope::kEntity);
  EXPECT_EQ(wanted("format=car&dag-scope=block").scope, DagScope::kBlock);
  EXPECT_EQ(wanted("format=car&dag-scope=all").scope, DagScope::kAll);
  for (auto bad : {"format=tar", "format=car&car-version=2", "format=car&car-order=bfs", "format=car&car-dups=x",
                   "format=car&dag-scope=some"}) {
    EXPECT_FALSE(parse_wanted(*net::Query::parse(bad), "")) << bad;
  }
  EXPECT_FALSE(parse_wanted({}, "application/vnd.ipld.car;version=2"));
}

void expect_range(std::string_view header, uint64_t size, RangeChoice::Kind kind, uint64_t offset, uint64_t length) {
  auto range = choose_range(header, size);
  EXPECT_EQ(range.kind, kind) << header;
  EXPECT_EQ(range.offset, offset) << header;
  EXPECT_EQ(range.length, length) << header;
}

TEST(GatewayRequestTest, Ranges) {
  using enum RangeChoice::Kind;
  expect_range("bytes=0-9", 100, kPart, 0, 10);
  expect_range("Bytes = 5 - 5", 100, kPart, 5, 1);
  expect_range("bytes=90-", 100, kPart, 90, 10);
  expect_range("bytes=90-1000", 100, kPart, 90, 10);
  expect_range("bytes=90-99999999999999999999999", 100, kPart, 90, 10);
  expect_range("bytes=-10", 100, kPart, 90, 10);
  expect_range("bytes=-1000", 100, kPart, 0, 100);
  expect_range("bytes=100-", 100, kUnsatisfiable, 0, 0);
  expect_range("bytes=99999999999999999999999-", 100, kUnsatisfiable, 0, 0);
  expect_range("bytes=-0", 100, kUnsatisfiable, 0, 0);
  expect_range("bytes=0-", 0, kUnsatisfiable, 0, 0);
  expect_range("bytes=-5", 0, kWhole, 0, 0);
  for (auto ignored : {"", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=1-b", "bytes=+1-2",
                       "items=0-1", "bytes=0-1,3-4", "bytes=--1"}) {
    expect_range(ignored, 100, kWhole, 0, 100);
  }
}

TEST(GatewayRequestTest, EntityTags) {
  EXPECT_TRUE(etag_listed("*", "\"a\""));
  EXPECT_TRUE(etag_listed("\"x\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(etag_listed("\"a\"", "W/\"a\""));
  EXPECT_FALSE(etag_listed("\"ab\", a", "\"a\""));
  EXPECT_FALSE(etag_listed("", "\"a\""));
}

TEST(GatewayRequestTest, Dispositions) {
  EXPECT_EQ(content_disposition(true, ""), "attachment");
  EXPECT_EQ(content_disposition(false, "a b.txt"), "inline; filename=\"a b.txt\"");
  EXPECT_EQ(content_disposition(true, "né\"\r\n\\.txt"),
            "attachment; filename=\"n_____.txt\"; filename*=UTF-8''n%C3%A9%22%0D%0A%5C.txt");
  EXPECT_EQ(content_disposition(true, "\xff"), "attachment; filename=\"_\"");
}

}  // namespace
}  // namespace ipfsc::api::gateway
