#include "ipld/cbor_reader.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ipfsc::ipld {
namespace {

// Additional information, RFC 8949 section 3: below 24 it is the argument, 24 to 27 are 1, 2, 4 and 8 bytes.
constexpr uint8_t kFirstLong = 24;
constexpr uint8_t kLastLong = 27;
constexpr uint8_t kIndefinite = 31;
constexpr uint8_t kFalse = 20;
constexpr uint8_t kNull = 22;
constexpr uint8_t kUndefined = 23;
constexpr uint8_t kSimpleByte = 24;
constexpr uint8_t kFloat64 = 27;

// The smallest argument that needs 1, 2, 4 or 8 bytes.
constexpr uint64_t kSmallest[] = {24, 0x100, 0x10000, 0x100000000};

}  // namespace

std::unexpected<Error> CborReader::invalid(const std::string& why) const {
  return fail(ErrorKind::kInvalidArgument, fmt::format("invalid dag-cbor at byte {}: {}", item_, why));
}

Result<CborHead> CborReader::take_head() {
  item_ = at_;
  if (at_ == input_.size()) return invalid("truncated");
  auto first = static_cast<uint8_t>(input_[at_++]);
  CborHead head{static_cast<CborMajor>(first >> 5), static_cast<uint8_t>(first & 31),
                static_cast<uint64_t>(first & 31)};
  if (head.info == kIndefinite) return invalid("indefinite lengths are not allowed");
  if (head.info > kLastLong) return invalid("reserved additional information");
  if (head.info >= kFirstLong) {
    unsigned index = head.info - kFirstLong;
    size_t count = size_t{1} << index;
    if (input_.size() - at_ < count) return invalid("truncated");
    head.argument = 0;
    for (size_t i = 0; i < count; ++i) head.argument = head.argument << 8 | static_cast<uint8_t>(input_[at_++]);
    if (strict_ && head.major != CborMajor::kSimple && head.argument < kSmallest[index]) {
      return invalid("an integer or length is not in its shortest form");
    }
  }
  if (head.major == CborMajor::kSimple) {
    bool simple = head.info < kFalse || head.info == kSimpleByte;
    if (simple) return invalid("simple values other than false, true and null are not allowed");
    if (strict_ && head.info == kUndefined) return invalid("undefined is not allowed");
    if (strict_ && head.info > kNull && head.info != kFloat64) return invalid("floats must have 64 bits");
  }
  return head;
}

Result<ByteView> CborReader::take_bytes(const CborHead& head) {
  if (head.argument > input_.size() - at_) {
    return invalid(fmt::format("{} bytes announced, {} are there", head.argument, input_.size() - at_));
  }
  ByteView bytes = input_.substr(at_, head.argument);
  at_ += head.argument;
  if (strict_ && head.major == CborMajor::kText && !is_utf8(bytes)) return invalid("text is not UTF-8");
  return bytes;
}

Result<uint64_t> CborReader::take_count(const CborHead& head) {
  uint64_t most = (input_.size() - at_) / (head.major == CborMajor::kMap ? 2 : 1);
  if (head.argument > most) return invalid(fmt::format("{} items announced, at most {} fit", head.argument, most));
  return head.argument;
}

Result<Cid> CborReader::take_link(const CborHead& head) {
  if (head.argument != kCborLinkTag) return invalid(fmt::format("tag {} is not allowed", head.argument));
  TRY_ASSIGN(auto content, take_head());
  if (content.major != CborMajor::kBytes) return invalid("a link is not a byte string");
  TRY_ASSIGN(auto bytes, take_bytes(content));
  if (bytes.empty() || bytes[0] != 0) return invalid("a link does not begin with the identity multibase prefix");
  auto cid = Cid::from_bytes(bytes.substr(1));
  if (!cid) return invalid(cid.error().message);
  return cid;
}

Result<ByteView> CborReader::take_key() {
  TRY_ASSIGN(auto head, take_head());
  if (head.major != CborMajor::kText) return invalid("a map key is not text");
  return take_bytes(head);
}

}  // namespace ipfsc::ipld
