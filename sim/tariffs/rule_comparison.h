// The four rules by which demand is billed, side by side on the same load: who causes the pool's peak, and who pays.
//
//   own maximum   the highest of a customer's own windows, whenever it was (non-coincident)
//   coincident    its load in the pool's peak, the mean of those windows
//   percentile    the window that 5 % of its windows are above
//   ratchet       the highest own window of the second half of the span, but at least 80 % of the highest of the first
//
// Definitions, by which the known figures of ServeGen come out:
//   load          what is compared may be requests, tokens or work; the known figures are of requests
//   load factor   mean / peak of a customer's windows over the whole span, idle windows too (over active windows only,
//                 38 of m-large's customers would be spiky and not 128)
//   spiky         a load factor below 0.1
//   peak          floor(1 %) of the windows: those with the most load of all customers together
//
// Every demand is what rating makes of the load (ledger::rating::BilledDemand), with each window's load laid evenly
// over its minutes where the rule looks at minutes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/time.h"

namespace penstock::sim {

enum class ComparedRule : uint8_t { kOwnMaximum, kCoincident, kPercentile, kRatchet };
constexpr size_t kComparedRules = 4;
constexpr std::array<std::string_view, kComparedRules> kComparedRuleNames = {"own maximum", "coincident", "percentile",
                                                                             "ratchet"};

struct ComparedLoad {
  std::string name;
  std::vector<double> load;  // by window; of all customers equally many, two at least; up to 10^12 each
};

struct RuleTerms {
  double spiky_below = 0.1;  // load factor
  double peak_share = 0.01;  // of the windows
  int64_t percentile = 95;
  int64_t ratchet_percent = 80;
};

template <class T>
using ByRule = std::array<T, kComparedRules>;

struct RuleComparison {
  struct Row {
    std::string name;
    double load_factor = 0;
    bool spiky = false;
    double volume_share = 0;
    double peak_share = 0;    // of the load in the peak: what it causes
    ByRule<double> demand{};  // in units of load a window
    ByRule<double> pays{};    // share of all customers' demand
  };
  struct Group {
    size_t customers = 0;
    double volume_share = 0;
    double peak_share = 0;
    ByRule<double> pays{};
    ByRule<size_t> pay_nothing{};  // customers with load whose demand is zero
  };
  size_t windows = 0;
  size_t peak_windows = 0;
  std::vector<Row> rows;  // in order of the loads
  Group spiky;
  Group smooth;
  ByRule<double> cross_subsidy{};  // half the sum of |share paid - share of the peak|: 0 to 1
};

/// `window`: whole minutes.
RuleComparison CompareRules(std::span<const ComparedLoad> loads, Duration window, const RuleTerms& terms = {});

/// Who causes the peak and who pays, group by group, as text with a title.
std::string GroupTable(std::string_view title, const RuleComparison& comparison);

}  // namespace penstock::sim
