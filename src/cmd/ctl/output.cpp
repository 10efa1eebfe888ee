#include "cmd/ctl/output.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/json.h"
#include "cmd/cli/terminal.h"

namespace ipfsc::cmd::ctl {

Output::Output(bool json, bool colours, FILE* out, FILE* err)
    : json_(json),
      terminal_(is_terminal(out)),
      coloured_(takes_colours(out, !colours)),
      coloured_errors_(takes_colours(err, !colours)),
      out_(out),
      err_(err) {}

void Output::text(std::string_view text) {
  std::string shown;
  if (terminal_) {
    shown = harmless(text);
    if (coloured_ && !json_) shown = painted(shown);
    text = shown;
  }
  std::fwrite(text.data(), 1, text.size(), out_);
}

size_t Output::columns() const { return terminal_ ? terminal_columns(out_) : 0; }

void Output::object(const boost::json::value& value) { text(pretty_json(value, 4) + "\n"); }

int Output::local_error(std::string_view doing, std::string_view message) {
  return whole_error(fmt::format("{}: {}", doing, message));
}

int Output::whole_error(std::string_view message) {
  flush();
  fmt::print(err_, "{} {}\n", coloured_errors_ ? red("error") : "error", message);
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
