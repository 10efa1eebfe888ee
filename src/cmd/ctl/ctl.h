// ipfs-cluster-ctl as a function.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

namespace ipfsc::cmd::ctl {

/// Runs one command line (without the program's name) and returns the exit code. `cancelled` ends waiting and requests.
int run_ctl(const std::vector<std::string>& arguments, FILE* out, FILE* err, const std::atomic<bool>* cancelled);

}  // namespace ipfsc::cmd::ctl
