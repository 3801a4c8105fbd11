#include "sim/search/state_text.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

template <class T>
bool ReadWhole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Cuts the word before the next space off.
std::string_view NextWord(std::string_view& line) {
  const size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

}  // namespace

std::string ExactText(double value) {
  std::array<char, 40> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  PENSTOCK_CHECK(error == std::errc());
  return std::string(text.data(), end);
}

StateWriter::StateWriter(std::string_view kind, int version) {
  absl::StrAppend(&text_, Abseil(kind), " ", version, "\n");
}

void StateWriter::Add(std::string_view name, uint64_t value) {
  absl::StrAppend(&text_, Abseil(name), " ", value, "\n");
}

void StateWriter::Add(std::string_view name, std::span<const double> values) {
  absl::StrAppend(&text_, Abseil(name));
  for (const double value : values) absl::StrAppend(&text_, " ", ExactText(value));
  text_ += '\n';
}

void StateWriter::AddLines(std::string_view name, std::string_view lines) {
  Add(name, static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
  absl::StrAppend(&text_, Abseil(lines));
}

StateReader::StateReader(std::string_view text, std::string_view kind, int version) : rest_(text) {
  uint64_t found = 0;
  if (!ReadWhole(NextLine(kind), found) || found != static_cast<uint64_t>(version)) {
    Fail(absl::StrCat("is not the beginning of a saved ", Abseil(kind), " of version ", version));
  }
}

uint64_t StateReader::Whole(std::string_view name) {
  const std::string_view line = NextLine(name);
  uint64_t value = 0;
  if (!ReadWhole(line, value)) Fail("is not a whole number");
  return status_.ok() ? value : 0;
}

std::vector<double> StateReader::Figures(std::string_view name) {
  std::string_view line = NextLine(name);
  std::vector<double> values;
  while (!line.empty() && status_.ok()) {
    double value = 0;
    if (!ReadWhole(NextWord(line), value) || std::isnan(value)) Fail("is not a list of numbers");
    values.push_back(value);
  }
  return values;
}

std::vector<double> StateReader::Figures(std::string_view name, size_t count) {
  std::vector<double> values = Figures(name);
  if (values.size() != count) Fail(absl::StrCat("has ", values.size(), " numbers where ", count, " belong"));
  values.resize(count);
  return values;
}

std::string_view StateReader::Lines(std::string_view name) {
  const uint64_t count = Whole(name);
  size_t size = 0;
  for (uint64_t i = 0; i < count && status_.ok(); ++i) {
    const size_t end = rest_.find('\n', size);
    if (end == std::string_view::npos) Fail(absl::StrCat("is followed by fewer lines than it says"));
    size = end + 1;
  }
  if (!status_.ok()) return {};
  line_ += static_cast<int>(count);
  const std::string_view lines = rest_.substr(0, size);
  rest_ = rest_.substr(size);
  return lines;
}

const absl::Status& StateReader::Finish() {
  if (!rest_.empty()) Fail("is followed by more");
  return status_;
}

void StateReader::Fail(std::string_view what) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("saved search, line ", line_, ": ", Abseil(what), "; start the search anew, without this state"));
  }
}

std::string_view StateReader::NextLine(std::string_view name) {
  if (!status_.ok()) return {};
  ++line_;
  const size_t end = rest_.find('\n');
  if (end == std::string_view::npos) {
    Fail(absl::StrCat("ends where ", Abseil(name), " belongs"));
    return {};
  }
  std::string_view line = rest_.substr(0, end);
  rest_ = rest_.substr(end + 1);
  const std::string_view found = NextWord(line);
  if (found != name) Fail(absl::StrCat("says ", Abseil(found), " where ", Abseil(name), " belongs"));
  return line;
}

}  // namespace penstock::sim
