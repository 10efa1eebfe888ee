#include "net/http.h"

#include <array>
#include <ctime>

#include "base/bytes.h"

namespace ipfsc::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_token(char c) { return is_unreserved(c) || std::string_view("!#$%&'*+^`|").find(c) != std::string_view::npos; }

std::string encode(std::string_view text, std::string_view also_plain) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (is_unreserved(c) || also_plain.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A token or quoted string from the front of `in`.
Result<std::string> take_value(std::string_view& in) {
  std::string out;
  if (in.empty() || in.front() != '"') {
    size_t n = 0;
    while (n < in.size() && is_token(in[n])) ++n;
    if (n == 0) return fail(ErrorKind::kInvalidArgument, "a parameter has no value");
    out = in.substr(0, n);
    in.remove_prefix(n);
    return out;
  }
  in.remove_prefix(1);
  while (!in.empty() && in.front() != '"') {
    // Browsers send Windows paths unescaped: a backslash escapes only a quote or another backslash.
    if (in.front() == '\\' && in.size() > 1 && (in[1] == '"' || in[1] == '\\')) in.remove_prefix(1);
    out.push_back(in.front());
    in.remove_prefix(1);
  }
  if (in.empty()) return fail(ErrorKind::kInvalidArgument, "a quoted parameter has no closing quote");
  in.remove_prefix(1);
  return out;
}

Result<void> take_parameter(std::string_view& in, MediaType& media) {
  size_t n = 0;
  while (n < in.size() && is_token(in[n])) ++n;
  if (n == 0) return fail(ErrorKind::kInvalidArgument, "a parameter has no name");
  std::string name = lower(in.substr(0, n));
  in = trim(in.substr(n));
  if (in.empty() || in.front() != '=')
    return fail(ErrorKind::kInvalidArgument, "parameter \"" + name + "\" has no value");
  in = trim(in.substr(1));
  TRY_ASSIGN(auto value, take_value(in));
  in = trim(in);
  if (name.ends_with('*')) {
    auto quote = value.find('\'');
    auto second = quote == std::string::npos ? quote : value.find('\'', quote + 1);
    if (second == std::string::npos)
      return fail(ErrorKind::kInvalidArgument, "parameter \"" + name + "\" is malformed");
    TRY_ASSIGN(value, percent_decode(std::string_view(value).substr(second + 1)));
    name.pop_back();
    // The extended form wins over the plain one (RFC 6266 §4.3).
    std::erase_if(media.parameters, [&](auto& p) { return p.first == name; });
  } else if (media.parameter(name)) {
    return {};
  }
  media.parameters.emplace_back(std::move(name), std::move(value));
  return {};
}

}  // namespace

bool equal_fold(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

const std::string* find_header(const Headers& headers, std::string_view name) {
  for (const auto& header : headers) {
    if (equal_fold(header.name, name)) return &header.value;
  }
  return nullptr;
}

Task<std::string> read_all(ByteSource source, size_t limit_bytes) {
  std::string out;
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await source());
    if (piece.empty()) co_return out;
    if (out.size() + piece.size() > limit_bytes) {
      co_return fail(ErrorKind::kResourceExhausted,
                     "the body is larger than " + std::to_string(limit_bytes) + " bytes");
    }
    out += piece;
  }
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(ErrorKind::kInvalidArgument, "broken percent-escape at position " + std::to_string(i) + " of \"" +
                                                     std::string(text.substr(0, 64)) + "\"");
      }
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) { return encode(text, ""); }
std::string percent_encode_path(std::string_view path) { return encode(path, "/!$&'()*+,;=:@"); }

Result<Query> Query::parse(std::string_view raw) {
  Query query;
  while (!raw.empty()) {
    auto end = raw.find('&');
    auto item = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view{} : raw.substr(end + 1);
    if (item.empty()) continue;
    auto equals = item.find('=');
    auto key = percent_decode(item.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1), true);
    if (!key || !value) {
      return fail((key ? value.error() : key.error())
                      .with_context("malformed query parameter \"" +
                                    std::string(item.substr(0, std::min<size_t>(equals, 64))) + "\""));
    }
    query.items.emplace_back(*std::move(key), *std::move(value));
  }
  return query;
}

std::optional<std::string_view> Query::get(std::string_view key) const {
  for (const auto& [name, value] : items) {
    if (name == key) return value;
  }
  return std::nullopt;
}

void append_query(std::string& query, std::string_view key, std::string_view value) {
  if (!query.empty() && query.back() != '?') query.push_back('&');
  query += percent_encode(key);
  query.push_back('=');
  query += percent_encode(value);
}

std::string_view status_text(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Requested Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

std::string clean_path(std::string_view path) {
  std::string out;
  out.reserve(path.size() + 1);
  bool directory = true;
  while (!path.empty()) {
    auto slash = path.find('/');
    auto segment = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    directory = slash != std::string_view::npos || segment == "." || segment == "..";
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
      continue;
    }
    out.push_back('/');
    out += segment;
  }
  if (directory || out.empty()) out.push_back('/');
  return out;
}

std::string http_date(int64_t unix_seconds) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t time = unix_seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon],
                     utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

const std::string* MediaType::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<MediaType> parse_media_type(std::string_view text) {
  MediaType media;
  auto semicolon = text.find(';');
  media.type = lower(trim(text.substr(0, semicolon)));
  if (media.type.empty()) return fail(ErrorKind::kInvalidArgument, "an empty media type");
  for (char c : media.type) {
    if (!is_token(c) && c != '/') return fail(ErrorKind::kInvalidArgument, "malformed media type");
  }
  auto rest = semicolon == std::string_view::npos ? std::string_view{} : text.substr(semicolon);
  while (!rest.empty()) {
    if (rest.front() != ';') return fail(ErrorKind::kInvalidArgument, "parameters must be separated by semicolons");
    rest = trim(rest.substr(1));
    if (rest.empty() || rest.front() == ';') continue;
    TRY(take_parameter(rest, media));
  }
  return media;
}

std::optional<std::pair<std::string, std::string>> parse_basic_auth(std::string_view authorization) {
  constexpr std::string_view kScheme = "basic ";
  if (authorization.size() < kScheme.size() || !equal_fold(authorization.substr(0, kScheme.size()), kScheme))
    return std::nullopt;
  auto decoded = from_base64(trim(authorization.substr(kScheme.size())));
  if (!decoded) return std::nullopt;
  auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

std::string basic_auth(std::string_view user, std::string_view password) {
  return "Basic " + to_base64(std::string(user) + ":" + std::string(password));
}

}  // namespace ipfsc::net
