// Objects of the API as text for people (ctl-cli.md §5). Missing and null members are empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/time.h"

namespace ipfsc::cmd::ctl {

std::string format_id(const boost::json::value& id);
std::string format_version(const boost::json::value& version);
std::string format_pin(const boost::json::value& pin);
/// The pin as it was, and a line for each peer that it was about.
std::string format_past_pin(const boost::json::value& past);
std::string format_record(const boost::json::value& record);
std::string format_event(const boost::json::value& event);
std::string format_status(const boost::json::value& global_pin_info);
/// "-" where there is nothing.
std::string text_or_dash(const boost::json::value& object, std::string_view key);
/// "<peer> -> <peer>" of a movement, "-" where there is none.
std::string format_way(const boost::json::value& move);
/// {"status": GlobalPinInfo, "allocation": Pin or null, "last_change": Change or null, "movements": [Movement]}
std::string format_why(const boost::json::value& why);
std::string format_added(const boost::json::value& added);
std::string format_gc(const boost::json::value& global_gc);
std::string format_metric(const boost::json::value& metric, WallTime now);
/// As people read it: free space in bytes with a unit.
std::string metric_value(const boost::json::value& metric);
std::string format_alert(const boost::json::value& alert, WallTime now);
std::string format_bandwidth(const boost::json::value& bandwidth);
std::string format_graph(const boost::json::value& graph, bool all_ipfs_peers);

/// "9.2 GB", base 1000.
std::string humanize_bytes(uint64_t bytes);
/// "24 seconds from now", "3 days ago".
std::string humanize_time(WallTime then, WallTime now);

// Members of an object, tolerant of what is missing.
std::string text_of(const boost::json::value& object, std::string_view key);
int64_t number_of(const boost::json::value& object, std::string_view key, int64_t otherwise = 0);
bool flag_of(const boost::json::value& object, std::string_view key);
const boost::json::value* member_of(const boost::json::value& object, std::string_view key);
/// Ordered by key.
std::vector<std::pair<std::string, const boost::json::value*>> sorted_members(const boost::json::value* object);
/// The peer's name, or its id where it has none.
std::string name_or(const boost::json::value& value, const std::string& id);
/// "2026-01-02 03:04:05" in the zone that the text has.
std::string date_of(const std::string& rfc3339, std::string_view otherwise);
std::string upper(std::string text);
/// The strings of an array.
std::vector<std::string> texts_of(const boost::json::value& object, std::string_view key);

}  // namespace ipfsc::cmd::ctl
