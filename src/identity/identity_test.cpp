#include "identity/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/files.h"

namespace ipfsc::identity {
namespace {

using ::testing::HasSubstr;

std::string key_text(const Identity& identity) { return to_base64(identity.key.to_protobuf()); }

TEST(Identity, IsWrittenAndReadBack) {
  std::string folder = std::filesystem::temp_directory_path() / ("identity_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::string path = folder + "/identity.json";
  EXPECT_EQ(load_identity(path).error().kind, ErrorKind::kNotFound);
  auto made = generate_identity();
  EXPECT_TRUE(made.id.to_string().starts_with("12D3Koo"));
  ASSERT_TRUE(save_identity(path, made));
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  auto loaded = load_identity(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->id, made.id);
  EXPECT_EQ(loaded->key.to_protobuf(), made.key.to_protobuf());
  EXPECT_THAT(format_identity(made), testing::StartsWith("{\n    \"id\": \"12D3Koo"));
  std::filesystem::remove_all(folder);
}

TEST(Identity, RefusesWhatDoesNotFit) {
  auto a = generate_identity(), b = generate_identity();
  EXPECT_THAT(make_identity(a.id.to_string(), key_text(b)).error().message, HasSubstr("the private key belongs to"));
  EXPECT_THAT(make_identity("nonsense", key_text(a)).error().message, HasSubstr("id: "));
  EXPECT_THAT(make_identity(a.id.to_string(), "!!!").error().message, HasSubstr("private_key: "));
  EXPECT_THAT(parse_identity("{}").error().message, "id is missing");
  EXPECT_THAT(parse_identity(R"({"id":1})").error().message, "id is not a string");
  EXPECT_FALSE(parse_identity("{"));
}

TEST(Identity, TheEnvironmentReplacesIt) {
  auto a = generate_identity(), b = generate_identity();
  auto same = apply_environment(a, {});
  ASSERT_TRUE(same);
  EXPECT_EQ((*same)->id, a.id);
  auto none = apply_environment(std::nullopt, {});
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  auto replaced = apply_environment(a, {{"CLUSTER_ID", b.id.to_string()}, {"CLUSTER_PRIVATEKEY", key_text(b)}});
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_EQ((*replaced)->id, b.id);
  EXPECT_FALSE(apply_environment(a, {{"CLUSTER_ID", b.id.to_string()}}));
  EXPECT_FALSE(apply_environment(std::nullopt, {{"CLUSTER_ID", b.id.to_string()}}));
}

}  // namespace
}  // namespace ipfsc::identity
