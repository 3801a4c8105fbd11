// CMA-ES (Hansen 2016): a search of one objective that learns the shape of the valley that it is in.
//
//   1. It works on shares of the box's sides; a sample outside is moved to the edge, and that is what is evaluated and
//      learned from. The mean is thereby always inside.
//   2. Generation 0 of a search is an even design over the box and the given starts; the first descent begins at its
//      best point.
//   3. Ranks are all that it knows of scores, by IsBetter: feasibility first.
//   4. A descent that has converged or stands still is followed by another, from elsewhere and with twice the
//   population
//      (at most eight times the first): it has no end of its own.
//   5. Generation g draws from a stream that seed and g make, so that Ask needs no state of its own.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/search/optimiser.h"
#include "sim/search/symmetric_eigen.h"

namespace penstock::sim {

struct CmaEsTerms {
  Box box;
  uint64_t seed = 1;
  size_t population = 0;      // points a generation; 0: 4 + 3 ln(dimensions). At least 4
  double first_step = 0.25;   // deviation of the first samples, in shares of the box's sides
  double last_step = 1e-9;    // a descent whose steps are all smaller has converged
  size_t design = 0;          // points of the even design, at least 1; 0: four for each dimension
  std::vector<Point> starts;  // known points, evaluated with the design; those outside the box are moved to its edge
};

class CmaEs : public Optimiser {
 public:
  explicit CmaEs(CmaEsTerms terms);
  /// INVALID_ARGUMENT when the text is not what Save wrote under the same terms.
  static absl::StatusOr<CmaEs> Load(CmaEsTerms terms, std::string_view state);

  std::vector<Point> Ask() const override;
  void Tell(std::span<const Candidate> evaluated) override;
  std::string Save() const override;

  /// How often it began anew.
  uint64_t restarts() const { return restarts_; }

 private:
  struct Constants;
  Constants ConstantsFor(size_t population) const;
  void BeginDescent(const Point& shares);
  void Learn(std::span<const Candidate> evaluated);
  Point MoveMean(std::span<const Candidate> evaluated, std::span<const size_t> order, const Constants& c);
  void AdaptShape(std::span<const Candidate> evaluated, std::span<const size_t> order, const Constants& c,
                  const Point& old_mean, const Point& step);
  bool IsExhausted() const;
  void Decompose();

  CmaEsTerms terms_;
  uint64_t generation_ = 0;
  uint64_t restarts_ = 0;
  uint64_t age_ = 0;                     // generations of this descent
  size_t population_ = 0;                // of this descent
  double step_ = 0;                      // sigma
  Point mean_;                           // in shares
  Point shape_path_;                     // p_c
  Point step_path_;                      // p_sigma
  Matrix shape_;                         // C
  std::vector<double> best_violations_;  // of the descent's latest generations
  std::vector<double> best_costs_;
  // What follows from the shape.
  Matrix axes_;                  // B
  std::vector<double> lengths_;  // D
};

}  // namespace penstock::sim
