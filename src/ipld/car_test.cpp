#include "ipld/car.h"

#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

Block block(ByteView data) { return {raw_cid(data), Bytes(data)}; }

Bytes make_car(const std::vector<Cid>& roots, const std::vector<Block>& blocks) {
  Bytes out = encode_car_header({roots});
  for (const auto& b : blocks) {
    size_t before = out.size();
    append_car_block(out, b.cid, b.data);
    EXPECT_EQ(out.size() - before, car_section_size(b.cid, b.data.size()));
  }
  return out;
}

struct Contents {
  CarHeader header;
  std::vector<Block> blocks;
  bool operator==(const Contents&) const = default;
};

// Feeds pieces of `step` bytes and pulls what is there after each.
Result<Contents> read(ByteView car, size_t step, CarReaderOptions options = {}) {
  CarReader reader(options);
  Contents out;
  while (!car.empty()) {
    size_t size = std::min(step, car.size());
    reader.feed(car.substr(0, size));
    car.remove_prefix(size);
    while (true) {
      TRY_ASSIGN(auto next, reader.next());
      if (!next) break;
      out.blocks.push_back(*std::move(next));
    }
  }
  TRY(reader.finish());
  TRY_ASSIGN(auto header, reader.header());
  out.header = header.value();
  return out;
}

TEST(Car, HeaderHasTheSpecificationsForm) {
  Cid root = Cid::parse("bafkqaaa").value();
  EXPECT_EQ(to_hex(encode_car_header({{root}})), "19a265726f6f747381d82a4500015500006776657273696f6e01");
  EXPECT_EQ(to_hex(encode_car_header({})), "11a265726f6f7473806776657273696f6e01");
  Bytes out;
  append_car_block(out, root, "xy");
  EXPECT_EQ(to_hex(out), "06015500007879");
}

TEST(Car, ReadsInPiecesOfAnySize) {
  std::vector<Block> blocks{block("one"), block(""), block(std::string(1000, 'x')), {Cid::v0(sha2_256("v0")), "v0"}};
  Bytes car = make_car({blocks[0].cid, blocks[2].cid}, blocks);
  for (size_t step : {size_t{1}, size_t{2}, size_t{7}, size_t{40}, size_t{1024}, car.size()}) {
    auto contents = read(car, step);
    ASSERT_TRUE(contents.has_value()) << contents.error().message;
    EXPECT_EQ(*contents, (Contents{{{blocks[0].cid, blocks[2].cid}}, blocks}));
  }
}

TEST(Car, HeaderComesBeforeTheBlocks) {
  Bytes car = make_car({}, {block("one")});
  CarReader reader;
  EXPECT_EQ(reader.header().value(), std::nullopt);
  reader.feed(car);
  EXPECT_EQ(reader.header().value(), CarHeader{});
  EXPECT_EQ(reader.next().value(), block("one"));
  EXPECT_EQ(reader.next().value(), std::nullopt);
  EXPECT_EQ(reader.header().value(), CarHeader{});
  EXPECT_TRUE(reader.finish().has_value());
}

TEST(Car, RefusesMalformedFiles) {
  std::string good = "11a265726f6f7473806776657273696f6e01";
  std::pair<std::string, std::string> cases[] = {
      {"", "ends in its header, after 0 bytes"},
      {good.substr(0, 20), "ends in its header, after 10 bytes"},
      {"00", "header at byte 0 is empty"},
      {"01a0", "no version"},
      {"0180", "no version"},
      {"0aa16776657273696f6e01", "no list of roots"},
      {"11a265726f6f7473806776657273696f6e00", "no version 0"},
      {"12a265726f6f747381006776657273696f6e01", "a root is not a link"},
      {"11a265726f6f7473606776657273696f6e01", "no list of roots"},
      {"11a26776657273696f6e0165726f6f747380", "not sorted"},
      {"8000", "shortest"},
      {"ffffffffffffffffffff", "longer than 9 bytes"},
      {good + "00", "section at byte 18 is empty"},
      {good + "0155", "section at byte 18: invalid cid"},
      {good + "0501", "section at byte 18 is cut off"},
      {good + "80", "section at byte 18 is cut off"},
      {good + "8000", "section at byte 18"},
      {good + "04015512000155", "invalid cid"},
  };
  for (const auto& [text, why] : cases) {
    for (size_t step : {1, 1000}) {
      auto contents = read(hex(text), step);
      EXPECT_EQ(kind(contents), ErrorKind::kInvalidArgument) << text;
      EXPECT_THAT(message(contents), testing::HasSubstr(why)) << text;
    }
  }
  auto v2 = read(hex("0aa16776657273696f6e02"), 100);
  EXPECT_EQ(kind(v2), ErrorKind::kUnimplemented);
  EXPECT_THAT(message(v2), testing::HasSubstr("CARv2"));
}

TEST(Car, BoundsSectionsAndHeader) {
  Bytes car = make_car({block("x").cid}, {block(std::string(100, 'x'))});
  EXPECT_TRUE(read(car, 1, {.max_section_bytes = 136}).has_value());
  EXPECT_EQ(kind(read(car, 1, {.max_section_bytes = 135})), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(read(car, 1, {.max_header_bytes = 16})), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(read(hex("11a265726f6f7473806776657273696f6e01"
                          "ffffffffffffff7f"),
                      1)),
            ErrorKind::kResourceExhausted);
}

TEST(Car, AnErrorStays) {
  CarReader reader;
  reader.feed(hex("01a0"));
  EXPECT_FALSE(reader.next().has_value());
  reader.feed(make_car({}, {}));
  EXPECT_FALSE(reader.header().has_value());
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.finish().has_value());
}

TEST(Car, MutatedFilesGiveTheSameInAnyPieces) {
  Random random(8);
  for (int i = 0; i < 3000; ++i) {
    std::vector<Block> blocks;
    for (size_t n = random.below(4); n > 0; --n) blocks.push_back(block(random.bytes(random.below(50))));
    Bytes car = make_car({raw_cid("r")}, blocks);
    auto whole = read(car, car.size());
    ASSERT_EQ(whole->blocks, blocks);
    Bytes mutated = random.mutate(car);
    ASSERT_EQ(read(mutated, 1), read(mutated, 1 + random.below(100)));
  }
}

}  // namespace
}  // namespace ipfsc::ipld
