#include "broker/planning/demand_forecast.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::planning {
namespace {

constexpr double kUnknown = -1;
constexpr double kSecondsPerHour = 3'600;
constexpr double kCarriedPerHour = 0.9;
constexpr double kSlowestError = 0.06;   // weight of the newest error of a source: some eleven hours' half-life
constexpr double kSlowestSquare = 0.02;  // of the squared error, which is noisier
constexpr double kSmallestError = 1;     // milli-nt/s: there is nothing below the unit
constexpr int64_t kEnough = 12;          // errors, before they count
constexpr int64_t kDay = 24;
constexpr int64_t kWeekHours = 168;
constexpr size_t kTypicalDays = 7;

double MedianOf(double* begin, double* end) {
  const auto count = end - begin;
  double* middle = begin + count / 2;
  std::nth_element(begin, middle, end);
  if (count % 2 != 0) return *middle;
  return (*middle + *std::max_element(begin, middle)) / 2;
}

/// The last hour up to `as_of` that is the same hour of the day as `hour`, a later one.
int64_t LastSameHour(int64_t hour, int64_t as_of) { return hour - DivideRoundUp(hour - as_of, kDay) * kDay; }

WorkPerSecond RoundToNearest(double rate) { return WorkPerSecond(std::llround(rate)); }

}  // namespace

void DemandForecast::Mean::Add(double x, double slowest) {
  ++seen;
  value += (x - value) * std::max(slowest, 1 / static_cast<double>(seen));
}

std::optional<double> DemandForecast::Known(int64_t hour) const {
  if (!last_ || hour > *last_ || hour < *first_ || hour <= *last_ - kRemembered) return std::nullopt;
  const double rate = rates_[static_cast<size_t>(hour % kRemembered)];
  return rate == kUnknown ? std::nullopt : std::optional(rate);
}

double DemandForecast::Latest(int64_t hour, int64_t as_of) const {
  if (hour - as_of > kDay / 2) {
    for (int64_t before = LastSameHour(hour, as_of); before > as_of - kRemembered; before -= kDay) {
      if (const auto rate = Known(before)) return *rate;
    }
  }
  return *Known(as_of);
}

std::optional<double> DemandForecast::Typical(int64_t hour, int64_t as_of) const {
  std::array<double, kTypicalDays> known;
  size_t count = 0;
  int64_t before = LastSameHour(hour, as_of);
  for (; count < kTypicalDays && before > as_of - kRemembered; before -= kDay) {
    if (const auto rate = Known(before)) known[count++] = *rate;
  }
  if (count > 0) return MedianOf(known.data(), known.data() + count);
  double sum = 0;
  int64_t hours = 0;
  for (int64_t h = as_of; h > as_of - kDay; --h) {
    if (const auto rate = Known(h)) {
      sum += *rate;
      ++hours;
    }
  }
  return hours > 0 ? std::optional(sum / static_cast<double>(hours)) : std::nullopt;
}

std::optional<double> DemandForecast::WeekBefore(int64_t hour, int64_t as_of) const {
  std::array<double, kRemembered / kWeekHours> known;
  size_t count = 0;
  for (int64_t week = 1; week <= kRemembered / kWeekHours; ++week) {
    const int64_t before = hour - week * kWeekHours;
    if (before > as_of) continue;
    if (const auto rate = Known(before)) known[count++] = *rate;
  }
  if (count == 0) return std::nullopt;
  return MedianOf(known.data(), known.data() + count);
}

DemandForecast::Forecasts DemandForecast::ForecastsOf(int64_t hour, int64_t as_of) const {
  const double now = *Known(as_of);
  const double typical = *Typical(hour, as_of);  // as_of is known, so something is
  const double away = now - Typical(as_of, as_of - 1).value_or(now);
  Forecasts forecasts;
  forecasts[kLatest] = Latest(hour, as_of);
  forecasts[kTypical] = typical;
  forecasts[kCarried] = std::max(0.0, typical + away * std::pow(kCarriedPerHour, static_cast<double>(hour - as_of)));
  forecasts[kWeek] = WeekBefore(hour, as_of);
  return forecasts;
}

double DemandForecast::Together(const Forecasts& forecasts, const Distance& distance) {
  double weighted = 0;
  double weights = 0;
  const bool young = distance.absolute_error[kLatest].seen < kEnough;
  for (size_t source = 0; source < kSources; ++source) {
    const Mean& error = distance.absolute_error[source];
    if (!forecasts[source] || (!young && error.seen < kEnough)) continue;
    const double off = young ? 1 : error.value + kSmallestError;
    weighted += *forecasts[source] / (off * off);
    weights += 1 / (off * off);
  }
  return weighted / weights;
}

void DemandForecast::Observe(int64_t hour, Work work) {
  PENSTOCK_CHECK(hour >= 0 && work >= Work::Zero() && (!last_ || hour > *last_));
  const double rate = static_cast<double>(work.count()) / kSecondsPerHour;
  for (size_t i = 0; i < kDistances.size(); ++i) {
    const int64_t as_of = hour - kDistances[i];
    if (!Known(as_of)) continue;
    Distance& distance = distances_[i];
    const Forecasts forecasts = ForecastsOf(hour, as_of);
    const double off = Together(forecasts, distance) - rate;
    distance.squared_error.Add(off * off, kSlowestSquare);
    for (size_t source = 0; source < kSources; ++source) {
      if (forecasts[source]) distance.absolute_error[source].Add(std::abs(*forecasts[source] - rate), kSlowestError);
    }
  }
  if (!first_) first_ = hour;
  if (last_) {
    for (int64_t h = std::max(*last_ + 1, hour - kRemembered); h < hour; ++h) {
      rates_[static_cast<size_t>(h % kRemembered)] = kUnknown;
    }
  }
  rates_[static_cast<size_t>(hour % kRemembered)] = rate;
  last_ = hour;
}

size_t DemandForecast::DistanceFor(int64_t ahead) const {
  const auto at = std::lower_bound(kDistances.begin(), kDistances.end() - 1, ahead);
  auto i = static_cast<size_t>(at - kDistances.begin());
  while (i > 0 && distances_[i].squared_error.seen < kEnough) --i;
  return i;
}

ledger::HourDemand DemandForecast::Of(int64_t hour) const {
  if (!last_) return {};
  PENSTOCK_CHECK(hour > *last_);
  const int64_t ahead = hour - *last_;
  const size_t i = DistanceFor(ahead);
  const Distance& distance = distances_[i];
  const double mean = Together(ForecastsOf(hour, *last_), distance);
  double sd = mean;
  if (distance.squared_error.seen >= kEnough) {
    sd = std::sqrt(distance.squared_error.value);
    // Farther than was learnt: as a random walk spreads, though hardly by more than all there is.
    const double farther = static_cast<double>(ahead) / static_cast<double>(kDistances[i]);
    if (farther > 1) sd = std::max(sd, std::min(mean, sd * std::sqrt(farther)));
  }
  return {RoundToNearest(mean), RoundToNearest(sd)};
}

std::vector<ledger::HourDemand> DemandForecast::Ahead(int64_t from_hour) const {
  std::vector<ledger::HourDemand> hours;
  hours.reserve(kForecastHours);
  for (int64_t hour = from_hour; hour < from_hour + kForecastHours; ++hour) hours.push_back(Of(hour));
  return hours;
}

}  // namespace penstock::planning
