#include "sim/selfcheck/admission_system.h"

#include <array>
#include <optional>

#include "admission/fair_scheduler.h"
#include "admission/vocabulary/check.h"
#include "sim/event_queue.h"

namespace penstock::sim {
namespace {

using admission::Charge;
using admission::Dispatch;
using admission::Offer;

constexpr std::array kClasses = {ServiceClass::kPriority, ServiceClass::kDefault, ServiceClass::kFree};
constexpr int64_t kNoEnd = 1'000'000;  // customers, and units of time

admission::PoolTerms TermsOf(const LossSystem& system) {
  PENSTOCK_CHECK(system.classes.size() <= kClasses.size());
  admission::PoolTerms terms;
  terms.capacity = NormalizedTokensPerSecond(1'000'000'000);  // pace never holds anybody up: slots alone decide
  terms.burst = NormalizedTokens(1'000'000'000);
  terms.max_in_flight = system.units;
  for (size_t c = 0; c < system.classes.size(); ++c) {
    PENSTOCK_CHECK(system.classes[c].units == 1);
    admission::ClassTerms& of_class = terms.classes[static_cast<size_t>(kClasses[c])];
    of_class.holdback_slots = system.classes[c].held_back;
    of_class.max_waiting = kNoEnd;
  }
  return terms;
}

struct AdmissionEvent {
  uint32_t index = 0;  // an arrival's class, or a departure's place in running_
  bool departure = false;
};

struct ClassCounts {
  int64_t came = 0;
  int64_t at_once = 0;
};

class AdmissionRun {
 public:
  AdmissionRun(const LossSystem& system, Duration max_wait, const Replication& replication)
      : system_(system),
        max_wait_(max_wait),
        replication_(replication),
        scheduler_(TermsOf(system), Instant()),
        service_(replication.streams.Of(0, Purpose::kService)),
        counts_(system.classes.size()) {
    for (uint32_t c = 0; c < system.classes.size(); ++c) {
      arrivals_.push_back(replication.streams.Of(c, Purpose::kArrivals));
      PushArrival(c, Instant());
    }
  }

  std::vector<ClassCounts> Counts() {
    while (came_ < replication_.warm_up + replication_.customers) Step();
    return counts_;
  }

 private:
  void PushArrival(uint32_t c, Instant now) {
    events_.Push(now + ExponentialTime(arrivals_[c], system_.classes[c].load), {.index = c});
  }

  void Step() {
    const Instant now = events_.NextTime();
    const AdmissionEvent event = events_.Pop();
    while (scheduler_.PopDeparture(now)) continue;
    if (event.departure) {
      scheduler_.Release(running_[event.index], now);
      vacant_.push_back(event.index);
      static_cast<void>(DispatchAll(now));
    } else {
      Arrive(event.index, now);
    }
  }

  void Arrive(uint32_t c, Instant now) {
    PushArrival(c, now);
    Offer offer;
    offer.request = ++requests_;
    offer.tenant = TenantId{c + 1};
    offer.share_class = kClasses[c];
    offer.work = NormalizedTokens(1);
    offer.deadline = now + max_wait_;
    PENSTOCK_CHECK(!scheduler_.Enqueue(offer, now).refusal);
    const bool at_once = DispatchAll(now) == offer.request;
    if (++came_ <= replication_.warm_up) return;
    ++counts_[c].came;
    counts_[c].at_once += at_once ? 1 : 0;
  }

  /// The last request that was dispatched; 0 when none was.
  uint64_t DispatchAll(Instant now) {
    uint64_t last = 0;
    while (const std::optional<Dispatch> dispatch = scheduler_.PopDispatch(now)) {
      last = dispatch->request;
      uint32_t place = static_cast<uint32_t>(running_.size());
      if (vacant_.empty()) {
        running_.emplace_back();
      } else {
        place = vacant_.back();
        vacant_.pop_back();
      }
      running_[place] = dispatch->charge;
      events_.Push(now + ExponentialTime(service_, replication_.nudge), {.index = place, .departure = true});
    }
    return last;
  }

  const LossSystem& system_;
  Duration max_wait_;
  const Replication& replication_;
  admission::FairScheduler scheduler_;
  EventQueue<AdmissionEvent> events_;
  std::vector<Random> arrivals_;
  Random service_;
  std::vector<Charge> running_;
  std::vector<uint32_t> vacant_;
  uint64_t requests_ = 0;
  int64_t came_ = 0;
  std::vector<ClassCounts> counts_;
};

std::vector<double> SharesNotAtOnce(const LossSystem& system, Duration max_wait, const Replication& replication) {
  std::vector<double> shares;
  for (const ClassCounts& count : AdmissionRun(system, max_wait, replication).Counts()) {
    shares.push_back(1 - static_cast<double>(count.at_once) / static_cast<double>(count.came));
  }
  return shares;
}

}  // namespace

// Whose deadline has come is not dispatched: no wait is one nanosecond.
std::vector<double> LostSharesByAdmission(const LossSystem& system, const Replication& replication) {
  return SharesNotAtOnce(system, Nanoseconds(1), replication);
}

double ShareWaitingByAdmission(int servers, double load, const Replication& replication) {
  const LossSystem system{.units = servers, .classes = {{.load = load}}};
  return SharesNotAtOnce(system, Seconds(kNoEnd), replication).front();
}

}  // namespace penstock::sim
