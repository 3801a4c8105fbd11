#include "sim/selfcheck/loss_system.h"

#include "sim/event_queue.h"

namespace penstock::sim {
namespace {

struct LossEvent {
  uint32_t of_class = 0;
  bool departure = false;
};

class LossRun {
 public:
  LossRun(const LossSystem& system, const Replication& replication)
      : system_(system), replication_(replication), free_(system.units), counts_(system.classes.size()) {
    for (uint32_t c = 0; c < system.classes.size(); ++c) {
      arrivals_.push_back(replication.streams.Of(c, Purpose::kArrivals));
      services_.push_back(replication.streams.Of(c, Purpose::kService));
      PushArrival(c, Instant());
    }
  }

  std::vector<double> Shares() {
    while (came_ < replication_.warm_up + replication_.customers) Step();
    std::vector<double> shares;
    for (const Counts& count : counts_)
      shares.push_back(static_cast<double>(count.lost) / static_cast<double>(count.came));
    return shares;
  }

 private:
  struct Counts {
    int64_t came = 0;
    int64_t lost = 0;
  };

  void PushArrival(uint32_t c, Instant now) {
    events_.Push(now + ExponentialTime(arrivals_[c], system_.classes[c].load), {.of_class = c});
  }

  void Step() {
    const Instant now = events_.NextTime();
    const LossEvent event = events_.Pop();
    if (event.departure) {
      free_ += system_.classes[event.of_class].units;
    } else {
      Arrive(event.of_class, now);
    }
  }

  void Arrive(uint32_t c, Instant now) {
    PushArrival(c, now);
    const LossClass& terms = system_.classes[c];
    const Duration service = ExponentialTime(services_[c], replication_.nudge);
    const bool enters = free_ >= terms.units + terms.held_back;
    if (enters) {
      free_ -= terms.units;
      events_.Push(now + service, {.of_class = c, .departure = true});
    }
    if (++came_ <= replication_.warm_up) return;
    ++counts_[c].came;
    counts_[c].lost += enters ? 0 : 1;
  }

  const LossSystem& system_;
  const Replication& replication_;
  EventQueue<LossEvent> events_;
  std::vector<Random> arrivals_;
  std::vector<Random> services_;
  int free_;
  int64_t came_ = 0;
  std::vector<Counts> counts_;
};

}  // namespace

std::vector<double> LostShares(const LossSystem& system, const Replication& replication) {
  return LossRun(system, replication).Shares();
}

}  // namespace penstock::sim
