#include "cmd/ctl/table.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "cmd/cli/terminal.h"

namespace ipfsc::cmd::ctl {
namespace {

constexpr size_t kGap = 2;  // between columns

/// A cell is one line.
std::string cell(std::string_view text) {
  std::string out = harmless(text);
  std::ranges::replace_if(out, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return out;
}

}  // namespace

Table::Table(std::vector<Column> columns, size_t width) : columns_(std::move(columns)), width_(width) {}

std::string Table::add(Cells cells) {
  CHECK(cells.size() == columns_.size());
  for (auto& text : cells) text = cell(text);
  if (laid_out_) return line(cells);
  sample_.push_back(std::move(cells));
  return sample_.size() < kSample ? "" : finish();
}

std::string Table::finish() {
  if (laid_out_ || sample_.empty()) return "";
  lay_out();
  Cells titles;
  for (const auto& column : columns_) titles.push_back(column.title);
  std::string out = line(titles);
  for (const auto& cells : sample_) out += line(cells);
  sample_.clear();
  return out;
}

void Table::lay_out() {
  laid_out_ = true;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].title);
    for (const auto& cells : sample_) width = std::max(width, display_width(cells[i]));
    widths_.push_back(width);
  }
  if (width_ == 0) return;
  // The widest column that may be cut gives way, a place at a time.
  size_t total = std::accumulate(widths_.begin(), widths_.end(), kGap * (columns_.size() - 1));
  for (; total > width_; --total) {
    size_t* widest = nullptr;
    for (size_t i = 0; i < columns_.size(); ++i) {
      bool may = columns_[i].cut != Column::Cut::kNothing && widths_[i] > kLeastColumns;
      if (may && (!widest || widths_[i] > *widest)) widest = &widths_[i];
    }
    if (!widest) return;  // a very narrow terminal: it breaks the lines
    --*widest;
  }
}

std::string Table::line(const Cells& cells) const {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto& column = columns_[i];
    bool cut = width_ > 0 && column.cut != Column::Cut::kNothing;
    std::string text = cut ? shortened(cells[i], widths_[i], column.cut == Column::Cut::kMiddle) : cells[i];
    size_t width = display_width(text);
    std::string space(widths_[i] > width ? widths_[i] - width : 0, ' ');
    if (i > 0) out.append(kGap, ' ');
    out += column.right ? space + text : text + space;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
}

}  // namespace ipfsc::cmd::ctl
