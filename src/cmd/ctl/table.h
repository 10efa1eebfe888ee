// Rows in columns that fit a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ipfsc::cmd::ctl {

using Cells = std::vector<std::string>;

struct Column {
  /// What may be left out of a long value.
  enum class Cut { kNothing, kEnd, kMiddle };
  std::string title;
  Cut cut = Cut::kEnd;
  bool right = false;  ///< aligned
};

/// The widths are those of the first kSample rows; later ones are cut to them. Memory: these rows.
class Table {
 public:
  static constexpr size_t kSample = 200;
  static constexpr size_t kLeastColumns = 6;  ///< no column is made narrower

  /// `width` 0: as wide as it gets, nothing is cut.
  Table(std::vector<Column> columns, size_t width);

  /// What can be printed because of that row, whole lines; often nothing.
  std::string add(Cells cells);
  /// The rest. "" for a table without rows.
  std::string finish();

 private:
  void lay_out();
  std::string line(const Cells& cells) const;

  std::vector<Column> columns_;
  size_t width_;
  bool laid_out_ = false;
  std::vector<Cells> sample_;
  std::vector<size_t> widths_;
};

}  // namespace ipfsc::cmd::ctl
