#include "monitor/ping.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "base/json.h"
#include "model/json_writer.h"

namespace ipfsc::monitor {
namespace {

constexpr size_t kMaxAddresses = 64;  // written and read

bool useful_ip(std::string_view text) {
  boost::system::error_code error;
  auto ip = boost::asio::ip::make_address(text, error);
  if (error || ip.is_loopback() || ip.is_multicast() || ip.is_unspecified()) return false;
  if (ip.is_v6()) return !ip.to_v6().is_link_local();
  auto bits = ip.to_v4().to_uint();
  return bits >> 16 != 0xa9fe && bits != 0xffffffff;  // 169.254.0.0/16 is link-local
}

/// Whether others can use it: a name, or an IP address that is not of one machine or link.
bool useful(const ipld::Multiaddr& address) {
  for (const auto& part : address.parts()) {
    if (part.name.starts_with("dns")) return true;
    if (part.name == "ip4" || part.name == "ip6") return useful_ip(part.value);
  }
  return false;
}

std::string write(const PingFacts& facts, const std::vector<ipld::Multiaddr>& addresses) {
  std::string value;
  model::JsonObject object(value);
  if (!facts.peername.empty()) object.text("peer_name", facts.peername);
  if (!facts.ipfs_id.empty()) object.text("ipfs_id", facts.ipfs_id);
  if (!addresses.empty()) object.plain_list("ipfs_addresses", addresses);
  object.end();
  return value;
}

Task<Findings> read_ping(std::function<Task<PingFacts>()> facts) {
  CO_TRY_ASSIGN(auto known, co_await facts());
  Findings findings;
  findings.push_back({.name = "ping", .value = ping_value(known)});
  co_return findings;
}

std::string text_of(const boost::json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  return member && member->is_string() ? std::string(member->get_string()) : "";
}

}  // namespace

std::string ping_value(const PingFacts& facts, size_t max_bytes) {
  std::vector<ipld::Multiaddr> addresses;
  std::ranges::copy_if(facts.ipfs_addresses, std::back_inserter(addresses), useful);
  if (addresses.size() > kMaxAddresses) addresses.resize(kMaxAddresses);
  auto value = write(facts, addresses);
  while (value.size() > max_bytes && !addresses.empty()) {
    addresses.pop_back();
    value = write(facts, addresses);
  }
  return value.size() > max_bytes ? write({.peername = "", .ipfs_id = facts.ipfs_id, .ipfs_addresses = {}}, {}) : value;
}

Result<PingFacts> ping_from_value(std::string_view value) {
  TRY_ASSIGN(auto json, parse_json(value));
  const auto* object = json.if_object();
  if (!object) return fail(ErrorKind::kInvalidArgument, "the value of a ping metric is no JSON object");
  PingFacts facts{
      .peername = text_of(*object, "peer_name"), .ipfs_id = text_of(*object, "ipfs_id"), .ipfs_addresses = {}};
  const auto* addresses = object->if_contains("ipfs_addresses");
  if (!addresses || !addresses->is_array()) return facts;
  for (const auto& item : addresses->get_array()) {
    if (facts.ipfs_addresses.size() >= kMaxAddresses) break;
    if (!item.is_string()) continue;
    if (auto address = ipld::Multiaddr::parse(item.get_string())) facts.ipfs_addresses.push_back(*std::move(address));
  }
  return facts;
}

Source ping_source(std::function<Task<PingFacts>()> facts) {
  return [facts = std::move(facts)] { return read_ping(facts); };
}

}  // namespace ipfsc::monitor
