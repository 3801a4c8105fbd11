// Budgets: what may still be charged to an account, to the last pico-unit, and when to tell of it.
//
//   0. of hard ones all of these hold; soft ones count the same, bound nothing, and may have less than nothing left
//   1. a grant holds the most it may cost; spent + held <= amount, always: what may be granted is cut to what is left
//   2. a charge counts to the period in which its grant was given, and so does its hold: a new day starts with the
//   whole
//      amount, whatever yesterday's grants still do. The period before the newest stays known, so that its grants may
//      go on; those of older ones get no more
//   3. a charge is never more than its hold (the engine bills no more), so settling only ever gives money back
//   4. the amount is that of the terms and what it was raised by: for good, or in one period
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "admission/vocabulary/start_to_load.h"
#include "admission/vocabulary/time.h"
#include "broker/core/settings.h"
#include "ledger/money.h"

namespace penstock::core {

/// The number of the period that contains `at`: days since 1970, months since year 0, or 0 for ever (all in UTC).
int64_t PeriodNumber(BudgetTerms::Period period, Instant at);
/// When this period began, and when the next begins; Instant::Max() for kTotal.
Instant FirstOfPeriod(BudgetTerms::Period period, Instant at);
Instant NextPeriod(BudgetTerms::Period period, Instant at);

/// What was charged has reached a threshold.
struct BudgetCrossing {
  BudgetTerms::Period period = BudgetTerms::Period::kTotal;
  int64_t number = 0;      // of the period
  uint32_t threshold = 0;  // percent
  ledger::Money spent;
  ledger::Money amount;
};

/// The budgets of one subject (a tenant, a project or a key).
class Budgets {
 public:
  Budgets() = default;
  /// Keeps what budgets of the same name and period have spent, hold and were raised by; new ones count grants given
  /// from `since` on, and nothing has raised them yet.
  void SetTerms(const std::vector<BudgetTerms>& terms, Instant since);

  bool empty() const { return states_ == nullptr; }
  /// Start to load what the others look at, the second once the first has come.
  void Prefetch() const { StartToLoad(states_.get()); }
  void PrefetchStates() const;
  bool has_hard() const;
  /// The hard budget with the least left for a grant given then, and how much that is; nullptr if none counts it. Never
  /// negative unless the amount was lowered below what is spent and held.
  const BudgetTerms* Tightest(Instant given, ledger::Money* left) const;

  void Hold(const ledger::Money& amount, Instant given);
  /// Ends a hold with a charge, which hard budgets ask to be no more than it. Adds to `crossed` (nullptr: nobody asks)
  /// the thresholds that were reached and not told before.
  void Settle(const ledger::Money& hold, const ledger::Money& charge, Instant given,
              std::vector<BudgetCrossing>* crossed);

  /// Adds to the amount of the budget for that period: for good, or in the period of `asked`.
  void Raise(BudgetTerms::Period period, const ledger::Money& more, Instant asked, bool for_good);

  /// A budget as it stands in its period of now.
  struct Standing {
    const BudgetTerms* terms = nullptr;
    ledger::Money amount;  // with what it was raised by
    ledger::Money spent;
    ledger::Money held;
    ledger::Money left() const { return amount - spent - held; }
  };
  std::vector<Standing> Standings(Instant now) const;
  /// nullopt when there is no budget of that period.
  std::optional<Standing> StandingOf(BudgetTerms::Period period, Instant now) const;

  /// Crashes if a budget holds less than nothing.
  void CheckInvariants() const;

 private:
  struct Use {
    int64_t period = 0;
    ledger::Money spent;
    ledger::Money held;
    ledger::Money raised;
    uint32_t told = 0;  // the last threshold that was reached
  };
  struct State {
    BudgetTerms terms;
    Instant since;
    ledger::Money raised;  // for good
    Use newest;            // of the periods in which a grant was given
    Use before;            // the one before it
    Instant from;          // `newest` lasts from here
    Instant to;            // to here: most instants fall into it, and need no calendar
  };
  static int64_t NumberOf(const State& state, Instant given) {
    const bool in_newest = given >= state.from && given < state.to;
    return in_newest ? state.newest.period : PeriodNumber(state.terms.period, given);
  }
  /// The use in the period of `given`; nullptr when that is over and forgotten, or the budget is newer.
  static Use* InPeriod(State& state, Instant given);
  static Use* UseOf(State& state, Instant given);
  static ledger::Money Left(const State& state, Instant given);
  static void Cross(const State& state, Use* use, std::vector<BudgetCrossing>* crossed);

  std::unique_ptr<std::vector<State>> states_;
};

}  // namespace penstock::core
