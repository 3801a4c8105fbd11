// A search of one parameter: an even grid over the interval, then ever finer ones about the best point so far.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/search/optimiser.h"

namespace penstock::sim {

struct LineSearchTerms {
  Box box;             // of one dimension
  size_t points = 17;  // of a grid, at least 5
};

class LineSearch : public Optimiser {
 public:
  explicit LineSearch(LineSearchTerms terms);
  /// INVALID_ARGUMENT when the text is not what Save wrote under the same terms.
  static absl::StatusOr<LineSearch> Load(LineSearchTerms terms, std::string_view state);

  std::vector<Point> Ask() const override;
  void Tell(std::span<const Candidate> evaluated) override;
  std::string Save() const override;

  /// The grid is finer than 1e-9 of the interval: more generations find nothing.
  bool HasConverged() const;

 private:
  LineSearchTerms terms_;
  double low_;  // of the grid
  double high_;
};

}  // namespace penstock::sim
