#include "api/gateway/content_type.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ipfsc::api::gateway {
namespace {

struct Named {
  std::string_view extension, type;
};

/// By extension, for a binary search.
constexpr auto kByExtension = std::to_array<Named>({
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/plain; charset=utf-8"},
    {"car", "application/vnd.ipld.car"},
    {"cbor", "application/cbor"},
    {"cpp", "text/plain; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"deb", "application/vnd.debian.binary-package"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"go", "text/plain; charset=utf-8"},
    {"gz", "application/gzip"},
    {"h", "text/plain; charset=utf-8"},
    {"heic", "image/heic"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/x-icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"iso", "application/x-iso9660-image"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"log", "text/plain; charset=utf-8"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"py", "text/plain; charset=utf-8"},
    {"rar", "application/vnd.rar"},
    {"rs", "text/plain; charset=utf-8"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"sh", "text/plain; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "text/plain; charset=utf-8"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "text/xml; charset=utf-8"},
    {"xz", "application/x-xz"},
    {"yaml", "text/plain; charset=utf-8"},
    {"yml", "text/plain; charset=utf-8"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
});
static_assert(std::ranges::is_sorted(kByExtension, {}, &Named::extension));
constexpr size_t kLongestExtension = 11;

struct Magic {
  size_t at;
  std::string_view bytes, type;
};

using namespace std::string_view_literals;
constexpr auto kMagic = std::to_array<Magic>({
    {0, "\x89PNG\r\n\x1a\n"sv, "image/png"},
    {0, "\xff\xd8\xff"sv, "image/jpeg"},
    {0, "GIF87a"sv, "image/gif"},
    {0, "GIF89a"sv, "image/gif"},
    {8, "WEBPVP"sv, "image/webp"},
    {8, "WAVE"sv, "audio/wav"},
    {8, "AVI "sv, "video/x-msvideo"},
    {0, "BM"sv, "image/bmp"},
    {0, "\0\0\1\0"sv, "image/x-icon"},
    {0, "II*\0"sv, "image/tiff"},
    {0, "MM\0*"sv, "image/tiff"},
    {4, "ftypavif"sv, "image/avif"},
    {4, "ftypheic"sv, "image/heic"},
    {4, "ftypqt"sv, "video/quicktime"},
    {4, "ftyp"sv, "video/mp4"},
    {0, "\x1a\x45\xdf\xa3"sv, "video/webm"},
    {0, "ID3"sv, "audio/mpeg"},
    {0, "OggS\0"sv, "application/ogg"},
    {0, "fLaC"sv, "audio/flac"},
    {0, "%PDF-"sv, "application/pdf"},
    {0, "%!PS-Adobe-"sv, "application/postscript"},
    {0, "PK\x03\x04"sv, "application/zip"},
    {0, "\x1f\x8b\x08"sv, "application/gzip"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "application/x-xz"},
    {0, "(\xb5/\xfd"sv, "application/zstd"},
    {0, "BZh"sv, "application/x-bzip2"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "application/x-7z-compressed"},
    {0, "Rar!\x1a\x07"sv, "application/vnd.rar"},
    {257, "ustar"sv, "application/x-tar"},
    {0, "\0asm"sv, "application/wasm"},
    {0, "wOFF"sv, "font/woff"},
    {0, "wOF2"sv, "font/woff2"},
    {0, "\0\1\0\0"sv, "font/ttf"},
    {0, "OTTO"sv, "font/otf"},
    {0, "\xef\xbb\xbf"sv, "text/plain; charset=utf-8"},
    {0, "\xfe\xff"sv, "text/plain; charset=utf-16be"},
    {0, "\xff\xfe"sv, "text/plain; charset=utf-16le"},
});

constexpr auto kHtmlTags =
    std::to_array<std::string_view>({"<!doctype html", "<html", "<head", "<script", "<iframe", "<h1", "<div", "<font",
                                     "<table", "<a", "<style", "<title", "<b", "<body", "<br", "<p", "<!--"});

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool begins_with_tag(std::string_view text, std::string_view tag) {
  if (text.size() < tag.size()) return false;
  if (!std::ranges::equal(text.substr(0, tag.size()), tag, {}, lower)) return false;
  if (tag == "<!--") return true;
  return text.size() > tag.size() && (text[tag.size()] == ' ' || text[tag.size()] == '>');
}

bool is_binary(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r' && c != '\x1b';
}

/// Without a character that is cut off at the end.
std::string_view whole_characters(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte >= 0xc0) return text.substr(0, text.size() - back);
    if (byte < 0x80) break;
  }
  return text;
}

}  // namespace

std::string_view content_type_by_name(std::string_view name) {
  auto dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot - 1 > kLongestExtension) return {};
  std::string extension(name.substr(dot + 1));
  std::ranges::transform(extension, extension.begin(), lower);
  auto it = std::ranges::lower_bound(kByExtension, std::string_view(extension), {}, &Named::extension);
  return it != kByExtension.end() && it->extension == extension ? it->type : std::string_view{};
}

std::string_view sniff_content_type(std::string_view first) {
  std::string_view whole = first;
  first = first.substr(0, kSniffBytes);
  for (const auto& magic : kMagic) {
    if (first.size() > magic.at && first.substr(magic.at).starts_with(magic.bytes)) return magic.type;
  }
  auto text = first.substr(std::min(first.find_first_not_of(" \t\n\f\r"), first.size()));
  for (auto tag : kHtmlTags) {
    if (begins_with_tag(text, tag)) return "text/html";
  }
  if (text.starts_with("<?xml")) return "text/xml; charset=utf-8";
  if (begins_with_tag(text, "<svg")) return "image/svg+xml";
  if (std::ranges::any_of(first, is_binary)) return "application/octet-stream";
  return is_utf8(whole.size() < kSniffBytes ? first : whole_characters(first)) ? "text/plain; charset=utf-8"
                                                                               : "text/plain";
}

}  // namespace ipfsc::api::gateway
