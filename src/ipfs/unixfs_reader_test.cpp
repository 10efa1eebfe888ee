#include "ipfs/unixfs_reader.h"

#include <gmock/gmock.h>

#include "ipfs/embedded/test_support.h"
#include "ipfs/path.h"

namespace ipfsc::ipfs::test {
namespace {

using testing::HasSubstr;

/// A file as a balanced tree of `width` links, and its bytes.
struct File {
  std::vector<ipld::Block> blocks;
  ipld::Cid root;
  Bytes content;
};

struct Part {
  ipld::Cid cid;
  uint64_t size;
};

Part join(std::vector<ipld::Block>& blocks, const std::vector<Part>& parts, Bytes own = "") {
  ipld::UnixFs file{.type = ipld::UnixFsType::kFile};
  ipld::PbNode node;
  uint64_t size = own.size();
  if (!own.empty()) file.data = own;
  for (const auto& part : parts) {
    file.block_sizes.push_back(part.size);
    node.links.push_back({.cid = part.cid, .tsize = part.size});
    size += part.size;
  }
  file.file_size = size;
  node.data = ipld::encode_unixfs(file);
  blocks.push_back(make_block(ipld::kDagPb, ipld::encode_pb(node)));
  return {blocks.back().cid, size};
}

File make_file(size_t bytes, size_t chunk, size_t width, bool raw) {
  File file;
  std::mt19937_64 random(bytes);
  std::vector<Part> level;
  for (size_t at = 0; at < bytes; at += chunk) {
    Bytes data;
    for (size_t i = 0; i < std::min(chunk, bytes - at); ++i) data.push_back(static_cast<char>(random()));
    file.content += data;
    file.blocks.push_back(raw ? raw_block(data) : pb_leaf(data));
    level.push_back({file.blocks.back().cid, data.size()});
  }
  while (level.size() > 1) {
    std::vector<Part> next;
    for (size_t i = 0; i < level.size(); i += width) {
      next.push_back(join(file.blocks, {level.begin() + i, level.begin() + std::min(i + width, level.size())}));
    }
    level = std::move(next);
  }
  file.root = level.at(0).cid;
  return file;
}

class ReaderTest : public NodeTest {
 protected:
  Result<Bytes> read(const ipld::Cid& cid, FileReader::Options options = {}) { return run(read_task(cid, options)); }
  Task<Bytes> read_task(ipld::Cid cid, FileReader::Options options) {
    CO_TRY_ASSIGN(auto content, co_await open_content(node(), cid));
    FileReader reader(runtime_, node(), std::move(content), options);
    Bytes all;
    while (true) {
      CO_TRY_ASSIGN(Bytes piece, co_await reader.next());
      if (piece.empty()) co_return all;
      all += piece;
    }
  }
  Result<ipld::Cid> resolve(const std::string& path) { return run(node().resolve(path)); }
};

TEST_F(ReaderTest, ReadsEveryRange) {
  for (bool raw : {true, false}) {
    auto file = make_file(1003, 10, 4, raw);
    ASSERT_TRUE(add(file.blocks));
    EXPECT_EQ(run(open_content(node(), file.root)).value().size_bytes, 1003u);
    for (uint64_t offset : {0, 1, 9, 10, 11, 39, 40, 500, 1000, 1002, 1003, 5000}) {
      for (uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{10}, uint64_t{41}, uint64_t{900}, UINT64_MAX}) {
        for (size_t read_ahead : {1, 4}) {
          auto got = read(file.root, {.offset = offset, .length = length, .read_ahead = read_ahead});
          ASSERT_TRUE(got) << got.error().message;
          EXPECT_EQ(*got, offset < 1003 ? file.content.substr(offset, length) : "");
        }
      }
    }
  }
}

TEST_F(ReaderTest, ReadsSmallAndOddFiles) {
  auto leaf = raw_block("raw"), empty = raw_block(""), pb = pb_leaf("leaf");
  std::vector<ipld::Block> blocks{leaf, empty, pb};
  // Own data before the links, as trickle layouts have it.
  auto mixed = join(blocks, {{leaf.cid, 3}, {pb.cid, 4}}, "own ");
  ASSERT_TRUE(add(blocks));
  EXPECT_EQ(read(leaf.cid).value(), "raw");
  EXPECT_EQ(read(empty.cid).value(), "");
  EXPECT_EQ(read(pb.cid).value(), "leaf");
  EXPECT_EQ(read(mixed.cid).value(), "own rawleaf");
  EXPECT_EQ(read(mixed.cid, {.offset = 3, .length = 3}).value(), " ra");
}

TEST_F(ReaderTest, NamesAMissingBlock) {
  auto file = make_file(200, 10, 4, true);
  auto lost = file.blocks[7];
  file.blocks.erase(file.blocks.begin() + 7);
  ASSERT_TRUE(add(file.blocks));
  auto result = read(file.root);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(result.error().message, HasSubstr(lost.cid.to_string()));
  EXPECT_EQ(read(file.root, {.offset = 100}).value(), file.content.substr(100));
}

TEST_F(ReaderTest, RefusesWrongSizes) {
  auto leaf = raw_block("four");
  std::vector<ipld::Block> blocks{leaf};
  auto wrong = join(blocks, {{leaf.cid, 5}});
  ASSERT_TRUE(add(blocks));
  auto result = read(wrong.cid);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("4 bytes where its parent says 5"));
}

TEST_F(ReaderTest, RefusesTooManyLevels) {
  auto leaf = raw_block("deep");
  std::vector<ipld::Block> blocks{leaf};
  Part part{leaf.cid, 4};
  for (size_t i = 0; i < kMaxFileDepth + 5; ++i) part = join(blocks, {part});
  ASSERT_TRUE(add(blocks));
  EXPECT_THAT(read(part.cid).error().message, HasSubstr("levels"));
}

TEST_F(ReaderTest, OpensSymlinksAndOtherNodes) {
  ipld::PbNode link;
  link.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kSymlink, .data = "../target"});
  auto symlink = make_block(ipld::kDagPb, ipld::encode_pb(link));
  auto cbor = make_block(ipld::kDagCbor, ipld::encode_cbor(ipld::CborValue::uint(1)));
  auto plain = make_block(ipld::kDagPb, ipld::encode_pb({}));
  ASSERT_TRUE(add({symlink, cbor, plain}));
  auto opened = run(open_content(node(), symlink.cid)).value();
  EXPECT_EQ(opened.kind, ContentKind::kSymlink);
  EXPECT_EQ(opened.target, "../target");
  EXPECT_EQ(run(open_content(node(), cbor.cid)).value().kind, ContentKind::kNode);
  EXPECT_EQ(run(open_content(node(), plain.cid)).value().kind, ContentKind::kNode);
}

// --- Directories and paths

ipld::Block directory(const std::vector<std::pair<std::string, ipld::Cid>>& entries) {
  ipld::PbNode node;
  for (const auto& [name, cid] : entries) node.links.push_back({.cid = cid, .name = name, .tsize = 7});
  node.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kDirectory});
  return make_block(ipld::kDagPb, ipld::encode_pb(node));
}

/// A trie of these names with fanout 256, built by the specification.
ipld::Cid shard(std::vector<ipld::Block>& blocks, const std::vector<std::string>& names, const ipld::Cid& target,
                size_t depth = 0) {
  std::map<unsigned, std::vector<std::string>> slots;
  for (const auto& name : names) slots[murmur3_x64_64(name) >> (56 - 8 * depth) & 0xff].push_back(name);
  ipld::PbNode node;
  for (const auto& [slot, inside] : slots) {
    std::string prefix = fmt::format("{:02X}", slot);
    if (inside.size() == 1) {
      node.links.push_back({.cid = target, .name = prefix + inside[0], .tsize = 7});
    } else {
      node.links.push_back({.cid = shard(blocks, inside, target, depth + 1), .name = prefix, .tsize = 7});
    }
  }
  node.data =
      ipld::encode_unixfs({.type = ipld::UnixFsType::kHamtShard, .data = "bits", .hash_type = 0x22, .fanout = 256});
  blocks.push_back(make_block(ipld::kDagPb, ipld::encode_pb(node)));
  return blocks.back().cid;
}

TEST(Murmur3, MatchesTheReference) {
  // First halves of the 128-bit values of the reference implementation.
  EXPECT_EQ(murmur3_x64_64(""), 0u);
  EXPECT_EQ(murmur3_x64_64("hello"), 0xcbd8a7b341bd9b02u);
  EXPECT_EQ(murmur3_x64_64("hello, world"), 0x342fac623a5ebc8eu);
  EXPECT_EQ(murmur3_x64_64("19 Jan 2038 at 3:14:07 AM"), 0xb89e5988b737affcu);
  EXPECT_EQ(murmur3_x64_64("The quick brown fox jumps over the lazy dog."), 0xcd99481f9ee902c9u);
}

TEST_F(ReaderTest, ResolvesPathsThroughDirectories) {
  auto file = raw_block("file"), b = raw_block("b");
  auto inner = directory({{"b", b.cid}, {"file.txt", file.cid}});
  auto outer = directory({{"a", inner.cid}});
  ASSERT_TRUE(add({file, b, inner, outer}));
  auto root = outer.cid.to_string();
  EXPECT_EQ(resolve("/ipfs/" + root + "/a/file.txt").value(), file.cid);
  EXPECT_EQ(resolve(root + "/a//b/").value(), b.cid);
  EXPECT_EQ(resolve("ipfs://" + root).value(), outer.cid);
  auto missing = resolve("/ipfs/" + root + "/a/nothing");
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message, "no link named \"nothing\" under " + inner.cid.to_string());
  EXPECT_EQ(resolve("/ipfs/" + root + "/a/b/c").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(resolve("/ipfs/nonsense").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(resolve("/ipfs/" + root + "/../x").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(resolve("/ipns/example.org").error().kind, ErrorKind::kUnimplemented);
  EXPECT_EQ(resolve("").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(ReaderTest, ResolvesPathsThroughDagCbor) {
  auto leaf = raw_block("leaf");
  using ipld::CborValue;
  auto list = CborValue::list({CborValue::uint(1), CborValue::link(leaf.cid)});
  auto node_block = make_block(ipld::kDagCbor, ipld::encode_cbor(CborValue::map({{"items", list}})));
  ASSERT_TRUE(add({leaf, node_block}));
  auto root = node_block.cid.to_string();
  EXPECT_EQ(resolve("/ipfs/" + root + "/items/1").value(), leaf.cid);
  EXPECT_EQ(resolve("/ipfs/" + root + "/items/0").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(resolve("/ipfs/" + root + "/items/2").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(resolve("/ipfs/" + root + "/items").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(ReaderTest, ReadsPlainAndShardedDirectories) {
  auto leaf = raw_block("leaf");
  std::vector<ipld::Block> blocks{leaf};
  std::vector<std::string> names;
  for (int i = 0; i < 2000; ++i) names.push_back("name " + std::to_string(i));
  auto root = shard(blocks, names, leaf.cid);
  auto plain = directory({{"one", leaf.cid}, {"two", leaf.cid}});
  blocks.push_back(plain);
  ASSERT_TRUE(add(blocks));
  for (const auto& name : {names[0], names[999], names[1999]}) {
    EXPECT_EQ(resolve("/ipfs/" + root.to_string() + "/" + name).value(), leaf.cid);
  }
  EXPECT_EQ(resolve("/ipfs/" + root.to_string() + "/none").error().kind, ErrorKind::kNotFound);

  auto list = [&](const ipld::Cid& cid) {
    DirectoryReader reader(node(), run(open_content(node(), cid)).value());
    std::vector<DirectoryEntry> entries;
    while (run(reader.next(entries, 100)).value() > 0) {
    }
    return entries;
  };
  std::set<std::string> found;
  for (const auto& entry : list(root)) found.insert(entry.name);
  EXPECT_EQ(found, std::set<std::string>(names.begin(), names.end()));
  EXPECT_THAT(list(plain.cid),
              testing::ElementsAre(DirectoryEntry{"one", leaf.cid, 7}, DirectoryEntry{"two", leaf.cid, 7}));
}

}  // namespace
}  // namespace ipfsc::ipfs::test
