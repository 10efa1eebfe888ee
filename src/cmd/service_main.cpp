#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/service/service.h"

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  int code = ipfsc::cmd::service::run_service({argv + 1, argv + argc}, ipfsc::config::process_environment(),
                                              {stdin, stdout, stderr});
  // Everything of ours is closed by now. Threads of gRPC may still run: they must not meet the destructors of globals.
  ::fflush(nullptr);
  ::_exit(code);
}
