// Without a Kubo: what its RPC offers beside pinning and adding, as far as the embedded node can. The place of further
// commands of an IPFS node.
#include <charconv>

#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "ipfs/path.h"
#include "ipfs/unixfs_reader.h"
#include "model/json_writer.h"

namespace ipfsc::api::proxy {
namespace {

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

Result<> missing_argument(net::Response& response, std::string_view name) {
  send_error(response, 400, fmt::format("argument \"{}\" is required", name));
  return {};
}

/// As in Kubo, so that no web page can have a command done by a link.
bool is_post(const net::Request& request, net::Response& response) {
  if (request.method() == "POST") return true;
  response.add_header("Allow", "OPTIONS, POST");
  send_error(response, 405, fmt::format("{} needs the method POST", request.path()));
  return false;
}

Result<std::optional<uint64_t>> parse_size(const net::Query& query, std::string_view name) {
  auto text = query.value(name);
  if (text.empty()) return std::nullopt;
  if (text.starts_with('-')) return refuse(fmt::format("cannot specify negative {}", name));
  uint64_t value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return refuse(fmt::format("{} is no number", name));
  return value;
}

Task<> version(ProxyContext& context, net::Request& request, net::Response& response) {
  if (!is_post(request, response)) co_return Result<>{};
  std::string body;
  model::JsonObject object(body);
  object.text("Version", context.options.version);
  for (auto unknown : {"Commit", "Repo"}) object.text(unknown, "");
  object.text("System", "amd64/linux");
  object.text("Golang", "");
  object.end();
  co_return response.send(200, body, kJson);
}

/// base64 of the key, where the peer id holds it.
std::string public_key(const ipld::PeerId& peer) {
  auto hash = ipld::Multihash::parse(peer.bytes());
  if (!hash || hash->code() != static_cast<uint64_t>(ipld::HashCode::kIdentity)) return {};
  return to_base64(hash->digest());
}

Task<> id(ProxyContext& context, net::Request& request, net::Response& response) {
  if (!is_post(request, response)) co_return Result<>{};
  CO_TRY_ASSIGN(auto node, co_await context.content->id());
  const auto& self = context.cluster->options().self;
  for (const auto& other : arguments(request)) {
    if (other == self.to_string()) continue;
    co_return fail(ErrorKind::kUnimplemented, "id: the embedded IPFS node is on no network where it could ask another");
  }
  std::string body;
  model::JsonObject object(body);
  object.plain("ID", self.to_string());
  object.plain("PublicKey", public_key(self));
  object.plain_list("Addresses", node.addresses);
  object.text("AgentVersion", node.agent_version);
  object.raw("Protocols", "[]");
  object.end();
  co_return response.send(200, body, kJson);
}

Task<ipfs::Content> open_file(ProxyContext& context, const std::string& path) {
  CO_TRY_ASSIGN(auto resolved, co_await ipfs::resolve_path(*context.content, path));
  CO_TRY_ASSIGN(auto content, co_await ipfs::open_content(*context.content, std::move(resolved.cid)));
  switch (content.kind) {
    case ipfs::ContentKind::kFile:
      co_return content;
    case ipfs::ContentKind::kDirectory:
      co_return refuse("this dag node is a directory");
    case ipfs::ContentKind::kSymlink:
      co_return refuse("this dag node is a symlink");
    case ipfs::ContentKind::kNode:
      break;
  }
  co_return refuse(fmt::format("{} is no file", path));
}

struct FilePart {
  ipfs::Content file;
  uint64_t offset = 0, length = 0;
};

/// `offset` and `length` are of all files together.
Task<std::vector<FilePart>> choose_parts(ProxyContext& context, const net::Request& request,
                                         const std::vector<std::string>& paths) {
  CO_TRY_ASSIGN(auto offset, parse_size(request.query(), "offset"));
  CO_TRY_ASSIGN(auto length, parse_size(request.query(), "length"));
  uint64_t skip = offset.value_or(0), left = length.value_or(UINT64_MAX);
  std::vector<FilePart> parts;
  for (const auto& path : paths) {
    CO_TRY_ASSIGN(auto file, co_await open_file(context, path));
    uint64_t begin = std::min(skip, file.size_bytes);
    uint64_t size = std::min(left, file.size_bytes - begin);
    skip -= begin;
    left -= size;
    if (size > 0) parts.push_back({std::move(file), begin, size});
  }
  co_return parts;
}

Task<> send_parts(ProxyContext& context, std::vector<FilePart> parts, net::Response& response) {
  for (auto& part : parts) {
    ipfs::FileReader reader(context.runtime, *context.content, std::move(part.file),
                            {.offset = part.offset, .length = part.length});
    for (;;) {
      CO_TRY_ASSIGN(Bytes piece, co_await reader.next());
      if (piece.empty()) break;
      CO_TRY(co_await response.write(piece));
    }
  }
  co_return Result<>{};
}

Task<> cat(ProxyContext& context, net::Request& request, net::Response& response) {
  if (!is_post(request, response)) co_return Result<>{};
  auto paths = arguments(request);
  if (paths.empty()) co_return missing_argument(response, "ipfs-path");
  CO_TRY_ASSIGN(auto parts, co_await choose_parts(context, request, paths));
  uint64_t size = 0;
  for (const auto& part : parts) size += part.length;
  response.add_header("X-Content-Length", std::to_string(size));
  response.add_header("X-Stream-Output", "1");
  CO_TRY(response.begin({.content_type = "text/plain", .trailers = {"X-Stream-Error"}}));
  auto sent = co_await send_parts(context, std::move(parts), response);
  if (sent) co_return response.end();
  if (sent.error().kind == ErrorKind::kCancelled) co_return sent;
  co_return response.end({{"X-Stream-Error", sent.error().message}});
}

Task<ipld::Block> find_block(ProxyContext& context, const std::string& path) {
  CO_TRY_ASSIGN(auto resolved, co_await ipfs::resolve_path(*context.content, path));
  CO_TRY_ASSIGN(auto bytes, co_await context.content->get_block(resolved.cid));
  co_return ipld::Block{std::move(resolved.cid), std::move(bytes)};
}

Task<> block_get(ProxyContext& context, net::Request& request, net::Response& response) {
  if (!is_post(request, response)) co_return Result<>{};
  auto paths = arguments(request);
  if (paths.empty()) co_return missing_argument(response, "cid");
  CO_TRY_ASSIGN(auto block, co_await find_block(context, paths.front()));
  response.add_header("X-Stream-Output", "1");
  co_return response.send(200, block.data, "application/vnd.ipld.raw");
}

Task<> block_stat(ProxyContext& context, net::Request& request, net::Response& response) {
  if (!is_post(request, response)) co_return Result<>{};
  auto paths = arguments(request);
  if (paths.empty()) co_return missing_argument(response, "cid");
  CO_TRY_ASSIGN(auto block, co_await find_block(context, paths.front()));
  std::string body;
  model::JsonObject object(body);
  object.plain("Key", block.cid.to_string());
  object.number("Size", static_cast<uint64_t>(block.data.size()));
  object.end();
  co_return response.send(200, body, kJson);
}

}  // namespace

void add_node_commands(net::Router& router, ProxyContext& context) {
  add_command(router, context, "version", version);
  add_command(router, context, "id", id);
  add_command(router, context, "cat", cat);
  add_command(router, context, "block/get", block_get);
  add_command(router, context, "block/stat", block_stat);
}

}  // namespace ipfsc::api::proxy
