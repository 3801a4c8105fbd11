#include "sim/traffic/deferral.h"

#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/traffic/delayed_arrivals.h"

namespace penstock::sim {
namespace {

/// Where requests of one window go: shares that add up, the rest stays.
struct Way {
  double until = 0;  // of the cumulated shares
  Duration delay;
};

class DeferredArrivals final : public ArrivalSource {
 public:
  DeferredArrivals(std::unique_ptr<ArrivalSource> source, Duration window, const std::vector<LoadShift>& deferrals,
                   Random random)
      : source_(std::move(source)), window_(window), random_(random) {
    PENSTOCK_CHECK(window > Duration::Zero());
    for (const LoadShift& deferral : deferrals) {
      PENSTOCK_CHECK(deferral.to > deferral.from && deferral.share >= 0);
      if (deferral.from >= ways_.size()) ways_.resize(deferral.from + 1);
      std::vector<Way>& ways = ways_[deferral.from];
      const double before = ways.empty() ? 0 : ways.back().until;
      ways.push_back({before + deferral.share, window * (int64_t{deferral.to} - int64_t{deferral.from})});
    }
  }

  std::optional<Arrival> Next() override {
    while (true) {
      if (!ended_ && !ahead_) Advance();
      if (!waiting_.empty() && (ended_ || waiting_.NextTime() <= ahead_->at)) return waiting_.Pop();
      if (ended_) return std::nullopt;
      Arrival next = *std::exchange(ahead_, std::nullopt);
      const Duration delay = DelayOf(next.at, Uniform(random_));
      if (delay == Duration::Zero()) return next;
      next.at += delay;
      waiting_.Add(std::move(next));
    }
  }

 private:
  void Advance() {
    ahead_ = source_->Next();
    ended_ = !ahead_.has_value();
  }
  Duration DelayOf(Duration at, double lot) const {
    const auto window = static_cast<size_t>(at.count() / window_.count());
    if (window >= ways_.size()) return Duration::Zero();
    for (const Way& way : ways_[window]) {
      if (lot < way.until) return way.delay;
    }
    return Duration::Zero();
  }

  std::unique_ptr<ArrivalSource> source_;
  Duration window_;
  std::vector<std::vector<Way>> ways_;  // by window
  Random random_;
  std::optional<Arrival> ahead_;  // of the source, not yet decided
  bool ended_ = false;
  DelayedArrivals waiting_;
};

}  // namespace

std::unique_ptr<ArrivalSource> Deferred(std::unique_ptr<ArrivalSource> source, Duration window,
                                        const std::vector<LoadShift>& deferrals, Random random) {
  return std::make_unique<DeferredArrivals>(std::move(source), window, deferrals, random);
}

}  // namespace penstock::sim
