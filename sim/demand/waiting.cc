#include "sim/demand/waiting.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr double kHour = 3.6e12;  // nanoseconds

/// First come, first served; what one window brought is one lot.
class Line {
 public:
  Line(std::span<const double> load, std::span<const double> caps, Duration window, Duration longest)
      : load_(load), caps_(caps), left_(load.begin(), load.end()),
        window_hours_(static_cast<double>(window.count()) / kHour),
        patience_(static_cast<size_t>(longest.count() / window.count())) {}

  Waiting Run() {
    for (size_t w = 0; w < load_.size(); ++w) {
      double room = caps_[w];
      for (; first_ <= w; ++first_) {
        const bool must_go = w - first_ >= patience_ || w + 1 == load_.size();
        const double goes = must_go ? left_[first_] : std::min(left_[first_], room);
        Go(first_, w, goes);
        room = std::max(0.0, room - goes);
        if (left_[first_] > 0) break;
      }
    }
    const double total = ShapeOf(load_).total;
    if (total > 0) {
      waiting_.share /= total;
      waiting_.hours /= total;
    }
    return std::move(waiting_);
  }

 private:
  void Go(size_t from, size_t to, double amount) {
    left_[from] -= amount;
    if (from == to || amount <= 0) return;
    waiting_.load_shifts.push_back({static_cast<uint32_t>(from), static_cast<uint32_t>(to), amount / load_[from]});
    waiting_.share += amount;
    waiting_.hours += amount * window_hours_ * static_cast<double>(to - from);
  }

  std::span<const double> load_;
  std::span<const double> caps_;
  std::vector<double> left_;
  double window_hours_;
  size_t patience_;   // windows
  size_t first_ = 0;  // the lot that goes next
  Waiting waiting_;
};

}  // namespace

Waiting WaitBelow(std::span<const double> load, std::span<const double> caps, Duration window, Duration longest) {
  PENSTOCK_CHECK(load.size() == caps.size() && window > Duration() && longest >= Duration());
  return Line(load, caps, window, longest).Run();
}

}  // namespace penstock::sim
