#include "cmd/ctl/fetcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace ipfsc::cmd::ctl {
namespace {

constexpr size_t kMaxErrorBytes = 4096;

std::unexpected<Error> system_error(const char* doing, const std::string& path) {
  int error = errno;
  return fail(error == ENOSPC ? ErrorKind::kResourceExhausted : ErrorKind::kUnavailable,
              fmt::format("{} {}: {}", doing, path, std::strerror(error)));
}

/// A new file (or standard output), taken away again unless it was finished.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)) {}
  ~NewFile() {
    if (fd_ < 0 || path_ == "-") return;
    ::close(fd_);
    if (!finished_) ::unlink(path_.c_str());
  }
  Result<> open() {
    fd_ = path_ == "-" ? STDOUT_FILENO
                       : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd_ < 0) return system_error("create", path_);
    return {};
  }
  Result<> write(ByteView bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error("write", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }
  void finish() { finished_ = true; }

 private:
  std::string path_;
  int fd_ = -1;
  bool finished_ = false;
};

std::string escaped_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    size_t end = path.find('/');
    if (end != 0) out += "/" + client::url_escape(path.substr(0, end));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return out;
}

/// A name from a directory of strangers: one step down, nothing else.
Result<> check_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("a directory has an entry named \"{}\", which cannot be a file", name));
  }
  return {};
}

}  // namespace

Fetcher::Fetcher(FetchOptions options) : options_(std::move(options)), session_({.cancelled = options_.cancelled}) {}

void Fetcher::progressed(uint64_t bytes) {
  fetched_.bytes += bytes;
  if (options_.on_progress) options_.on_progress(fetched_.bytes, total_);
}

Result<Fetcher::RawBlock> Fetcher::raw_block(const std::string& url_path, const ipld::Cid& cid) {
  client::HttpRequest request{.url = options_.gateway.url + url_path + "?format=raw",
                              .unix_socket = options_.gateway.unix_socket,
                              .headers = {{"Accept", "application/vnd.ipld.raw"}},
                              .follow_redirects = true,
                              .timeout = options_.timeout};
  TRY_ASSIGN(auto answer, session_.get(request, options_.max_block_bytes));
  auto& [head, body] = answer;
  if (head.status >= 300) {
    status_ = head.status;
    while (!body.empty() && body.back() == '\n') body.pop_back();
    return fail(ErrorKind::kUnavailable, body.empty() ? fmt::format("{} answered {}", request.url, head.status)
                                                      : body.substr(0, kMaxErrorBytes));
  }
  RawBlock block{.cid = cid, .data = std::move(body)};
  if (block.cid.empty()) {
    // The last of X-Ipfs-Roots is what the path led to.
    auto roots = head.header("x-ipfs-roots");
    if (roots) {
      std::string_view last = roots->substr(roots->rfind(',') == std::string_view::npos ? 0 : roots->rfind(',') + 1);
      if (auto parsed = ipld::Cid::parse(last)) block.cid = *parsed;
    }
  }
  if (!block.cid.empty()) TRY(ipld::verify_block(block.cid, block.data));
  return block;
}

client::Answer<Fetched> Fetcher::fetch(const std::string& content_path, const std::string& target) {
  // /ipfs/<cid> names the block itself; a longer path is resolved by the gateway.
  ipld::Cid cid;
  if (content_path.starts_with("/ipfs/")) {
    if (auto parsed = ipld::Cid::parse(std::string_view(content_path).substr(6))) cid = *parsed;
  }
  std::string url_path = escaped_path(content_path);
  auto block = raw_block(url_path, cid);
  Result<> stored = block ? store(*block, url_path, target, 0) : fail(block.error());
  if (stored) stored = make_links();
  if (stored) return fetched_;
  return std::unexpected(client::ApiError{
      .code = status_, .message = stored.error().message, .cancelled = stored.error().kind == ErrorKind::kCancelled});
}

Result<> Fetcher::store(const RawBlock& block, const std::string& url_path, const std::string& target, int depth) {
  if (depth > options_.max_depth) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("directories are deeper than {}", options_.max_depth));
  }
  uint64_t codec = block.cid.empty() ? ipld::kDagPb : block.cid.codec();
  if (codec == ipld::kRaw) return store_bytes(block.data, target);
  if (codec != ipld::kDagPb) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} is {}, which is neither a file nor a directory", url_path, ipld::codec_name(codec)));
  }
  TRY_ASSIGN(auto node, ipld::decode_pb(block.data));
  if (!node.data) return fail(ErrorKind::kInvalidArgument, url_path + " is neither a file nor a directory");
  TRY_ASSIGN(auto unixfs, ipld::decode_unixfs(*node.data));
  if (depth == 0) {
    total_ = unixfs.file_size.value_or(0);
    if (unixfs.type == ipld::UnixFsType::kDirectory || unixfs.type == ipld::UnixFsType::kHamtShard) {
      total_ = 0;
      for (const auto& link : node.links) total_ += link.tsize;
    }
  }
  switch (unixfs.type) {
    case ipld::UnixFsType::kRaw:
    case ipld::UnixFsType::kFile:
      if (node.links.empty()) return store_bytes(unixfs.data.value_or(""), target);
      return store_stream(url_path, unixfs.file_size, target);
    case ipld::UnixFsType::kSymlink:
      links_.emplace_back(target, unixfs.data.value_or(""));
      return {};
    case ipld::UnixFsType::kDirectory:
    case ipld::UnixFsType::kHamtShard:
      if (target == "-") return fail(ErrorKind::kInvalidArgument, "a directory cannot go to standard output");
      if (::mkdir(target.c_str(), 0755) != 0) return system_error("create", target);
      return unixfs.type == ipld::UnixFsType::kDirectory ? store_directory(node, target, depth)
                                                         : store_shard(node, unixfs, target, depth);
    case ipld::UnixFsType::kMetadata:
      break;
  }
  return fail(ErrorKind::kInvalidArgument, url_path + " is neither a file nor a directory");
}

Result<> Fetcher::store_directory(const ipld::PbNode& node, const std::string& target, int depth) {
  for (const auto& link : node.links) TRY(store_child(link.cid, link.name, target, depth));
  return {};
}

Result<> Fetcher::store_shard(const ipld::PbNode& node, const ipld::UnixFs& shard, const std::string& target,
                              int depth) {
  if (depth > options_.max_depth) return fail(ErrorKind::kInvalidArgument, "a sharded directory is too deep");
  // Names begin with the slot in hexadecimal, as wide as the largest slot's; a name of only that is a shard below.
  size_t width = fmt::format("{:X}", std::max<uint64_t>(shard.fanout.value_or(256), 2) - 1).size();
  for (const auto& link : node.links) {
    if (link.name.size() < width) return fail(ErrorKind::kInvalidArgument, "a sharded directory has a bad entry");
    if (link.name.size() > width) {
      TRY(store_child(link.cid, link.name.substr(width), target, depth));
      continue;
    }
    TRY_ASSIGN(auto block, raw_block("/ipfs/" + link.cid.to_string(), link.cid));
    TRY_ASSIGN(auto below, ipld::decode_pb(block.data));
    TRY_ASSIGN(auto below_shard, ipld::decode_unixfs(below.data.value_or("")));
    if (below_shard.type != ipld::UnixFsType::kHamtShard) {
      return fail(ErrorKind::kInvalidArgument, "a sharded directory has a bad entry");
    }
    TRY(store_shard(below, below_shard, target, depth + 1));
  }
  return {};
}

Result<> Fetcher::store_child(const ipld::Cid& cid, const std::string& name, const std::string& directory, int depth) {
  TRY(check_name(name));
  std::string url_path = "/ipfs/" + cid.to_string();
  TRY_ASSIGN(auto block, raw_block(url_path, cid));
  return store(block, url_path, directory + "/" + name, depth + 1);
}

Result<> Fetcher::store_bytes(ByteView bytes, const std::string& target) {
  NewFile file(target);
  TRY(file.open());
  TRY(file.write(bytes));
  file.finish();
  ++fetched_.files;
  progressed(bytes.size());
  return {};
}

Result<> Fetcher::store_stream(const std::string& url_path, std::optional<uint64_t> size, const std::string& target) {
  NewFile file(target);
  TRY(file.open());
  client::HttpRequest request{.url = options_.gateway.url + url_path,
                              .unix_socket = options_.gateway.unix_socket,
                              .follow_redirects = true,
                              .timeout = options_.timeout};
  uint64_t got = 0;
  std::string error;
  TRY_ASSIGN(auto answer, session_.run(request, [&](const client::HttpAnswer& so_far, ByteView piece) -> Result<> {
    if (so_far.status >= 300) {
      error.append(piece.substr(0, kMaxErrorBytes - std::min(kMaxErrorBytes, error.size())));
      return {};
    }
    TRY(file.write(piece));
    got += piece.size();
    progressed(piece.size());
    return {};
  }));
  if (answer.status >= 300) {
    status_ = answer.status;
    return fail(ErrorKind::kUnavailable,
                error.empty() ? fmt::format("{} answered {}", request.url, answer.status) : error);
  }
  if (size && got != *size) {
    return fail(ErrorKind::kDataLoss, fmt::format("{}: got {} bytes of {}", request.url, got, *size));
  }
  file.finish();
  ++fetched_.files;
  return {};
}

Result<> Fetcher::make_links() {
  for (const auto& [path, target] : links_) {
    if (path == "-") return fail(ErrorKind::kInvalidArgument, "a symbolic link cannot go to standard output");
    if (::symlink(target.c_str(), path.c_str()) != 0) return system_error("create", path);
    ++fetched_.files;
  }
  return {};
}

}  // namespace ipfsc::cmd::ctl
