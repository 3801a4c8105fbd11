// A section of the report: a heading, how to read it, charts with their legends and numbers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/report/plot.h"
#include "sim/report/table.h"

namespace penstock::sim::report {

struct LegendEntry {
  enum class Look { kLine, kBox, kMark };
  std::string name;
  std::string classes;  // "s2", "s0 hollow"
  Look look = Look::kLine;
  Shape shape = Shape::kCircle;  // of kMark
};

/// Lines s0, s1 ... by these names.
std::vector<LegendEntry> LineLegend(const std::vector<Curve>& curves);

struct Chart {
  std::string heading;  // above the chart; may be empty
  std::vector<LegendEntry> legend;
  std::function<std::string(Size)> draw;
  Table table;
};

/// The chart in both sizes, its legend above, its numbers folded away below.
std::string ChartHtml(const Chart& chart);

struct Section {
  std::string id;  // of links to it
  std::string title;
  std::vector<std::string> paragraphs;  // plain text
  std::string body;                     // HTML; empty: the section is left out
};

std::string SectionHtml(const Section& section);

}  // namespace penstock::sim::report
