#include "broker/cli/table.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::cli {
namespace {

constexpr std::string_view kGap = "  ";
constexpr std::string_view kStrongOn = "\x1b[1m";
constexpr std::string_view kHeadingOn = "\x1b[2m";
constexpr std::string_view kOff = "\x1b[0m";

struct Range {
  uint32_t first;
  uint32_t last;
};

constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},
                           {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                           {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
constexpr Range kZeroWidth[] = {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}};

bool IsIn(const auto& ranges, uint32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges), [c](Range r) { return c >= r.first && c <= r.last; });
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Takes one character off the front. A byte that starts no valid sequence stands for itself as U+FFFD.
uint32_t TakeCharacter(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  const bool whole = length > 0 && lead < 0xF8 && text.size() >= length &&
                     std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length), IsContinuation);
  if (!whole) {
    text.remove_prefix(1);
    return 0xFFFD;
  }
  uint32_t character = length == 1 ? lead : lead & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  text.remove_prefix(length);
  return character;
}

std::string Painted(std::string_view on, std::string line) { return std::string(on).append(line).append(kOff); }

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const uint32_t character = TakeCharacter(text);
    if (!IsIn(kZeroWidth, character)) width += IsIn(kWide, character) ? 2U : 1U;
  }
  return width;
}

std::string WithoutControls(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::string_view before = text;
    const uint32_t character = TakeCharacter(text);
    const bool control = character < 0x20 || (character >= 0x7F && character < 0xA0);
    if (control)
      clean += '?';
    else
      clean += before.substr(0, before.size() - text.size());
  }
  return clean;
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::AddRow(std::vector<std::string> cells, Emphasis emphasis) {
  PENSTOCK_CHECK(cells.size() <= columns_.size());
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = WithoutControls(cell);
  rows_.push_back({std::move(cells), emphasis, false});
}

void Table::AddRule() { rows_.push_back({{}, Emphasis::kPlain, true}); }

// Fills up what stands behind the point in numbers of such a column.
void Table::AlignPoints() {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].align != Align::kPoint) continue;
    const auto behind = [i](const Row& row) {
      if (i >= row.cells.size()) return size_t{0};
      const std::string& cell = row.cells[i];
      return cell.size() - std::min(cell.find('.'), cell.size());
    };
    const auto is_number = [i](const Row& row) {
      return i < row.cells.size() && row.cells[i].find_first_of("0123456789") != std::string::npos;
    };
    size_t most = 0;
    for (const Row& row : rows_) most = std::max(most, behind(row));
    for (Row& row : rows_) {
      if (is_number(row)) row.cells[i].append(most - behind(row), ' ');
    }
  }
}

std::vector<size_t> Table::Widths() const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.title));
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row.cells[i]));
  }
  return widths;
}

std::string Table::Line(const Row& row, const std::vector<size_t>& widths) const {
  std::string line;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) line += kGap;
    const std::string padding(widths[i] - DisplayWidth(row.cells[i]), ' ');
    line += columns_[i].align == Align::kLeft ? row.cells[i] + padding : padding + row.cells[i];
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Table::Render(bool colour) const {
  Table aligned = *this;
  aligned.AlignPoints();
  return aligned.RenderAligned(colour);
}

std::string Table::RenderAligned(bool colour) const {
  const std::vector<size_t> widths = Widths();
  Row heading;
  for (const Column& column : columns_) heading.cells.push_back(column.title);
  std::string text;
  const std::string titles = Line(heading, widths);
  if (!titles.empty()) text += (colour ? Painted(kHeadingOn, titles) : titles) + "\n";
  for (size_t i = 0; i < rows_.size(); ++i) {
    Row row = rows_[i];
    if (row.rule) {
      row.cells.resize(columns_.size());
      for (size_t c = 0; c < columns_.size(); ++c) {
        const bool used = i + 1 < rows_.size() && !rows_[i + 1].rule && !rows_[i + 1].cells[c].empty();
        row.cells[c] = used ? std::string(widths[c], '-') : "";
      }
    }
    const std::string line = Line(row, widths);
    text += (colour && row.emphasis == Emphasis::kStrong ? Painted(kStrongOn, line) : line) + "\n";
  }
  return text;
}

Sheet::Sheet() : table_({{"", Table::Align::kLeft}, {"", Table::Align::kLeft}}) {}

void Sheet::Add(std::string label, std::string value) { table_.AddRow({std::move(label), std::move(value)}); }

}  // namespace penstock::cli
