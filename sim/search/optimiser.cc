#include "sim/search/optimiser.h"

#include "admission/vocabulary/check.h"

namespace penstock::sim {

void CheckTold(std::span<const Point> asked, std::span<const Candidate> evaluated, size_t costs) {
  PENSTOCK_CHECK(asked.size() == evaluated.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    PENSTOCK_CHECK(asked[i] == evaluated[i].at && evaluated[i].score.costs.size() == costs);
    CheckScore(evaluated[i].score);
  }
}

}  // namespace penstock::sim
