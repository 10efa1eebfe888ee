#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "cmd/ctl/ctl.h"

namespace {

std::atomic<bool> cancelled{false};

extern "C" void on_signal(int signal) {
  if (cancelled.exchange(true)) ::_exit(128 + signal);  // the second time at once
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // of TLS connections; a closed output is seen as an error
  return ipfsc::cmd::ctl::run_ctl({argv + 1, argv + argc}, stdout, stderr, &cancelled);
}
