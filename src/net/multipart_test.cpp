#include "net/multipart.h"

#include <gtest/gtest.h>

#include <random>

#include "base/virtual_runtime.h"

namespace ipfsc::net {
namespace {

struct ReadPart {
  Headers headers;
  std::string body;
  bool operator==(const ReadPart&) const = default;
};

/// Feeds `text` in pieces whose sizes `step` gives.
Result<std::vector<ReadPart>> read_parts(std::string text, std::string boundary, std::function<size_t()> step,
                                         MultipartLimits limits = {}) {
  VirtualRuntime runtime(1);
  size_t at = 0;
  std::string piece;  // a fresh allocation each time: a view that is used too long is seen by the address sanitizer
  MultipartReader reader(
      [&]() -> Task<std::string_view> {
        piece = std::string(text.substr(at, step()));
        piece.shrink_to_fit();
        at += piece.size();
        co_return std::string_view(piece);
      },
      std::move(boundary), limits);
  return runtime.run_task([](MultipartReader& in) -> Task<std::vector<ReadPart>> {
    std::vector<ReadPart> parts;
    for (;;) {
      CO_TRY_ASSIGN(auto part, co_await in.next());
      if (!part) co_return parts;
      ReadPart read{part->headers, {}};
      for (;;) {
        CO_TRY_ASSIGN(auto bytes, co_await in.read_some());
        if (bytes.empty()) break;
        read.body += bytes;
      }
      parts.push_back(std::move(read));
    }
  }(reader));
}

TEST(Multipart, AnySplitGivesTheSameParts) {
  // Bodies made of what delimiters are made of.
  std::mt19937 random(7);
  const std::string boundary = "ab-a";
  const std::string_view bits[] = {"\r",        "\n", "-",  "--",     "\r\n", "\r\n--",
                                   "\r\n--ab-", "a",  "ab", "--ab-a", "x",    "\r\n--ab-\r"};
  for (int round = 0; round < 400; ++round) {
    std::vector<ReadPart> expected;
    std::string text = round % 3 == 0 ? "preamble\r\n" : "";
    size_t parts = random() % 4;
    for (size_t p = 0; p < parts; ++p) {
      ReadPart part{{{"Content-Disposition", "form-data; name=\"f" + std::to_string(p) + "\""}}, {}};
      for (size_t n = random() % 20; n > 0; --n) part.body += bits[random() % std::size(bits)];
      // What contains a delimiter is another message.
      if (("\r\n" + part.body).find("\r\n--" + boundary) != std::string::npos) part.body = "\r\n--ab-";
      text += "--" + boundary + "\r\nContent-Disposition: " + part.headers[0].value + "\r\n\r\n" + part.body + "\r\n";
      expected.push_back(std::move(part));
    }
    text += "--" + boundary + (round % 2 ? "--\r\nepilogue" : "--");
    auto whole = read_parts(text, boundary, [] { return size_t{1} << 20; });
    ASSERT_TRUE(whole) << whole.error().message << "\n" << text;
    ASSERT_EQ(*whole, expected) << text;
    auto bytes = read_parts(text, boundary, [] { return size_t{1}; });
    ASSERT_TRUE(bytes) << bytes.error().message;
    ASSERT_EQ(*bytes, expected) << text;
    for (int i = 0; i < 4; ++i) {
      auto pieces = read_parts(text, boundary, [&] { return 1 + random() % 9; });
      ASSERT_TRUE(pieces);
      ASSERT_EQ(*pieces, expected);
    }
  }
}

TEST(Multipart, EveryTruncationIsAnError) {
  const std::string text = "--B\r\nA: 1\r\n\r\nbody\r\n--B\r\n\r\nmore\r\n--B--";
  ASSERT_TRUE(read_parts(text, "B", [] { return size_t{3}; }));
  for (size_t n = 0; n < text.size(); ++n) {
    auto parts = read_parts(text.substr(0, n), "B", [] { return size_t{3}; });
    ASSERT_FALSE(parts) << n;
    EXPECT_EQ(parts.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(Multipart, RandomBytesNeverCrash) {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 ? "--B\r\n" : "";
    for (size_t n = random() % 120; n > 0; --n) text.push_back("\r\n-B: ;\"ax\0"[random() % 11]);
    (void)read_parts(text, "B", [&] { return 1 + random() % 20; });
  }
}

TEST(Multipart, LimitsHold) {
  auto with = [](std::string header) { return "--B\r\n" + header + "\r\n\r\nx\r\n--B--"; };
  auto all = [] { return size_t{1000}; };
  EXPECT_FALSE(read_parts(with("A: " + std::string(20000, 'a')), "B", all));
  std::string many;
  for (int i = 0; i < 40; ++i) many += "H: v\r\n";
  EXPECT_FALSE(read_parts(with(many + "Z: 1"), "B", all));
  EXPECT_FALSE(read_parts(std::string(100000, 'p') + "\r\n--B--", "B", all));
  EXPECT_FALSE(read_parts("--BX\r\n\r\nx\r\n--B--", "B", all));
  EXPECT_FALSE(read_parts(with(": no name"), "B", all));
}

TEST(Multipart, EmptyBodyMayLackItsLineEnd) {
  auto parts = read_parts("--B\r\nA: 1\r\n\r\n--B\r\nA: 2\r\n\r\n\r\n--B--\r\n", "B", [] { return size_t{2}; });
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].body, "");
  EXPECT_EQ((*parts)[1].body, "");
}

TEST(Multipart, BoundaryOfContentType) {
  EXPECT_EQ(*MultipartReader::boundary_of("multipart/form-data; boundary=\"a b\""), "a b");
  EXPECT_EQ(*MultipartReader::boundary_of("Multipart/Mixed; Boundary=xyz"), "xyz");
  for (auto text : {"application/json", "multipart/form-data", "multipart/form-data; boundary=",
                    "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a\rb\"", ""}) {
    EXPECT_FALSE(MultipartReader::boundary_of(text)) << text;
  }
  EXPECT_FALSE(MultipartReader::boundary_of("multipart/form-data; boundary=" + std::string(71, 'a')));
}

FilePart file_of(std::string disposition, std::string type = "application/octet-stream") {
  auto file =
      FilePart::from({.headers = {{"Content-Disposition", std::move(disposition)}, {"Content-Type", std::move(type)}}});
  EXPECT_TRUE(file) << file.error().message;
  return file.value_or(FilePart{});
}

TEST(FilePart, NamesAreDecodedAndCleaned) {
  EXPECT_EQ(file_of("form-data; name=\"file\"; filename=\"dir%2Fa+b.txt\"").path, "dir/a b.txt");
  EXPECT_EQ(file_of("form-data; filename=\"..%2F..%2Fetc/./passwd\"").path, "etc/passwd");
  EXPECT_EQ(file_of("form-data; filename=\"100%\"").path, "100%");  // not an escape: taken as it is
  EXPECT_EQ(file_of("form-data; name=\"x\"").path, "");
  EXPECT_EQ(file_of("form-data; filename=\"d\"", "application/x-directory").kind, FilePart::Kind::kDirectory);
  EXPECT_EQ(file_of("form-data; filename=\"l\"", "application/symlink; x=y").kind, FilePart::Kind::kSymlink);
  EXPECT_EQ(file_of("form-data; filename=\"f\"", "text/plain").kind, FilePart::Kind::kFile);
}

TEST(FilePart, BadNamesAreRefused) {
  auto from = [](std::string name) {
    return FilePart::from({.headers = {{"Content-Disposition", "form-data; filename=\"" + name + "\""}}});
  };
  EXPECT_FALSE(from("a%00b"));
  EXPECT_FALSE(from(std::string(70000, 'a')));
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "a/";
  EXPECT_FALSE(from(deep + "x"));
  EXPECT_FALSE(FilePart::from({.headers = {{"Content-Disposition", "form-data; filename=\"x"}}}));
}

TEST(MultipartWriter, IsReadBack) {
  MultipartWriter writer(1, 2);
  std::string text = writer.part_head("file", "dir/ä \"q\".txt", FilePart::Kind::kFile) + "content" +
                     writer.part_head("file", "dir", FilePart::Kind::kDirectory) + writer.closing();
  auto parts = read_parts(text, *MultipartReader::boundary_of(writer.content_type()), [] { return size_t{5}; });
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].body, "content");
  EXPECT_EQ(FilePart::from({(*parts)[0].headers})->path, "dir/ä \"q\".txt");
  EXPECT_EQ(FilePart::from({(*parts)[1].headers})->kind, FilePart::Kind::kDirectory);
  EXPECT_EQ(read_parts(MultipartWriter(1, 2).closing(), "ipfs-cluster-00000000000000010000000000000002",
                       [] { return size_t{5}; })
                ->size(),
            0u);
}

}  // namespace
}  // namespace ipfsc::net
