// Changes of the log as the API writes them: names, positions, JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cluster/cluster.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {

/// "pin", "unpin", "move", "work", "peer", "record", "cluster".
std::string_view type_name(state::Change::Kind kind);
std::optional<state::Change::Kind> type_from(std::string_view name);
/// All of them, comma-separated, for messages.
inline constexpr std::string_view kTypeNames = "pin, unpin, move, work, peer, record, cluster";

/// "<incarnation>.<log index>.<operation>": the same place on every peer.
std::string position_text(const state::FeedPosition& position);
/// nullopt when the text is not a position.
std::optional<state::FeedPosition> position_from(std::string_view text);

/// position, type, time, actor, and what it was about: cid, peer or record.
void add_change(model::JsonObject& object, const state::Change& change);

}  // namespace ipfsc::api::rest
