// The steps from each format to the next, those of one folder in their order. tests/next has a program with one.
#include "app/formats.h"

namespace ipfsc::app {

std::vector<Migration> migrations() { return {}; }

}  // namespace ipfsc::app
