// Hard budgets: what may still be charged to an account, to the last pico-unit.
//
//   1. a grant holds the most it may cost; spent + held <= amount, always: what may be granted is cut to what is left
//   2. a charge counts to the period in which its grant was given, and so does its hold: a new day starts with the
//   whole
//      amount, whatever yesterday's grants still do. The period before the newest stays known, so that its grants may
//      go on; those of older ones get no more
//   3. a charge is never more than its hold (the engine bills no more), so settling only ever gives money back
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

/// The budgets of one subject (a tenant or a key).
class Budgets {
 public:
  Budgets() = default;
  /// Keeps what budgets of the same name and period have spent and hold; new ones count grants given from `since` on.
  void SetTerms(const std::vector<BudgetTerms>& terms, Instant since);

  bool empty() const { return states_ == nullptr; }
  /// Start to load what the others look at, the second once the first has come.
  void Prefetch() const { StartToLoad(states_.get()); }
  void PrefetchStates() const;
  /// The budget with the least left for a grant given then, and how much that is; nullptr when none counts it. Never
  /// negative unless the amount was lowered below what is spent and held.
  const BudgetTerms* Tightest(Instant given, ledger::Money* left) const;

  void Hold(const ledger::Money& amount, Instant given);
  /// Ends a hold with a charge that is no more than it.
  void Settle(const ledger::Money& hold, const ledger::Money& charge, Instant given);

  /// Crashes if a budget holds less than nothing.
  void CheckInvariants() const;

 private:
  struct Use {
    int64_t period = 0;
    ledger::Money spent;
    ledger::Money held;
  };
  struct State {
    BudgetTerms terms;
    Instant since;
    Use newest;    // of the periods in which a grant was given
    Use before;    // the one before it
    Instant from;  // `newest` lasts from here
    Instant to;    // to here: most instants fall into it, and need no calendar
  };
  static int64_t NumberOf(const State& state, Instant given) {
    const bool in_newest = given >= state.from && given < state.to;
    return in_newest ? state.newest.period : PeriodNumber(state.terms.period, given);
  }
  /// The use in the period of `given`; nullptr when that is over and forgotten, or the budget is newer.
  static Use* InPeriod(State& state, Instant given);
  static ledger::Money Left(const State& state, Instant given);

  std::unique_ptr<std::vector<State>> states_;
};

}  // namespace penstock::core
