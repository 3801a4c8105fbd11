#include "broker/core/budgets.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::core {
namespace {

constexpr int64_t kDaysToMarchOfYear0 = 719'468;  // from 0000-03-01 to 1970-01-01
constexpr int64_t kDaysIn400Years = 146'097;

/// Months since year 0 of the proleptic Gregorian calendar, for a number of days since 1970.
int64_t MonthOfDay(int64_t day) {
  const int64_t since = day + kDaysToMarchOfYear0;
  const int64_t era = DivideRoundDown(since, kDaysIn400Years);
  const int64_t of_era = since - era * kDaysIn400Years;
  const int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t month_from_march = (5 * of_year + 2) / 153;
  return (era * 400 + year) * 12 + month_from_march + 2;  // March is month 2 of its year, counted from 0
}

int64_t DayOf(Instant at) { return DivideRoundDown(at.nanoseconds_since_epoch(), Days(1).count()); }

}  // namespace

int64_t PeriodNumber(BudgetTerms::Period period, Instant at) {
  switch (period) {
    case BudgetTerms::Period::kDay:
      return DayOf(at);
    case BudgetTerms::Period::kMonth:
      return MonthOfDay(DayOf(at));
    case BudgetTerms::Period::kTotal:
      return 0;
  }
  return 0;
}

Instant NextPeriod(BudgetTerms::Period period, Instant at) {
  if (period == BudgetTerms::Period::kTotal) return Instant::Max();
  Instant next = WindowStart(at, Days(1)) + Days(1);
  while (PeriodNumber(period, next) == PeriodNumber(period, at)) next = next + Days(1);
  return next;
}

Instant FirstOfPeriod(BudgetTerms::Period period, Instant at) {
  if (period == BudgetTerms::Period::kTotal) return Instant();
  Instant first = WindowStart(at, Days(1));
  while (PeriodNumber(period, first - Days(1)) == PeriodNumber(period, at)) first = first - Days(1);
  return first;
}

void Budgets::SetTerms(const std::vector<BudgetTerms>& terms, Instant since) {
  const std::unique_ptr<std::vector<State>> before = std::exchange(states_, nullptr);
  if (terms.empty()) return;
  states_ = std::make_unique<std::vector<State>>();
  for (const BudgetTerms& next : terms) {
    State state{.terms = next, .since = since, .raised = {}, .newest = {}, .before = {}, .from = {}, .to = {}};
    if (before != nullptr) {
      for (const State& old : *before) {
        if (old.terms.name != next.name || old.terms.period != next.period) continue;
        state = old;
        state.terms = next;
      }
    }
    states_->push_back(state);
  }
}

bool Budgets::has_hard() const {
  return !empty() && std::any_of(states_->begin(), states_->end(), [](const State& s) { return !s.terms.soft; });
}

Budgets::Use* Budgets::InPeriod(State& state, Instant given) {
  return given < state.since ? nullptr : UseOf(state, given);
}

Budgets::Use* Budgets::UseOf(State& state, Instant given) {
  const int64_t period = NumberOf(state, given);
  if (period > state.newest.period || state.to == Instant()) {
    state.from = FirstOfPeriod(state.terms.period, given);
    state.to = NextPeriod(state.terms.period, given);
  }
  if (period > state.newest.period) {
    state.before = std::exchange(state.newest, Use{.period = period});
  } else if (period > state.before.period && period < state.newest.period) {
    state.before = Use{.period = period};
  }
  if (period == state.newest.period) return &state.newest;
  return period == state.before.period ? &state.before : nullptr;
}

ledger::Money Budgets::Left(const State& state, Instant given) {
  const int64_t period = NumberOf(state, given);
  const ledger::Money amount = state.terms.amount + state.raised;
  if (period > state.newest.period) return amount;
  const Use& use = period == state.newest.period ? state.newest : state.before;
  return period == use.period ? amount + use.raised - use.spent - use.held : ledger::Money();
}

const BudgetTerms* Budgets::Tightest(Instant given, ledger::Money* left) const {
  const BudgetTerms* tightest = nullptr;
  if (empty()) return tightest;
  for (const State& state : *states_) {
    if (given < state.since || state.terms.soft) continue;
    const ledger::Money of_this = Left(state, given);
    if (tightest != nullptr && *left <= of_this) continue;
    tightest = &state.terms;
    *left = of_this;
  }
  return tightest;
}

void Budgets::PrefetchStates() const {
  if (empty()) return;
  for (const State& state : *states_) StartToLoadAll(&state);
}

void Budgets::Hold(const ledger::Money& amount, Instant given) {
  if (empty()) return;
  for (State& state : *states_) {
    if (Use* use = InPeriod(state, given)) use->held += amount;
  }
}

void Budgets::Settle(const ledger::Money& hold, const ledger::Money& charge, Instant given,
                     std::vector<BudgetCrossing>* crossed) {
  if (empty()) return;
  for (State& state : *states_) {
    Use* use = InPeriod(state, given);
    if (use == nullptr) continue;
    use->held -= hold;
    use->spent += charge;
    if (crossed != nullptr && !charge.IsZero()) Cross(state, use, crossed);
  }
}

void Budgets::Cross(const State& state, Use* use, std::vector<BudgetCrossing>* crossed) {
  for (const uint32_t threshold : state.terms.alert_at) {
    if (threshold <= use->told) continue;
    const ledger::Money amount = state.terms.amount + state.raised + use->raised;
    if (use->spent * 100 < amount * threshold) return;
    use->told = threshold;
    crossed->push_back({state.terms.period, use->period, threshold, use->spent, amount});
  }
}

void Budgets::Raise(BudgetTerms::Period period, const ledger::Money& more, Instant asked, bool for_good) {
  if (empty()) return;
  for (State& state : *states_) {
    if (state.terms.period != period) continue;
    if (for_good) {
      state.raised += more;
    } else if (Use* use = UseOf(state, asked)) {
      use->raised += more;
    }
  }
}

std::vector<Budgets::Standing> Budgets::Standings(Instant now) const {
  std::vector<Standing> standings;
  if (empty()) return standings;
  for (const State& state : *states_) {
    const int64_t period = NumberOf(state, now);
    Use use;  // of a period that nobody has used yet
    if (period == state.newest.period) use = state.newest;
    if (period < state.newest.period && period == state.before.period) use = state.before;
    standings.push_back({&state.terms, state.terms.amount + state.raised + use.raised, use.spent, use.held});
  }
  return standings;
}

std::optional<Budgets::Standing> Budgets::StandingOf(BudgetTerms::Period period, Instant now) const {
  for (const Standing& standing : Standings(now)) {
    if (standing.terms->period == period) return standing;
  }
  return std::nullopt;
}

void Budgets::CheckInvariants() const {
  if (empty()) return;
  for (const State& state : *states_) {
    for (const Use* use : {&state.newest, &state.before}) {
      PENSTOCK_CHECK(!use->held.IsNegative() && !use->spent.IsNegative());
    }
  }
}

}  // namespace penstock::core
