#include "sim/search/random_search.h"

#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/search/state_text.h"

namespace penstock::sim {

RandomSearch::RandomSearch(RandomSearchTerms terms) : terms_(std::move(terms)) {
  CheckBox(terms_.box);
  PENSTOCK_CHECK(terms_.population > 0 && terms_.objectives > 0);
}

absl::StatusOr<RandomSearch> RandomSearch::Load(RandomSearchTerms terms, std::string_view state) {
  RandomSearch search(std::move(terms));
  StateReader reader(state, "random-search", 1);
  search.generation_ = reader.Whole("generation");
  if (!reader.Finish().ok()) return reader.status();
  return search;
}

std::vector<Point> RandomSearch::Ask() const {
  Random random(Scramble(Scramble(terms_.seed) + generation_));
  std::vector<Point> points;
  for (size_t i = 0; i < terms_.population; ++i) {
    Point shares(terms_.box.size());
    for (double& share : shares) share = Uniform(random);
    points.push_back(terms_.box.AtShares(shares));
  }
  return points;
}

void RandomSearch::Tell(std::span<const Candidate> evaluated) {
  CheckTold(Ask(), evaluated, terms_.objectives);
  ++generation_;
}

std::string RandomSearch::Save() const {
  StateWriter writer("random-search", 1);
  writer.Add("generation", generation_);
  return writer.Take();
}

}  // namespace penstock::sim
