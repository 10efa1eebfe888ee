#include "net/multipart.h"

#include <cstring>

namespace ipfsc::net {
namespace {

constexpr size_t kMaxBoundaryBytes = 70;  // RFC 2046 §5.1.1

bool is_boundary_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::kInvalidArgument, "malformed multipart body: " + std::move(message));
}

size_t find(std::string_view in, std::string_view what) {
  auto at = ::memmem(in.data(), in.size(), what.data(), what.size());
  return at ? static_cast<size_t>(static_cast<const char*>(at) - in.data()) : std::string_view::npos;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<> add_header_line(Headers& headers, std::string_view line, const MultipartLimits& limits) {
  if (line.front() == ' ' || line.front() == '\t') {  // continues the line before (obsolete folding)
    if (headers.empty()) return bad("a part begins with a continued header line");
    headers.back().value += ' ';
    headers.back().value += trim(line);
    return {};
  }
  auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return bad("a header line of a part has no name");
  if (headers.size() >= limits.max_part_headers) {
    return bad("a part has more than " + std::to_string(limits.max_part_headers) + " header lines");
  }
  headers.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
  return {};
}

}  // namespace

// The delimiter is CR LF "--" boundary. A boundary has no CR, so a CR can begin a delimiter but never continue one:
// what was held back as its possible beginning is data as a whole when the next byte does not fit.
struct MultipartReader::Impl {
  enum class Place { kPreamble, kHeaders, kBody, kDone };

  ByteSource source;
  std::string delimiter;
  MultipartLimits limits;
  Place place = Place::kPreamble;
  std::string_view window;  // bytes of the source not yet used
  std::string held;         // matched beginning of a delimiter that stood before the window
  bool held_line = true;    // the first two bytes of `held` are only assumed: a delimiter may stand at a body's start
  std::string given;        // held bytes that turned out to be data
  std::string line;

  Task<> pull();
  /// Next bytes before the delimiter; empty when the delimiter (removed) was reached.
  Task<std::string_view> until_delimiter();
  Task<std::string_view> read_line(size_t limit);
  Task<> after_delimiter();
  void begin_body() {
    held = "\r\n";
    held_line = true;
  }
};

Task<> MultipartReader::Impl::pull() {
  CO_TRY_ASSIGN(window, co_await source());
  if (window.empty()) co_return bad("it ends before the closing boundary");
  co_return Result<>{};
}

Task<std::string_view> MultipartReader::Impl::until_delimiter() {
  for (;;) {
    if (window.empty()) CO_TRY(co_await pull());
    if (!held.empty()) {
      auto n = std::min(delimiter.size() - held.size(), window.size());
      if (std::string_view(delimiter).substr(held.size(), n) == window.substr(0, n)) {
        held += window.substr(0, n);
        window.remove_prefix(n);
        if (held.size() < delimiter.size()) continue;
        held.clear();
        co_return std::string_view{};
      }
      given = held_line ? held.substr(2) : held;
      held.clear();
      held_line = false;
      if (!given.empty()) co_return given;
    }
    held_line = false;
    auto at = find(window, delimiter);
    if (at == std::string_view::npos) {
      auto cr = window.rfind('\r');
      bool maybe = cr != std::string_view::npos && window.size() - cr < delimiter.size() &&
                   delimiter.starts_with(window.substr(cr));
      auto piece = window.substr(0, maybe ? cr : window.size());
      if (maybe) held = window.substr(cr);
      window = {};
      if (!piece.empty()) co_return piece;
      continue;
    }
    auto piece = window.substr(0, at);
    window.remove_prefix(at);
    if (!piece.empty()) co_return piece;
    window.remove_prefix(delimiter.size());
    co_return std::string_view{};
  }
}

Task<std::string_view> MultipartReader::Impl::read_line(size_t limit) {
  line.clear();
  for (;;) {
    if (window.empty()) CO_TRY(co_await pull());
    auto newline = window.find('\n');
    auto part = window.substr(0, newline);
    if (line.size() + part.size() > limit) co_return bad("the header of a part is too long");
    line += part;
    window.remove_prefix(newline == std::string_view::npos ? window.size() : newline + 1);
    if (newline == std::string_view::npos) continue;
    if (line.ends_with('\r')) line.pop_back();
    co_return line;
  }
}

Task<> MultipartReader::Impl::after_delimiter() {
  // Read by bytes: the closing boundary may be the last of the source, without a line end.
  std::string two;
  while (two.size() < 2) {
    if (window.empty()) CO_TRY(co_await pull());
    char c = window.front();
    window.remove_prefix(1);
    if (two.empty() && c == '\n') break;
    if (two.empty() && (c == ' ' || c == '\t')) continue;  // transport padding
    two.push_back(c);
  }
  if (two == "--") {
    place = Place::kDone;
  } else if (two.empty() || two == "\r\n") {
    place = Place::kHeaders;
  } else {
    co_return bad("a boundary is followed by other text on its line");
  }
  co_return Result<>{};
}

Result<std::string> MultipartReader::boundary_of(std::string_view content_type) {
  auto wrong = [](std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); };
  auto media = parse_media_type(content_type);
  if (!media) return fail(media.error().with_context("malformed Content-Type"));
  if (!media->type.starts_with("multipart/")) return wrong("request Content-Type isn't multipart/form-data");
  auto boundary = media->parameter("boundary");
  if (!boundary) return wrong("no multipart boundary param in Content-Type");
  if (boundary->empty() || boundary->size() > kMaxBoundaryBytes || boundary->ends_with(' ')) {
    return wrong("the multipart boundary must have 1 to 70 characters and not end with a space");
  }
  for (char c : *boundary) {
    if (!is_boundary_char(c)) return wrong("the multipart boundary has a character that is not allowed");
  }
  return *boundary;
}

MultipartReader::MultipartReader(ByteSource source, std::string boundary, MultipartLimits limits)
    : impl_(std::make_unique<Impl>(
          Impl{.source = std::move(source), .delimiter = "\r\n--" + boundary, .limits = limits})) {
  impl_->begin_body();
}
MultipartReader::~MultipartReader() = default;
MultipartReader::MultipartReader(MultipartReader&&) noexcept = default;
MultipartReader& MultipartReader::operator=(MultipartReader&&) noexcept = default;

Task<std::string_view> MultipartReader::read_some() {
  if (impl_->place != Impl::Place::kBody) co_return std::string_view{};
  CO_TRY_ASSIGN(auto piece, co_await impl_->until_delimiter());
  if (piece.empty()) CO_TRY(co_await impl_->after_delimiter());
  co_return piece;
}

Task<std::optional<MultipartReader::Part>> MultipartReader::next() {
  auto& in = *impl_;
  if (in.place == Impl::Place::kPreamble) {
    size_t skipped = 0;
    for (;;) {
      CO_TRY_ASSIGN(auto piece, co_await in.until_delimiter());
      if (piece.empty()) break;
      skipped += piece.size();
      if (skipped > in.limits.max_preamble_bytes) co_return bad("no boundary at its start");
    }
    CO_TRY(co_await in.after_delimiter());
  }
  while (in.place == Impl::Place::kBody) CO_TRY(co_await read_some());
  if (in.place == Impl::Place::kDone) co_return std::nullopt;

  Part part;
  size_t left = in.limits.max_part_header_bytes;
  for (;;) {
    CO_TRY_ASSIGN(auto line, co_await in.read_line(left));
    if (line.empty()) break;
    left -= std::min(left, line.size());
    CO_TRY(add_header_line(part.headers, line, in.limits));
  }
  in.place = Impl::Place::kBody;
  in.begin_body();
  co_return part;
}

Result<FilePart> FilePart::from(const MultipartReader::Part& part, FilePartLimits limits) {
  FilePart file;
  if (auto disposition = part.header("Content-Disposition")) {
    auto media = parse_media_type(*disposition);
    if (!media) return fail(media.error().with_context("Content-Disposition of a part"));
    if (auto name = media->parameter("name")) file.form_name = *name;
    if (auto name = media->parameter("filename")) {
      file.path = percent_decode(*name, true).value_or(*name);
    }
  }
  if (auto type = part.header("Content-Type")) {
    auto media = parse_media_type(*type);
    if (!media) return fail(media.error().with_context("Content-Type of a part"));
    if (media->type == "application/x-directory") file.kind = Kind::kDirectory;
    if (media->type == "application/symlink") file.kind = Kind::kSymlink;
  }
  if (auto path = part.header("Abspath-Encoded")) {
    TRY_ASSIGN(file.absolute_path, percent_decode(*path, true));
  } else if (auto plain = part.header("Abspath")) {
    file.absolute_path = *plain;
  }
  if (file.path.size() > limits.max_path_bytes) {
    return fail(ErrorKind::kInvalidArgument,
                "the name of a part is longer than " + std::to_string(limits.max_path_bytes) + " bytes");
  }
  if (file.path.find('\0') != std::string::npos)
    return fail(ErrorKind::kInvalidArgument, "the name of a part has a NUL byte");
  file.path = clean_path(file.path);
  file.path.erase(0, 1);
  if (file.path.ends_with('/')) file.path.pop_back();
  if (static_cast<size_t>(std::count(file.path.begin(), file.path.end(), '/')) >= limits.max_path_depth) {
    return fail(ErrorKind::kInvalidArgument,
                "the name of a part has more than " + std::to_string(limits.max_path_depth) + " levels");
  }
  return file;
}

MultipartWriter::MultipartWriter(uint64_t random1, uint64_t random2)
    : boundary_(fmt::format("ipfs-cluster-{:016x}{:016x}", random1, random2)) {}

std::string MultipartWriter::content_type() const { return "multipart/form-data; boundary=" + boundary_; }

std::string MultipartWriter::part_head(std::string_view form_name, std::string_view path, FilePart::Kind kind,
                                       std::string_view absolute_path) {
  std::string head = first_ ? "--" : "\r\n--";
  first_ = false;
  head += boundary_;
  head += fmt::format("\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n",
                      percent_encode(form_name), percent_encode(path),
                      kind == FilePart::Kind::kDirectory ? "application/x-directory"
                      : kind == FilePart::Kind::kSymlink ? "application/symlink"
                                                         : "application/octet-stream");
  if (!absolute_path.empty()) head += fmt::format("Abspath-Encoded: {}\r\n", percent_encode(absolute_path));
  return head + "\r\n";
}

std::string MultipartWriter::closing() const { return (first_ ? "--" : "\r\n--") + boundary_ + "--\r\n"; }

}  // namespace ipfsc::net
