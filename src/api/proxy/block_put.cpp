// block/put without a Kubo: each block becomes a CAR of one block, so that it is added, sent and pinned as any content.
#include "api/common/json_stream.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/rest/query_options.h"
#include "base/text.h"
#include "ipld/car.h"
#include "model/json_writer.h"
#include "net/multipart.h"

namespace ipfsc::api::proxy {
namespace {

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

struct BlockFormat {
  int cid_version = 1;
  uint64_t codec = ipld::kRaw;
  uint64_t hash_code = static_cast<uint64_t>(ipld::HashCode::kSha2_256);
  size_t max_bytes = 0;
  bool pin = false;
};

/// `format` is the older way to say it.
Result<> parse_codec(const net::Query& query, BlockFormat& out) {
  auto name = query.value("cid-codec");
  if (auto format = query.value("format"); !format.empty()) {
    if (!name.empty() && name != "raw") return refuse("block put: only one of cid-codec and format may be set");
    out.cid_version = format == "v0" ? 0 : 1;
    name = format == "v0" || format == "protobuf" ? "dag-pb" : format == "cbor" ? "dag-cbor" : format;
  }
  if (name.empty()) return {};
  TRY_ASSIGN(out.codec, ipld::codec_from_name(name));
  if (out.codec != ipld::kRaw && out.codec != ipld::kDagPb && out.codec != ipld::kDagCbor) {
    return refuse(fmt::format("block put: the codec {} is not offered: raw, dag-pb and dag-cbor are", quoted(name)));
  }
  return {};
}

Result<BlockFormat> parse(const net::Query& query, const ProxyOptions& options) {
  BlockFormat out;
  TRY(parse_codec(query, out));
  if (auto name = query.value("mhtype"); !name.empty()) {
    TRY_ASSIGN(auto code, ipld::hash_code_from_name(name));
    out.hash_code = static_cast<uint64_t>(code);
    if (!ipld::hash_supported(out.hash_code)) return refuse(fmt::format("the hash function {} is not offered", name));
  }
  if (auto length = query.value("mhlen"); !length.empty() && length != "-1") {
    return refuse("mhlen is not supported: digests are not cut");
  }
  TRY_ASSIGN(bool big, rest::parse_bool(query, "allow-big-block"));
  out.max_bytes = big ? options.max_big_block_bytes : options.max_block_bytes;
  TRY_ASSIGN(out.pin, rest::parse_bool(query, "pin"));
  return out;
}

Task<ipld::Cid> put(ProxyContext& context, const BlockFormat& format, const cluster::Caller& caller, ByteView data) {
  CO_TRY_ASSIGN(auto cid, ipld::Cid::of(format.cid_version, format.codec, format.hash_code, data));
  Bytes car = ipld::encode_car_header({.roots = {cid}});
  ipld::append_car_block(car, cid, data);
  cluster::AddParams params{.format = cluster::AddFormat::kCar, .no_pin = !format.pin};
  params.size_hint_bytes = car.size();
  CO_TRY_ASSIGN(auto session, co_await context.cluster->add(std::move(params), caller));
  CO_TRY(co_await session->begin_file(""));
  CO_TRY(co_await session->write(std::move(car)));
  CO_TRY(co_await session->end_file());
  CO_TRY(co_await session->finish());
  co_return cid;
}

Task<size_t> put_parts(ProxyContext& context, net::MultipartReader& parts, const BlockFormat& format,
                       const cluster::Caller& caller, common::JsonStream& stream) {
  for (size_t count = 0;; ++count) {
    CO_TRY_ASSIGN(auto part, co_await parts.next());
    if (!part) co_return count;
    auto data = co_await net::read_all(parts.body(), format.max_bytes);
    if (!data && data.error().kind == ErrorKind::kResourceExhausted) {
      co_return refuse(fmt::format("the block is larger than {} bytes: add it as a file{}", format.max_bytes,
                                   format.max_bytes == context.options.max_block_bytes ? ", or allow-big-block" : ""));
    }
    CO_TRY(data);
    CO_TRY_ASSIGN(auto cid, co_await put(context, format, caller, *data));
    std::string line;
    model::JsonObject object(line);
    object.plain("Key", cid.to_string());
    object.number("Size", static_cast<uint64_t>(data->size()));
    object.end();
    CO_TRY(co_await stream.write(line + "\n"));
  }
}

Task<> block_put(ProxyContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto format, parse(request.query(), context.options));
  auto boundary = net::MultipartReader::boundary_of(request.header("Content-Type").value_or(""));
  if (!boundary) {
    send_error(response, 400, "file argument 'data' is required: " + boundary.error().message);
    co_return Result<>{};
  }
  response.add_header("X-Chunked-Output", "1");
  net::MultipartReader parts(request.body(), *std::move(boundary));
  common::JsonStream stream(response);
  auto count = co_await put_parts(context, parts, format, caller_of(request), stream);
  if (count && *count == 0) {
    send_error(response, 400, "file argument 'data' is required");
    co_return Result<>{};
  }
  co_return stream.end_always_200(count ? Result<>{} : fail(count.error()));
}

}  // namespace

void add_block_put_command(net::Router& router, ProxyContext& context) {
  add_command(router, context, "block/put", block_put);
}

}  // namespace ipfsc::api::proxy
