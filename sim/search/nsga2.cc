#include "sim/search/nsga2.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/search/halton.h"
#include "sim/search/state_text.h"

namespace penstock::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The members of one front, by one cost.
std::vector<size_t> ByCost(std::span<const Candidate> candidates, std::span<const size_t> ranks, size_t rank,
                           size_t objective) {
  std::vector<size_t> front;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (ranks[i] == rank) front.push_back(i);
  }
  std::stable_sort(front.begin(), front.end(), [&](size_t a, size_t b) {
    return candidates[a].score.costs[objective] < candidates[b].score.costs[objective];
  });
  return front;
}

std::vector<Candidate> BestHalf(std::vector<Candidate> all, size_t keep) {
  const std::vector<size_t> ranks = FrontRanks(all);
  const std::vector<double> room = CrowdingRoom(all, ranks);
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : room[a] > room[b]; });
  std::vector<Candidate> best;
  for (size_t i = 0; i < keep; ++i) best.push_back(std::move(all[order[i]]));
  return best;
}

}  // namespace

std::vector<double> CrowdingRoom(std::span<const Candidate> candidates, std::span<const size_t> ranks) {
  std::vector<double> room(candidates.size(), 0.0);
  if (candidates.empty()) return room;
  const size_t last_rank = *std::max_element(ranks.begin(), ranks.end());
  for (size_t rank = 0; rank <= last_rank; ++rank) {
    for (size_t objective = 0; objective < candidates[0].score.costs.size(); ++objective) {
      const std::vector<size_t> front = ByCost(candidates, ranks, rank, objective);
      const auto cost = [&](size_t place) { return candidates[front[place]].score.costs[objective]; };
      const double extent = cost(front.size() - 1) - cost(0);
      room[front.front()] = kInfinity;
      room[front.back()] = kInfinity;
      if (!(extent > 0) || !std::isfinite(extent)) continue;
      for (size_t i = 1; i + 1 < front.size(); ++i) room[front[i]] += (cost(i + 1) - cost(i - 1)) / extent;
    }
  }
  return room;
}

Nsga2::Nsga2(Nsga2Terms terms) : terms_(std::move(terms)) {
  CheckBox(terms_.box);
  PENSTOCK_CHECK(terms_.objectives >= 1 && terms_.population >= 4 && terms_.population % 2 == 0);
  for (Point& start : terms_.starts) {
    PENSTOCK_CHECK(start.size() == terms_.box.size());
    start = terms_.box.AtShares(terms_.box.SharesOf(start));
  }
}

std::vector<Point> Nsga2::FirstPoints() const {
  std::vector<Point> points = terms_.starts;
  for (uint64_t i = 0; points.size() < terms_.population; ++i) {
    points.push_back(terms_.box.AtShares(HaltonPoint(i, terms_.box.size(), terms_.seed)));
  }
  return points;
}

std::vector<Point> Nsga2::Ask() const {
  if (generation_ == 0) return FirstPoints();
  Random random(Scramble(Scramble(terms_.seed) + generation_));
  std::vector<Point> children;
  while (children.size() < terms_.population) {
    Point a = Winner(random);
    Point b = Winner(random);
    Mix(a, b, random);
    Mutate(a, random);
    Mutate(b, random);
    children.push_back(terms_.box.AtShares(a));
    children.push_back(terms_.box.AtShares(b));
  }
  return children;
}

// Of two, in shares.
const Point& Nsga2::Winner(Random& random) const {
  const auto one = [&] { return static_cast<size_t>(random.Below(static_cast<int64_t>(parents_.size()))); };
  const size_t a = one();
  const size_t b = one();
  const bool first = ranks_[a] != ranks_[b] ? ranks_[a] < ranks_[b] : room_[a] >= room_[b];
  return parents_[first ? a : b].at;
}

// Simulated binary crossover (Deb and Agrawal 1995) of two points of the box, which become shares.
void Nsga2::Mix(Point& a, Point& b, Random& random) const {
  a = terms_.box.SharesOf(a);
  b = terms_.box.SharesOf(b);
  if (Uniform(random) >= terms_.crossover) return;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Uniform(random) >= 0.5) continue;
    const double u = Uniform(random);
    const double exponent = 1 / (terms_.crossover_index + 1);
    const double spread = u < 0.5 ? std::pow(2 * u, exponent) : std::pow(1 / (2 * (1 - u)), exponent);
    const double middle = (a[i] + b[i]) / 2;
    const double half = spread * (b[i] - a[i]) / 2;
    a[i] = std::clamp(middle - half, 0.0, 1.0);
    b[i] = std::clamp(middle + half, 0.0, 1.0);
    if (Uniform(random) < 0.5) std::swap(a[i], b[i]);
  }
}

// Polynomial mutation of shares.
void Nsga2::Mutate(Point& point, Random& random) const {
  const double chance = 1 / static_cast<double>(point.size());
  const double exponent = 1 / (terms_.mutation_index + 1);
  for (double& share : point) {
    if (Uniform(random) >= chance) continue;
    const double u = Uniform(random);
    const double far = u < 0.5 ? share : 1 - share;  // to the edge on the side it moves to
    const double keep = std::pow(1 - far, terms_.mutation_index + 1);
    const double by = u < 0.5 ? std::pow(2 * u + (1 - 2 * u) * keep, exponent) - 1
                              : 1 - std::pow(2 * (1 - u) + (2 * u - 1) * keep, exponent);
    share = std::clamp(share + by, 0.0, 1.0);
  }
}

void Nsga2::Tell(std::span<const Candidate> evaluated) {
  CheckTold(Ask(), evaluated, terms_.objectives);
  std::vector<Candidate> all = std::move(parents_);
  all.insert(all.end(), evaluated.begin(), evaluated.end());
  parents_ = BestHalf(std::move(all), terms_.population);
  RankParents();
  ++generation_;
}

void Nsga2::RankParents() {
  ranks_ = FrontRanks(parents_);
  room_ = CrowdingRoom(parents_, ranks_);
}

std::string Nsga2::Save() const {
  StateWriter writer("nsga2", 1);
  writer.Add("generation", generation_);
  writer.Add("parents", parents_.size());
  for (const Candidate& parent : parents_) {
    writer.Add("at", parent.at);
    writer.Add("violation", std::vector<double>{parent.score.violation});
    writer.Add("costs", parent.score.costs);
  }
  return writer.Take();
}

absl::StatusOr<Nsga2> Nsga2::Load(Nsga2Terms terms, std::string_view state) {
  Nsga2 search(std::move(terms));
  StateReader reader(state, "nsga2", 1);
  search.generation_ = reader.Whole("generation");
  const uint64_t count = reader.Whole("parents");
  if (count != (search.generation_ == 0 ? 0 : search.terms_.population)) reader.Fail("is another population's size");
  for (uint64_t i = 0; i < count && reader.status().ok(); ++i) {
    Candidate parent;
    parent.at = reader.Figures("at", search.terms_.box.size());
    parent.score.violation = reader.Figures("violation", 1)[0];
    parent.score.costs = reader.Figures("costs", search.terms_.objectives);
    if (!search.terms_.box.Contains(parent.at) || parent.score.violation < 0) reader.Fail("is out of bounds");
    search.parents_.push_back(std::move(parent));
  }
  if (!reader.Finish().ok()) return reader.status();
  search.RankParents();
  return search;
}

}  // namespace penstock::sim
