#include "storage/fault_env.h"

namespace ipfsc::storage {

using rocksdb::Slice;
using rocksdb::Status;

class FaultEnv::File final : public rocksdb::WritableFile {
 public:
  File(FaultEnv& env, std::string path, std::unique_ptr<rocksdb::WritableFile> base, uint64_t size)
      : env_(env), path_(std::move(path)), base_(std::move(base)), size_(size), epoch_(env.epoch_) {}

  Status Append(const Slice& data) override {
    std::lock_guard lock(env_.mutex_);
    if (auto s = begin(); !s.ok()) return s;
    auto s = base_->Append(data);
    if (s.ok()) size_ += data.size();
    return s;
  }
  Status Append(const Slice& data, const rocksdb::DataVerificationInfo&) override { return Append(data); }
  Status Truncate(uint64_t size) override {
    std::lock_guard lock(env_.mutex_);
    if (auto s = begin(); !s.ok()) return s;
    auto s = base_->Truncate(size);
    if (s.ok()) size_ = size;
    return s;
  }
  Status Close() override {
    std::lock_guard lock(env_.mutex_);
    auto s = base_->Close();
    return epoch_ == env_.epoch_ && !env_.cut_ ? s : env_.cut_error();
  }
  Status Flush() override { return base_->Flush(); }
  Status Sync() override {
    std::lock_guard lock(env_.mutex_);
    if (auto s = begin(); !s.ok()) return s;
    auto s = base_->Sync();
    if (s.ok()) env_.synced_bytes_[path_] = size_;
    return s;
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize() override { return size_; }

 private:
  Status begin() { return epoch_ == env_.epoch_ ? env_.begin_write() : env_.cut_error(); }

  FaultEnv& env_;
  const std::string path_;
  std::unique_ptr<rocksdb::WritableFile> base_;
  uint64_t size_;
  const uint64_t epoch_;
};

class FaultEnv::Dir final : public rocksdb::Directory {
 public:
  Dir(FaultEnv& env, std::string path, std::unique_ptr<rocksdb::Directory> base)
      : env_(env), path_(std::move(path)), base_(std::move(base)), epoch_(env.epoch_) {}
  Status Fsync() override {
    std::lock_guard lock(env_.mutex_);
    if (epoch_ != env_.epoch_) return env_.cut_error();
    if (auto s = env_.begin_write(); !s.ok()) return s;
    if (base_) {
      if (auto s = base_->Fsync(); !s.ok()) return s;
    }
    env_.synced_directory(path_);
    return Status::OK();
  }

 private:
  FaultEnv& env_;
  const std::string path_;
  std::unique_ptr<rocksdb::Directory> base_;
  const uint64_t epoch_;
};

namespace {

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}
std::string parent_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : without_trailing_slash(path.substr(0, slash + 1));
}

class Silence final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  size_t GetLogFileSize() const override { return 0; }
};

bool is_under(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

FaultEnv::FaultEnv() : EnvWrapper(std::unique_ptr<rocksdb::Env>(rocksdb::NewMemEnv(rocksdb::Env::Default()))) {}
FaultEnv::FaultEnv(rocksdb::Env* base) : EnvWrapper(base) {}
FaultEnv::~FaultEnv() = default;

Status FaultEnv::cut_error() const { return Status::IOError("the power is cut"); }

Status FaultEnv::begin_write() {
  ++writes_;
  if (cut_at_ && writes_ >= *cut_at_) cut_ = true;
  if (cut_) return cut_error();
  if (fail_at_ && writes_ >= *fail_at_) {
    return fault_ == Fault::kNoSpace ? Status::NoSpace("No space left on device") : Status::IOError("injected");
  }
  return Status::OK();
}

void FaultEnv::cut_power() {
  std::lock_guard lock(mutex_);
  cut_ = true;
}
void FaultEnv::cut_power_after(uint64_t writes) {
  std::lock_guard lock(mutex_);
  cut_at_ = writes_ + writes;
}
bool FaultEnv::power_is_cut() const {
  std::lock_guard lock(mutex_);
  return cut_;
}
void FaultEnv::fail_after(uint64_t writes, Fault fault) {
  std::lock_guard lock(mutex_);
  fail_at_ = writes_ + writes;
  fault_ = fault;
}
void FaultEnv::clear_faults() {
  std::lock_guard lock(mutex_);
  fail_at_.reset();
}
uint64_t FaultEnv::writes() const {
  std::lock_guard lock(mutex_);
  return writes_;
}
void FaultEnv::set_no_records() {
  std::lock_guard lock(mutex_);
  no_records_ = true;
}
void FaultEnv::set_lose_unsynced(bool lose) {
  std::lock_guard lock(mutex_);
  lose_unsynced_ = lose;
}

void FaultEnv::undo(const NewName& name) {
  if (name.renamed_from.empty()) {
    target()->DeleteFile(name.path).PermitUncheckedError();
  } else {
    target()->RenameFile(name.path, name.renamed_from).PermitUncheckedError();
  }
  if (name.overwritten) {
    rocksdb::WriteStringToFile(target(), *name.overwritten, name.path, true).PermitUncheckedError();
  }
}

void FaultEnv::restore_power() {
  std::lock_guard lock(mutex_);
  if (lose_unsynced_) {
    for (const auto& [path, synced] : synced_bytes_) {
      std::string content;
      if (!rocksdb::ReadFileToString(target(), path, &content).ok() || content.size() <= synced) continue;
      content.resize(synced);
      rocksdb::WriteStringToFile(target(), content, path, true).PermitUncheckedError();
    }
    for (auto it = new_names_.rbegin(); it != new_names_.rend(); ++it) undo(*it);
  }
  synced_bytes_.clear();
  new_names_.clear();
  cut_ = false;
  cut_at_.reset();
  ++epoch_;
}

void FaultEnv::synced_directory(const std::string& path) {
  auto directory = without_trailing_slash(path);
  std::erase_if(new_names_, [&](const NewName& name) { return parent_of(name.path) == directory; });
}

Status FaultEnv::NewWritableFile(const std::string& path, std::unique_ptr<rocksdb::WritableFile>* file,
                                 const rocksdb::EnvOptions& options) {
  std::lock_guard lock(mutex_);
  if (no_records_ && path.substr(path.rfind('/') + 1).starts_with("OPTIONS-")) {
    return Status::NotSupported("FaultEnv: no record of the options");
  }
  if (auto s = begin_write(); !s.ok()) return s;
  NewName name{.path = path};
  std::string old;
  if (target()->FileExists(path).ok() && rocksdb::ReadFileToString(target(), path, &old).ok()) name.overwritten = old;
  std::unique_ptr<rocksdb::WritableFile> base;
  if (auto s = target()->NewWritableFile(path, &base, options); !s.ok()) return s;
  synced_bytes_[path] = 0;
  new_names_.push_back(std::move(name));
  *file = std::make_unique<File>(*this, path, std::move(base), 0);
  return Status::OK();
}

Status FaultEnv::ReopenWritableFile(const std::string& path, std::unique_ptr<rocksdb::WritableFile>* file,
                                    const rocksdb::EnvOptions& options) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  bool existed = target()->FileExists(path).ok();
  uint64_t size = 0;
  if (existed) target()->GetFileSize(path, &size).PermitUncheckedError();
  std::unique_ptr<rocksdb::WritableFile> base;
  if (auto s = target()->ReopenWritableFile(path, &base, options); !s.ok()) return s;
  if (!existed) new_names_.push_back({.path = path});
  synced_bytes_.try_emplace(path, size);
  *file = std::make_unique<File>(*this, path, std::move(base), size);
  return Status::OK();
}

Status FaultEnv::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                   std::unique_ptr<rocksdb::WritableFile>* file, const rocksdb::EnvOptions& options) {
  if (auto s = RenameFile(old_path, path); !s.ok()) return s;
  return NewWritableFile(path, file, options);
}

Status FaultEnv::NewRandomRWFile(const std::string&, std::unique_ptr<rocksdb::RandomRWFile>*,
                                 const rocksdb::EnvOptions&) {
  return Status::NotSupported("FaultEnv: random writes");
}

Status FaultEnv::NewLogger(const std::string& path, std::shared_ptr<rocksdb::Logger>* logger) {
  std::lock_guard lock(mutex_);
  if (!no_records_) return target()->NewLogger(path, logger);
  *logger = std::make_shared<Silence>();
  return Status::OK();
}

Status FaultEnv::NewDirectory(const std::string& path, std::unique_ptr<rocksdb::Directory>* directory) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<rocksdb::Directory> base;
  if (auto s = target()->NewDirectory(path, &base); !s.ok()) return s;
  *directory = std::make_unique<Dir>(*this, path, std::move(base));
  return Status::OK();
}

Status FaultEnv::DeleteFile(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  auto s = target()->DeleteFile(path);
  if (s.ok()) {
    synced_bytes_.erase(path);
    std::erase_if(new_names_, [&](const NewName& name) { return name.path == path; });
  }
  return s;
}

Status FaultEnv::DeleteDir(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  return target()->DeleteDir(path);
}

Status FaultEnv::CreateDir(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  return target()->CreateDir(path);
}

Status FaultEnv::CreateDirIfMissing(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  return target()->CreateDirIfMissing(path);
}

Status FaultEnv::RenameFile(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  NewName name{.path = to, .renamed_from = from};
  std::string old;
  if (target()->FileExists(to).ok() && rocksdb::ReadFileToString(target(), to, &old).ok()) name.overwritten = old;
  if (auto s = target()->RenameFile(from, to); !s.ok()) return s;
  std::map<std::string, uint64_t> moved;  // the file, or the files of the directory
  for (auto it = synced_bytes_.begin(); it != synced_bytes_.end();) {
    if (it->first == from || is_under(it->first, from)) {
      moved[to + it->first.substr(from.size())] = it->second;
      it = synced_bytes_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& [path, synced] : moved) synced_bytes_[path] = synced;
  for (auto& earlier : new_names_) {
    if (is_under(earlier.path, from)) earlier.path = to + earlier.path.substr(from.size());
  }
  new_names_.push_back(std::move(name));
  return Status::OK();
}

Status FaultEnv::LinkFile(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  if (auto s = target()->LinkFile(from, to); !s.ok()) return s;
  if (auto it = synced_bytes_.find(from); it != synced_bytes_.end()) synced_bytes_[to] = it->second;
  new_names_.push_back({.path = to});
  return Status::OK();
}

Status FaultEnv::Truncate(const std::string& path, size_t size) {
  std::lock_guard lock(mutex_);
  if (auto s = begin_write(); !s.ok()) return s;
  return target()->Truncate(path, size);
}

}  // namespace ipfsc::storage
