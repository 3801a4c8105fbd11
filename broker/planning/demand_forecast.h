// How much work a pool will be asked for, hour by hour over the week to come, and how far off that may be; learnt from
// the work of past hours.
//
// Four forecasts are made of every hour, and what they say is weighted by how well they did:
//
//   latest   what the last hour brought; more than twelve hours ahead, the same hour of the last known day
//   typical  the median of the same hour of the day over the last seven known days
//   carried  typical, plus what the last hour was away from typical: 0.9 of it per hour that lies between
//   week     the median of the same hour of the week over up to four weeks
//
// Their mean absolute errors are kept for each of a few distances ahead, and the weights are 1 / error^2 (Bates and
// Granger 1969). Medians, since traffic has outages and bursts that do not come again: smoothed profiles (level, hours
// of the day, Holt and Winters) were a tenth worse 24 hours ahead on the clients that this was tuned on. The price of
// medians: spiky demand is underestimated, by 3 % for pools there. A deviation is the root mean square error of the
// weighted forecast at that distance, bias included, so it makes up for that.
//
// Hours that were not observed are unknown, not idle; an idle hour is observed with no work. In the first day typical
// is the mean of what is known; four weeks of hours are remembered (6 KB).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "admission/vocabulary/work.h"
#include "ledger/market_terms.h"

namespace penstock::planning {

constexpr int kForecastHours = 168;

class DemandForecast {
 public:
  /// What was asked for in this hour, counted since the epoch. Hours ascend.
  void Observe(int64_t hour, Work work);

  /// The hour that was observed last.
  std::optional<int64_t> last_hour() const { return last_; }

  /// The work of an hour as a rate; the hour is after the last one observed. Nothing is known before the first
  /// observation: no demand, no deviation.
  ledger::HourDemand Of(int64_t hour) const;

  /// Of kForecastHours hours from this one on.
  std::vector<ledger::HourDemand> Ahead(int64_t from_hour) const;

 private:
  static constexpr int64_t kRemembered = 4 * 168;
  enum Source : size_t { kLatest, kTypical, kCarried, kWeek, kSources };
  using Forecasts = std::array<std::optional<double>, kSources>;
  struct Mean {
    double value = 0;
    int64_t seen = 0;
    void Add(double x, double slowest);
  };
  struct Distance {
    std::array<Mean, kSources> absolute_error;
    Mean squared_error;  // of what the sources say together
  };
  // Not 168, where the same hour of the last known day would be that of the last week.
  static constexpr std::array<int64_t, 9> kDistances = {1, 2, 3, 6, 12, 24, 48, 96, 144};

  std::optional<double> Known(int64_t hour) const;
  double Latest(int64_t hour, int64_t as_of) const;
  std::optional<double> Typical(int64_t hour, int64_t as_of) const;
  std::optional<double> WeekBefore(int64_t hour, int64_t as_of) const;
  /// What each source would have said of `hour`, knowing the hours up to `as_of`, which is known.
  Forecasts ForecastsOf(int64_t hour, int64_t as_of) const;
  static double Together(const Forecasts& forecasts, const Distance& distance);
  /// The nearest distance from `ahead` upwards, or the farthest before it about which enough is known.
  size_t DistanceFor(int64_t ahead) const;

  std::array<double, kRemembered> rates_{};  // milli-nt/s, by hour modulo kRemembered; negative: unknown
  std::optional<int64_t> first_;
  std::optional<int64_t> last_;
  std::array<Distance, kDistances.size()> distances_;
};

}  // namespace penstock::planning
