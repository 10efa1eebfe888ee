// links: net
#include "base/check.h"
#include "net/http.h"
#include "net/http_client.h"
#include "net/parser.h"

using namespace ipfsc;
using namespace ipfsc::net;

namespace {

/// A request through the parser, in pieces of `step` bytes; what it understood. "" = no request: the pieces decide
/// whether Beast finds it wrong at once or waits for the end of its head first.
std::string understood(std::string_view text, size_t step) {
  MessageHead head;
  MessageParser<true> parser(head, 4096);
  std::string out, body, waiting;
  boost::system::error_code ec;
  for (size_t at = 0; at < text.size() && !parser.is_done(); at += step) {
    waiting += text.substr(at, step);
    for (;;) {
      parser.body = {};
      auto used = parser.put(boost::asio::buffer(waiting.data(), waiting.size()), ec);
      body += parser.body;
      waiting.erase(0, used);
      if (ec || waiting.empty() || parser.is_done()) break;
    }
    if (ec && ec != boost::beast::http::error::need_more) return "";
  }
  if (!parser.is_done()) return "";
  out = std::string(head.method()) + " " + std::string(head.target()) + "\n";
  for (const auto& field : head.fields)
    out += std::string(head.name(field)) + "=" + std::string(head.value(field)) + "\n";
  return out + body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto input = as_bytes(data, size);
  if (auto query = Query::parse(input)) {
    std::string again;
    for (const auto& [key, value] : query->items) append_query(again, key, value);
    CHECK(Query::parse(again)->items == query->items);
  }
  CHECK(*percent_decode(percent_encode(input), true) == input);
  CHECK(*percent_decode(percent_encode_path(input)) == input);
  auto clean = clean_path(input);
  CHECK(clean.starts_with('/') && clean_path(clean) == clean);
  CHECK(!clean.contains("//") && !(clean + "/").contains("/../"));
  (void)parse_media_type(input);
  (void)parse_basic_auth(input);
  if (auto endpoint = Endpoint::from_url(input)) CHECK(endpoint->port != 0 && !endpoint->host.empty());
  if (size < 2048) CHECK(understood(input, 1) == understood(input, 7));
  return 0;
}
