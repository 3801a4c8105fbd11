// How budgets and their periods are called outside.
#pragma once

#include <cstdint>
#include <string>

#include "ledger/books.h"

namespace penstock::rpc {

/// "tenants/acme", "tenants/acme/projects/search", "tenants/acme/keys/prod", "tenants/acme/runs/r".
std::string NameOf(const ledger::BudgetOf& budget, const ledger::Books& books);
/// "2026-11-21", "2026-11"; empty for a total.
std::string PeriodText(const ledger::BudgetOf& budget);
/// "day", "month", "total".
std::string PeriodWord(ledger::BudgetPeriod period);
/// An alert as a webhook gets it: one JSON object.
std::string AlertJson(uint64_t number, const ledger::AlertEntry& alert, const ledger::Books& books,
                      const std::string& currency);

}  // namespace penstock::rpc
