#include "ipld/dag_cbor.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/text.h"
#include "ipld/cbor_reader.h"

namespace ipfsc::ipld {
namespace {

constexpr uint8_t kFalse = 20;
constexpr uint8_t kTrue = 21;
constexpr uint8_t kNull = 22;
constexpr uint8_t kFloat64 = 27;

std::unexpected<Error> over_limit(const char* what, size_t limit) {
  return fail(ErrorKind::kResourceExhausted, fmt::format("dag-cbor node with more than {} {}", limit, what));
}

// Counts values and nesting; shared by the two walks below.
class Budget {
 public:
  explicit Budget(const CborLimits& limits) : limits_(limits) {}
  Result<> take_value(size_t depth) {
    if (++values_ > limits_.max_values) return over_limit("values", limits_.max_values);
    if (depth > limits_.max_depth) return over_limit("nested lists and maps", limits_.max_depth);
    return {};
  }

 private:
  const CborLimits& limits_;
  size_t values_ = 0;
};

class Decoder {
 public:
  Decoder(ByteView block, const CborLimits& limits) : reader_(block, true), budget_(limits) {}

  Result<CborValue> run() {
    TRY_ASSIGN(auto value, take_value(0));
    if (!reader_.at_end()) return reader_.invalid("bytes follow after the value that begins here");
    return value;
  }

 private:
  Result<CborValue> take_value(size_t depth) {
    TRY(budget_.take_value(depth));
    TRY_ASSIGN(auto head, reader_.take_head());
    switch (head.major) {
      case CborMajor::kUint:
        return CborValue::uint(head.argument);
      case CborMajor::kNegative:
        return CborValue::negative(head.argument);
      case CborMajor::kBytes: {
        TRY_ASSIGN(auto bytes, reader_.take_bytes(head));
        return CborValue::bytes(Bytes(bytes));
      }
      case CborMajor::kText: {
        TRY_ASSIGN(auto text, reader_.take_bytes(head));
        return CborValue::text(std::string(text));
      }
      case CborMajor::kList:
        return take_list(head, depth);
      case CborMajor::kMap:
        return take_map(head, depth);
      case CborMajor::kTag: {
        TRY_ASSIGN(auto cid, reader_.take_link(head));
        return CborValue::link(std::move(cid));
      }
      case CborMajor::kSimple:
        break;
    }
    return take_simple(head);
  }

  Result<CborValue> take_simple(const CborHead& head) {
    if (head.info == kNull) return CborValue::null();
    if (head.info != kFloat64) return CborValue::boolean(head.info == kTrue);
    double value = std::bit_cast<double>(head.argument);
    if (!std::isfinite(value)) return reader_.invalid("NaN and infinities are not allowed");
    return CborValue::real(value);
  }

  Result<CborValue> take_list(const CborHead& head, size_t depth) {
    TRY_ASSIGN(uint64_t count, reader_.take_count(head));
    CborValue::List list;  // grows with what is there, not with what is announced
    for (uint64_t i = 0; i < count; ++i) {
      TRY_ASSIGN(auto value, take_value(depth + 1));
      list.push_back(std::move(value));
    }
    return CborValue::list(std::move(list));
  }

  Result<CborValue> take_map(const CborHead& head, size_t depth) {
    TRY_ASSIGN(uint64_t count, reader_.take_count(head));
    CborValue::Map map;
    for (uint64_t i = 0; i < count; ++i) {
      TRY_ASSIGN(auto key, reader_.take_key());
      if (!map.empty()) {
        const std::string& last = map.rbegin()->first;
        if (key == last) return reader_.invalid(fmt::format("the map key {} is doubled", quoted(key)));
        if (!CborKeyLess()(last, key)) return reader_.invalid(fmt::format("the map key {} is not sorted", quoted(key)));
      }
      TRY_ASSIGN(auto value, take_value(depth + 1));
      map.emplace_hint(map.end(), std::string(key), std::move(value));
    }
    return CborValue::map(std::move(map));
  }

  CborReader reader_;
  Budget budget_;
};

class LinkScanner {
 public:
  LinkScanner(ByteView block, const CborLimits& limits) : reader_(block, false), budget_(limits) {}

  Result<std::vector<Cid>> run() {
    TRY(scan(0));
    if (!reader_.at_end()) return reader_.invalid("bytes follow after the value that begins here");
    return std::move(links_);
  }

 private:
  Result<> scan(size_t depth) {
    TRY(budget_.take_value(depth));
    TRY_ASSIGN(auto head, reader_.take_head());
    switch (head.major) {
      case CborMajor::kBytes:
      case CborMajor::kText:
        TRY(reader_.take_bytes(head));
        return {};
      case CborMajor::kTag: {
        TRY_ASSIGN(auto cid, reader_.take_link(head));
        links_.push_back(std::move(cid));
        return {};
      }
      case CborMajor::kList:
      case CborMajor::kMap: {
        TRY_ASSIGN(uint64_t count, reader_.take_count(head));
        for (uint64_t i = 0; i < count; ++i) {
          if (head.major == CborMajor::kMap) TRY(reader_.take_key());
          TRY(scan(depth + 1));
        }
        return {};
      }
      default:
        return {};
    }
  }

  CborReader reader_;
  Budget budget_;
  std::vector<Cid> links_;
};

void append_head(Bytes& out, CborMajor major, uint64_t argument) {
  auto type = static_cast<uint8_t>(static_cast<uint8_t>(major) << 5);
  if (argument < 24) {
    out.push_back(static_cast<char>(type | argument));
    return;
  }
  int index = argument < 0x100 ? 0 : argument < 0x10000 ? 1 : argument < 0x100000000 ? 2 : 3;
  out.push_back(static_cast<char>(type | (24 + index)));
  for (int shift = (8 << index) - 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(argument >> shift));
}

void append_string(Bytes& out, CborMajor major, ByteView bytes) {
  append_head(out, major, bytes.size());
  out.append(bytes);
}

}  // namespace

struct CborEncoder {
  Bytes& out;

  void operator()(std::monostate) const { simple(kNull); }
  void operator()(bool value) const { simple(value ? kTrue : kFalse); }
  void operator()(uint64_t value) const { append_head(out, CborMajor::kUint, value); }
  void operator()(CborValue::Negative value) const { append_head(out, CborMajor::kNegative, value.n); }
  void operator()(double value) const {
    CHECK(std::isfinite(value));
    simple(kFloat64);
    append_be64(out, std::bit_cast<uint64_t>(value));
  }
  void operator()(const CborValue::ByteString& value) const { append_string(out, CborMajor::kBytes, value.bytes); }
  void operator()(const std::string& value) const { append_string(out, CborMajor::kText, value); }
  void operator()(const CborValue::List& list) const {
    append_head(out, CborMajor::kList, list.size());
    for (const auto& value : list) encode(value);
  }
  void operator()(const CborValue::Map& map) const {
    append_head(out, CborMajor::kMap, map.size());
    for (const auto& [key, value] : map) {
      append_string(out, CborMajor::kText, key);
      encode(value);
    }
  }
  void operator()(const Cid& cid) const {
    CHECK(!cid.empty());
    append_head(out, CborMajor::kTag, kCborLinkTag);
    append_head(out, CborMajor::kBytes, cid.bytes().size() + 1);
    out.push_back('\0');
    out.append(cid.bytes());
  }

  void encode(const CborValue& value) const { std::visit(*this, value.value_); }
  void simple(uint8_t info) const {
    out.push_back(static_cast<char>(static_cast<uint8_t>(CborMajor::kSimple) << 5 | info));
  }
};

CborValue CborValue::integer(int64_t value) {
  return value >= 0 ? uint(static_cast<uint64_t>(value)) : negative(~static_cast<uint64_t>(value));
}

CborValue CborValue::list(List value) { return CborValue(Variant(std::move(value))); }
CborValue CborValue::map(Map value) { return CborValue(Variant(std::move(value))); }

std::optional<int64_t> CborValue::as_int64() const {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (const auto* value = as_uint(); value && *value <= kMax) return static_cast<int64_t>(*value);
  if (const auto* value = as_negative(); value && value->n <= kMax) return static_cast<int64_t>(~value->n);
  return std::nullopt;
}

const Bytes* CborValue::as_bytes() const {
  const auto* value = std::get_if<ByteString>(&value_);
  return value ? &value->bytes : nullptr;
}

const CborValue* CborValue::find(std::string_view key) const {
  const Map* map = as_map();
  if (!map) return nullptr;
  auto it = map->find(key);
  return it == map->end() ? nullptr : &it->second;
}

bool CborValue::operator==(const CborValue& other) const { return value_ == other.value_; }

Result<CborValue> decode_cbor(ByteView block, const CborLimits& limits) { return Decoder(block, limits).run(); }

Bytes encode_cbor(const CborValue& value) {
  Bytes out;
  CborEncoder{out}.encode(value);
  return out;
}

Result<std::vector<Cid>> cbor_links(ByteView block, const CborLimits& limits) {
  return LinkScanner(block, limits).run();
}

}  // namespace ipfsc::ipld
