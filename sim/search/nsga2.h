// NSGA-II (Deb et al. 2002): a search of several objectives at once, which returns a front of compromises.
//
//   1. Half of the parents and their children survive: by front, then by how far the next on the same front are.
//   2. Children come of tournament winners by simulated binary crossover and polynomial mutation.
//   3. Feasibility first: a smaller violation dominates whatever the costs are.
//   4. Generation g draws from a stream that seed and g make, so that Ask needs no state of its own.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random.h"
#include "sim/search/optimiser.h"

namespace penstock::sim {

struct Nsga2Terms {
  Box box;
  uint64_t seed = 1;
  size_t objectives = 2;
  size_t population = 60;       // points a generation; even, at least 4
  double crossover = 0.9;       // how often two parents are mixed at all
  double crossover_index = 15;  // the higher, the more children are like their parents
  double mutation_index = 20;   // likewise; one coordinate of a child is mutated on average
  std::vector<Point> starts;    // known points, evaluated first; those outside the box are moved to its edge
};

class Nsga2 : public Optimiser {
 public:
  explicit Nsga2(Nsga2Terms terms);
  /// INVALID_ARGUMENT when the text is not what Save wrote under the same terms.
  static absl::StatusOr<Nsga2> Load(Nsga2Terms terms, std::string_view state);

  std::vector<Point> Ask() const override;
  void Tell(std::span<const Candidate> evaluated) override;
  std::string Save() const override;

  /// The population; empty before the first generation is told.
  const std::vector<Candidate>& survivors() const { return parents_; }

 private:
  std::vector<Point> FirstPoints() const;
  const Point& Winner(Random& random) const;
  void Mix(Point& a, Point& b, Random& random) const;
  void Mutate(Point& point, Random& random) const;
  void RankParents();

  Nsga2Terms terms_;
  uint64_t generation_ = 0;
  std::vector<Candidate> parents_;
  // What follows from the parents.
  std::vector<size_t> ranks_;
  std::vector<double> room_;
};

/// For each candidate the distance of its neighbours on its front, summed over the objectives, each in shares of the
/// front's extent; infinite at the ends of a front.
std::vector<double> CrowdingRoom(std::span<const Candidate> candidates, std::span<const size_t> ranks);

}  // namespace penstock::sim
