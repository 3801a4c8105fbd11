#include "broker/planning/shadow_price.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"
#include "broker/market/expected_excess.h"

namespace penstock::planning {
namespace {

constexpr int64_t kSecondsPerHour = 3'600;

int64_t GrownBy(WorkPerSecond rate, double growth) { return std::llround(static_cast<double>(rate.count()) * growth); }

/// What is not there serves nobody: filling a hole under reservations is not counted as sold.
int64_t ShortOf(int64_t mean, int64_t deviation, WorkPerSecond sellable) {
  return market::ExpectedExcess(mean, deviation, std::max<int64_t>(0, sellable.count()));
}

ChunkWeek WeekOf(std::span<const HourOutlook> hours, const CapacityChunk& chunk, double growth) {
  Int128 without = 0;
  Int128 with = 0;
  Int128 value = 0;  // pico-units
  for (const HourOutlook& hour : hours) {
    PENSTOCK_CHECK(hour.margin_pico >= 0);
    const int64_t mean = GrownBy(hour.demand.mean, growth);
    const int64_t deviation = GrownBy(hour.demand.deviation, growth);
    const int64_t beyond = ShortOf(mean, deviation, hour.sellable);
    const int64_t beyond_chunk = ShortOf(mean, deviation, hour.sellable + chunk.size);
    without += beyond;
    with += beyond_chunk;
    value += CheckedMul<Int128>(Int128{beyond - beyond_chunk} * kSecondsPerHour, hour.margin_pico);
  }
  const auto count = static_cast<Int128>(hours.size());
  return {.short_without = WorkPerSecond(CheckedNarrow(without / count)),
          .short_with = WorkPerSecond(CheckedNarrow(with / count)),
          .value_per_hour = ledger::Money::FromPico(ledger::PicoCount(value / count))};
}

/// Whole weeks that cover a time.
size_t WeeksRoundUp(Duration time) { return static_cast<size_t>(DivideRoundUp(time.count(), Days(7).count())); }

}  // namespace

ChunkVerdict JudgeChunk(std::span<const HourOutlook> hours, const CapacityChunk& chunk, int64_t growth_millionths,
                        size_t weeks) {
  PENSTOCK_CHECK(!hours.empty() && chunk.size > WorkPerSecond::Zero() && chunk.lead_time >= Duration::Zero());
  PENSTOCK_CHECK(growth_millionths > -1'000'000);
  const size_t arrives = WeeksRoundUp(chunk.lead_time);
  const double weekly = 1 + static_cast<double>(growth_millionths) / 1e6;
  ChunkVerdict verdict;
  verdict.price_per_hour = chunk.price_per_hour;
  for (size_t week = 0; week < weeks; ++week) {
    verdict.weeks.push_back(WeekOf(hours, chunk, std::pow(weekly, static_cast<double>(week))));
    if (verdict.weeks.back().value_per_hour < chunk.price_per_hour) continue;
    if (!verdict.pays_from) verdict.pays_from = week;
    if (week < arrives || verdict.what != ChunkVerdict::What::kNotForeseeable) continue;
    verdict.what = week == arrives ? ChunkVerdict::What::kOrderNow : ChunkVerdict::What::kOrderLater;
    verdict.order_in = week - arrives;
  }
  return verdict;
}

}  // namespace penstock::planning
