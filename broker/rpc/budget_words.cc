#include "broker/rpc/budget_words.h"

#include <absl/strings/str_cat.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <nlohmann/json.hpp>

namespace penstock::rpc {

std::string NameOf(const ledger::BudgetOf& budget, const ledger::Books& books) {
  const std::string tenant =
      absl::StrCat("tenants/", books.NameOf(ledger::NameKind::kTenant, budget.tenant.value).name);
  switch (budget.scope) {
    case ledger::BudgetScope::kTenant:
      return tenant;
    case ledger::BudgetScope::kProject:
      return absl::StrCat(tenant, "/projects/", books.NameOf(ledger::NameKind::kProject, budget.subject).name);
    case ledger::BudgetScope::kKey:
      return absl::StrCat(tenant, "/keys/", books.NameOf(ledger::NameKind::kKey, budget.subject).name);
    case ledger::BudgetScope::kRun:
      return absl::StrCat(tenant, "/runs/", budget.run);
  }
  return tenant;
}

std::string PeriodText(const ledger::BudgetOf& budget) {
  switch (budget.period) {
    case ledger::BudgetPeriod::kDay:
      return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + budget.number);
    case ledger::BudgetPeriod::kMonth:
      return absl::FormatCivilTime(absl::CivilMonth(0, 1) + budget.number);
    case ledger::BudgetPeriod::kTotal:
      break;
  }
  return "";
}

std::string PeriodWord(ledger::BudgetPeriod period) {
  constexpr const char* kWords[] = {"day", "month", "total"};
  return kWords[static_cast<size_t>(period)];
}

std::string AlertJson(uint64_t number, const ledger::AlertEntry& alert, const ledger::Books& books,
                      const std::string& currency) {
  const absl::Time at = absl::FromUnixNanos(alert.at.nanoseconds_since_epoch());
  const nlohmann::ordered_json json = {{"name", absl::StrCat("alerts/", number)},
                                       {"at", absl::FormatTime(absl::RFC3339_full, at, absl::UTCTimeZone())},
                                       {"of", NameOf(alert.budget, books)},
                                       {"period", PeriodWord(alert.budget.period)},
                                       {"in", PeriodText(alert.budget)},
                                       {"threshold_percent", alert.threshold},
                                       {"spent", alert.spent.ToDecimal()},
                                       {"amount", alert.amount.ToDecimal()},
                                       {"currency", currency}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace penstock::rpc
