#include "api/common/audit.h"

#include <fmt/format.h>

#include "model/json_writer.h"

namespace ipfsc::api::common {

bool is_write(std::string_view method) { return method != "GET" && method != "HEAD" && method != "OPTIONS"; }

std::string audit_line(std::string_view api, const net::Request& request, int status, std::string_view error,
                       WallTime time, Duration took) {
  std::string line;
  model::JsonObject object(line);
  object.time("time", time);
  object.text("api", api);
  object.text("user", request.user());
  object.text("remote", request.remote());
  object.text("method", request.method());
  object.text("path", request.target());
  object.number("status", status);
  if (!request.subject().empty()) object.text("cid", request.subject());
  if (!error.empty()) object.text("error", error);
  object.raw("took_ms", fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(took).count()));
  object.end();
  return line;
}

}  // namespace ipfsc::api::common
