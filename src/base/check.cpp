#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ipfsc {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "CHECK failed: %s (%s:%d)\n", condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace ipfsc
