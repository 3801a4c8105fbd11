#include "sim/report/section.h"

namespace penstock::sim::report {
namespace {

void Swatch(const LegendEntry& entry, Markup& html) {
  html.Open("svg", {{"class", "swatch"}, {"viewBox", "0 0 26 12"}, {"aria-hidden", "true"}});
  if (entry.look == LegendEntry::Look::kLine) {
    html.Empty("path", {{"class", "line " + entry.classes}, {"d", "M0 6L26 6"}});
  } else if (entry.look == LegendEntry::Look::kBox) {
    html.Empty("rect", {{"class", "bar " + entry.classes}, {"x", "6"}, {"y", "0"}, {"width", "14"}, {"height", "12"}});
  } else {
    DrawShape(html, entry.shape, 13, 6, 4.5, "mark " + entry.classes, "");
  }
  html.Close();
}

void Legend(const std::vector<LegendEntry>& entries, Markup& html) {
  if (entries.empty()) return;
  html.Open("ul", {{"class", "legend"}});
  for (const LegendEntry& entry : entries) {
    html.Open("li");
    Swatch(entry, html);
    html.Text(entry.name);
    html.Close();
  }
  html.Close();
}

}  // namespace

std::vector<LegendEntry> LineLegend(const std::vector<Curve>& curves) {
  std::vector<LegendEntry> entries;
  for (size_t i = 0; i < curves.size(); ++i) entries.push_back({curves[i].name, SeriesClass(i)});
  return entries;
}

std::string ChartHtml(const Chart& chart) {
  Markup html;
  html.Open("figure");
  if (!chart.heading.empty()) html.Element("figcaption", {}, chart.heading);
  Legend(chart.legend, html);
  html.Append(chart.draw(kWide));
  html.Append(chart.draw(kNarrow));
  html.Append(FoldedTableHtml(chart.table));
  html.Close();
  return html.Take();
}

std::string SectionHtml(const Section& section) {
  Markup html;
  html.Open("section", {{"id", section.id}});
  html.Element("h2", {}, section.title);
  for (const std::string& paragraph : section.paragraphs) html.Element("p", {}, paragraph);
  html.Append(section.body);
  html.Close();
  return html.Take();
}

}  // namespace penstock::sim::report
