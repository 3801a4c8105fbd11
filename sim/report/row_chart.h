// Horizontal bars, a row each: names have room, and a row can be several bars one after the other.
#pragma once

#include <string>
#include <vector>

#include "sim/report/plot.h"

namespace penstock::sim::report {

struct Bar {
  double from = 0;
  double to = 0;
  std::string classes;  // "s2"
  std::string title;    // on hover
  std::string text;     // inside, where it fits; may be empty
};

struct BarRow {
  std::string name;
  std::vector<Bar> bars;
  std::string end;  // behind the last bar; may be empty
};

struct RowChart {
  std::string description;
  std::string title;  // of the axis
  Unit unit;
  bool whole_share = false;  // the axis is 0 to 100 %
  std::vector<BarRow> rows;
};

/// As high as its rows need; the size's width.
std::string RowChartSvg(const RowChart& chart, Size size);

}  // namespace penstock::sim::report
