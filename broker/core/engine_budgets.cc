// Budgets beyond holding and settling: alerts, and requests to raise one.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "broker/core/engine.h"

namespace penstock::core {
namespace {

/// Open requests of one tenant, at most: somebody has to read them.
constexpr int64_t kMaxOpenRaises = 16;

/// Whether somebody asks for what that one asks for.
bool IsSameWish(const ledger::BudgetRaiseEntry& a, const ledger::BudgetRaiseEntry& b) {
  return a.by == b.by && a.budget == b.budget && a.more == b.more && a.for_good == b.for_good && a.reason == b.reason;
}

}  // namespace

// What was reached stays reached over restarts: the books know the last threshold of each budget.
void Engine::PostAlerts() {
  for (AccountState::Crossing& one : crossed_) {
    const bool of_run = one.budget.scope == ledger::BudgetScope::kRun;
    if (!of_run && one.what.threshold <= books().budget_records().LastThreshold(one.budget)) continue;
    ledger_->Post(ledger::AlertEntry{now_, std::move(one.budget), one.what.threshold, one.what.spent, one.what.amount});
  }
  crossed_.clear();
}

void Engine::ApplyRaises() {
  for (const ledger::Raise& raise : books().budget_records().raises()) {
    if (raise.approved()) accounts_.RaiseBudget(raise.asked);
  }
}

std::optional<Error> Engine::CheckRaise(const AskRaise& ask) const {
  const Budgets* budgets = accounts_.BudgetsOf(ask.budget);
  const auto standing = budgets == nullptr ? std::nullopt : budgets->StandingOf(ask.budget.period, now_);
  if (!standing) return Error{ErrorReason::kUnknownBudget, "budget", "there is no such budget: see ListBudgets"};
  if (ask.amount <= ledger::Money() || (ask.is_total && ask.amount <= standing->amount)) {
    return Error{ErrorReason::kInvalidArgument, "amount",
                 absl::StrCat("must be more than the budget has, which is ", standing->amount.ToDecimal())};
  }
  const std::vector<ledger::Raise>& raises = books().budget_records().raises();
  const int64_t open = std::count_if(raises.begin(), raises.end(), [&](const ledger::Raise& raise) {
    return !raise.decided && raise.asked.budget.tenant == ask.budget.tenant;
  });
  if (open < kMaxOpenRaises) return std::nullopt;
  return Error{ErrorReason::kTooManyRaises, "",
               absl::StrCat("this tenant has ", kMaxOpenRaises, " open requests: have one of them decided first")};
}

void Engine::On(const AskRaise& ask) {
  std::optional<Error> error = CheckRaise(ask);
  const bool too_many = error && error->reason == ErrorReason::kTooManyRaises;
  if (error && !too_many) return Say(ask.ticket, *std::move(error));
  const ledger::Money from = accounts_.BudgetsOf(ask.budget)->StandingOf(ask.budget.period, now_)->amount;
  ledger::BudgetRaiseEntry entry;
  entry.id = static_cast<uint32_t>(books().budget_records().raises().size() + 1);
  entry.at = now_;
  entry.by = ask.by;
  entry.budget = ask.budget;
  entry.budget.number = PeriodNumber(ask.budget.period, now_);
  entry.from = from;
  entry.more = ask.is_total ? ask.amount - from : ask.amount;
  entry.for_good = ask.for_good || ask.budget.period == BudgetTerms::Period::kTotal;
  entry.reason = ask.reason;
  for (const ledger::Raise& raise : books().budget_records().raises()) {
    if (raise.decided || !IsSameWish(raise.asked, entry)) continue;
    return Say(ask.ticket, RaiseAsked{raise.asked.id}, Release::kSynced);
  }
  if (too_many) return Say(ask.ticket, *std::move(error));
  const uint32_t id = entry.id;
  ledger_->Post(std::move(entry));
  Say(ask.ticket, RaiseAsked{id}, Release::kSynced);
}

void Engine::On(const DecideRaise& decide) {
  const std::vector<ledger::Raise>& raises = books().budget_records().raises();
  if (decide.id < 1 || decide.id > raises.size()) {
    return Say(decide.ticket, Error{ErrorReason::kUnknownRaise, "name", "there is no such request"});
  }
  const ledger::Raise& raise = raises[decide.id - 1];
  if (raise.decided) {
    return Say(decide.ticket, Error{ErrorReason::kRaiseDecided, "name",
                                    absl::StrCat("this request was ", raise.approved() ? "approved" : "rejected",
                                                 " before, by ", raise.decided->by)});
  }
  const ledger::BudgetOf& budget = raise.asked.budget;
  const Budgets* budgets = accounts_.BudgetsOf(budget);
  const auto standing = budgets == nullptr ? std::nullopt : budgets->StandingOf(budget.period, now_);
  if (decide.approve && !standing) {
    return Say(decide.ticket, Error{ErrorReason::kUnknownBudget, "name", "the configuration has no such budget now"});
  }
  if (decide.approve && !raise.asked.for_good && budget.number != PeriodNumber(budget.period, now_)) {
    return Say(decide.ticket, Error{ErrorReason::kPeriodOver, "name",
                                    "the period that it was asked for is over: reject it, and have it asked anew"});
  }
  const ledger::Money from = standing ? standing->amount : raise.asked.from;
  const ledger::Money to = decide.approve ? from + raise.asked.more : from;
  ledger_->Post(ledger::BudgetChangeEntry{decide.id, now_, decide.by, decide.approve, from, to});
  if (decide.approve) accounts_.RaiseBudget(books().budget_records().raises()[decide.id - 1].asked);
  Say(decide.ticket, RaiseDecided{decide.id}, Release::kSynced);
}

}  // namespace penstock::core
