#include "sim/traffic/generators.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/traffic/gap_law.h"

namespace penstock::sim {
namespace {

double SecondsOf(Duration d) { return static_cast<double>(d.count()) / 1e9; }

/// Rounded down: before the end whatever the fraction.
Duration At(double seconds) { return Duration(static_cast<int64_t>(seconds * 1e9)); }

/// Moments one after the other, in seconds from 0 on.
class Moments {
 public:
  virtual ~Moments() = default;
  /// Infinite or beyond any end: none.
  virtual double Next(Random& random) = 0;
};

class RenewalMoments final : public Moments {
 public:
  explicit RenewalMoments(const GapLaw& law) : law_(law) {}
  double Next(Random& random) override {
    second_ += begun_ ? law_.Next(random) : law_.First(random);
    begun_ = true;
    return second_;
  }

 private:
  GapLaw law_;
  double second_ = 0;
  bool begun_ = false;
};

/// By thinning: candidates at the highest rate, of which the share of the present rate stays.
class DiurnalMoments final : public Moments {
 public:
  explicit DiurnalMoments(const DiurnalProcess& process)
      : process_(process),
        highest_(process.requests_per_second * (1 + process.swing) * std::max(1.0, process.weekend)) {
    PENSTOCK_CHECK(process.swing >= 0 && process.swing <= 1 && process.weekend >= 0 && highest_ > 0);
    PENSTOCK_CHECK(process.first_weekday >= 0 && process.first_weekday < 7);
  }
  double Next(Random& random) override {
    while (true) {
      second_ += Exponential(random) / highest_;
      if (second_ > kLastSecond || Uniform(random) * highest_ < RateAt(process_, At(second_))) return second_;
    }
  }

 private:
  static constexpr double kLastSecond = 9e9;  // nanoseconds end soon after

  DiurnalProcess process_;
  double highest_;
  double second_ = 0;
};

class GeneratedArrivals final : public ArrivalSource {
 public:
  GeneratedArrivals(std::unique_ptr<Moments> moments, Sender sender, const Streams& streams)
      : moments_(std::move(moments)),
        sender_(std::move(sender)),
        end_(SecondsOf(sender_.length)),
        times_(streams.Of(sender_.tenant, Purpose::kArrivals)),
        lengths_(streams.Of(sender_.tenant, Purpose::kLengths)) {
    PENSTOCK_CHECK(sender_.length >= Duration::Zero() && sender_.sizes != nullptr);
  }
  std::optional<Arrival> Next() override {
    if (ended_) return std::nullopt;
    const double second = moments_->Next(times_);
    ended_ = second >= end_;
    if (ended_) return std::nullopt;
    const RequestSize size = sender_.sizes(lengths_);
    return ArrivalOf(At(second), sender_.tenant, size.prompt, size.generated, sender_.terms);
  }

 private:
  std::unique_ptr<Moments> moments_;
  Sender sender_;
  double end_;
  Random times_;
  Random lengths_;
  bool ended_ = false;
};

std::unique_ptr<ArrivalSource> Renewal(const GapLaw& law, Sender sender, const Streams& streams) {
  return std::make_unique<GeneratedArrivals>(std::make_unique<RenewalMoments>(law), std::move(sender), streams);
}

Tokens WholeTokens(double length) { return Tokens(std::clamp<int64_t>(std::llround(length), 1, kMaxTokensPerRequest)); }

}  // namespace

SizeLaw AlwaysSize(Tokens prompt, Tokens generated) {
  PENSTOCK_CHECK(prompt >= Tokens(1) && generated >= Tokens(1));
  return [=](Random&) { return RequestSize{prompt, generated}; };
}

SizeLaw SizesOfRows(std::vector<TraceRow> rows) {
  PENSTOCK_CHECK(!rows.empty());
  return [rows = std::move(rows)](Random& random) {
    const TraceRow& row = rows[static_cast<size_t>(random.Below(std::ssize(rows)))];
    return RequestSize{row.context, row.generated};
  };
}

SizeLaw SizesOf(const LognormalSizes& law) {
  PENSTOCK_CHECK(law.mean_prompt >= 1 && law.mean_generated >= 1 && law.sigma_prompt >= 0 && law.sigma_generated >= 0);
  return [=](Random& random) {
    const double prompt = law.mean_prompt * LognormalMean1(random, law.sigma_prompt);
    const double generated = law.mean_generated * LognormalMean1(random, law.sigma_generated);
    return RequestSize{WholeTokens(std::min(prompt, 1e9)), WholeTokens(std::min(generated, 1e9))};
  };
}

double RateAt(const DiurnalProcess& process, Duration at) {
  const double day = SecondsOf(Days(1));
  const double phase = (SecondsOf(at) - SecondsOf(process.peak)) / day;
  const int64_t weekday = (at.count() / Days(1).count() + process.first_weekday) % 7;
  const double of_day = 1 + process.swing * std::cos(2 * std::numbers::pi * phase);
  return process.requests_per_second * of_day * (weekday >= 5 ? process.weekend : 1);
}

std::unique_ptr<ArrivalSource> ArrivalsOf(const PoissonProcess& process, Sender sender, const Streams& streams) {
  return Renewal(GapLaw(GapFamily::kGamma, 1, process.requests_per_second), std::move(sender), streams);
}

std::unique_ptr<ArrivalSource> ArrivalsOf(const GammaProcess& process, Sender sender, const Streams& streams) {
  return Renewal(GapLaw(GapFamily::kGamma, process.shape, process.requests_per_second), std::move(sender), streams);
}

std::unique_ptr<ArrivalSource> ArrivalsOf(const WeibullProcess& process, Sender sender, const Streams& streams) {
  return Renewal(GapLaw(GapFamily::kWeibull, process.shape, process.requests_per_second), std::move(sender), streams);
}

std::unique_ptr<ArrivalSource> ArrivalsOf(const DiurnalProcess& process, Sender sender, const Streams& streams) {
  return std::make_unique<GeneratedArrivals>(std::make_unique<DiurnalMoments>(process), std::move(sender), streams);
}

}  // namespace penstock::sim
