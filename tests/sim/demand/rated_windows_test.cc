#include "sim/demand/rated_windows.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ledger/rating/demand.h"
#include "sim/world_begin.h"
#include "sim/demand/rating_rows.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

using ledger::Apart;
using ledger::DemandCharge;
using ledger::DemandRule;
using ledger::rating::Sample;

constexpr size_t kWindows = 432;  // three days of ten minutes

ledger::Calendar DayAndNight() {
  ledger::Calendar calendar;
  calendar.bands = {"night", "day"};
  for (size_t hour = 0; hour < ledger::kHoursOfWeek; ++hour) {
    calendar.band_of_hour[hour] = hour % 24 >= 8 && hour % 24 < 20 ? 1 : 0;
  }
  return calendar;
}

DemandCharge RandomCharge(Random& random) {
  DemandCharge charge;
  charge.rule = static_cast<DemandRule>(random.Below(5));
  constexpr std::array<int64_t, 7> kLengths = {1, 2, 3, 5, 10, 15, 60};
  charge.windows = kLengths[static_cast<size_t>(random.Below(7))];
  charge.percentile = 1 + random.Below(99);
  charge.n = 1 + random.Below(40);
  charge.apart = static_cast<Apart>(random.Below(3));
  charge.band = random.Below(3) - 1;
  charge.steps = {{0, 1}};
  return charge;
}

/// Often idle, often equal, sometimes not divisible by the minutes.
std::vector<Work> RandomWork(Random& random) {
  std::vector<Work> work(kWindows);
  for (Work& each : work) {
    if (random.Below(3) > 0) each = Work(random.Below(2) == 0 ? 10'000 * random.Below(20) : random.Below(1'000'000));
  }
  return work;
}

int64_t DemandOf(const DemandCharge& charge, const ledger::Calendar& calendar, const std::vector<Work>& own,
                 const std::vector<Work>& everyone) {
  const std::vector<Sample> of_own = SamplesOf(own, kWorldBegin, Minutes(10), RowSpread::kEvenly);
  const std::vector<Sample> of_all = SamplesOf(everyone, kWorldBegin, Minutes(10), RowSpread::kEvenly);
  const ledger::rating::Period period = {kWorldBegin, kWorldBegin + Days(3)};
  return CheckedNarrow(MeteredDemand(charge, calendar, {of_own, of_all}, period).sum);
}

TEST(RatedWindows, DemandIsTheSameWithoutTheWindowsThatNoChargeLooksAt) {
  const uint64_t seed = 2'026;
  SCOPED_TRACE(seed);
  Random random(seed);
  const ledger::Calendar calendar = DayAndNight();
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    ledger::PoolPrices prices;
    prices.demand = {RandomCharge(random), RandomCharge(random)};
    const std::vector<Work> own = RandomWork(random);
    std::vector<Work> everyone = RandomWork(random);
    for (size_t w = 0; w < kWindows; ++w) everyone[w] += own[w];
    const RatedWindows looked_at(&prices, calendar, kWorldBegin, Minutes(10), everyone);
    for (const DemandCharge& charge : prices.demand) {
      const int64_t whole = DemandOf(charge, calendar, own, everyone);
      const int64_t kept = DemandOf(charge, calendar, looked_at.Kept(own), looked_at.KeptOfEveryone(everyone));
      const int64_t minutes = charge.rule == DemandRule::kPercentile  ? 1
                              : charge.rule == DemandRule::kTopMean || charge.rule == DemandRule::kCoincident
                                  ? charge.n
                                  : charge.windows;
      EXPECT_LE(std::abs(whole - kept), minutes) << "rule " << static_cast<int>(charge.rule) << " n " << charge.n
                                                 << " windows " << charge.windows << " p " << charge.percentile;
    }
  }
}

TEST(RatedWindows, APercentileOfNinetyFiveKeepsAboutATwentiethAPeakOneWindowAndATie) {
  const std::vector<Work> work(kWindows, Work(600));
  const auto kept = [&](DemandRule rule) {
    ledger::PoolPrices prices;
    DemandCharge charge;
    charge.rule = rule;
    charge.percentile = 95;
    prices.demand = {charge};
    const ledger::Calendar calendar;
    const std::vector<Work> left = RatedWindows(&prices, calendar, kWorldBegin, Minutes(10), work).Kept(work);
    return std::count_if(left.begin(), left.end(), [](Work each) { return each > Work(); });
  };
  EXPECT_LE(kept(DemandRule::kPercentile), 25);
  EXPECT_EQ(kept(DemandRule::kBlockMaximum), 2);
  EXPECT_EQ(kept(DemandRule::kCoincident), 2);
}

TEST(RatedWindows, NothingIsLookedAtWithoutCharges) {
  const std::vector<Work> work(kWindows, Work(600));
  const ledger::PoolPrices prices;
  const ledger::Calendar calendar;
  EXPECT_EQ(RatedWindows(&prices, calendar, kWorldBegin, Minutes(10), work).Kept(work), std::vector<Work>(kWindows));
}

}  // namespace
}  // namespace penstock::sim
