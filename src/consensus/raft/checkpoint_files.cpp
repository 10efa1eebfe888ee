#include "consensus/raft/checkpoint_files.h"

#include <openssl/evp.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <set>

#include "base/check.h"
#include "storage/status.h"

namespace ipfsc::consensus {
namespace {

constexpr size_t kMaxNameBytes = 64;

rocksdb::Env& of(rocksdb::Env* env) { return env != nullptr ? *env : *rocksdb::Env::Default(); }

bool plain(std::string_view name) {
  auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
           c == '.';
  };
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' && std::ranges::all_of(name, allowed);
}

std::unexpected<Error> damaged(const std::string& path) {
  return fail(ErrorKind::kDataLoss, fmt::format("{} came damaged", path));
}

}  // namespace

Result<std::vector<CheckpointFileInfo>> list_checkpoint(const std::string& folder, rocksdb::Env* env) {
  std::string doing = fmt::format("list {}", folder);
  std::vector<std::string> names;
  TRY(storage::check(of(env).GetChildren(folder, &names), doing));
  std::ranges::sort(names);
  std::vector<CheckpointFileInfo> files;
  for (auto& name : names) {
    if (name == "." || name == "..") continue;
    uint64_t size = 0;
    TRY(storage::check(of(env).GetFileSize(folder + "/" + name, &size), doing));
    files.push_back({std::move(name), size});
  }
  return files;
}

Result<> check_checkpoint_files(const std::vector<CheckpointFileInfo>& files, size_t max_files) {
  auto refuse = [](std::string why) { return fail(ErrorKind::kInvalidArgument, "not a checkpoint: " + why); };
  if (files.size() > max_files) return refuse(fmt::format("{} files", files.size()));
  std::set<std::string_view> names;
  for (const auto& file : files) {
    if (!plain(file.name)) return refuse("a file with an impossible name");
    if (!names.insert(file.name).second) return refuse(fmt::format("the file {} twice", file.name));
  }
  if (!names.contains("CURRENT")) return refuse("no database");
  return {};
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr && EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::add(ByteView bytes) { CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1); }

Bytes Sha256::digest() {
  Bytes out(32, '\0');
  CHECK(EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1);
  return out;
}

FileReader::FileReader(std::string path, std::unique_ptr<rocksdb::SequentialFile> file)
    : path_(std::move(path)), file_(std::move(file)) {}
FileReader::~FileReader() = default;

Result<std::unique_ptr<FileReader>> FileReader::open(const std::string& path, rocksdb::Env* env) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  TRY(storage::check(of(env).NewSequentialFile(path, &file, rocksdb::EnvOptions()), fmt::format("open {}", path)));
  return std::unique_ptr<FileReader>(new FileReader(path, std::move(file)));
}

Result<Bytes> FileReader::read(size_t bytes) {
  Bytes out(bytes, '\0');
  rocksdb::Slice got;
  TRY(storage::check(file_->Read(bytes, &got, out.data()), fmt::format("read {}", path_)));
  if (got.data() != out.data()) std::copy_n(got.data(), got.size(), out.data());
  out.resize(got.size());
  hash_.add(out);
  return out;
}

FileWriter::FileWriter(std::string path, uint64_t size_bytes, std::unique_ptr<rocksdb::WritableFile> file)
    : path_(std::move(path)), size_bytes_(size_bytes), file_(std::move(file)) {}
FileWriter::~FileWriter() = default;

Result<std::unique_ptr<FileWriter>> FileWriter::create(const std::string& path, uint64_t size_bytes,
                                                       rocksdb::Env* env) {
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::EnvOptions options;
  options.use_mmap_writes = false;
  options.bytes_per_sync = 1 << 20;  // the disk works while more comes
  TRY(storage::check(of(env).NewWritableFile(path, &file, options), fmt::format("make {}", path)));
  return std::unique_ptr<FileWriter>(new FileWriter(path, size_bytes, std::move(file)));
}

Result<> FileWriter::append(ByteView bytes) {
  if (bytes.size() > size_bytes_ - written_) return damaged(path_);
  TRY(storage::check(file_->Append({bytes.data(), bytes.size()}), fmt::format("write {}", path_)));
  written_ += bytes.size();
  hash_.add(bytes);
  return {};
}

Result<> FileWriter::finish(ByteView sha256) {
  if (written_ != size_bytes_ || hash_.digest() != sha256) return damaged(path_);
  TRY(storage::check(file_->Sync(), fmt::format("sync {}", path_)));
  return storage::check(file_->Close(), fmt::format("close {}", path_));
}

}  // namespace ipfsc::consensus
