#include "sim/selfcheck/processor_sharing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>

#include "sim/event_queue.h"
#include "sim/statistics/moments.h"

namespace penstock::sim {
namespace {

constexpr std::array<double, 2> kSizes = {0.5, 2};
constexpr uint32_t kArrival =
    0;  // else the event is a departure, and this is its epoch: stale when somebody came since

// Everybody gets service at the same speed, so each size is a line of its own: who came first leaves first. `received_`
// is what somebody who was always there would have got.
class SharingRun {
 public:
  SharingRun(double load, const Replication& replication)
      : load_(load),
        replication_(replication),
        arrivals_(replication.streams.Of(0, Purpose::kArrivals)),
        sizes_(replication.streams.Of(0, Purpose::kLengths)) {
    events_.Push(Instant() + ExponentialTime(arrivals_, load_), kArrival);
  }

  SlowdownFigures Figures() {
    while (left_ < replication_.warm_up + replication_.customers) Step();
    return {.small = slowdowns_[0].mean(), .large = slowdowns_[1].mean()};
  }

 private:
  struct Customer {
    double leaves_at = 0;  // of what is received
    Instant came;
  };

  double Present() const { return static_cast<double>(present_[0].size() + present_[1].size()); }

  void Step() {
    const Instant now = events_.NextTime();
    const uint32_t event = events_.Pop();
    if (event != kArrival && event != epoch_) return;
    if (Present() > 0) received_ += InUnits(now - last_) * replication_.nudge / Present();
    last_ = now;
    if (event == kArrival) {
      Arrive(now);
    } else {
      Leave(now);
    }
    ScheduleDeparture(now);
  }

  void Arrive(Instant now) {
    const size_t size = Uniform(sizes_) * 3 < 2 ? 0 : 1;
    present_[size].push_back({received_ + kSizes[size], now});
    events_.Push(now + ExponentialTime(arrivals_, load_), kArrival);
  }

  size_t NextToLeave() const {
    if (present_[0].empty() || present_[1].empty()) return present_[0].empty() ? 1 : 0;
    return present_[0].front().leaves_at <= present_[1].front().leaves_at ? 0 : 1;
  }

  void Leave(Instant now) {
    const size_t size = NextToLeave();
    const Customer customer = present_[size].front();
    present_[size].pop_front();
    received_ = customer.leaves_at;  // exactly: event times are rounded
    if (++left_ > replication_.warm_up) slowdowns_[size].Add(InUnits(now - customer.came) / kSizes[size]);
  }

  void ScheduleDeparture(Instant now) {
    epoch_ = epoch_ == UINT32_MAX ? 1 : epoch_ + 1;
    if (Present() == 0) return;
    const double missing = std::max(0.0, present_[NextToLeave()].front().leaves_at - received_);
    events_.Push(now + UnitsOfTime(missing * Present() / replication_.nudge), epoch_);
  }

  double load_;
  const Replication& replication_;
  EventQueue<uint32_t> events_;
  Random arrivals_;
  Random sizes_;
  std::array<std::deque<Customer>, 2> present_;
  double received_ = 0;
  Instant last_;
  uint32_t epoch_ = 0;
  int64_t left_ = 0;
  std::array<Moments, 2> slowdowns_;
};

}  // namespace

SlowdownFigures RunProcessorSharing(double load, const Replication& replication) {
  return SharingRun(load, replication).Figures();
}

}  // namespace penstock::sim
