#include "sim/report/plot.h"

#include <algorithm>
#include <cmath>

#include "sim/report/thinning.h"
#include "sim/report/utf8.h"

namespace penstock::sim::report {
namespace {

constexpr double kLineHeight = 15;

std::string Closed(std::initializer_list<Point> corners) {
  std::string path;
  for (const Point& corner : corners) {
    path += path.empty() ? "M" : "L";
    path += Coordinate(corner.x) + " " + Coordinate(corner.y);
  }
  return path + "Z";
}

std::string ShapePath(Shape shape, double x, double y, double r) {
  switch (shape) {
    case Shape::kCircle:
      break;
    case Shape::kSquare:
      return Closed({{x - r, y - r}, {x + r, y - r}, {x + r, y + r}, {x - r, y + r}});
    case Shape::kDiamond:
      return Closed({{x, y - 1.4 * r}, {x + 1.4 * r, y}, {x, y + 1.4 * r}, {x - 1.4 * r, y}});
    case Shape::kTriangle:
      return Closed({{x, y - 1.2 * r}, {x + 1.2 * r, y + r}, {x - 1.2 * r, y + r}});
    case Shape::kDownTriangle:
      return Closed({{x, y + 1.2 * r}, {x + 1.2 * r, y - r}, {x - 1.2 * r, y - r}});
    case Shape::kCross:
      return Closed({{x - r, y - r},
                     {x, y - 0.4 * r},
                     {x + r, y - r},
                     {x + 0.4 * r, y},
                     {x + r, y + r},
                     {x, y + 0.4 * r},
                     {x - r, y + r},
                     {x - 0.4 * r, y}});
  }
  return "";
}

void TextAt(Markup& markup, double x, double y, std::string_view classes, std::string_view text) {
  markup.Element("text", {{"class", classes}, {"x", Coordinate(x)}, {"y", Coordinate(y)}}, text);
}

void LineFromTo(Markup& markup, double x1, double y1, double x2, double y2, std::string_view classes) {
  markup.Empty("line", {{"class", classes},
                        {"x1", Coordinate(x1)},
                        {"y1", Coordinate(y1)},
                        {"x2", Coordinate(x2)},
                        {"y2", Coordinate(y2)}});
}

}  // namespace

Shape ShapeOf(size_t series) {
  constexpr Shape kShapes[] = {Shape::kCircle,   Shape::kSquare,       Shape::kDiamond,
                               Shape::kTriangle, Shape::kDownTriangle, Shape::kCross};
  return kShapes[series % 6];
}

std::string SeriesClass(size_t series) { return "s" + std::to_string(series % 8); }

void DrawShape(Markup& markup, Shape shape, double x, double y, double radius, std::string_view classes,
               std::string_view title) {
  const bool circle = shape == Shape::kCircle;
  const std::string_view tag = circle ? "circle" : "path";
  if (circle) {
    markup.Open(tag, {{"class", classes}, {"cx", Coordinate(x)}, {"cy", Coordinate(y)}, {"r", Coordinate(radius)}});
  } else {
    markup.Open(tag, {{"class", classes}, {"d", ShapePath(shape, x, y, radius)}});
  }
  if (!title.empty()) markup.Element("title", {}, title);
  markup.Close();
}

Plot::Plot(Size size, Axis x, Axis y)
    : size_(size), x_(std::move(x)), y_(std::move(y)), inside_(Inside()), placement_(inside_) {}

// Room on the left for the widest number, above for the title of the y axis, below for numbers and title.
Box Plot::Inside() const {
  double left = 0;
  for (const Tick& tick : y_.ticks()) left = std::max(left, TextWidth(tick.label, kFontSize));
  double right = 14;
  if (!x_.ticks().empty()) right = std::max(right, TextWidth(x_.ticks().back().label, kFontSize) / 2 + 2);
  return {left + 12, 30, size_.width - right, size_.height - 44};
}

void Plot::DrawGrid(Markup& markup) const {
  for (const Tick& tick : y_.ticks()) {
    LineFromTo(markup, inside_.left, Y(tick.value), inside_.right, Y(tick.value), tick.value == 0 ? "zero" : "grid");
    TextAt(markup, inside_.left - 7, Y(tick.value) + 4, "tick end", tick.label);
  }
  double free_from = -100;  // labels of the x axis that would touch the one before are left out
  for (const Tick& tick : x_.ticks()) {
    const double at = X(tick.value);
    LineFromTo(markup, at, inside_.top, at, inside_.bottom, "grid");
    const double half = TextWidth(tick.label, kFontSize) / 2;
    if (tick.label.empty() || at - half < free_from) continue;
    TextAt(markup, at, inside_.bottom + 18, "tick middle", tick.label);
    free_from = at + half + 8;
  }
  LineFromTo(markup, inside_.left, inside_.bottom, inside_.right, inside_.bottom, "axis");
}

void Plot::DrawTitles(Markup& markup) const {
  TextAt(markup, 2, 14, "axis-title", Shortened(y_.title(), kFontSize, size_.width - 4));
  TextAt(markup, inside_.right, size_.height - 8, "axis-title end", Shortened(x_.title(), kFontSize, size_.width - 16));
}

void Plot::Line(std::span<const Point> points, std::string_view classes) {
  std::string path;
  for (const Point& point : Thinned(points, 500)) {
    path += path.empty() ? "M" : "L";
    path += Coordinate(X(point.x)) + " " + Coordinate(Y(point.y));
  }
  const std::string_view line = points.size() > 200 ? "line dense " : "line ";
  if (!path.empty()) drawn_.Empty("path", {{"class", std::string(line) + std::string(classes)}, {"d", path}});
}

void Plot::Mark(Point at, Shape shape, double radius, std::string_view classes, std::string_view title) {
  if (!std::isfinite(at.x) || !std::isfinite(at.y)) return;
  DrawShape(drawn_, shape, X(at.x), Y(at.y), radius, "mark " + std::string(classes), title);
}

void Plot::Interval(double x, double low, double high, std::string_view classes) {
  const std::string all = "interval " + std::string(classes);
  LineFromTo(drawn_, X(x), Y(low), X(x), Y(high), all);
  for (double end : {low, high}) {
    if (y_.Covers(end)) LineFromTo(drawn_, X(x) - 5, Y(end), X(x) + 5, Y(end), all);
  }
}

void Plot::Column(double left, double right, double from, double to, std::string_view classes, std::string_view title) {
  const double top = std::min(Y(from), Y(to));
  const double height = std::max(std::abs(Y(from) - Y(to)), 0.75);
  drawn_.Open("rect", {{"class", "bar " + std::string(classes)},
                       {"x", Coordinate(X(left))},
                       {"y", Coordinate(top)},
                       {"width", Coordinate(std::max(X(right) - X(left), 0.5))},
                       {"height", Coordinate(height)}});
  if (!title.empty()) drawn_.Element("title", {}, title);
  drawn_.Close();
}

void Plot::HorizontalRule(double y, std::string_view classes, std::string_view label) {
  const double at = Y(y);
  LineFromTo(drawn_, inside_.left, at, inside_.right, at, classes);
  if (label.empty()) return;
  const std::string shown = Shortened(label, kFontSize, (inside_.right - inside_.left) * 0.6);
  const double width = TextWidth(shown, kFontSize);
  const double left = inside_.left + 4;
  const double right = inside_.right - 4 - width;
  const double above = at - kLineHeight - 2;
  const double below = at + 2;
  const Box candidates[] = {{right, above, right + width, above + kLineHeight},
                            {right, below, right + width, below + kLineHeight},
                            {left, above, left + width, above + kLineHeight},
                            {left, below, left + width, below + kLineHeight}};
  if (const std::optional<Box> box = placement_.FirstFree(candidates)) DrawLabel(*box, shown, "label");
}

void Plot::VerticalRule(double x, std::string_view classes, std::string_view label) {
  LineFromTo(drawn_, X(x), inside_.top, X(x), inside_.bottom, classes);
  if (label.empty()) return;
  const double width = TextWidth(label, kFontSize);
  const bool to_the_right = X(x) + width + 8 < inside_.right;
  const double at = to_the_right ? X(x) + 5 : X(x) - 5;
  TextAt(labels_, at, inside_.top + 12, to_the_right ? "label" : "label end", label);
  placement_.Occupy({to_the_right ? at : at - width, inside_.top, to_the_right ? at + width : at, inside_.top + 16});
}

void Plot::Avoid(Point at, double radius) {
  placement_.Occupy({X(at.x) - radius, Y(at.y) - radius, X(at.x) + radius, Y(at.y) + radius});
}

void Plot::Label(Point at, std::string_view text, std::string_view classes) {
  const std::string shown = Shortened(text, kFontSize, (inside_.right - inside_.left) / 2);
  const std::optional<Box> box = placement_.Place(X(at.x), Y(at.y), TextWidth(shown, kFontSize), kLineHeight);
  if (!box) return;
  const double to_x = std::clamp(X(at.x), box->left, box->right);
  const double to_y = std::clamp(Y(at.y), box->top, box->bottom);
  const bool far = std::hypot(to_x - X(at.x), to_y - Y(at.y)) > 15;
  if (far) LineFromTo(labels_, X(at.x), Y(at.y), to_x, to_y, "leader");
  DrawLabel(*box, shown, classes);
}

void Plot::DrawLabel(const Box& box, std::string_view text, std::string_view classes) {
  labels_.Empty("rect", {{"class", "behind"},
                         {"x", Coordinate(box.left)},
                         {"y", Coordinate(box.top)},
                         {"width", Coordinate(box.right - box.left)},
                         {"height", Coordinate(box.bottom - box.top)}});
  TextAt(labels_, (box.left + box.right) / 2, box.bottom - 4, "middle " + std::string(classes), text);
}

void Plot::Hover(double left, double right, std::string_view title) {
  hovers_.Open("rect", {{"class", "hover"},
                        {"x", Coordinate(X(left))},
                        {"y", Coordinate(inside_.top)},
                        {"width", Coordinate(std::max(X(right) - X(left), 0.0))},
                        {"height", Coordinate(inside_.bottom - inside_.top)}});
  hovers_.Element("title", {}, title);
  hovers_.Close();
}

std::string Plot::Svg(std::string_view description) {
  Markup svg;
  svg.Open("svg", {{"class", size_.IsNarrow() ? "narrow" : "wide"},
                   {"viewBox", "0 0 " + Coordinate(size_.width) + " " + Coordinate(size_.height)},
                   {"role", "img"},
                   {"aria-label", description}});
  DrawGrid(svg);
  svg.Append(drawn_.Take());
  svg.Append(hovers_.Take());
  DrawTitles(svg);
  svg.Append(labels_.Take());
  svg.Close();
  return svg.Take();
}

}  // namespace penstock::sim::report
