#include "sim/report/overview.h"

#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim::report {
namespace {

struct Look {
  std::string_view classes;
  std::string_view word;
};

Look LookOf(Finding finding) {
  switch (finding) {
    case Finding::kBetter:
      return {"verdict better", "✓ Better"};
    case Finding::kNotBetter:
      return {"verdict not-better", "✗ Not better"};
    case Finding::kUndecided:
      break;
  }
  return {"verdict undecided", "? Not decided"};
}

}  // namespace

std::string VerdictHtml(const Verdict& verdict) {
  if (verdict.headline.empty() && verdict.paragraphs.empty()) return "";
  const Look look = LookOf(verdict.finding);
  Markup html;
  html.Open("section", {{"class", look.classes}, {"id", "verdict"}});
  html.Element("span", {{"class", "badge"}}, look.word);
  if (!verdict.headline.empty()) html.Element("p", {{"class", "headline"}}, verdict.headline);
  for (const std::string& paragraph : verdict.paragraphs) html.Element("p", {}, paragraph);
  html.Close();
  return html.Take();
}

std::string KeyFiguresHtml(const std::vector<KeyFigure>& figures) {
  if (figures.empty()) return "";
  Markup html;
  html.Open("dl", {{"class", "key-figures"}});
  for (const KeyFigure& figure : figures) {
    html.Open("div");
    html.Element("dt", {}, figure.name);
    const EstimateParts parts = EstimateInParts(figure.value, figure.unit);
    html.Open("dd", {{"class", "value"}});
    html.Text(parts.mean);
    if (!parts.unit.empty()) html.Element("span", {{"class", "unit"}}, " " + parts.unit);
    if (std::isfinite(figure.value.half_width) && !parts.interval.empty())
      html.Element("span", {{"class", "interval-text"}}, parts.interval);
    html.Close();
    if (!figure.note.empty()) html.Element("dd", {{"class", "note"}}, figure.note);
    html.Close();
  }
  html.Close();
  return html.Take();
}

Section ComparisonSection(const Comparison& comparison) {
  if (comparison.tariffs.empty() || comparison.rows.empty()) return {};
  Table table{{{"", false}}, {}};
  for (const std::string& tariff : comparison.tariffs) table.columns.push_back({tariff});
  for (const Comparison::Row& row : comparison.rows) {
    PENSTOCK_CHECK(row.values.size() == comparison.tariffs.size());
    std::vector<std::string> cells = {row.figure + (row.unit.name.empty() ? "" : ", " + row.unit.name)};
    for (const Estimate& value : row.values) {
      const Unit nameless{row.unit.measure, ""};
      cells.push_back(std::isfinite(value.half_width) ? EstimateText(value, nameless)
                                                      : FigureText(value.mean, nameless));
    }
    table.rows.push_back(std::move(cells));
  }
  return {
      "comparison",
      "Tariffs side by side",
      {"Means, with intervals where they are known" + (comparison.note.empty() ? "" : "; " + comparison.note) + "."},
      TableHtml(table)};
}

Section TariffSection(const std::string& file_name, const std::string& yaml) {
  if (yaml.empty()) return {};
  Markup html;
  html.Open("pre", {{"tabindex", "0"}});
  html.Element("code", {}, yaml);
  html.Close();
  return {"tariff", "The tariff", {"This is " + file_name + ", as the daemon loads it."}, html.Take()};
}

Section ProvenanceSection(const std::vector<ProvenanceLine>& lines) {
  if (lines.empty()) return {};
  Table table{{{"", false}, {"", false}}, {}};
  for (const ProvenanceLine& line : lines) table.rows.push_back({line.name, line.value});
  return {"provenance", "Where these figures come from", {"The same inputs give the same bytes."}, TableHtml(table)};
}

}  // namespace penstock::sim::report
