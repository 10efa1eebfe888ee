#include "cmd/ctl/output.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace ipfsc::cmd::ctl {

void Output::object(const boost::json::value& value) { text(pretty_json(value, 4) + "\n"); }

int Output::local_error(std::string_view doing, std::string_view message) {
  return whole_error(fmt::format("{}: {}", doing, message));
}

int Output::whole_error(std::string_view message) {
  flush();
  fmt::print(err_, "error {}\n", message);
  return kExitLocal;
}

int Output::api_error(const client::ApiError& error) {
  if (error.cancelled) {
    flush();
    fmt::print(err_, "cancelled\n");
    return kExitCancelled;
  }
  if (json_) {
    object(boost::json::object{{"code", error.code}, {"message", error.message}});
  } else {
    text(fmt::format("An error occurred:\n  Code: {}\n  Message: {}\n", error.code, error.message));
  }
  flush();
  return error.code == 0 ? kExitLocal : kExitApi;
}

}  // namespace ipfsc::cmd::ctl
