#include "broker/cli/calendar_chart.h"

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "broker/cli/market_words.h"
#include "broker/cli/wording.h"

namespace penstock::cli {
namespace {

constexpr int kRows = 12;
constexpr size_t kAxisColumns = 14;  // "1,234,567,890 |"

// What a cell shows, and the characters for it.
enum Cell : uint8_t { kEmpty, kSold, kExpected, kSellable, kBeyond, kCells };
constexpr std::string_view kBlocks[kCells] = {" ", "█", "▒", "░", "▞"};
constexpr std::string_view kLetters[kCells] = {" ", "#", ":", ".", "!"};
constexpr std::string_view kMeanings[kCells] = {"", "sold", "elastic demand expected", "can be sold",
                                                "beyond what there is"};

struct Column {
  int64_t supply = 0;
  int64_t sold = 0;
  int64_t wanted = 0;  // sold and expected elastic demand
  int64_t start = 0;   // seconds since 1970
};

// A tenant sees what can be sold, and no more.
Column ToColumn(const v1::CalendarStep& step) {
  Column column;
  column.sold = step.sold_milli_nt_per_s();
  column.supply = step.supply_milli_nt_per_s() == 0 ? std::max<int64_t>(step.sellable_milli_nt_per_s(), 0)
                                                    : step.supply_milli_nt_per_s();
  column.wanted = column.sold + step.forecast_milli_nt_per_s();
  column.start = step.from().seconds();
  return column;
}

// The cell whose middle lies at this level.
Cell CellAt(const Column& column, int64_t level) {
  if (level >= column.supply) return level < column.wanted ? kBeyond : kEmpty;
  if (level < column.sold) return kSold;
  return level < column.wanted ? kExpected : kSellable;
}

std::string PaddedLeft(std::string text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// The next round number that is not less, whose quarters are round as well.
int64_t RoundScale(int64_t value) {
  for (int64_t unit = 1'000; unit <= value; unit *= 10) {
    for (const int64_t quarters : {4, 6, 8, 10, 12, 16, 20, 24, 32, 40}) {
      if (unit / 4 * quarters >= value) return unit / 4 * quarters;
    }
  }
  return std::max<int64_t>(value, 1'000);
}

// Where a row begins; rows are counted from the bottom.
int64_t LevelOf(int64_t row, int64_t top) { return top / kRows * row + top % kRows * row / kRows; }

// The shortest time that people count in, whose labels leave room between them.
int64_t SecondsALabel(int64_t column_seconds) {
  constexpr int64_t kLabelWidth = 8;
  int64_t days = 1;
  for (const int64_t unit : {900, 1'800, 3'600, 3 * 3'600, 6 * 3'600, 12 * 3'600}) {
    if (unit / column_seconds >= kLabelWidth) return unit;
  }
  while (days * 86'400 / column_seconds < kLabelWidth) days *= 2;
  return days * 86'400;
}

// Labels where an hour, a day, ... begins; of the first column only where that leaves room.
std::string TimeLabels(const std::vector<Column>& columns, int64_t column_seconds) {
  const int64_t unit = SecondsALabel(column_seconds);
  const bool days = unit >= 86'400;
  const auto begins = [&](size_t i) { return columns[i].start / unit != columns[i - 1].start / unit; };
  const auto label = [&](size_t i) {
    return absl::FormatTime(days ? "%d %b" : "%H:%M", absl::FromUnixSeconds(columns[i].start), absl::UTCTimeZone());
  };
  std::string line(columns.size(), ' ');
  const auto put = [&](size_t i) {
    const std::string text = label(i);
    const size_t end = i + text.size();
    if (end > line.size() || line.find_first_not_of(' ', i) <= end) return;  // no room, or another one stands there
    line.replace(i, text.size(), text);
  };
  for (size_t i = 1; i < columns.size(); ++i) {
    if (begins(i)) put(i);
  }
  put(0);
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

int64_t SecondsAColumn(int64_t seconds, size_t columns) {
  constexpr int64_t kLengths[] = {60,         5 * 60,     15 * 60,    30 * 60,    3'600,
                                  2 * 3'600,  3 * 3'600,  4 * 3'600,  6 * 3'600,  8 * 3'600,
                                  12 * 3'600, 24 * 3'600, 48 * 3'600, 7 * 86'400, 14 * 86'400};
  const auto room = static_cast<int64_t>(columns > kAxisColumns + 10 ? columns - kAxisColumns : 10);
  for (const int64_t length : kLengths) {
    if ((seconds + length - 1) / length <= room) return length;
  }
  return (seconds / room / 86'400 + 1) * 86'400;
}

std::string RenderChart(const v1::GetCalendarResponse& calendar, size_t columns, bool utf8) {
  if (calendar.steps().empty()) return "Nothing is known of that time.\n";
  std::vector<Column> picture;
  const size_t room = columns > kAxisColumns + 10 ? columns - kAxisColumns : 10;
  int64_t top = 0;
  for (const v1::CalendarStep& step : calendar.steps()) {
    if (picture.size() == room) break;
    picture.push_back(ToColumn(step));
    top = std::max({top, picture.back().supply, picture.back().wanted});
  }
  top = RoundScale(top);
  const auto& glyphs = utf8 ? kBlocks : kLetters;
  bool used[kCells] = {};
  std::string text =
      absl::StrCat(LastPart(calendar.pool()), ", ",
                   FromTo(calendar.steps(0).from(), calendar.steps(calendar.steps_size() - 1).to()), ", nt/s\n\n");
  for (int row = kRows - 1; row >= 0; --row) {
    const bool labelled = (row + 1) % (kRows / 4) == 0;
    const std::string label = labelled ? Rate(LevelOf(row + 1, top)) : "";
    std::string line = PaddedLeft(label, kAxisColumns - 2) + (utf8 ? labelled ? " ┤" : " │" : labelled ? " +" : " |");
    for (const Column& column : picture) {
      const Cell cell = CellAt(column, LevelOf(row, top) + top / kRows / 2);
      used[cell] = true;
      absl::StrAppend(&line, std::string(glyphs[cell]));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  // The first and the last step may be shorter than the others.
  int64_t column_seconds = 0;
  for (const v1::CalendarStep& step : calendar.steps()) {
    column_seconds = std::max(column_seconds, step.to().seconds() - step.from().seconds());
  }
  absl::StrAppend(&text, PaddedLeft("0", kAxisColumns - 2), utf8 ? " └" : " +");
  for (size_t i = 0; i < picture.size(); ++i) absl::StrAppend(&text, utf8 ? "─" : "-");
  google::protobuf::Duration length;
  length.set_seconds(column_seconds);
  absl::StrAppend(&text, "\n", std::string(kAxisColumns, ' '), TimeLabels(picture, column_seconds), "\n\n");
  for (const Cell cell : {kSold, kExpected, kSellable, kBeyond}) {
    if (used[cell]) absl::StrAppend(&text, std::string(glyphs[cell]), " ", std::string(kMeanings[cell]), "   ");
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return absl::StrCat(text, "\nA column is ", TimeSpan(length), "; times are UTC.\n");
}

}  // namespace penstock::cli
