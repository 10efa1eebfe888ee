// Objects of the API as rows: what `--table` shows.
#pragma once

#include <functional>
#include <vector>

#include <boost/json/value.hpp>

#include "base/time.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/table.h"

namespace ipfsc::cmd::ctl {

struct TableForm {
  std::vector<Column> columns;
  std::function<std::vector<Cells>(const boost::json::value& object)> rows;      ///< of one object of the answer
  std::function<std::string(const boost::json::value& object)> below = nullptr;  ///< lines under the table
};

TableForm pins_table();
/// A row for each peer of each pin.
TableForm statuses_table();
TableForm peers_table();
TableForm metrics_table(WallTime now);
TableForm alerts_table();
TableForm movements_table();
/// "3 under way", and whether they are paused.
std::string movements_summary(const boost::json::value& movements);

/// One request, whose answer is a stream of objects, one object or an array.
int show_table(Context& context, const client::ApiRequest& request, const TableForm& form);

}  // namespace ipfsc::cmd::ctl
