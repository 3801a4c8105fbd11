// A chart of two axes as inline SVG: grid, lines, marks, intervals, bars, labels, values on hover. Colours and dashes
// come from classes of the page's style (s0, s1 ...); every series also differs by dash and by shape.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/report/axis.h"
#include "sim/report/label_placement.h"
#include "sim/report/markup.h"
#include "sim/report/point.h"

namespace penstock::sim::report {

/// In pixels. Every chart is drawn twice: for a page and for a telephone; the style shows one of them.
struct Size {
  double width = 0;
  double height = 0;
  bool IsNarrow() const { return width < 500; }
};
inline constexpr Size kWide = {900, 360};
inline constexpr Size kNarrow = {360, 300};
inline constexpr double kFontSize = 12;

enum class Shape { kCircle, kSquare, kDiamond, kTriangle, kDownTriangle, kCross };
/// The shape of the marks of a series.
Shape ShapeOf(size_t series);
/// "s3": after eight series colours and dashes start again.
std::string SeriesClass(size_t series);
/// Draws a shape around (x, y) with a title on hover (none when empty).
void DrawShape(Markup& markup, Shape shape, double x, double y, double radius, std::string_view classes,
               std::string_view title);

class Plot {
 public:
  Plot(Size size, Axis x, Axis y);

  const Axis& x() const { return x_; }
  const Axis& y() const { return y_; }

  /// Points that are not finite are left out; long curves are thinned so that peaks stay.
  void Line(std::span<const Point> points, std::string_view classes);
  void Mark(Point at, Shape shape, double radius, std::string_view classes, std::string_view title);
  /// A vertical bar from low to high with caps.
  void Interval(double x, double low, double high, std::string_view classes);
  void Column(double left, double right, double from, double to, std::string_view classes, std::string_view title);
  /// A line across, with a label at its end when there is one.
  void HorizontalRule(double y, std::string_view classes, std::string_view label);
  void VerticalRule(double x, std::string_view classes, std::string_view label);
  /// Text beside a point, where there is room.
  void Label(Point at, std::string_view text, std::string_view classes = "label");
  /// Keeps labels off a point.
  void Avoid(Point at, double radius);
  /// Shows `title` while the pointer is over that part of the x axis.
  void Hover(double left, double right, std::string_view title);

  /// `description` is what a screen reader says.
  std::string Svg(std::string_view description);

 private:
  double X(double value) const { return inside_.left + x_.Position(value) * (inside_.right - inside_.left); }
  double Y(double value) const { return inside_.bottom - y_.Position(value) * (inside_.bottom - inside_.top); }
  void DrawGrid(Markup& markup) const;
  void DrawTitles(Markup& markup) const;
  void DrawLabel(const Box& box, std::string_view text, std::string_view classes);
  Box Inside() const;

  Size size_;
  Axis x_;
  Axis y_;
  Box inside_;
  LabelPlacement placement_;
  Markup drawn_;
  Markup labels_;
  Markup hovers_;
};

}  // namespace penstock::sim::report
