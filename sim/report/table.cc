#include "sim/report/table.h"

#include "admission/vocabulary/check.h"
#include "sim/report/markup.h"

namespace penstock::sim::report {
namespace {

void Head(const Table& table, Markup& html) {
  html.Open("thead");
  html.Open("tr");
  for (const Table::Column& column : table.columns) {
    html.Element("th", {{"scope", "col"}, {"class", column.number ? "number" : "text"}}, column.title);
  }
  html.Close();
  html.Close();
}

void Row(const Table& table, const std::vector<std::string>& cells, Markup& html) {
  PENSTOCK_CHECK(cells.size() == table.columns.size());
  html.Open("tr");
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string_view look = table.columns[i].number ? "number" : "text";
    if (i == 0) {
      html.Element("th", {{"scope", "row"}, {"class", look}}, cells[i]);
    } else {
      html.Element("td", {{"class", look}}, cells[i]);
    }
  }
  html.Close();
}

}  // namespace

std::string TableHtml(const Table& table) {
  Markup html;
  html.Open("div", {{"class", "scroll"}, {"tabindex", "0"}});
  html.Open("table");
  Head(table, html);
  html.Open("tbody");
  for (const std::vector<std::string>& row : table.rows) Row(table, row, html);
  html.Close();
  html.Close();
  html.Close();
  return html.Take();
}

std::string FoldedTableHtml(const Table& table) {
  Markup html;
  html.Open("details");
  html.Element("summary", {}, "The numbers");
  html.Append(TableHtml(table));
  html.Close();
  return html.Take();
}

}  // namespace penstock::sim::report
