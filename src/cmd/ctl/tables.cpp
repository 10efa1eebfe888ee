#include "cmd/ctl/tables.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/json.h"
#include "cmd/ctl/format.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;
using Cut = Column::Cut;

std::string first_of(std::string one, std::string other) { return one.empty() ? std::move(other) : std::move(one); }

std::string copies_of(const json::value& pin) {
  int64_t min = number_of(pin, "replication_factor_min"), max = number_of(pin, "replication_factor_max");
  if (min == -1 && max == -1) return "all";
  return min == max ? fmt::format("{}", min) : fmt::format("{}-{}", min, max);
}

std::vector<Cells> status_rows(const json::value& info) {
  std::vector<Cells> out;
  for (const auto& [peer, on] : sorted_members(member_of(info, "peer_map"))) {
    out.push_back({text_of(info, "cid"), text_of(info, "name"), name_or(*on, peer), upper(text_of(*on, "status")),
                   date_of(text_of(*on, "timestamp"), "-"), std::to_string(number_of(*on, "attempt_count")),
                   first_of(text_of(*on, "error"), text_of(*on, "reason"))});
  }
  return out;
}

std::vector<Cells> peer_rows(const json::value& id) {
  const json::value none;
  const auto* standing = member_of(id, "standing");
  const auto& stands = standing ? *standing : none;
  int64_t free_bytes = number_of(stands, "free_bytes", -1);
  const auto* ipfs = member_of(id, "ipfs");
  std::string note = first_of(text_of(id, "error"), text_of(id, "trouble"));
  if (std::string error = ipfs ? text_of(*ipfs, "error") : ""; !error.empty()) note = first_of(note, "IPFS: " + error);
  return {{text_of(id, "peername"), text_of(id, "id"), text_of(stands, "role"), text_of(stands, "health"),
           standing ? std::to_string(number_of(stands, "lag")) : "",
           free_bytes < 0 ? "" : humanize_bytes(static_cast<uint64_t>(free_bytes)), note}};
}

}  // namespace

TableForm pins_table() {
  return {{{"CID", Cut::kMiddle},
           {"NAME"},
           {"TYPE", Cut::kNothing},
           {"COPIES", Cut::kNothing, true},
           {"PEERS", Cut::kNothing, true},
           {"EXPIRES", Cut::kNothing},
           {"ADDED", Cut::kNothing}},
          [](const json::value& pin) -> std::vector<Cells> {
            std::string type = text_of(pin, "type") + (text_of(pin, "mode") == "direct" ? ", direct" : "");
            std::string copies = copies_of(pin);
            return {{text_of(pin, "cid"), text_of(pin, "name"), type, copies,
                     copies == "all" ? copies : std::to_string(texts_of(pin, "allocations").size()),
                     date_of(text_of(pin, "expire_at"), "-"), date_of(text_of(pin, "timestamp"), "-")}};
          }};
}

TableForm statuses_table() {
  return {{{"CID", Cut::kMiddle},
           {"NAME"},
           {"PEER"},
           {"STATUS", Cut::kNothing},
           {"SINCE", Cut::kNothing},
           {"TRIES", Cut::kNothing, true},
           {"REASON"}},
          status_rows};
}

TableForm peers_table() {
  return {{{"NAME"},
           {"ID", Cut::kMiddle},
           {"ROLE", Cut::kNothing},
           {"HEALTH", Cut::kNothing},
           {"LAG", Cut::kNothing, true},
           {"FREE", Cut::kNothing, true},
           {"TROUBLE"}},
          peer_rows};
}

TableForm metrics_table(WallTime now) {
  return {{{"PEER", Cut::kMiddle}, {"METRIC"}, {"VALUE", Cut::kEnd, true}, {"EXPIRES", Cut::kNothing}},
          [now](const json::value& metric) -> std::vector<Cells> {
            return {{text_of(metric, "peer"), text_of(metric, "name"), metric_value(metric),
                     humanize_time(WallTime(Duration(number_of(metric, "expire"))), now)}};
          }};
}

TableForm alerts_table() {
  return {{{"PEER", Cut::kMiddle},
           {"METRIC"},
           {"BEGAN", Cut::kNothing},
           {"ENDED", Cut::kNothing},
           {"TIMES", Cut::kNothing, true},
           {"REASON"}},
          [](const json::value& alert) -> std::vector<Cells> {
            return {{text_of(alert, "peer"), text_of(alert, "name"), date_of(text_of(alert, "triggered_at"), "-"),
                     date_of(text_of(alert, "ended_at"), "-"), std::to_string(number_of(alert, "times", 1)),
                     text_of(alert, "reason")}};
          }};
}

std::string movements_summary(const json::value& movements) {
  bool paused = movements.at("paused").as_bool();
  return fmt::format("{} under way{}\n", number_of(movements, "under_way"),
                     paused ? "; no new ones begin: paused" : "");
}

TableForm movements_table() {
  return {
      {{"CID", Cut::kMiddle}, {"FROM", Cut::kMiddle}, {"TO", Cut::kMiddle}, {"BEGAN", Cut::kNothing}, {"REASON"}},
      [](const json::value& all) {
        std::vector<Cells> out;
        for (const auto& move : all.at("moves").as_array()) {
          out.push_back({text_of(move, "cid"), first_of(text_of(move, "from"), "-"), first_of(text_of(move, "to"), "-"),
                         date_of(text_of(move, "started"), "-"), text_of(move, "reason")});
        }
        return out;
      },
      movements_summary};
}

int show_table(Context& context, const client::ApiRequest& request, const TableForm& form) {
  auto& output = context.output;
  Table table(form.columns, output.columns());
  std::string below;
  auto take = [&](const json::value& object) {
    for (auto& cells : form.rows(object)) output.text(table.add(std::move(cells)));
    if (form.below) below += form.below(object);
  };
  auto done = context.client.stream(
      request,
      [&](std::string_view text) -> Result<> {
        if (output.broken()) return fail(ErrorKind::kCancelled, "the output is closed");
        auto value = parse_json(text);
        if (!value) return fail(value.error().with_context("the answer is not JSON"));
        if (const auto* array = value->if_array()) {
          for (const auto& element : *array) take(element);
        } else {
          take(*value);
        }
        return {};
      },
      [&] { output.flush(); });
  output.text(table.finish());
  output.text(below);
  if (output.broken()) return kExitLocal;
  return done ? kExitOk : output.api_error(done.error());
}

}  // namespace ipfsc::cmd::ctl
