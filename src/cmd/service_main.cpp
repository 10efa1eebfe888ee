#include <signal.h>

#include "cmd/service/service.h"

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  return ipfsc::cmd::service::run_service({argv + 1, argv + argc}, ipfsc::config::process_environment(),
                                          {stdin, stdout, stderr});
}
