#include "api/gateway/content_type.h"

#include <gtest/gtest.h>

#include <string>

namespace ipfsc::api::gateway {
namespace {

using namespace std::string_view_literals;

TEST(ContentTypeTest, ByExtension) {
  EXPECT_EQ(content_type_by_name("a.HTML"), "text/html");
  EXPECT_EQ(content_type_by_name("archive.tar.gz"), "application/gzip");
  EXPECT_EQ(content_type_by_name("photo.jpeg"), "image/jpeg");
  EXPECT_EQ(content_type_by_name("7z.7z"), "application/x-7z-compressed");
  EXPECT_EQ(content_type_by_name("x.zst"), "application/zstd");
  EXPECT_EQ(content_type_by_name("notes.txt"), "text/plain; charset=utf-8");
  for (auto unknown : {"", "html", ".", "a.", "a.unknown", "a.averyverylongextension"}) {
    EXPECT_EQ(content_type_by_name(unknown), "") << unknown;
  }
}

TEST(ContentTypeTest, ByFirstBytes) {
  EXPECT_EQ(sniff_content_type("\x89PNG\r\n\x1a\nrest"sv), "image/png");
  EXPECT_EQ(sniff_content_type("RIFF\x10\0\0\0WEBPVP8 "sv), "image/webp");
  EXPECT_EQ(sniff_content_type("\0\0\0\x18"
                               "ftypisom"sv),
            "video/mp4");
  EXPECT_EQ(sniff_content_type("%PDF-1.7"), "application/pdf");
  EXPECT_EQ(sniff_content_type(std::string(257, '\0') + "ustar"), "application/x-tar");
  EXPECT_EQ(sniff_content_type("\n <!DOCTYPE Html>"), "text/html");
  EXPECT_EQ(sniff_content_type("<p>text"), "text/html");
  EXPECT_EQ(sniff_content_type("<pre>text"), "text/plain; charset=utf-8");  // as the standard has it
  EXPECT_EQ(sniff_content_type("<?xml version=\"1.0\"?>"), "text/xml; charset=utf-8");
  EXPECT_EQ(sniff_content_type("<svg xmlns=\"\">"), "image/svg+xml");
  EXPECT_EQ(sniff_content_type(""), "text/plain; charset=utf-8");
  EXPECT_EQ(sniff_content_type("plain\n"), "text/plain; charset=utf-8");
  EXPECT_EQ(sniff_content_type("caf\xe9"), "text/plain");
  EXPECT_EQ(sniff_content_type("a\0b"sv), "application/octet-stream");
}

TEST(ContentTypeTest, ACharacterCutOffAtTheEndIsStillText) {
  std::string text(kSniffBytes - 1, 'a');
  text += "é and more";
  EXPECT_EQ(sniff_content_type(text), "text/plain; charset=utf-8");
  EXPECT_EQ(sniff_content_type(text.substr(0, kSniffBytes)), "text/plain; charset=utf-8");
}

}  // namespace
}  // namespace ipfsc::api::gateway
