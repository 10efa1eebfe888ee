// ipfs-cluster-service as a function.
#pragma once

#include <cstdio>
#include <istream>
#include <string>
#include <vector>

#include "config/configuration.h"

namespace ipfsc::cmd::service {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;

/// Where a command reads and writes: the process's own, or a test's.
struct Streams {
  FILE* in;
  FILE* out;
  FILE* err;
};

/// Runs one command line (without the program's name) and returns the exit code.
int run_service(const std::vector<std::string>& arguments, const config::Environment& environment,
                const Streams& streams);

}  // namespace ipfsc::cmd::service
