#include <absl/strings/str_cat.h>

#include "broker/config/decimal.h"
#include "broker/config/tariff_readers.h"

namespace penstock::config {
namespace {

using ledger::ServiceCreditStep;
using ledger::ServiceLevel;

constexpr int64_t kMaxTargetMs = 3'600'000;
constexpr int64_t kMaxOutputPerSecond = 1'000'000;
constexpr std::string_view kCreditsExample = "[{below: 99%, percent: 10}, {below: 95%, percent: 25}]";

// Each further step is for a worse hour and gives more.
void CheckAfter(Section& step, const ServiceCreditStep& before, const ServiceCreditStep& now) {
  if (now.below >= before.below) {
    step.Complain("below",
                  absl::StrCat(FormatDecimal(now.below, 1), "% is not less than the ", FormatDecimal(before.below, 1),
                               "% of the step before; write the steps from the best hour to the worst"));
  }
  if (now.percent <= before.percent) {
    step.Complain("percent", absl::StrCat(now.percent, " is not more than the ", before.percent,
                                          " of the step before; a worse hour must give back more"));
  }
}

void ReadCredits(Section& level, std::vector<ServiceCreditStep>& credits) {
  const auto read = [&](const Node& node, const std::string& path) {
    Section step(level.source(), node, path, "{below: 99%, percent: 10}");
    const size_t problems = level.source().problems.count();
    ServiceCreditStep now;
    now.below = step.Percent({.name = "below", .min = 1, .max = 1'000, .otherwise = {}, .example = "99%"});
    now.percent = step.Integer({.name = "percent", .min = 1, .max = 100, .otherwise = {}, .example = "10"});
    if (!step.Has("below") || !step.Has("percent") || level.source().problems.count() > problems) return;
    if (!credits.empty()) CheckAfter(step, credits.back(), now);
    credits.push_back(now);
  };
  level.List("credits", read, false, kCreditsExample);
  if (credits.size() > ledger::kMaxTariffItems) {
    level.Complain("credits", absl::StrCat("has more than ", ledger::kMaxTariffItems, " steps"));
  }
}

}  // namespace

ServiceLevel ReadServiceLevel(Section& pool) {
  ServiceLevel promised;
  const Node* node = pool.Optional("service_level");
  if (node == nullptr) return promised;
  Section level(pool.source(), *node, pool.PathOf("service_level"),
                "service_level: {queue_delay_ms: 500, time_to_first_token_ms: 2000}");
  const auto target = [&](std::string_view name, int64_t most, std::string_view example) {
    return level.Integer({.name = name, .min = 1, .max = most, .otherwise = 0, .example = example});
  };
  promised.queue_delay = Milliseconds(target("queue_delay_ms", kMaxTargetMs, "500"));
  promised.time_to_first_token = Milliseconds(target("time_to_first_token_ms", kMaxTargetMs, "2000"));
  promised.output_per_second = target("output_tokens_per_s", kMaxOutputPerSecond, "30");
  ReadCredits(level, promised.credits);
  if (level.source().problems.none() && !promised.IsOn()) {
    level.Complain("queue_delay_ms",
                   "nothing is promised; write some of queue_delay_ms, time_to_first_token_ms and "
                   "output_tokens_per_s, or leave service_level out");
  }
  return promised;
}

}  // namespace penstock::config
