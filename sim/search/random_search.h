// Search by drawing points uniformly: what any better search must beat.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/search/optimiser.h"

namespace penstock::sim {

struct RandomSearchTerms {
  Box box;
  uint64_t seed = 1;
  size_t population = 20;  // points a generation
  size_t objectives = 1;
};

class RandomSearch : public Optimiser {
 public:
  explicit RandomSearch(RandomSearchTerms terms);
  /// INVALID_ARGUMENT when the text is not what Save wrote.
  static absl::StatusOr<RandomSearch> Load(RandomSearchTerms terms, std::string_view state);

  std::vector<Point> Ask() const override;
  void Tell(std::span<const Candidate> evaluated) override;
  std::string Save() const override;

 private:
  RandomSearchTerms terms_;
  uint64_t generation_ = 0;
};

}  // namespace penstock::sim
