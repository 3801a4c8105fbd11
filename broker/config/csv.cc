#include "broker/config/csv.h"

#include <algorithm>

namespace penstock::config {

std::string_view TakeCsvLine(std::string_view& text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void SplitCsv(std::string_view line, int number, std::vector<Cell>* cells) {
  cells->clear();
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(',', at), line.size());
    Cell cell{line.substr(at, end - at), {number, static_cast<int>(at) + 1}};
    while (cell.text.starts_with(' ')) cell.text.remove_prefix(1);
    while (cell.text.ends_with(' ')) cell.text.remove_suffix(1);
    if (cell.text.size() >= 2 && cell.text.front() == '"' && cell.text.back() == '"') {
      cell.text = cell.text.substr(1, cell.text.size() - 2);
    }
    cells->push_back(cell);
    at = end + 1;
  }
}

}  // namespace penstock::config
