// Multipart bodies (RFC 2046, RFC 7578) read as a stream, and the form in which IPFS tools send file trees.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace ipfsc::net {

struct MultipartLimits {
  size_t max_preamble_bytes = 64 * 1024;
  size_t max_part_header_bytes = 16 * 1024;
  size_t max_part_headers = 32;
};

/// Memory is bounded by one piece of the source and the limits, whatever the body is. Any split of the body into pieces
/// gives the same parts.
class MultipartReader {
 public:
  /// From a Content-Type header: multipart/form-data, multipart/mixed or another multipart type.
  /// kInvalidArgument when it is something else or has no boundary (1–70 characters).
  static Result<std::string> boundary_of(std::string_view content_type);

  MultipartReader(ByteSource source, std::string boundary, MultipartLimits limits = {});
  ~MultipartReader();
  MultipartReader(MultipartReader&&) noexcept;
  MultipartReader& operator=(MultipartReader&&) noexcept;

  struct Part {
    Headers headers;
    const std::string* header(std::string_view name) const { return find_header(headers, name); }
  };
  /// Head of the next part (what is unread of the last one is skipped); nullopt after the closing boundary (the rest of
  /// the source is left unread). kInvalidArgument when the body is malformed or ends too early.
  Task<std::optional<Part>> next();
  /// Next bytes of the current part's body; empty at its end. The view is valid until the next call.
  Task<std::string_view> read_some();
  ByteSource body() {
    return [this] { return read_some(); };
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct FilePartLimits {
  size_t max_path_bytes = 64 * 1024;
  size_t max_path_depth = 1024;
};

/// What a part says about the file it carries, as in uploads to the Kubo RPC.
struct FilePart {
  enum class Kind { kFile, kDirectory, kSymlink };
  Kind kind = Kind::kFile;
  /// Slash-separated, relative, clean ("a/b.txt"); "" when no name was given.
  std::string path;
  std::string form_name;
  std::string absolute_path;  ///< header Abspath(-Encoded), "" when absent

  /// kInvalidArgument: a name beyond `limits` or with a NUL byte, or a broken Content-Disposition.
  static Result<FilePart> from(const MultipartReader::Part& part, FilePartLimits limits = {});
};

/// Pieces of a multipart body to send.
class MultipartWriter {
 public:
  /// `random` makes the boundary; 128 bits or more of it keep files from containing it.
  explicit MultipartWriter(uint64_t random1, uint64_t random2);
  /// "multipart/form-data; boundary=…".
  std::string content_type() const;
  /// What stands before a part's bytes. `path` is percent-encoded into the filename.
  std::string part_head(std::string_view form_name, std::string_view path, FilePart::Kind kind,
                        std::string_view absolute_path = {});
  /// What stands after the last part.
  std::string closing() const;

 private:
  std::string boundary_;
  bool first_ = true;
};

}  // namespace ipfsc::net
