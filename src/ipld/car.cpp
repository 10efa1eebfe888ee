#include "ipld/car.h"

#include <fmt/format.h>

#include "ipld/dag_cbor.h"

namespace ipfsc::ipld {
namespace {

constexpr size_t kMaxVarintBytes = 9;

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "invalid CAR: " + std::move(why));
}

Result<CarHeader> decode_header(ByteView bytes) {
  auto value = decode_cbor(bytes);
  if (!value) return invalid("header: " + value.error().message);
  const CborValue* version = value->find("version");
  if (!version || !version->as_uint()) return invalid("the header has no version");
  if (*version->as_uint() == 2) return fail(ErrorKind::kUnimplemented, "CARv2 is not supported, only CARv1");
  if (*version->as_uint() != 1) return invalid(fmt::format("there is no version {}", *version->as_uint()));
  const CborValue* roots = value->find("roots");
  if (!roots || !roots->as_list()) return invalid("the header has no list of roots");
  CarHeader header;
  for (const auto& root : *roots->as_list()) {
    if (!root.as_link()) return invalid("a root is not a link");
    header.roots.push_back(*root.as_link());
  }
  return header;
}

}  // namespace

Bytes encode_car_header(const CarHeader& header) {
  CborValue::List roots;
  for (const auto& root : header.roots) roots.push_back(CborValue::link(root));
  CborValue::Map map;
  map.emplace("roots", CborValue::list(std::move(roots)));
  map.emplace("version", CborValue::uint(1));
  Bytes cbor = encode_cbor(CborValue::map(std::move(map)));
  Bytes out;
  append_varint(out, cbor.size());
  out.append(cbor);
  return out;
}

void append_car_block(Bytes& out, const Cid& cid, ByteView data) {
  append_varint(out, cid.bytes().size() + data.size());
  out.append(cid.bytes());
  out.append(data);
}

size_t car_section_size(const Cid& cid, size_t data_size) {
  size_t size = cid.bytes().size() + data_size;
  return varint_size(size) + size;
}

void CarReader::feed(ByteView bytes) {
  if (used_ == buffer_.size()) {
    buffer_.clear();
    used_ = 0;
  } else if (used_ > buffer_.size() / 2) {
    buffer_.erase(0, used_);
    used_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<ByteView>> CarReader::take_piece(size_t max_bytes, const char* what) {
  ByteView in = ByteView(buffer_).substr(used_);
  size_t digits = 0;
  while (digits < in.size() && digits < kMaxVarintBytes && (in[digits] & 0x80) != 0) ++digits;
  if (digits == in.size()) return std::nullopt;
  auto size = take_varint(in);
  if (!size) return invalid(fmt::format("length of the {} at byte {}: {}", what, offset_, size.error().message));
  if (*size == 0) return invalid(fmt::format("the {} at byte {} is empty", what, offset_));
  if (*size > max_bytes) {
    return fail(
        ErrorKind::kResourceExhausted,
        fmt::format("the CAR {} at byte {} has {} bytes, more than the {} allowed", what, offset_, *size, max_bytes));
  }
  if (in.size() < *size) return std::nullopt;
  size_t taken = buffer_.size() - used_ - in.size() + *size;
  used_ += taken;
  offset_ += taken;
  return in.substr(0, *size);
}

Result<std::optional<CarHeader>> CarReader::read_header() {
  TRY_ASSIGN(auto piece, take_piece(options_.max_header_bytes, "header"));
  if (!piece) return std::nullopt;
  TRY_ASSIGN(header_, decode_header(*piece));
  return header_;
}

Result<std::optional<Block>> CarReader::read_block() {
  uint64_t start = offset_;
  TRY_ASSIGN(auto piece, take_piece(options_.max_section_bytes, "section"));
  if (!piece) return std::nullopt;
  ByteView in = *piece;
  auto cid = Cid::take(in);
  if (!cid) return invalid(fmt::format("section at byte {}: {}", start, cid.error().message));
  return Block{*std::move(cid), Bytes(in)};
}

Result<std::optional<CarHeader>> CarReader::header() {
  if (error_) return fail(*error_);
  if (header_) return header_;
  auto header = read_header();
  if (!header) error_ = header.error();
  return header;
}

Result<std::optional<Block>> CarReader::next() {
  if (error_) return fail(*error_);
  if (!header_) {
    TRY_ASSIGN(auto header, this->header());
    if (!header) return std::nullopt;
  }
  auto block = read_block();
  if (!block) error_ = block.error();
  return block;
}

Result<> CarReader::finish() {
  if (error_) return fail(*error_);
  if (!header_) return invalid(fmt::format("it ends in its header, after {} bytes", offset_ + buffer_.size() - used_));
  if (used_ == buffer_.size()) return {};
  return invalid(fmt::format("the section at byte {} is cut off", offset_));
}

}  // namespace ipfsc::ipld
