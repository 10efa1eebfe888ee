#include "sim/sim_content.h"

#include <random>

#include "base/check.h"
#include "cluster/block_maker.h"

namespace ipfsc::sim {
namespace {

using cluster::UploadStep;

constexpr size_t kSmall = 300, kLarge = 4000;
constexpr const char* kChunker = "size-512";

Bytes any_bytes(std::mt19937_64& random, size_t least, size_t most) {
  Bytes bytes(least + random() % (most - least), '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

ipld::Cid root_of(const Content& content) {
  auto maker = cluster::make_unixfs_maker(content.params, {});
  CHECK(maker);
  std::vector<UploadStep> steps;
  for (const auto& [path, bytes] : content.files) {
    steps.push_back({UploadStep::kBeginFile, path, {}});
    steps.push_back({UploadStep::kBytes, {}, bytes});
    steps.push_back({UploadStep::kEndFile, {}, {}});
  }
  steps.push_back({UploadStep::kFinish, {}, {}});
  CHECK((*maker)->process(std::move(steps)));
  return (*maker)->root();
}

}  // namespace

uint64_t Content::size_bytes() const {
  uint64_t size = 0;
  for (const auto& [path, bytes] : files) size += bytes.size();
  return size;
}

std::vector<Content> contents_of(uint64_t seed) {
  std::mt19937_64 random(seed);
  cluster::AddParams params{.chunker = kChunker, .cid_version = 1};
  auto small = any_bytes(random, 1, kSmall), large = any_bytes(random, kSmall, kLarge);
  auto longer = large + any_bytes(random, kSmall, kLarge);
  auto of_directory = params;
  of_directory.wrap_with_directory = true;
  std::vector<Content> contents{{.files = {{"small", small}}, .params = params},
                                {.files = {{"large", large}}, .params = params},
                                {.files = {{"longer", longer}}, .params = params},
                                {.files = {{"a/large", large}, {"b", small + large}}, .params = of_directory}};
  for (auto& content : contents) content.root = root_of(content);
  return contents;
}

}  // namespace ipfsc::sim
