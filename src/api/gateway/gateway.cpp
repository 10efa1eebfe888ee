#include "api/gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gateway/car.h"
#include "api/gateway/content_type.h"
#include "api/gateway/listing.h"
#include "api/gateway/request.h"
#include "base/log.h"
#include "base/text.h"
#include "ipfs/path.h"
#include "ipfs/unixfs_reader.h"

namespace ipfsc::api::gateway {
namespace {

const LogComponent kLog("gateway");

constexpr std::string_view kForEver = "public, max-age=29030400, immutable";
constexpr std::string_view kForAWeek = "public, max-age=604800, stale-while-revalidate=2678400";  // pages made by us
constexpr size_t kMaxRootsShown = 64;  // of X-Ipfs-Roots: a header has to stay small

Result<> answer_text(net::Response& response, int status, std::string_view sentence) {
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Cache-Control", "no-store");  // what is not here may come
  return response.send(status, std::string(sentence) + "\n", "text/plain; charset=utf-8");
}

/// Of an error that the content caused. What is wrong with the request itself is 400 already.
int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kInvalidArgument:
      return 422;
    case ErrorKind::kUnimplemented:
      return 501;
    case ErrorKind::kUnavailable:
    case ErrorKind::kResourceExhausted:
      return 503;
    case ErrorKind::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

/// Bytes that are sent whole or in part.
struct Entity {
  std::string etag;
  std::string content_type;
  std::string disposition;  ///< empty = no header
  uint64_t size_bytes = 0;
};

/// One answer. Lives in handle()'s frame.
class Answer {
 public:
  Answer(Runtime& runtime, ipfs::IpfsNode& node, const GatewayOptions& options, net::Request& request,
         net::Response& response, ContentPath path, Wanted wanted)
      : runtime_(runtime),
        node_(node),
        options_(options),
        request_(request),
        response_(response),
        path_(std::move(path)),
        wanted_(wanted),
        download_(request.query().value("download") == "true"),
        filename_(request.query().value("filename")) {}

  Task<> run() {
    CO_TRY_ASSIGN(resolved_, co_await ipfs::resolve_path(node_, path_.path));
    if (wanted_.format == Format::kRaw) co_return co_await raw();
    if (wanted_.format == Format::kCar) co_return co_await car();
    CO_TRY_ASSIGN(auto content, co_await ipfs::open_content(node_, resolved_.cid));
    switch (content.kind) {
      case ipfs::ContentKind::kFile:
        co_return co_await file(std::move(content), last_name());
      case ipfs::ContentKind::kDirectory:
        co_return co_await directory(std::move(content));
      case ipfs::ContentKind::kSymlink:
        content.block = content.target;
        co_return co_await block(content, "inode/symlink", "", last_name(), false);
      case ipfs::ContentKind::kNode:
        break;
    }
    auto type = "application/vnd.ipld." + ipld::codec_name(content.cid.codec());
    co_return co_await block(content, type, "", content.cid.to_string() + ".bin", true);
  }

 private:
  bool head() const { return request_.method() == "HEAD"; }
  std::string last_name() const { return path_.path.segments.empty() ? "" : path_.path.segments.back(); }

  std::string disposition(const std::string& own_name, bool attachment) const {
    if (!filename_.empty()) return content_disposition(attachment || download_, filename_);
    return attachment || download_ ? content_disposition(true, own_name) : "";
  }

  void add_common_headers(std::string_view etag, std::string_view cache_control) {
    response_.add_header("X-Ipfs-Path", request_.raw_path());
    if (resolved_.parents.size() < kMaxRootsShown) {
      std::string roots;
      for (const auto& cid : resolved_.parents) roots += cid.to_string() + ",";
      response_.add_header("X-Ipfs-Roots", roots + resolved_.cid.to_string());
    }
    response_.add_header("ETag", etag);
    response_.add_header("Cache-Control", cache_control);
    response_.add_header("X-Content-Type-Options", "nosniff");
    response_.add_header("Vary", "Accept");
  }

  /// True when the client has it already and was told so.
  bool not_modified(std::string_view etag, std::string_view cache_control) {
    auto known = request_.header("If-None-Match");
    if (!known || !etag_listed(*known, etag)) return false;
    add_common_headers(etag, cache_control);
    (void)response_.send_empty(304);
    return true;
  }

  /// Begins the answer with an entity or a range of it. nullopt: it is answered whole already.
  std::optional<RangeChoice> begin(const Entity& entity) {
    RangeChoice range{RangeChoice::kWhole, 0, entity.size_bytes};
    auto wanted = request_.header("Range");
    auto condition = request_.header("If-Range");
    if (wanted && !head() && (!condition || *condition == entity.etag)) {
      range = choose_range(*wanted, entity.size_bytes);
    }
    if (range.kind == RangeChoice::kUnsatisfiable) {
      response_.add_header("Content-Range", fmt::format("bytes */{}", entity.size_bytes));
      (void)answer_text(response_, 416,
                        fmt::format("the range is beyond the end: there are {} bytes", entity.size_bytes));
      return std::nullopt;
    }
    add_common_headers(entity.etag, kForEver);
    response_.add_header("Accept-Ranges", "bytes");
    if (!entity.disposition.empty()) response_.add_header("Content-Disposition", entity.disposition);
    bool part = range.kind == RangeChoice::kPart;
    if (part) {
      response_.add_header("Content-Range", fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.length - 1,
                                                        entity.size_bytes));
    }
    (void)response_.begin(
        {.status = part ? 206 : 200, .content_type = entity.content_type, .content_length = range.length});
    if (!head()) return range;
    (void)response_.end();
    return std::nullopt;
  }

  /// By the wanted name, the name in the path, or the first bytes.
  Task<std::string> content_type(const ipfs::Content& content, const std::string& name) {
    auto type = content_type_by_name(filename_.empty() ? name : filename_);
    if (!type.empty()) co_return std::string(type);
    ipfs::FileReader reader(runtime_, node_, content, {.length = kSniffBytes, .read_ahead = 1});
    Bytes first;
    while (first.size() < kSniffBytes) {
      CO_TRY_ASSIGN(Bytes piece, co_await reader.next());
      if (piece.empty()) break;
      first += piece;
    }
    co_return std::string(sniff_content_type(first));
  }

  Task<> file(ipfs::Content content, std::string name) {
    Entity entity{.etag = fmt::format("\"{}\"", content.cid.to_string()),
                  .disposition = disposition(name.empty() ? content.cid.to_string() : name, false),
                  .size_bytes = content.size_bytes};
    if (not_modified(entity.etag, kForEver)) co_return Result<>{};
    CO_TRY_ASSIGN(entity.content_type, co_await content_type(content, name));
    auto range = begin(entity);
    if (!range) co_return Result<>{};
    ipfs::FileReader reader(
        runtime_, node_, std::move(content),
        {.offset = range->offset, .length = range->length, .read_ahead = options_.read_ahead_blocks});
    for (;;) {
      CO_TRY_ASSIGN(Bytes piece, co_await reader.next());
      if (piece.empty()) break;
      CO_TRY(co_await response_.write(piece));
    }
    co_return response_.end();
  }

  /// The bytes of one block (or a symlink's target). `suffix` is what its entity tag has beside the CID.
  Task<> block(const ipfs::Content& content, std::string type, std::string_view suffix, std::string name,
               bool attachment) {
    Entity entity{.etag = fmt::format("\"{}{}\"", content.cid.to_string(), suffix),
                  .content_type = std::move(type),
                  .disposition = disposition(name, attachment),
                  .size_bytes = content.block.size()};
    if (not_modified(entity.etag, kForEver)) co_return Result<>{};
    auto range = begin(entity);
    if (!range) co_return Result<>{};
    CO_TRY(co_await response_.write(ByteView(content.block).substr(range->offset, range->length)));
    co_return response_.end();
  }

  Task<> raw() {
    ipfs::Content content{.cid = resolved_.cid};
    CO_TRY_ASSIGN(content.block, co_await node_.get_block(resolved_.cid));
    co_return co_await block(content, "application/vnd.ipld.raw", ".raw", resolved_.cid.to_string() + ".bin", true);
  }

  Task<> car() {
    constexpr std::array kScopes{"block", "entity", "all"};
    auto duplicates = wanted_.duplicates ? 'y' : 'n';
    auto etag = fmt::format("W/\"{}.car.{}.{}\"", resolved_.cid.to_string(),
                            kScopes[static_cast<size_t>(wanted_.scope)], duplicates);
    if (not_modified(etag, kForEver)) co_return Result<>{};
    CarWalk walk(runtime_, node_, options_, wanted_);
    CO_TRY(co_await walk.open(resolved_.cid));
    add_common_headers(etag, kForEver);
    response_.add_header("Accept-Ranges", "none");
    response_.add_header("Content-Disposition", disposition(resolved_.cid.to_string() + ".car", true));
    CO_TRY(response_.begin(
        {.content_type = fmt::format("application/vnd.ipld.car; version=1; order=dfs; dups={}", duplicates)}));
    if (!head()) CO_TRY(co_await walk.write(resolved_.read, response_));
    co_return response_.end();
  }

  Task<> directory(ipfs::Content content) {
    if (!path_.trailing_slash) {  // relative links, ours and those of an index.html, need it
      std::string location(request_.raw_path());
      location += '/';
      if (!request_.raw_query().empty()) location += "?" + std::string(request_.raw_query());
      response_.add_header("Location", location);
      response_.add_header("Cache-Control", kForEver);
      response_.add_header("Vary", "Accept");
      co_return response_.send_empty(301);
    }
    auto index = co_await ipfs::resolve_path(node_, ipfs::IpfsPath{.root = content.cid, .segments = {"index.html"}});
    if (!index && index.error().kind != ErrorKind::kNotFound) co_return fail(index.error());
    if (index) {
      CO_TRY_ASSIGN(auto page, co_await ipfs::open_content(node_, index->cid));
      if (page.kind == ipfs::ContentKind::kFile) co_return co_await file(std::move(page), "index.html");
    }
    co_return co_await listing(std::move(content));
  }

  Task<> listing(ipfs::Content content) {
    auto etag = fmt::format("W/\"listing-{}-{}\"", kListingVersion, content.cid.to_string());
    if (not_modified(etag, kForAWeek)) co_return Result<>{};
    ListingPlace place{.root = path_.path.root.to_string(), .names = path_.path.segments};
    std::string page;
    append_listing_head(page, place, content.cid);

    // What can be an error is read before the answer begins.
    ipfs::DirectoryReader reader(node_, std::move(content));
    std::vector<ipfs::DirectoryEntry> entries;
    while (entries.size() <= options_.sorted_entries) {
      CO_TRY_ASSIGN(size_t count, co_await reader.next(entries, options_.sorted_entries + 1 - entries.size()));
      if (count == 0) break;
    }
    if (entries.size() <= options_.sorted_entries) std::ranges::sort(entries, {}, &ipfs::DirectoryEntry::name);

    add_common_headers(etag, kForAWeek);
    response_.add_header("Content-Security-Policy", kListingPolicy);
    CO_TRY(response_.begin({.content_type = "text/html; charset=utf-8"}));
    uint64_t total = 0;
    while (!head() && !entries.empty()) {
      for (const auto& entry : entries) {
        append_listing_row(page, place, entry);
        if (page.size() < options_.server.flush_bytes) continue;
        CO_TRY(co_await response_.write(page));
        page.clear();
      }
      total += std::exchange(entries, {}).size();
      CO_TRY(co_await reader.next(entries, 1000));
    }
    append_listing_end(page, total);
    CO_TRY(co_await response_.write(page));
    co_return response_.end();
  }

  Runtime& runtime_;
  ipfs::IpfsNode& node_;
  const GatewayOptions& options_;
  net::Request& request_;
  net::Response& response_;
  const ContentPath path_;
  const Wanted wanted_;
  const bool download_;
  const std::string filename_;  ///< of the query; empty = none
  ipfs::ResolvedPath resolved_;
};

/// Answers that need no content. True: it was one.
bool answer_simply(const net::Request& request, net::Response& response) {
  if (request.method() != "GET" && request.method() != "HEAD") {
    response.add_header("Allow", "GET, HEAD");
    (void)answer_text(response, 405,
                      fmt::format("the gateway only reads: {} is not offered", quoted(request.method())));
    return true;
  }
  if (request.raw_path() == "/") {
    (void)answer_text(response, 200,
                      "This gateway serves what this peer's IPFS node holds: ask for /ipfs/<cid>[/path].");
    return true;
  }
  return false;
}

}  // namespace

Gateway::Gateway(Runtime& runtime, ipfs::IpfsNode& node, GatewayOptions options)
    : runtime_(runtime), node_(node), options_(std::move(options)) {}

Task<> Gateway::handle(net::Request& request, net::Response& response) {
  if (answer_simply(request, response)) co_return Result<>{};
  auto path = parse_content_path(request.raw_path());
  if (!path) {
    int status = path.error().kind == ErrorKind::kInvalidArgument ? 400 : status_of(path.error().kind);
    co_return answer_text(response, status, path.error().message);
  }
  auto wanted = parse_wanted(request.query(), request.header("Accept").value_or(""));
  if (!wanted) co_return answer_text(response, 400, wanted.error().message);
  // A worker of a bare /ipfs/<cid> would see all content of this gateway.
  if (path->path.segments.empty() && request.header("Service-Worker") == "script") {
    co_return answer_text(response, 400, "a service worker cannot be registered for this path");
  }
  if (active_ >= options_.max_answers) {
    response.add_header("Retry-After", "1");
    co_return answer_text(response, 503, fmt::format("{} answers are being sent already", active_));
  }
  struct Counted {
    explicit Counted(size_t& count) : count(count) { ++count; }
    ~Counted() { --count; }
    size_t& count;
  } counted(active_);

  Answer answer(runtime_, node_, options_, request, response, *std::move(path), *wanted);
  auto result = co_await answer.run();
  if (result || result.error().kind == ErrorKind::kCancelled) co_return result;
  const Error& error = result.error();
  if (!response.started()) {
    int status = status_of(error.kind);
    bool cached_only = request.header("Cache-Control").value_or("").find("only-if-cached") != std::string::npos;
    if (status == 404 && cached_only) status = 412;  // "Trustless Gateway": not here, and must not be fetched
    if (status == 503) response.add_header("Retry-After", "5");
    co_return answer_text(response, status, error.message);
  }
  kLog.warn("the answer to {} was broken off: {}", request.raw_path(), error.message);
  co_return result;
}

}  // namespace ipfsc::api::gateway
