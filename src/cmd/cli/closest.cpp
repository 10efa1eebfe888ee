#include "cmd/cli/closest.h"

#include <algorithm>
#include <array>

namespace ipfsc::cmd {
namespace {

constexpr size_t kMaxBytes = 64;

/// Damerau and Levenshtein's distance, with no letter edited twice.
size_t edits(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kMaxBytes + 1>, kMaxBytes + 1> table;
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      table[i][j] =
          std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() < 2 || word.size() > kMaxBytes) return std::nullopt;
  size_t fewest = word.size() <= 4 ? 2 : 3;  // one more than is allowed
  std::optional<std::string> found, longer;
  size_t longer_ones = 0;
  for (const auto& candidate : candidates) {
    if (candidate.size() < 2 || candidate.size() > kMaxBytes) continue;
    if (size_t n = edits(word, candidate); n < fewest) {
      fewest = n;
      found = candidate;
    }
    if (candidate.starts_with(word) && longer_ones++ == 0) longer = candidate;
  }
  return !found && longer_ones == 1 ? longer : found;
}

}  // namespace ipfsc::cmd
