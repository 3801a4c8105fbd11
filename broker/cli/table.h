// A text table: columns as wide as their widest cell, two spaces apart, no trailing spaces. The same cells give the
// same bytes; colour (ANSI) only when asked for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

/// How many terminal columns a UTF-8 text takes: 2 for wide East Asian characters and emoji, 0 for combining marks, 1
/// for a byte that is not UTF-8.
size_t DisplayWidth(std::string_view text);

/// Control characters become '?': a name that came over the wire must not steer the terminal.
std::string WithoutControls(std::string_view text);

class Table {
 public:
  enum class Align { kLeft, kRight, kPoint };  // kPoint: to the right, decimal points below each other
  enum class Emphasis { kPlain, kStrong };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);

  /// Fewer cells than columns: the rest is empty; more is a bug. Cells are stripped by WithoutControls.
  void AddRow(std::vector<std::string> cells, Emphasis emphasis = Emphasis::kPlain);
  /// A line of dashes under the columns that have a cell in the next row.
  void AddRule();

  std::string Render(bool colour) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Emphasis emphasis = Emphasis::kPlain;
    bool rule = false;
  };

  void AlignPoints();
  std::string RenderAligned(bool colour) const;
  std::vector<size_t> Widths() const;
  std::string Line(const Row& row, const std::vector<size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

/// "label   value" lines for one answer.
class Sheet {
 public:
  Sheet();
  void Add(std::string label, std::string value);
  std::string Render(bool colour) const { return table_.Render(colour); }

 private:
  Table table_;
};

}  // namespace penstock::cli
