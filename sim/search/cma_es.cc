#include "sim/search/cma_es.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/search/halton.h"
#include "sim/search/state_text.h"

namespace penstock::sim {
namespace {

constexpr double kWorstCondition = 1e14;  // ratio of the longest axis to the shortest, squared
constexpr size_t kMostGrowth = 8;

std::vector<size_t> BestFirst(std::span<const Candidate> evaluated) {
  std::vector<size_t> order(evaluated.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return IsBetter(evaluated[a].score, evaluated[b].score); });
  return order;
}

double Norm(const Point& vector) {
  double sum = 0;
  for (const double value : vector) sum += value * value;
  return std::sqrt(sum);
}

}  // namespace

// The usual settings (Hansen 2016, table 1), all following from dimensions and population.
struct CmaEs::Constants {
  std::vector<double> weights;  // of the better half, falling, sum 1
  double effective = 0;         // mu_eff: how many parents the weights amount to
  double step_rate = 0;         // c_sigma
  double step_damping = 0;      // d_sigma
  double path_rate = 0;         // c_c
  double rank_one = 0;          // c_1
  double rank_many = 0;         // c_mu
  double usual_length = 0;      // of a standard normal vector
};

CmaEs::Constants CmaEs::ConstantsFor(size_t population) const {
  Constants c;
  const double n = static_cast<double>(terms_.box.size());
  const size_t parents = population / 2;
  double sum = 0;
  for (size_t i = 0; i < parents; ++i) {
    c.weights.push_back(std::log((static_cast<double>(population) + 1) / 2) - std::log(static_cast<double>(i) + 1));
    sum += c.weights.back();
  }
  double squares = 0;
  for (double& weight : c.weights) {
    weight /= sum;
    squares += weight * weight;
  }
  const double mu = c.effective = 1 / squares;
  c.step_rate = (mu + 2) / (n + mu + 5);
  c.step_damping = 1 + 2 * std::max(0.0, std::sqrt((mu - 1) / (n + 1)) - 1) + c.step_rate;
  c.path_rate = (4 + mu / n) / (n + 4 + 2 * mu / n);
  c.rank_one = 2 / ((n + 1.3) * (n + 1.3) + mu);
  c.rank_many = std::min(1 - c.rank_one, 2 * (mu - 2 + 1 / mu) / ((n + 2) * (n + 2) + mu));
  c.usual_length = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  return c;
}

CmaEs::CmaEs(CmaEsTerms terms) : terms_(std::move(terms)) {
  CheckBox(terms_.box);
  const size_t n = terms_.box.size();
  if (terms_.population == 0) terms_.population = 4 + static_cast<size_t>(3 * std::log(static_cast<double>(n)));
  if (terms_.design == 0) terms_.design = 4 * n;
  PENSTOCK_CHECK(terms_.population >= 4 && terms_.first_step > 0 && terms_.last_step > 0);
  for (Point& start : terms_.starts) {
    PENSTOCK_CHECK(start.size() == n);
    start = terms_.box.AtShares(terms_.box.SharesOf(start));
  }
  BeginDescent(Point(n, 0.5));
}

void CmaEs::BeginDescent(const Point& shares) {
  const size_t n = terms_.box.size();
  age_ = 0;
  population_ = terms_.population;
  for (uint64_t i = 0; i < restarts_ && population_ < kMostGrowth * terms_.population; ++i) population_ *= 2;
  step_ = terms_.first_step;
  mean_ = shares;
  shape_path_ = Point(n, 0.0);
  step_path_ = Point(n, 0.0);
  shape_ = Matrix::Identity(n);
  best_violations_.clear();
  best_costs_.clear();
  Decompose();
}

void CmaEs::Decompose() {
  Eigen eigen = SymmetricEigen(shape_);
  axes_ = std::move(eigen.vectors);
  lengths_.clear();
  for (const double value : eigen.values) lengths_.push_back(std::sqrt(std::max(value, 1e-300)));
}

std::vector<Point> CmaEs::Ask() const {
  const size_t n = terms_.box.size();
  std::vector<Point> points;
  if (generation_ == 0) {
    points = terms_.starts;
    for (uint64_t i = 0; i < terms_.design; ++i) points.push_back(terms_.box.AtShares(HaltonPoint(i, n, terms_.seed)));
    return points;
  }
  Random random(Scramble(Scramble(terms_.seed) + generation_));
  for (size_t k = 0; k < population_; ++k) {
    Point scaled(n);
    for (size_t i = 0; i < n; ++i) scaled[i] = lengths_[i] * Normal(random);
    Point shares = axes_.Times(scaled);
    for (size_t i = 0; i < n; ++i) shares[i] = std::clamp(mean_[i] + step_ * shares[i], 0.0, 1.0);
    points.push_back(terms_.box.AtShares(shares));
  }
  return points;
}

void CmaEs::Tell(std::span<const Candidate> evaluated) {
  CheckTold(Ask(), evaluated, 1);
  if (generation_ == 0) {
    BeginDescent(terms_.box.SharesOf(evaluated[BestFirst(evaluated).front()].at));
  } else {
    Learn(evaluated);
    if (IsExhausted()) {
      ++restarts_;
      BeginDescent(HaltonPoint(terms_.design + restarts_, terms_.box.size(), terms_.seed));
    }
  }
  ++generation_;
}

void CmaEs::Learn(std::span<const Candidate> evaluated) {
  const Constants c = ConstantsFor(population_);
  const std::vector<size_t> order = BestFirst(evaluated);
  const Point old_mean = mean_;
  const Point step = MoveMean(evaluated, order, c);
  AdaptShape(evaluated, order, c, old_mean, step);
  Decompose();
  ++age_;
  const Score& best = evaluated[order.front()].score;
  best_violations_.push_back(best.violation);
  best_costs_.push_back(best.costs[0]);
}

// Returns how far it moved, in steps.
Point CmaEs::MoveMean(std::span<const Candidate> evaluated, std::span<const size_t> order, const Constants& c) {
  Point moved(mean_.size(), 0.0);
  for (size_t k = 0; k < c.weights.size(); ++k) {
    const Point shares = terms_.box.SharesOf(evaluated[order[k]].at);
    for (size_t i = 0; i < moved.size(); ++i) moved[i] += c.weights[k] * shares[i];
  }
  Point step(mean_.size());
  for (size_t i = 0; i < moved.size(); ++i) step[i] = (moved[i] - mean_[i]) / step_;
  mean_ = moved;
  return step;
}

void CmaEs::AdaptShape(std::span<const Candidate> evaluated, std::span<const size_t> order, const Constants& c,
                       const Point& old_mean, const Point& step) {
  const size_t n = mean_.size();
  // The step as it would be were the shape a ball: C^-1/2 x step.
  Point round = axes_.TransposedTimes(step);
  for (size_t i = 0; i < n; ++i) round[i] /= lengths_[i];
  round = axes_.Times(round);
  const double step_gain = std::sqrt(c.step_rate * (2 - c.step_rate) * c.effective);
  for (size_t i = 0; i < n; ++i) step_path_[i] = (1 - c.step_rate) * step_path_[i] + step_gain * round[i];
  const double length = Norm(step_path_);
  const double started = std::sqrt(1 - std::pow(1 - c.step_rate, 2 * (static_cast<double>(age_) + 1)));
  const bool short_enough = length / started < (1.4 + 2 / (static_cast<double>(n) + 1)) * c.usual_length;
  const double path_gain = short_enough ? std::sqrt(c.path_rate * (2 - c.path_rate) * c.effective) : 0;
  for (size_t i = 0; i < n; ++i) shape_path_[i] = (1 - c.path_rate) * shape_path_[i] + path_gain * step[i];

  const double lost = short_enough ? 0 : c.rank_one * c.path_rate * (2 - c.path_rate);
  for (double& value : shape_.values) value *= 1 - c.rank_one - c.rank_many + lost;
  for (size_t row = 0; row < n; ++row) {
    for (size_t column = 0; column < n; ++column) {
      shape_(row, column) += c.rank_one * shape_path_[row] * shape_path_[column];
    }
  }
  for (size_t k = 0; k < c.weights.size(); ++k) {
    Point sample = terms_.box.SharesOf(evaluated[order[k]].at);
    for (size_t i = 0; i < n; ++i) sample[i] = (sample[i] - old_mean[i]) / step_;
    for (size_t row = 0; row < n; ++row) {
      for (size_t column = 0; column < n; ++column) {
        shape_(row, column) += c.rank_many * c.weights[k] * sample[row] * sample[column];
      }
    }
  }
  // Steps beyond the box's size tell nothing.
  step_ = std::min(1.0, step_ * std::exp(std::min(1.0, c.step_rate / c.step_damping * (length / c.usual_length - 1))));
}

bool CmaEs::IsExhausted() const {
  const auto [shortest, longest] = std::minmax_element(lengths_.begin(), lengths_.end());
  if (step_ * *longest < terms_.last_step) return true;
  if (*longest * *longest > kWorstCondition * *shortest * *shortest) return true;
  const size_t n = terms_.box.size();
  const size_t patience = 10 + 30 * n / population_;
  if (best_costs_.size() < patience) return false;
  const auto constant = [&](const std::vector<double>& figures) {
    const auto [low, high] = std::minmax_element(figures.end() - static_cast<std::ptrdiff_t>(patience), figures.end());
    return *high - *low <= 1e-12 * std::max(std::fabs(*low), std::fabs(*high));
  };
  return constant(best_costs_) && constant(best_violations_);
}

std::string CmaEs::Save() const {
  StateWriter writer("cma-es", 1);
  writer.Add("generation", generation_);
  writer.Add("restarts", restarts_);
  writer.Add("age", age_);
  writer.Add("population", population_);
  writer.Add("step", std::vector<double>{step_});
  writer.Add("mean", mean_);
  writer.Add("shape_path", shape_path_);
  writer.Add("step_path", step_path_);
  writer.Add("shape", shape_.values);
  writer.Add("best_violations", best_violations_);
  writer.Add("best_costs", best_costs_);
  return writer.Take();
}

absl::StatusOr<CmaEs> CmaEs::Load(CmaEsTerms terms, std::string_view state) {
  CmaEs search(std::move(terms));
  const size_t n = search.terms_.box.size();
  StateReader reader(state, "cma-es", 1);
  search.generation_ = reader.Whole("generation");
  search.restarts_ = reader.Whole("restarts");
  search.age_ = reader.Whole("age");
  search.population_ = reader.Whole("population");
  search.step_ = reader.Figures("step", 1)[0];
  search.mean_ = reader.Figures("mean", n);
  search.shape_path_ = reader.Figures("shape_path", n);
  search.step_path_ = reader.Figures("step_path", n);
  search.shape_.values = reader.Figures("shape", n * n);
  search.best_violations_ = reader.Figures("best_violations");
  search.best_costs_ = reader.Figures("best_costs", search.best_violations_.size());
  const bool sound = search.population_ >= 4 && search.population_ <= kMostGrowth * search.terms_.population * 2 &&
                     search.step_ > 0 && UnitCube(n).Contains(search.mean_) &&
                     std::all_of(search.shape_.values.begin(), search.shape_.values.end(),
                                 [](double value) { return std::isfinite(value); });
  if (reader.status().ok() && !sound) reader.Fail("holds figures that no search of these terms has");
  if (!reader.Finish().ok()) return reader.status();
  search.Decompose();
  return search;
}

}  // namespace penstock::sim
