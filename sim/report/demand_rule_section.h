// Demand charges side by side: who would pay under each rule, who causes the peak.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct DemandRules {
  struct Shares {
    std::string name;                     // "Share of the volume", "Share of the peak", or a rule: "95th percentile"
    std::vector<double> shares;           // 0 to 1, one per group; sums to 1
    bool is_rule = true;                  // false: what the rules are measured against
    std::optional<size_t> pay_nothing;    // customers whose bill is zero under the rule
    std::optional<double> cross_subsidy;  // 0 to 1
  };
  std::vector<std::string> groups;  // of customers: "spiky (load factor < 0.1)"
  size_t customers = 0;             // in all groups
  std::vector<Shares> rows;
};
Section DemandRuleSection(const DemandRules& rules);

}  // namespace penstock::sim::report
