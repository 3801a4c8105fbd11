#include "sim/commands/scenario_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"

namespace penstock::sim {
namespace {

using config::Node;
using config::Section;

/// Of kDurationEndings.
constexpr std::array<Duration, kDurationEndings.size()> kUnits = {Days(1), Hours(1), Minutes(1), Seconds(1),
                                                                  Milliseconds(1)};
constexpr Duration kLongest = Days(400);
constexpr int kFactorDecimals = 6;
constexpr double kFactorUnit = 1e6;

}  // namespace

std::optional<Duration> ReadOptionalDuration(Section& section, const DurationKeys& keys) {
  std::optional<Duration> read;
  for (size_t unit = 0; unit < kUnits.size(); ++unit) {
    const std::string_view key = keys.by_unit[unit];
    if (!section.Has(key)) continue;
    const int64_t count = section.Integer(
        {.name = key, .min = 0, .max = kLongest.count() / kUnits[unit].count(), .otherwise = {}, .example = "10"});
    if (read) section.Complain(key, "is given in another unit already; keep one of them");
    read = kUnits[unit] * count;
  }
  return read;
}

Duration ReadDuration(Section& section, const DurationKeys& keys, std::optional<Duration> otherwise) {
  if (const std::optional<Duration> read = ReadOptionalDuration(section, keys)) return *read;
  if (!otherwise) {
    section.Complain("", absl::StrCat("needs a time ", std::string(keys.name), ", for example `",
                                      std::string(keys.name), "_min: 10` (or _days, _h, _s, _ms)"));
  }
  return otherwise.value_or(Minutes(1));
}

void ComplainOfDuration(Section& section, const DurationKeys& keys, std::string_view what) {
  for (const std::string_view key : keys.by_unit) {
    if (section.Has(key)) return section.Complain(key, what);
  }
  section.Complain(keys.name, what);
}

namespace {

/// `min` is scaled as the number is kept.
double ReadScaled(Section& section, std::string_view name, std::optional<double> otherwise, int64_t min, double max,
                  std::string_view example) {
  const auto scaled = [](double value) { return static_cast<int64_t>(std::llround(value * kFactorUnit)); };
  const int64_t read = section.DecimalNumber({.name = name,
                                              .decimals = kFactorDecimals,
                                              .min = min,
                                              .max = scaled(max),
                                              .otherwise = otherwise ? std::optional(scaled(*otherwise)) : std::nullopt,
                                              .example = example,
                                              .why_no_finer = "six decimals are enough for a scenario"});
  return static_cast<double>(read) / kFactorUnit;
}

}  // namespace

double ReadFactor(Section& section, std::string_view name, std::optional<double> otherwise, double max,
                  std::string_view example) {
  return ReadScaled(section, name, otherwise, 0, max, example);
}

double ReadPositive(Section& section, std::string_view name, std::optional<double> otherwise, double max,
                    std::string_view example) {
  return ReadScaled(section, name, otherwise, 1, max, example);
}

ArrivalTerms ReadArrivalTerms(Section& section) {
  const auto share = [&](std::string_view name) {
    return static_cast<int>(section.Percent({.name = name, .min = 0, .max = 1'000, .otherwise = 0, .example = "30%"}));
  };
  ArrivalTerms terms;
  terms.cached_thousandths = share("cached");
  terms.reasoning_thousandths = share("reasoning");
  terms.usual_max_output_tokens = section.Integer(
      {.name = "usual_max_output_tokens", .min = 1, .max = 1'000'000, .otherwise = 1'024, .example = "1024"});
  return terms;
}

std::optional<size_t> PoolNamed(const Scenario& scenario, std::string_view name) {
  const auto& pools = scenario.settings.pools;
  const auto found = std::find_if(pools.begin(), pools.end(), [&](const auto& pool) { return pool.name == name; });
  if (found == pools.end()) return std::nullopt;
  return static_cast<size_t>(found - pools.begin());
}

void ReadHappenings(Section& top, Scenario& scenario) {
  const auto change = [&](const Node& node, const std::string& path) {
    Section section(top.source(), node, path, "{at_min: 30, capacity_nt_per_s: 50000}");
    CapacityChange read;
    read.at = ReadDuration(section, kSpan<"at">, std::nullopt);
    if (section.Has("pool")) {
      const std::string pool = section.EntityName("pool", "chat");
      if (const std::optional<size_t> index = PoolNamed(scenario, pool)) {
        read.pool = *index;
      } else {
        section.Complain("pool", absl::StrCat("'", pool, "' is no pool of this scenario"));
      }
    }
    if (read.at >= scenario.length) {
      ComplainOfDuration(section, kSpan<"at">, "is after the end of the traffic, where it changes nothing");
    }
    read.capacity = NormalizedTokensPerSecond(section.Integer(
        {.name = "capacity_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "50000"}));
    read.max_in_flight =
        section.Integer({.name = "max_in_flight", .min = 1, .max = kMaxInFlight, .otherwise = 0, .example = "64"});
    read.replicas = static_cast<int>(
        section.Integer({.name = "replicas", .min = 1, .max = 100'000, .otherwise = 0, .example = "4"}));
    scenario.capacity_changes.push_back(read);
  };
  top.List("capacity", change, false, "[{at_min: 30, capacity_nt_per_s: 50000, replicas: 4}]");
  const auto purchase = [&](const Node& node, const std::string& path) {
    Section section(top.source(), node, path, "{tenant: acme, from_min: 0, to_min: 60, rate_nt_per_s: 10000}");
    BoughtWindow read;
    read.tenant = section.EntityName("tenant", "acme");
    const auto minute = [&](std::string_view key) {
      return section.Integer({.name = key, .min = 0, .max = 1'000'000, .otherwise = {}, .example = "60"});
    };
    read.from_minute = minute("from_min");
    read.to_minute = minute("to_min");
    if (read.to_minute <= read.from_minute) section.Complain("to_min", "must be after from_min");
    read.rate = NormalizedTokensPerSecond(section.Integer(
        {.name = "rate_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "10000"}));
    scenario.purchases.push_back(read);
  };
  top.List("purchases", purchase, false, "[{tenant: acme, from_min: 0, to_min: 60, rate_nt_per_s: 10000}]");
}

}  // namespace penstock::sim
