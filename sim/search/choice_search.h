// A search where one axis is a choice among things that are not alike: a CMA-ES of the other axes for each. All get a
// trial of the same length, in turns; then the one that has found most goes on alone.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/search/cma_es.h"
#include "sim/search/optimiser.h"

namespace penstock::sim {

struct ChoiceSearchTerms {
  CmaEsTerms search;   // of all axes, at least two; its starts are tried with every choice
  size_t axis = 0;     // the choice: its side is divided into equal parts
  size_t choices = 2;  // at least 1
  size_t trial = 200;  // points for each choice, at least; whole generations
};

class ChoiceSearch : public Optimiser {
 public:
  explicit ChoiceSearch(ChoiceSearchTerms terms);
  /// INVALID_ARGUMENT when the text is not what Save wrote under the same terms.
  static absl::StatusOr<ChoiceSearch> Load(ChoiceSearchTerms terms, std::string_view state);

  std::vector<Point> Ask() const override;
  void Tell(std::span<const Candidate> evaluated) override;
  std::string Save() const override;

 private:
  struct Branch {
    CmaEs search;
    uint64_t told = 0;  // points
    Score best;         // once told
  };
  CmaEsTerms TermsOf(size_t choice) const;
  Point WithChoice(const Point& others, size_t choice) const;
  Point WithoutChoice(const Point& point) const;
  size_t Turn() const;

  ChoiceSearchTerms terms_;
  std::vector<Branch> branches_;
};

}  // namespace penstock::sim
