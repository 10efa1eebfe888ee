// dag-cbor: the strict, canonical subset of CBOR with links. Source: the DAG-CBOR specification of IPLD, RFC 8949.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipld {

/// Map keys in canonical order: shorter first, then bytewise.
struct CborKeyLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

/// One value and all below it. The accessors named as_…() return nullptr for another kind, so that reading untrusted
/// nodes needs no casts.
class CborValue {
 public:
  using List = std::vector<CborValue>;
  using Map = std::map<std::string, CborValue, CborKeyLess>;
  struct Negative {
    uint64_t n = 0;  ///< stands for -1 - n, down to -2^64
    bool operator==(const Negative&) const = default;
  };
  struct ByteString {
    Bytes bytes;
    bool operator==(const ByteString&) const = default;
  };

  CborValue() = default;  ///< null
  static CborValue null() { return {}; }
  static CborValue boolean(bool value) { return CborValue(Variant(value)); }
  static CborValue integer(int64_t value);
  static CborValue uint(uint64_t value) { return CborValue(Variant(value)); }
  static CborValue negative(uint64_t n) { return CborValue(Variant(Negative{n})); }  ///< -1 - n
  static CborValue real(double value) { return CborValue(Variant(value)); }          ///< must be finite
  static CborValue bytes(Bytes value) { return CborValue(Variant(ByteString{std::move(value)})); }
  static CborValue text(std::string value) { return CborValue(Variant(std::move(value))); }
  static CborValue list(List value);
  static CborValue map(Map value);
  static CborValue link(Cid value) { return CborValue(Variant(std::move(value))); }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const uint64_t* as_uint() const { return std::get_if<uint64_t>(&value_); }
  const Negative* as_negative() const { return std::get_if<Negative>(&value_); }
  /// Either sign, when it fits.
  std::optional<int64_t> as_int64() const;
  const double* as_double() const { return std::get_if<double>(&value_); }
  const Bytes* as_bytes() const;
  const std::string* as_text() const { return std::get_if<std::string>(&value_); }
  const List* as_list() const { return std::get_if<List>(&value_); }
  const Map* as_map() const { return std::get_if<Map>(&value_); }
  const Cid* as_link() const { return std::get_if<Cid>(&value_); }
  /// The value under `key` when this is a map that has it, else nullptr.
  const CborValue* find(std::string_view key) const;

  bool operator==(const CborValue& other) const;

 private:
  using Variant =
      std::variant<std::monostate, bool, uint64_t, Negative, double, ByteString, std::string, List, Map, Cid>;
  explicit CborValue(Variant value) : value_(std::move(value)) {}
  friend struct CborEncoder;
  Variant value_;
};

struct CborLimits {
  size_t max_depth = 128;       ///< nested lists and maps
  size_t max_values = 1 << 20;  ///< all values of one node: bounds the memory of the tree to about 100 MB
};

/// The whole input must be one canonical value. kInvalidArgument naming the byte offset for: indefinite lengths, tags
/// other than 42, integers or lengths not in their shortest form, floats other than 64 bits, NaN and infinities,
/// `undefined` and other simple values, keys that are not text, not sorted or doubled, text that is not UTF-8, bytes
/// after the value; kResourceExhausted beyond a limit.
Result<CborValue> decode_cbor(ByteView block, const CborLimits& limits = {});

/// Canonical bytes. A real must be finite and a link must not be empty (CHECK).
Bytes encode_cbor(const CborValue& value);

/// The links of a node in their order, without building its values. Takes what other programs have written: unsorted
/// keys, longer integers and shorter floats too.
Result<std::vector<Cid>> cbor_links(ByteView block, const CborLimits& limits = {});

}  // namespace ipfsc::ipld
