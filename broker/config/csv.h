// Lines and cells of a CSV with places, for error messages.
#pragma once

#include <string_view>
#include <vector>

#include "broker/config/problems.h"

namespace penstock::config {

struct Cell {
  std::string_view text;  // into the line, without blanks and double quotes around it
  Place place;
};

/// Splits off the first line, without its end (LF or CR LF), and a byte order mark.
std::string_view TakeCsvLine(std::string_view& text);

/// The cells of a line. What is read here needs no commas or quotes inside a cell.
void SplitCsv(std::string_view line, int number, std::vector<Cell>* cells);

}  // namespace penstock::config
