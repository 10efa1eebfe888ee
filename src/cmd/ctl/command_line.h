// The command line of ipfs-cluster-ctl: which command, with what.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "cmd/ctl/arguments.h"
#include "cmd/ctl/commands.h"

namespace ipfsc::cmd::ctl {

struct Chosen {
  Options options;
  std::function<int(Context&)> command;
};

/// Nothing to run: print and exit.
struct Printed {
  int exit_code = 0;
  std::string out, err;
};

std::variant<Chosen, Printed> read_command_line(const std::vector<std::string>& arguments);

}  // namespace ipfsc::cmd::ctl
