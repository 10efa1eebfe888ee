// Our CIDs, sizes and the order of the report are those of a real Kubo. The list is rewritten by
// tests/kubo/golden_cids.py, which also explains its format at its top.
#include <filesystem>
#include <fstream>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "importer/test_blocks.h"
#include "ipld/multihash.h"

namespace ipfsc::importer {
namespace {

using Fields = std::vector<std::string>;

struct Record {
  int line = 0;
  Fields options;
  std::vector<Fields> parts;
  std::vector<std::string> answer;
};

Fields split_tabs(const std::string& line) {
  Fields fields(1);
  for (char c : line) {
    if (c == '\t') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

// The tests run in the root of the source tree; a run by hand may start anywhere in it.
std::ifstream open_list() {
  const std::filesystem::path name = "src/importer/testdata/kubo_cids.tsv";
  for (auto dir = std::filesystem::current_path();; dir = dir.parent_path()) {
    if (std::filesystem::exists(dir / name) || dir == dir.parent_path()) return std::ifstream(dir / name);
  }
}

std::vector<Record> read_records() {
  std::vector<Record> records;
  std::ifstream file = open_list();
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    number++;
    if (line.empty() || line.starts_with('#')) continue;
    auto fields = split_tabs(line);
    if (fields[0] == "add") {
      records.push_back({.line = number, .options = fields});
    } else if (fields[0] == "=") {
      records.back().answer.push_back(line.substr(2));
    } else {
      records.back().parts.push_back(fields);
    }
  }
  return records;
}

class Upload {
 public:
  explicit Upload(const Record& record)
      : options_(
            *ImportOptions::validate({.chunker = record.options[1],
                                      .cid_version = std::stoi(record.options[2]),
                                      .raw_leaves = record.options[3] == "1",
                                      .hash_code = static_cast<uint64_t>(*ipld::hash_code_from_name(record.options[4])),
                                      .wrap = record.options[5] == "1"})),
        tree_(options_, blocks_.sink()) {
    blocks_.forget_blocks();
  }

  Result<> add(const Fields& part) {
    const auto& kind = part[0];
    const auto& name = part[1];
    if (kind == "file") return add_file(name, generated_content(std::stoull(part[2]), std::stoull(part[3])));
    if (kind == "dir") return report(tree_.add_directory(name));
    if (kind == "link") return report(tree_.add_symlink(name, part[2]));
    if (kind != "files") return fail(ErrorKind::kInternal, "unknown kind of part " + kind);
    hidden_ = name;
    Bytes content = generated_content(std::stoull(part[3]), std::stoull(part[4]));
    for (int i = 0; i < std::stoi(part[2]); i++) TRY(add_file(fmt::format("{}{:07}", name, i), content));
    return {};
  }

  Result<> finish() {
    TRY(report(tree_.finish()));
    EXPECT_EQ(tree_.root(), last_);
    return {};
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  Result<> add_file(const std::string& name, ByteView content) {
    FileBuilder file(options_, blocks_.sink());
    constexpr size_t kPieceBytes = 100'000;
    for (; !content.empty(); content.remove_prefix(std::min(kPieceBytes, content.size()))) {
      TRY(file.write(content.substr(0, kPieceBytes)));
    }
    TRY_ASSIGN(auto root, file.finish());
    return report(tree_.add_file(name, root));
  }

  Result<> report(Result<std::vector<AddedNode>> nodes) {
    if (!nodes) return fail(nodes.error());
    for (const auto& node : *nodes) {
      last_ = node;
      if (!hidden_.empty() && node.name.starts_with(hidden_)) continue;
      lines_.push_back(fmt::format("{}\t{}\t{}", node.name, node.cid.to_string(), node.cumulative_size));
    }
    return {};
  }

  TestBlocks blocks_;
  ImportOptions options_;
  TreeBuilder tree_;
  std::string hidden_;
  AddedNode last_;
  std::vector<std::string> lines_;
};

TEST(KuboCids, EveryInputOfTheListGivesWhatKuboGives) {
  auto records = read_records();
  ASSERT_GE(records.size(), 200) << "run in the source tree: src/importer/testdata/kubo_cids.tsv";
  for (const auto& record : records) {
    SCOPED_TRACE(fmt::format("kubo_cids.tsv line {}", record.line));
    Upload upload(record);
    for (const auto& part : record.parts) {
      auto added = upload.add(part);
      ASSERT_TRUE(added) << added.error().message;
    }
    auto finished = upload.finish();
    ASSERT_TRUE(finished) << finished.error().message;
    EXPECT_EQ(upload.lines(), record.answer);
  }
}

}  // namespace
}  // namespace ipfsc::importer
