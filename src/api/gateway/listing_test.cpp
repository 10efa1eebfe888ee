#include "api/gateway/listing.h"

#include <gtest/gtest.h>

namespace ipfsc::api::gateway {
namespace {

const ipld::Cid kCid = *ipld::Cid::parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");

std::string row(std::string name, std::vector<std::string> names = {}) {
  std::string out;
  append_listing_row(out, {.root = "bafyroot", .names = std::move(names)}, {std::move(name), kCid, 2048});
  return out;
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

TEST(ListingTest, NamesAreEscapedAndLinksAreRelative) {
  auto text = row("<script>alert('x')</script>&\"");
  EXPECT_FALSE(has(text, "<script"));
  EXPECT_TRUE(has(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"));
  EXPECT_TRUE(has(text, "href=\"./%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E%26%22\""));
  EXPECT_TRUE(has(row("javascript:alert(1)"), "href=\"./javascript%3Aalert%281%29\""));
  EXPECT_TRUE(has(row("a/b"), "href=\"./a%2Fb\""));
  EXPECT_TRUE(has(row("ä ?#%"), "href=\"./%C3%A4%20%3F%23%25\""));
  EXPECT_TRUE(has(row("x", {"one", "two"}), "href=\"../../../" + kCid.to_string() + "?filename=x\""));
  EXPECT_TRUE(has(row("x"), "2.0 KiB"));
}

TEST(ListingTest, NamesThatNoAddressMeansAreNotLinked) {
  for (auto name : {"", ".", ".."}) EXPECT_FALSE(has(row(name), "href=\"./")) << name;
}

TEST(ListingTest, TheHeadHasAWayUp) {
  std::string out;
  append_listing_head(out, {.root = "bafyroot", .names = {"a", "<b>"}}, kCid);
  EXPECT_TRUE(has(out, "<title>/ipfs/bafyroot/a/&lt;b&gt;</title>"));
  EXPECT_TRUE(has(out, "/ipfs/<a href=\"../../\">bafyroot</a>/<a href=\"../\"><bdi>a</bdi></a>/<a href=\"./\">"));
  EXPECT_TRUE(has(out, "<a href=\"../\">..</a>"));
  EXPECT_FALSE(has(out, "http"));
}

TEST(ListingTest, Sizes) {
  EXPECT_EQ(readable_size(0), "0 B");
  EXPECT_EQ(readable_size(1023), "1023 B");
  EXPECT_EQ(readable_size(1024), "1.0 KiB");
  EXPECT_EQ(readable_size(1536), "1.5 KiB");
  EXPECT_EQ(readable_size(10 << 20), "10 MiB");
  EXPECT_EQ(readable_size((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(readable_size(UINT64_MAX), "16 EiB");
}

}  // namespace
}  // namespace ipfsc::api::gateway
