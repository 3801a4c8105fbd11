#include "sim/selfcheck/waiting_system.h"

#include <cmath>
#include <deque>

#include "sim/event_queue.h"
#include "sim/statistics/moments.h"

namespace penstock::sim {
namespace {

constexpr uint32_t kDeparture = UINT32_MAX;  // else the event is an arrival of this class

class WaitingRun {
 public:
  WaitingRun(const WaitingSystem& system, const Replication& replication)
      : system_(system),
        replication_(replication),
        service_(replication.streams.Of(0, Purpose::kService)),
        lines_(system.load.size()),
        waits_(system.load.size()),
        idle_(system.servers) {
    for (uint32_t c = 0; c < system.load.size(); ++c) {
      arrivals_.push_back(replication.streams.Of(c, Purpose::kArrivals));
      events_.Push(NextArrival(c, Instant()), c);
    }
  }

  WaitingFigures Figures() {
    while (started_ < replication_.warm_up + replication_.customers) Step();
    WaitingFigures figures;
    for (const Moments& wait : waits_) figures.mean_wait.push_back(wait.mean());
    figures.share_waiting = static_cast<double>(waited_) / static_cast<double>(replication_.customers);
    figures.share_long = static_cast<double>(long_) / static_cast<double>(replication_.customers);
    return figures;
  }

 private:
  Instant NextArrival(uint32_t c, Instant now) { return now + ExponentialTime(arrivals_[c], system_.load[c]); }

  void Step() {
    const Instant now = events_.NextTime();
    const uint32_t event = events_.Pop();
    if (event == kDeparture) {
      ++idle_;
      if (!BeginNext(now)) return;
    } else {
      events_.Push(NextArrival(event, now), event);
      if (idle_ > 0) {
        Begin(event, now, now);
      } else {
        lines_[event].push_back(now);
      }
    }
  }

  bool BeginNext(Instant now) {
    for (uint32_t c = 0; c < lines_.size(); ++c) {
      if (lines_[c].empty()) continue;
      const Instant came = lines_[c].front();
      lines_[c].pop_front();
      Begin(c, came, now);
      return true;
    }
    return false;
  }

  void Begin(uint32_t c, Instant came, Instant now) {
    --idle_;
    const Duration service = UnitsOfTime(DrawService() / replication_.nudge);
    events_.Push(now + service, kDeparture);
    if (++started_ <= replication_.warm_up) return;
    waits_[c].Add(InUnits(now - came));
    waited_ += now > came ? 1 : 0;
    long_ += InUnits(now - came + service) > system_.long_sojourn ? 1 : 0;
  }

  double DrawService() {
    switch (system_.service) {
      case ServiceLaw::kConstant:
        return 1;
      case ServiceLaw::kExponential:
        return Exponential(service_);
      case ServiceLaw::kHyperexponential: {
        // Balanced means: with chance p at rate 2p, else at 2(1 - p); cs2 = 1 / (2 p (1 - p)) - 1.
        static const double p = (1 + std::sqrt(0.6)) / 2;
        const double rate = Uniform(service_) < p ? 2 * p : 2 * (1 - p);
        return Exponential(service_) / rate;
      }
    }
    return 0;
  }

  const WaitingSystem& system_;
  const Replication& replication_;
  EventQueue<uint32_t> events_;
  std::vector<Random> arrivals_;
  Random service_;
  std::vector<std::deque<Instant>> lines_;  // when they came
  std::vector<Moments> waits_;
  int idle_;
  int64_t started_ = 0;
  int64_t waited_ = 0;
  int64_t long_ = 0;
};

}  // namespace

WaitingFigures Run(const WaitingSystem& system, const Replication& replication) {
  return WaitingRun(system, replication).Figures();
}

}  // namespace penstock::sim
