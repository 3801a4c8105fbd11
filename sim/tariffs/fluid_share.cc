#include "sim/tariffs/fluid_share.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

/// One stream's line of what has come and not gone; what one window brought is one lot.
class Backlog {
 public:
  explicit Backlog(const FluidStream& stream) : stream_(stream), left_(stream.load) {
    const size_t windows = stream.load.size();
    service_.at_once.assign(windows, 1);
    service_.refused.assign(windows, 0);
    service_.served.assign(windows, 0);
  }

  /// What the window brings joins the line.
  double WantsIn(size_t window) {
    waiting_ += left_[window];
    return std::max(0.0, waiting_);
  }

  /// This much goes in the window; then what has no patience left is refused.
  void Go(size_t window, double amount) {
    for (size_t lot = first_; lot <= window && amount > 0; ++lot) {
      const double part = std::min(left_[lot], amount);
      Serve(lot, window, part);
      amount -= part;
    }
    if (stream_.load[window] > 0) service_.at_once[window] = at_once_ / stream_.load[window];
    at_once_ = 0;
    const bool last = window + 1 == left_.size();
    for (; first_ <= window && (last || first_ + stream_.patience <= window || left_[first_] <= 0); ++first_) Refuse();
  }

  FluidService Take() { return std::move(service_); }

 private:
  void Serve(size_t lot, size_t window, double part) {
    if (part <= 0) return;
    left_[lot] -= part;
    waiting_ -= part;
    service_.served[window] += part;
    if (lot == window) {
      at_once_ = part;
    } else {
      service_.later.push_back({static_cast<uint32_t>(lot), static_cast<uint32_t>(window), part / stream_.load[lot]});
    }
  }

  void Refuse() {
    if (left_[first_] <= 0) return;
    service_.refused[first_] = left_[first_] / stream_.load[first_];
    waiting_ -= left_[first_];
    left_[first_] = 0;
  }

  const FluidStream& stream_;
  std::vector<double> left_;
  size_t first_ = 0;  // the oldest lot
  double waiting_ = 0;
  double at_once_ = 0;
  FluidService service_;
};

}  // namespace

std::vector<double> WaterFill(double room, std::span<const double> wants, std::span<const double> weights) {
  PENSTOCK_CHECK(wants.size() == weights.size());
  std::vector<double> gets(wants.size(), 0);
  std::vector<bool> full(wants.size(), false);
  double left = std::max(0.0, room);
  while (true) {
    double weight = 0;
    for (size_t i = 0; i < wants.size(); ++i) weight += full[i] ? 0 : weights[i];
    if (weight <= 0) return gets;
    const double level = left / weight;  // for each unit of weight
    bool all_want_more = true;
    for (size_t i = 0; i < wants.size(); ++i) {
      if (full[i] || wants[i] > level * weights[i]) continue;
      gets[i] = wants[i];
      left = std::max(0.0, left - wants[i]);
      full[i] = true;
      all_want_more = false;
    }
    if (!all_want_more) continue;
    for (size_t i = 0; i < wants.size(); ++i) {
      if (!full[i]) gets[i] = level * weights[i];
    }
    return gets;
  }
}

std::vector<FluidService> ShareOut(std::span<const FluidStream> streams, std::span<const double> room) {
  std::vector<Backlog> lines;
  std::vector<double> weights;
  for (const FluidStream& stream : streams) {
    PENSTOCK_CHECK(stream.load.size() == room.size() && stream.weight > 0);
    lines.emplace_back(stream);
    weights.push_back(stream.weight);
  }
  std::vector<double> wants(streams.size());
  for (size_t w = 0; w < room.size(); ++w) {
    for (size_t i = 0; i < lines.size(); ++i) wants[i] = lines[i].WantsIn(w);
    const std::vector<double> gets = WaterFill(room[w], wants, weights);
    for (size_t i = 0; i < lines.size(); ++i) lines[i].Go(w, gets[i]);
  }
  std::vector<FluidService> services;
  for (Backlog& line : lines) services.push_back(line.Take());
  return services;
}

}  // namespace penstock::sim
