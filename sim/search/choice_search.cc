#include "sim/search/choice_search.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/random.h"
#include "sim/search/state_text.h"

namespace penstock::sim {

ChoiceSearch::ChoiceSearch(ChoiceSearchTerms terms) : terms_(std::move(terms)) {
  CheckBox(terms_.search.box);
  PENSTOCK_CHECK(terms_.search.box.size() >= 2 && terms_.axis < terms_.search.box.size() && terms_.choices >= 1);
  for (size_t choice = 0; choice < terms_.choices; ++choice) {
    branches_.push_back({CmaEs(TermsOf(choice)), 0, Score{0, {0.0}}});
  }
}

CmaEsTerms ChoiceSearch::TermsOf(size_t choice) const {
  CmaEsTerms terms = terms_.search;
  terms.box.low = WithoutChoice(terms.box.low);
  terms.box.high = WithoutChoice(terms.box.high);
  for (Point& start : terms.starts) start = WithoutChoice(start);
  terms.seed = Scramble(terms.seed) + choice;
  return terms;
}

Point ChoiceSearch::WithoutChoice(const Point& point) const {
  Point others = point;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(terms_.axis));
  return others;
}

// In the middle of the choice's part of the axis.
Point ChoiceSearch::WithChoice(const Point& others, size_t choice) const {
  const double low = terms_.search.box.low[terms_.axis];
  const double high = terms_.search.box.high[terms_.axis];
  const double share = (static_cast<double>(choice) + 0.5) / static_cast<double>(terms_.choices);
  Point point = others;
  point.insert(point.begin() + static_cast<std::ptrdiff_t>(terms_.axis), low + share * (high - low));
  return point;
}

// Whose generation it is.
size_t ChoiceSearch::Turn() const {
  const auto fewer = [](const Branch& a, const Branch& b) { return a.told < b.told; };
  const auto least = std::min_element(branches_.begin(), branches_.end(), fewer);
  if (least->told < terms_.trial || least->told == 0) return static_cast<size_t>(least - branches_.begin());
  const auto better = [](const Branch& a, const Branch& b) { return IsBetter(a.best, b.best); };
  return static_cast<size_t>(std::min_element(branches_.begin(), branches_.end(), better) - branches_.begin());
}

std::vector<Point> ChoiceSearch::Ask() const {
  const size_t choice = Turn();
  std::vector<Point> points = branches_[choice].search.Ask();
  for (Point& point : points) point = WithChoice(point, choice);
  return points;
}

void ChoiceSearch::Tell(std::span<const Candidate> evaluated) {
  CheckTold(Ask(), evaluated, 1);
  Branch& branch = branches_[Turn()];
  std::vector<Candidate> others(evaluated.begin(), evaluated.end());
  for (size_t i = 0; i < others.size(); ++i) {
    others[i].at = WithoutChoice(others[i].at);
    if ((branch.told == 0 && i == 0) || IsBetter(others[i].score, branch.best)) branch.best = others[i].score;
  }
  branch.search.Tell(others);
  branch.told += others.size();
}

std::string ChoiceSearch::Save() const {
  StateWriter writer("choice-search", 1);
  for (const Branch& branch : branches_) {
    writer.Add("told", branch.told);
    writer.Add("best", std::vector<double>{branch.best.violation, branch.best.costs[0]});
    writer.AddLines("search", branch.search.Save());
  }
  return writer.Take();
}

absl::StatusOr<ChoiceSearch> ChoiceSearch::Load(ChoiceSearchTerms terms, std::string_view state) {
  ChoiceSearch search(std::move(terms));
  StateReader reader(state, "choice-search", 1);
  for (size_t choice = 0; choice < search.branches_.size(); ++choice) {
    Branch& branch = search.branches_[choice];
    branch.told = reader.Whole("told");
    const std::vector<double> best = reader.Figures("best", 2);
    branch.best = {best[0], {best[1]}};
    if (best[0] < 0) reader.Fail("is below zero");
    const std::string_view lines = reader.Lines("search");
    if (!reader.status().ok()) return reader.status();
    absl::StatusOr<CmaEs> loaded = CmaEs::Load(search.TermsOf(choice), lines);
    if (!loaded.ok()) return loaded.status();
    branch.search = *std::move(loaded);
  }
  if (!reader.Finish().ok()) return reader.status();
  return search;
}

}  // namespace penstock::sim
