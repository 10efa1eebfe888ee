// How each type of value looks in service.json and in a variable of the environment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "config/configuration.h"

namespace ipfsc::config {

/// What a field's value is, for error messages, the environment and the table in the docs.
enum class Kind {
  kBool,
  kInteger,
  kString,
  kDuration,
  kByteSize,
  kSecret,
  kAddress,
  kAddresses,
  kPeerIds,
  kStrings,
  kStringMap,
  kHeaders,
  kUsers,
};
std::string_view kind_name(Kind kind);

template <class T>
struct KindOf;
template <>
struct KindOf<bool> {
  static constexpr Kind value = Kind::kBool;
};
template <>
struct KindOf<int64_t> {
  static constexpr Kind value = Kind::kInteger;
};
template <>
struct KindOf<std::string> {
  static constexpr Kind value = Kind::kString;
};
template <>
struct KindOf<Duration> {
  static constexpr Kind value = Kind::kDuration;
};
template <>
struct KindOf<ByteSize> {
  static constexpr Kind value = Kind::kByteSize;
};
template <>
struct KindOf<Secret> {
  static constexpr Kind value = Kind::kSecret;
};
template <>
struct KindOf<ipld::Multiaddr> {
  static constexpr Kind value = Kind::kAddress;
};
template <>
struct KindOf<Addresses> {
  static constexpr Kind value = Kind::kAddresses;
};
template <>
struct KindOf<std::vector<ipld::PeerId>> {
  static constexpr Kind value = Kind::kPeerIds;
};
template <>
struct KindOf<std::vector<std::string>> {
  static constexpr Kind value = Kind::kStrings;
};
template <>
struct KindOf<std::vector<SpreadRule>> {
  static constexpr Kind value = Kind::kStrings;
};
template <>
struct KindOf<std::map<std::string, std::string>> {
  static constexpr Kind value = Kind::kStringMap;
};
template <>
struct KindOf<std::optional<std::map<std::string, std::string>>> {
  static constexpr Kind value = Kind::kStringMap;
};
template <>
struct KindOf<std::map<std::string, std::vector<std::string>>> {
  static constexpr Kind value = Kind::kHeaders;
};
template <>
struct KindOf<ApiUsers> {
  static constexpr Kind value = Kind::kUsers;
};

// decode(): kInvalidArgument says what was expected and found; the caller puts the key in front.
// An empty text leaves durations and sizes as they are.
Result<> decode(const boost::json::value& json, bool& value);
Result<> decode(const boost::json::value& json, int64_t& value);
Result<> decode(const boost::json::value& json, std::string& value);
Result<> decode(const boost::json::value& json, Duration& value);
Result<> decode(const boost::json::value& json, ByteSize& value);
Result<> decode(const boost::json::value& json, Secret& value);
Result<> decode(const boost::json::value& json, ipld::Multiaddr& value);
Result<> decode(const boost::json::value& json, Addresses& value);  ///< a string or an array of strings
Result<> decode(const boost::json::value& json, std::vector<ipld::PeerId>& value);
Result<> decode(const boost::json::value& json, std::vector<std::string>& value);
Result<> decode(const boost::json::value& json, std::vector<SpreadRule>& value);
Result<> decode(const boost::json::value& json, std::map<std::string, std::string>& value);
Result<> decode(const boost::json::value& json, std::optional<std::map<std::string, std::string>>& value);
Result<> decode(const boost::json::value& json, std::map<std::string, std::vector<std::string>>& value);
Result<> decode(const boost::json::value& json, ApiUsers& value);  ///< no error shows a password

boost::json::value encode(bool value);
boost::json::value encode(int64_t value);
boost::json::value encode(const std::string& value);
boost::json::value encode(Duration value);
boost::json::value encode(const ByteSize& value);
boost::json::value encode(const Secret& value);
boost::json::value encode(const ipld::Multiaddr& value);
boost::json::value encode(const Addresses& value);  ///< one address as a string
boost::json::value encode(const std::vector<ipld::PeerId>& value);
boost::json::value encode(const std::vector<std::string>& value);
boost::json::value encode(const std::vector<SpreadRule>& value);
boost::json::value encode(const std::map<std::string, std::string>& value);
boost::json::value encode(const std::optional<std::map<std::string, std::string>>& value);
boost::json::value encode(const std::map<std::string, std::vector<std::string>>& value);
boost::json::value encode(const ApiUsers& value);

/// The JSON that a variable's text stands for: lists are "a,b", maps "key:value,key:value", users JSON, booleans and
/// integers as Go reads them (1, t, TRUE; 0x10, 017).
Result<boost::json::value> from_environment(Kind kind, std::string_view text);

/// Units of 1000 ("kB") and of 1024 ("KiB"), or a plain number.
Result<ByteSize> parse_byte_size(std::string_view text);
std::string format_byte_size(ByteSize size);

}  // namespace ipfsc::config
