#include "sim/report/row_chart.h"

#include <algorithm>

#include "sim/report/utf8.h"

namespace penstock::sim::report {
namespace {

struct Layout {
  Size size;
  double left;  // of the bars
  double right;
  double row;     // height of a row, name included
  double bar_at;  // within the row
  double bar = 20;
  double top = 6;
  bool names_above;
};

double Widest(const std::vector<BarRow>& rows, std::string BarRow::*text) {
  double widest = 0;
  for (const BarRow& row : rows) widest = std::max(widest, TextWidth(row.*text, kFontSize));
  return widest;
}

// Names stand beside the bars on a page, above them on a telephone.
Layout LayoutOf(const RowChart& chart, Size size) {
  const double ends = Widest(chart.rows, &BarRow::end);
  const double right = size.width - std::max(16.0, ends == 0 ? 16 : ends + 10);
  const auto rows = static_cast<double>(chart.rows.size());
  if (size.IsNarrow()) return {{size.width, 6 + rows * 44 + 48}, 18, right, 44, 18, 20, 6, true};
  const double left = std::min(Widest(chart.rows, &BarRow::name) + 14, size.width * 0.3);
  return {{size.width, 6 + rows * 32 + 48}, left, right, 32, 6, 20, 6, false};
}

Axis AxisOf(const RowChart& chart, bool narrow) {
  Range range;
  range.Include(0);
  for (const BarRow& row : chart.rows) {
    for (const Bar& bar : row.bars) {
      range.Include(bar.from);
      range.Include(bar.to);
    }
  }
  if (chart.whole_share) range = {0, 1, false};
  return Axis::Linear(chart.title, chart.unit, range, narrow ? 3 : 8);
}

double XAt(const Layout& layout, const Axis& axis, double value) {
  return layout.left + axis.Position(value) * (layout.right - layout.left);
}

void DrawAxis(const RowChart& chart, const Layout& layout, const Axis& axis, Markup& svg) {
  const double bottom = layout.size.height - 44;
  for (const Tick& tick : axis.ticks()) {
    const std::string x = Coordinate(XAt(layout, axis, tick.value));
    svg.Empty("line", {{"class", tick.value == 0 ? "zero" : "grid"},
                       {"x1", x},
                       {"x2", x},
                       {"y1", Coordinate(layout.top)},
                       {"y2", Coordinate(bottom)}});
    svg.Element("text", {{"class", "tick middle"}, {"x", x}, {"y", Coordinate(bottom + 17)}}, tick.label);
  }
  svg.Element("text",
              {{"class", "axis-title end"}, {"x", Coordinate(layout.right)}, {"y", Coordinate(layout.size.height - 8)}},
              Shortened(chart.title, kFontSize, layout.size.width - 16));
}

void DrawBar(const Bar& bar, double left, double right, double top, double height, Markup& svg) {
  svg.Open("g");
  svg.Element("title", {}, bar.title);
  svg.Empty("rect", {{"class", "bar " + bar.classes},
                     {"x", Coordinate(left)},
                     {"y", Coordinate(top)},
                     {"width", Coordinate(right - left)},
                     {"height", Coordinate(height)}});
  if (!bar.text.empty() && TextWidth(bar.text, kFontSize) + 8 < right - left) {
    svg.Element("text",
                {{"class", "inside middle " + bar.classes},
                 {"x", Coordinate((left + right) / 2)},
                 {"y", Coordinate(top + height / 2 + 4)}},
                bar.text);
  }
  svg.Close();
}

void DrawRow(const BarRow& row, double top, const Layout& layout, const Axis& axis, Markup& svg) {
  if (layout.names_above) {
    svg.Element("text", {{"class", "label"}, {"x", Coordinate(layout.left + 3)}, {"y", Coordinate(top + 13)}},
                Shortened(row.name, kFontSize, layout.size.width - 16));
  } else {
    svg.Element(
        "text",
        {{"class", "label end"}, {"x", Coordinate(layout.left - 8)}, {"y", Coordinate(top + layout.bar_at + 14)}},
        Shortened(row.name, kFontSize, layout.left - 10));
  }
  double end = XAt(layout, axis, 0);
  for (const Bar& bar : row.bars) {
    const auto [left, right] = std::minmax({XAt(layout, axis, bar.from), XAt(layout, axis, bar.to)});
    DrawBar(bar, left, right, top + layout.bar_at, layout.bar, svg);
    end = std::max(end, right);
  }
  if (row.end.empty()) return;
  svg.Element("text", {{"class", "label"}, {"x", Coordinate(end + 6)}, {"y", Coordinate(top + layout.bar_at + 14)}},
              row.end);
}

}  // namespace

std::string RowChartSvg(const RowChart& chart, Size size) {
  const Layout layout = LayoutOf(chart, size);
  const Axis axis = AxisOf(chart, size.IsNarrow());
  Markup svg;
  svg.Open("svg", {{"class", size.IsNarrow() ? "narrow" : "wide"},
                   {"viewBox", "0 0 " + Coordinate(layout.size.width) + " " + Coordinate(layout.size.height)},
                   {"role", "img"},
                   {"aria-label", chart.description}});
  DrawAxis(chart, layout, axis, svg);
  for (size_t i = 0; i < chart.rows.size(); ++i) {
    DrawRow(chart.rows[i], layout.top + static_cast<double>(i) * layout.row, layout, axis, svg);
  }
  svg.Close();
  return svg.Take();
}

}  // namespace penstock::sim::report
