// A search over a box, one generation at a time: ask for points, evaluate them (all at once if you like), tell what
// they are worth. Nothing in it is random but for its seed, and the state can be saved between generations.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/search/score.h"

namespace penstock::sim {

class Optimiser {
 public:
  virtual ~Optimiser() = default;

  /// The points of this generation, inside the box; the same until they are told. Never empty.
  virtual std::vector<Point> Ask() const = 0;

  /// What the points of this generation are worth, in their order. A bug when they are others, or of the wrong number
  /// of costs. Leads to the next generation.
  virtual void Tell(std::span<const Candidate> evaluated) = 0;

  /// The state as text: what each kind's Load makes a search of that goes on as this one would.
  virtual std::string Save() const = 0;
};

/// A bug when the candidates are not at these points.
void CheckTold(std::span<const Point> asked, std::span<const Candidate> evaluated, size_t costs);

}  // namespace penstock::sim
