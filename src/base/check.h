// CHECK: stops the process on our own bugs, in every build.
#pragma once

namespace ipfsc {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::ipfsc::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
