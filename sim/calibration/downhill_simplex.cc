#include "sim/calibration/downhill_simplex.h"

#include <algorithm>
#include <array>

namespace penstock::sim {
namespace {

constexpr size_t kCorners = kLawTerms + 1;
constexpr double kFirstReach = 1.0 / 3;
constexpr double kLeastReach = 1e-3;  // where a coefficient is 0

class Simplex {
 public:
  using Cost = std::function<double(const Coefficients&)>;

  Simplex(const Cost& cost, const Coefficients& start, double cost_of_start) : cost_(cost) {
    corners_.fill({start, cost_of_start});
    for (size_t term = 0; term < kLawTerms; ++term) {
      Coefficients at = start;
      at[term] += std::max(at[term] * kFirstReach, kLeastReach);
      corners_[term + 1] = At(at);
    }
    Sort();
  }

  /// Moves the worst corner to a better place, or pulls all corners towards the best.
  void Step() {
    const Corner across = Along(-1);
    Corner next = across;
    if (across.cost < corners_.front().cost) {
      const Corner further = Along(-2);
      if (further.cost < across.cost) next = further;
    } else if (across.cost >= corners_[kCorners - 2].cost) {
      next = Along(0.5);
    }
    if (next.cost < corners_.back().cost) {
      corners_.back() = next;
    } else {
      PullTogether();
    }
    Sort();
  }

  const Coefficients& best() const { return corners_.front().at; }
  double cost() const { return corners_.front().cost; }
  int evaluations() const { return evaluations_; }

 private:
  struct Corner {
    Coefficients at = {};
    double cost = 0;
  };

  /// Where a coefficient would be negative, at 0.
  Corner At(Coefficients at) {
    for (double& coefficient : at) coefficient = std::max(coefficient, 0.0);
    ++evaluations_;
    return {at, cost_(at)};
  }
  /// On the line from the middle of the others (0) to the worst corner (1).
  Corner Along(double share) {
    Coefficients at;
    for (size_t term = 0; term < kLawTerms; ++term) {
      double middle = 0;
      for (size_t i = 0; i + 1 < kCorners; ++i) middle += corners_[i].at[term] / (kCorners - 1);
      at[term] = middle + share * (corners_.back().at[term] - middle);
    }
    return At(at);
  }
  void PullTogether() {
    for (size_t i = 1; i < kCorners; ++i) {
      Coefficients at;
      for (size_t term = 0; term < kLawTerms; ++term) at[term] = (corners_[i].at[term] + best()[term]) / 2;
      corners_[i] = At(at);
    }
  }
  void Sort() {
    std::stable_sort(corners_.begin(), corners_.end(),
                     [](const Corner& a, const Corner& b) { return a.cost < b.cost; });
  }

  const Cost& cost_;
  std::array<Corner, kCorners> corners_;  // the best first
  int evaluations_ = 0;
};

}  // namespace

Lowest WalkDownhill(const std::function<double(const Coefficients&)>& cost, const Coefficients& start, int rounds,
                    int steps) {
  Lowest lowest{.at = start, .cost = cost(start), .evaluations = 1};
  for (int round = 0; round < rounds; ++round) {
    Simplex simplex(cost, lowest.at, lowest.cost);
    for (int i = 0; i < steps; ++i) simplex.Step();
    lowest = {simplex.best(), simplex.cost(), lowest.evaluations + simplex.evaluations()};
  }
  return lowest;
}

}  // namespace penstock::sim
