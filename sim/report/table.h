// Tables of the report, as HTML.
#pragma once

#include <string>
#include <vector>

namespace penstock::sim::report {

struct Table {
  struct Column {
    std::string title;
    bool number = true;  // set to the right, digits below each other
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // as many cells as columns; the first heads its row
};

/// Scrolls sideways where there is no room.
std::string TableHtml(const Table& table);
/// The same, folded away until asked for.
std::string FoldedTableHtml(const Table& table);

}  // namespace penstock::sim::report
