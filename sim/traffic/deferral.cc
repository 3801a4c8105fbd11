#include "sim/traffic/deferral.h"

#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/traffic/delayed_arrivals.h"

namespace penstock::sim {
namespace {

class DeferredArrivals final : public ArrivalSource {
 public:
  DeferredArrivals(std::unique_ptr<ArrivalSource> source, Deferral deferral, Random random)
      : source_(std::move(source)), deferral_(std::move(deferral)), random_(random) {
    PENSTOCK_CHECK(deferral_.window > Duration::Zero() && deferral_.share >= 0 && deferral_.share <= 1);
  }

  std::optional<Arrival> Next() override {
    while (true) {
      if (!ended_ && !ahead_) Advance();
      if (!waiting_.empty() && (ended_ || waiting_.NextTime() <= ahead_->at)) return waiting_.Pop();
      if (ended_) return std::nullopt;
      Arrival next = *std::exchange(ahead_, std::nullopt);
      const Duration delay = DelayOf(next.at);
      const bool moves = Uniform(random_) < deferral_.share;
      if (!moves || delay == Duration::Zero()) return next;
      next.at += delay;
      waiting_.Add(std::move(next));
    }
  }

 private:
  void Advance() {
    ahead_ = source_->Next();
    ended_ = !ahead_.has_value();
  }
  Duration DelayOf(Duration at) const {
    const auto window = static_cast<size_t>(at.count() / deferral_.window.count());
    if (window >= deferral_.delays.size()) return Duration::Zero();
    PENSTOCK_CHECK(deferral_.delays[window] >= Duration::Zero());
    return deferral_.delays[window];
  }

  std::unique_ptr<ArrivalSource> source_;
  Deferral deferral_;
  Random random_;
  std::optional<Arrival> ahead_;  // of the source, not yet decided
  bool ended_ = false;
  DelayedArrivals waiting_;
};

}  // namespace

std::vector<Duration> DelaysTowardsTroughs(std::span<const double> load, Duration window, Duration longest) {
  PENSTOCK_CHECK(window > Duration::Zero() && longest >= Duration::Zero());
  const auto reach = static_cast<size_t>(longest.count() / window.count());
  std::vector<Duration> delays(load.size());
  for (size_t i = 0; i < load.size(); ++i) {
    size_t best = i;
    for (size_t later = i + 1; later < load.size() && later <= i + reach; ++later) {
      if (load[later] < load[best]) best = later;
    }
    delays[i] = Duration(window.count() * static_cast<int64_t>(best - i));
  }
  return delays;
}

std::unique_ptr<ArrivalSource> Deferred(std::unique_ptr<ArrivalSource> source, Deferral deferral, Random random) {
  return std::make_unique<DeferredArrivals>(std::move(source), std::move(deferral), random);
}

}  // namespace penstock::sim
