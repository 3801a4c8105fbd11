#include "sim/commands/scenario_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"

namespace penstock::sim {
namespace {

using config::Node;
using config::Section;

struct Unit {
  std::string_view ending;
  Duration length;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"_days", Days(1)}, {"_h", Hours(1)}, {"_min", Minutes(1)}, {"_s", Seconds(1)}, {"_ms", Milliseconds(1)}}};
constexpr Duration kLongest = Days(400);
constexpr int kFactorDecimals = 6;
constexpr double kFactorUnit = 1e6;

}  // namespace

Duration ReadDuration(Section& section, std::string_view name, std::optional<Duration> otherwise) {
  std::optional<Duration> read;
  for (const Unit& unit : kUnits) {
    // The section keeps the views of the keys that are known.
    static std::deque<std::string> keys;
    const std::string key = absl::StrCat(std::string(name), std::string(unit.ending));
    auto known = std::find(keys.begin(), keys.end(), key);
    if (known == keys.end()) known = keys.insert(keys.end(), key);
    if (!section.Has(*known)) continue;
    const int64_t count = section.Integer({.name = *known,
                                           .min = 0,
                                           .max = kLongest.count() / unit.length.count(),
                                           .otherwise = {},
                                           .example = "10"});
    if (read) section.Complain(*known, "is given in another unit already; keep one of them");
    read = unit.length * count;
  }
  if (read) return *read;
  if (!otherwise) {
    section.Complain("", absl::StrCat("needs a time ", std::string(name), ", for example `", std::string(name),
                                      "_min: 10` (or _days, _h, _s, _ms)"));
  }
  return otherwise.value_or(Minutes(1));
}

double ReadFactor(Section& section, std::string_view name, std::optional<double> otherwise, double max,
                  std::string_view example) {
  const auto scaled = [](double value) { return static_cast<int64_t>(std::llround(value * kFactorUnit)); };
  const int64_t read =
      section.DecimalNumber({.name = name,
                             .decimals = kFactorDecimals,
                             .min = 0,
                             .max = scaled(max),
                             .otherwise = otherwise ? std::optional(scaled(*otherwise)) : std::nullopt,
                             .example = example,
                             .why_no_finer = "six decimals are enough for a scenario"});
  return static_cast<double>(read) / kFactorUnit;
}

ArrivalTerms ReadArrivalTerms(Section& section) {
  const auto share = [&](std::string_view name) {
    return static_cast<int>(
        section.Percent({.name = name, .min = 0, .max = 1'000, .otherwise = 0, .example = "30%"}));
  };
  ArrivalTerms terms;
  terms.cached_thousandths = share("cached");
  terms.reasoning_thousandths = share("reasoning");
  terms.usual_max_output_tokens = section.Integer(
      {.name = "usual_max_output_tokens", .min = 1, .max = 1'000'000, .otherwise = 1'024, .example = "1024"});
  return terms;
}

void ReadHappenings(Section& top, Scenario& scenario) {
  const auto change = [&](const Node& node, const std::string& path) {
    Section section(top.source(), node, path, "{at_min: 30, capacity_nt_per_s: 50000}");
    CapacityChange read;
    read.at = ReadDuration(section, "at", std::nullopt);
    read.capacity = NormalizedTokensPerSecond(section.Integer({.name = "capacity_nt_per_s",
                                                               .min = 1,
                                                               .max = kMaxRateNtPerSecond,
                                                               .otherwise = {},
                                                               .example = "50000"}));
    read.max_in_flight = section.Integer(
        {.name = "max_in_flight", .min = 1, .max = kMaxInFlight, .otherwise = 0, .example = "64"});
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
