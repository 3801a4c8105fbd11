// Mean and variance as observations come, without keeping them (Welford 1962; with weights, West 1979).
#pragma once

#include <cstdint>

namespace penstock::sim {

class Moments {
 public:
  void Add(double x) {
    ++count_;
    const double step = x - mean_;
    mean_ += step / static_cast<double>(count_);
    squares_ += step * (x - mean_);
  }

  int64_t count() const { return count_; }
  /// 0 of none.
  double mean() const { return mean_; }
  /// Of the population that the observations come from (divided by n - 1); 0 of fewer than two.
  double Variance() const { return count_ < 2 ? 0 : squares_ / static_cast<double>(count_ - 1); }

 private:
  int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // sum of squared distances from the mean
};

/// Each observation counts as much as its weight (the time that a queue had this length, the work of a request).
class WeightedMoments {
 public:
  /// Weights are not negative; those of 0 change nothing.
  void Add(double x, double weight) {
    if (weight <= 0) return;
    weight_ += weight;
    const double step = x - mean_;
    mean_ += step * weight / weight_;
    squares_ += weight * step * (x - mean_);
  }

  double weight() const { return weight_; }
  double mean() const { return mean_; }
  /// Of what was observed (divided by the whole weight): how a queue's length spreads over time, say. 0 of nothing.
  double Variance() const { return weight_ <= 0 ? 0 : squares_ / weight_; }

 private:
  double weight_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

}  // namespace penstock::sim
