#include "sim/search/line_search.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/search/state_text.h"

namespace penstock::sim {

LineSearch::LineSearch(LineSearchTerms terms) : terms_(std::move(terms)) {
  CheckBox(terms_.box);
  PENSTOCK_CHECK(terms_.box.size() == 1 && terms_.points >= 5);
  low_ = terms_.box.low[0];
  high_ = terms_.box.high[0];
}

std::vector<Point> LineSearch::Ask() const {
  std::vector<Point> points;
  for (size_t i = 0; i < terms_.points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(terms_.points - 1);
    points.push_back({std::min(high_, low_ + share * (high_ - low_))});
  }
  return points;
}

void LineSearch::Tell(std::span<const Candidate> evaluated) {
  const std::vector<Point> points = Ask();
  CheckTold(points, evaluated, 1);
  size_t best = 0;
  for (size_t i = 1; i < evaluated.size(); ++i) {
    if (IsBetter(evaluated[i].score, evaluated[best].score)) best = i;
  }
  if (HasConverged()) return;
  low_ = points[best == 0 ? 0 : best - 1][0];
  high_ = points[std::min(best + 1, points.size() - 1)][0];
}

bool LineSearch::HasConverged() const { return high_ - low_ <= 1e-9 * (terms_.box.high[0] - terms_.box.low[0]); }

std::string LineSearch::Save() const {
  StateWriter writer("line-search", 1);
  writer.Add("interval", std::vector<double>{low_, high_});
  return writer.Take();
}

absl::StatusOr<LineSearch> LineSearch::Load(LineSearchTerms terms, std::string_view state) {
  LineSearch search(std::move(terms));
  StateReader reader(state, "line-search", 1);
  const std::vector<double> interval = reader.Figures("interval", 2);
  if (interval[0] < search.low_ || interval[0] > interval[1] || interval[1] > search.high_) {
    reader.Fail("is not inside the box");
  }
  if (!reader.Finish().ok()) return reader.status();
  search.low_ = interval[0];
  search.high_ = interval[1];
  return search;
}

}  // namespace penstock::sim
