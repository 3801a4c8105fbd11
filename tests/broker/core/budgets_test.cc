// Hard budgets are never overspent, whatever clients, clocks and crashes do.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/admission/seed.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

using Period = BudgetTerms::Period;

constexpr int64_t kInputPrice = 600'000;     // pico-units per token in SmallWorld
constexpr int64_t kOutputPrice = 2'400'000;  // likewise

ledger::Money Cost(int64_t input, int64_t output) {
  return ledger::Money::FromPico(kInputPrice) * input + ledger::Money::FromPico(kOutputPrice) * output;
}

BudgetTerms Budget(Period period, const ledger::Money& amount) {
  static const char* const kNames[] = {"day", "month", "total"};
  return {.name = kNames[static_cast<size_t>(period)], .period = period, .amount = amount};
}

EngineSettings WithTenantBudget(const BudgetTerms& budget) {
  EngineSettings settings = SmallWorld();
  settings.tenants[1].budgets.push_back(budget);
  return settings;
}

/// Every grant gets what it asks for if it can be paid.
EngineSettings Greedy(EngineSettings settings) {
  settings.pools[0].predicted_output = Tokens(100'000);
  settings.pools[0].terms.burst = NormalizedTokens(1'000'000);
  return settings;
}

// ---- the calendar

bool IsLeap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int64_t DaysInMonth(int64_t year, int64_t month_from_0) {
  static const int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month_from_0] + (month_from_0 == 1 && IsLeap(year) ? 1 : 0);
}

TEST(Periods, MonthsAreThoseOfTheCalendarFrom1970To2200) {
  int64_t day = 0;
  for (int64_t year = 1970; year < 2200; ++year) {
    for (int64_t month = 0; month < 12; ++month) {
      const Instant begin = Instant() + Days(day);
      const Instant end = begin + Days(DaysInMonth(year, month));
      ASSERT_EQ(PeriodNumber(Period::kMonth, begin), year * 12 + month) << year << "-" << month + 1;
      ASSERT_EQ(PeriodNumber(Period::kMonth, end - Nanoseconds(1)), year * 12 + month) << year << "-" << month + 1;
      ASSERT_EQ(NextPeriod(Period::kMonth, begin), end);
      ASSERT_EQ(NextPeriod(Period::kMonth, end - Nanoseconds(1)), end);
      ASSERT_EQ(NextPeriod(Period::kMonth, begin + Days(13) + Hours(7)), end);
      day += DaysInMonth(year, month);
    }
  }
}

TEST(Periods, TheLeapDayBelongsToFebruary) {
  const Instant leap_day = Instant(1'709'164'800'000'000'000);  // 2024-02-29T00:00:00Z
  EXPECT_EQ(PeriodNumber(Period::kMonth, leap_day), 2024 * 12 + 1);
  EXPECT_EQ(NextPeriod(Period::kMonth, leap_day), leap_day + Days(1));
  const Instant end_of_february_2100 = Instant(4'107'456'000'000'000'000);  // 2100-02-28T00:00:00Z, no leap year
  EXPECT_EQ(NextPeriod(Period::kMonth, end_of_february_2100), end_of_february_2100 + Days(1));
}

TEST(Periods, DaysBeginAtMidnightUtcAndATotalNeverEnds) {
  const Instant midnight = Instant() + Days(19'000);
  EXPECT_EQ(PeriodNumber(Period::kDay, midnight - Nanoseconds(1)), 18'999);
  EXPECT_EQ(PeriodNumber(Period::kDay, midnight), 19'000);
  EXPECT_EQ(NextPeriod(Period::kDay, midnight - Nanoseconds(1)), midnight);
  EXPECT_EQ(NextPeriod(Period::kDay, midnight), midnight + Days(1));
  EXPECT_EQ(PeriodNumber(Period::kTotal, midnight), 0);
  EXPECT_EQ(NextPeriod(Period::kTotal, midnight), Instant::Max());
}

// ---- one budget

TEST(Budget, TheOutputCapFollowsWhatIsLeft) {
  // 100 tokens of output at most after 10 of input; a grant takes half of that, unless it is predicted to need more.
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(10, 200))));
  const Granted first = world.GrantNow(world.Request("shop", "r1", 10, 1'000));
  EXPECT_EQ(first.output_cap, Tokens(100));
  EXPECT_EQ(first.hold, Cost(10, 100));
  const Decision* decision = world.engine().FindDecision(first.id);
  ASSERT_NE(decision, nullptr);
  EXPECT_EQ(decision->capped_by, "tenant.budget.total");
  const Granted second = world.GrantNow(world.Request("shop", "r2", 0, 1'000));
  EXPECT_EQ(second.output_cap, Tokens(50)) << "half of the other half";
  world.CompleteNow(first, 10, 10);
  const Granted third = world.GrantNow(world.Request("shop", "r3", 0, 1'000));
  EXPECT_EQ(third.output_cap, Tokens(70)) << "half of 50 that were left and 90 that came back";
  world.engine().CheckInvariants();
}

TEST(Budget, OneGrantDoesNotTakeEverything) {
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(0, 800))));
  for (int i = 0; i < 4; ++i) {
    const Granted granted = world.GrantNow(world.Request("shop", "r" + std::to_string(i), 0, 100'000));
    EXPECT_EQ(granted.output_cap, Tokens(400 >> i));
  }
}

TEST(Budget, WhatIsPredictedIsGrantedEvenIfItIsAllThatIsLeft) {
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(10, 50))));
  EXPECT_EQ(world.GrantNow(world.Request("shop", "r1", 10, 1'000)).output_cap, Tokens(50));
}

TEST(Budget, ProgressExtendsTheCapAndItsHold) {
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(0, 400))));
  const Granted granted = world.GrantNow(world.Request("shop", "r1", 0, 1'000));
  EXPECT_EQ(granted.output_cap, Tokens(200));
  EXPECT_EQ(world.ProgressNow(granted, 0, 99).output_cap, Tokens(200)) << "more than half of it is still ahead";
  EXPECT_EQ(world.ProgressNow(granted, 0, 100).output_cap, Tokens(300));
  EXPECT_EQ(world.last_release(), Release::kSynced) << "it draws on a hard budget";
  EXPECT_EQ(world.engine().books().FindOpen(granted.id)->grant.hold, Cost(0, 300));
  EXPECT_EQ(world.ProgressNow(granted, 0, 290).output_cap, Tokens(350));
  EXPECT_EQ(world.ProgressNow(granted, 0, 350).output_cap, Tokens(400));
  const Progressed last = world.ProgressNow(granted, 0, 400);
  EXPECT_TRUE(last.stop);
  EXPECT_FALSE(last.wait_for_approval);
  EXPECT_EQ(last.bound, "tenant.budget.total");
  EXPECT_EQ(world.CompleteNow(granted, 0, 400).charge, Cost(0, 400));
  world.engine().CheckInvariants();
}

TEST(Budget, ARefusalNamesTheBudgetAndSaysWhenItStartsAnew) {
  EngineWorld world(WithTenantBudget(Budget(Period::kDay, Cost(10, 20))));
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1", 10, 20)), 10, 20);
  const Refused refused = world.RefuseNow(world.Request("shop", "r2", 10, 20));
  EXPECT_EQ(refused.reason, RefusalReason::kBudgetUsed);
  EXPECT_EQ(refused.limit, "tenant.budget.day");
  EXPECT_EQ(world.now() + refused.retry_after, NextPeriod(Period::kDay, world.now()));
  EXPECT_TRUE(IsYours(refused.reason));
  world.Tick(refused.retry_after);
  world.GrantNow(world.Request("shop", "r2", 10, 20));
}

TEST(Budget, TheTighterOfKeyAndTenantIsNamed) {
  EngineSettings settings = Greedy(WithTenantBudget(Budget(Period::kTotal, Cost(0, 100))));
  settings.tenants[1].keys.push_back({.name = "dev"});
  settings.tenants[1].keys[0].budgets.push_back(Budget(Period::kDay, Cost(0, 60)));
  EngineWorld world(settings);
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1", 0, 60)), 0, 60);
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "r2", 0, 60)).limit, "key.budget.day");
  Admit other = world.Request("shop", "r3", 0, 1'000);
  other.key = world.KeyNamed("shop", "dev");
  const Granted granted = world.GrantNow(other);
  EXPECT_EQ(granted.output_cap, Tokens(40));
  world.CompleteNow(granted, 0, 40);
  other = world.Request("shop", "r4", 0, 1'000);
  other.key = world.KeyNamed("shop", "dev");
  const Refused refused = world.RefuseNow(other);
  EXPECT_EQ(refused.limit, "tenant.budget.total");
  EXPECT_EQ(refused.retry_after, Duration::Zero()) << "waiting does not help";
}

TEST(Budget, ABudgetedAdmitIsReleasedOnceASyncCoversIt) {
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(100, 1'000))));
  world.GrantNow(world.Request("shop", "r1"));
  EXPECT_EQ(world.last_release(), Release::kSynced);
  world.GrantNow(world.Request("shop", "r1"));
  EXPECT_EQ(world.last_release(), Release::kSynced) << "so is the answer to a retry";
  world.GrantNow(world.Request("tramp", "r1"));
  EXPECT_EQ(world.last_release(), Release::kWritten);
}

TEST(Budget, WhatTheHoldCannotPayIsSettledAsUnbilled) {
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(10, 50))));
  Admit admit = world.Request("shop", "r1", 10, 50);
  admit.estimated[TokenKind::kInput] = true;
  const Granted granted = world.GrantNow(admit);
  const Completed completed = world.CompleteNow(granted, 30, 60);  // twenty more of input, ten more of output
  EXPECT_LE(completed.charge, Cost(10, 50));
  EXPECT_EQ(completed.charge, Cost(30, 45)) << "input first, then as much output as the rest pays";
  EXPECT_TRUE(completed.billed);
  ledger::SettleEntry settled;
  ASSERT_TRUE(world.journal()
                  .journal()
                  .Read(1,
                        [&](uint64_t, std::string_view payload) {
                          const auto entry = ledger::Decode(payload);
                          if (const auto* one = std::get_if<ledger::SettleEntry>(&*entry)) settled = *one;
                          return absl::OkStatus();
                        })
                  .ok());
  EXPECT_TRUE(settled.tokens == InputOutput(30, 45));
  EXPECT_TRUE(settled.unbilled == InputOutput(0, 15));
  EXPECT_EQ(settled.work, NormalizedTokens(30 + 4 * 60)) << "work counts all of it";
  world.engine().CheckInvariants();
  EXPECT_TRUE(ledger::Verify(world.journal().journal()).ok());
}

TEST(Budget, AGrantThatRunsOverMidnightIsChargedToItsDayAndExtendedFromIt) {
  EngineWorld world(WithTenantBudget(Budget(Period::kDay, Cost(0, 400))));
  const Instant midnight = NextPeriod(Period::kDay, world.now());
  world.Tick(midnight - world.now() - Seconds(10));
  const Granted old = world.GrantNow(world.Request("shop", "old", 0, 10'000));
  EXPECT_EQ(old.output_cap, Tokens(200));
  world.Tick(Seconds(20));
  EXPECT_EQ(world.GrantNow(world.Request("shop", "new", 0, 10'000)).output_cap, Tokens(200)) << "a new day, all of it";
  // Yesterday's budget has 200 left, whatever today's has.
  EXPECT_EQ(world.ProgressNow(old, 0, 200).output_cap, Tokens(300));
  EXPECT_EQ(world.ProgressNow(old, 0, 300).output_cap, Tokens(350));
  EXPECT_EQ(world.ProgressNow(old, 0, 350).output_cap, Tokens(400));
  EXPECT_EQ(world.ProgressNow(old, 0, 400).output_cap, Tokens(400));
  EXPECT_TRUE(world.ProgressNow(old, 0, 400).stop);
  world.CompleteNow(old, 0, 450);
  EXPECT_EQ(world.engine().accounts().MoneyLeft(old.terms.key, world.now()).left, Cost(0, 200));
  world.engine().CheckInvariants();
}

TEST(Budget, WhatAKeySpentStaysSpentForItsTenantWhenTheKeyIsGone) {
  EngineWorld world(Greedy(WithTenantBudget(Budget(Period::kTotal, Cost(0, 100)))));
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1", 0, 60)), 0, 60);
  const Granted running = world.GrantNow(world.Request("shop", "r2", 0, 30));
  world.settings().tenants[1].keys[0].name = "rotated";
  world.Restart();
  const KeyId key = world.KeyNamed("shop", "rotated");
  EXPECT_EQ(world.engine().accounts().MoneyLeft(key, world.now()).left, Cost(0, 10));
  EXPECT_EQ(world.CompleteNow(running, 0, 99).charge, Cost(0, 30)) << "no more than its hold";
  EXPECT_EQ(world.engine().accounts().MoneyLeft(key, world.now()).left, Cost(0, 10));
  world.engine().CheckInvariants();
}

TEST(Budget, ABudgetThatComesWhileGrantsRunCountsThoseAfterIt) {
  EngineSettings settings = Greedy(SmallWorld());
  settings.tenants[1].runs.max_spend = Usd("1");
  EngineWorld world(settings);
  Admit admit = world.Request("shop", "r1", 0, 100);
  admit.run = "run";
  const Granted before = world.GrantNow(admit);  // money-bound by its run, and known to no budget
  auto next = std::make_shared<EngineSettings>(settings);
  next->tenants[1].budgets.push_back(Budget(Period::kTotal, Cost(0, 100)));
  world.Ask(Reconfigure{.settings = next});
  world.CompleteNow(before, 0, 100);
  world.Tick(Seconds(1));
  EXPECT_EQ(world.engine().accounts().MoneyLeft(before.terms.key, world.now()).left, Cost(0, 100));
  world.CompleteNow(world.GrantNow(world.Request("shop", "r2", 0, 100)), 0, 100);
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "r3", 0, 100)).limit, "tenant.budget.total");
  world.engine().CheckInvariants();
}

TEST(Budget, ALoweredAmountRefusesUntilItIsEnoughAgain) {
  EngineWorld world(WithTenantBudget(Budget(Period::kTotal, Cost(0, 200))));
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1", 0, 100)), 0, 100);
  const auto with = [&](const ledger::Money& amount) {
    auto next = std::make_shared<EngineSettings>(WithTenantBudget(Budget(Period::kTotal, amount)));
    EXPECT_TRUE(std::holds_alternative<Reconfigured>(world.Ask(Reconfigure{.settings = next})));
  };
  with(Cost(0, 50));
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "r2", 0, 100)).limit, "tenant.budget.total");
  with(Cost(0, 130));
  EXPECT_EQ(world.GrantNow(world.Request("shop", "r3", 0, 100)).output_cap, Tokens(30));
}

RefusalReason RefusalIn(const std::optional<Outcome>& outcome) {
  EXPECT_TRUE(outcome && std::holds_alternative<Refused>(*outcome));
  const bool is = outcome && std::holds_alternative<Refused>(*outcome);
  return is ? std::get<Refused>(*outcome).reason : RefusalReason::kQueueFull;
}

TEST(Budget, MoneyThatIsGoneWhenItsTurnComesRefusesIt) {
  EngineSettings settings = Greedy(WithTenantBudget(Budget(Period::kTotal, Cost(0, 100))));
  settings.pools[0].terms.max_in_flight = 1;
  EngineWorld world(settings);
  const Granted first = world.GrantNow(world.Request("shop", "r1", 0, 60));
  const Ticket second = world.Offer(world.Request("shop", "r2", 0, 100));
  const Ticket third = world.Offer(world.Request("shop", "r3", 0, 100));
  world.CompleteNow(first, 0, 60);
  const std::optional<Outcome> outcome = world.AnswerTo(second);
  ASSERT_TRUE(outcome && std::holds_alternative<Granted>(*outcome));
  EXPECT_EQ(std::get<Granted>(*outcome).output_cap, Tokens(40)) << "what is left now";
  world.CompleteNow(std::get<Granted>(*outcome), 0, 40);
  EXPECT_EQ(RefusalIn(world.AnswerTo(third)), RefusalReason::kBudgetUsed);
  EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 0) << "it gave its slot back";
  world.engine().CheckInvariants();
}

// ---- whatever happens

/// A plain count of what every budget was charged and holds, by the period in which each grant was given.
class PlainCount {
 public:
  struct Subject {
    KeyId key;  // 0: the tenant
    BudgetTerms terms;
  };
  PlainCount(std::vector<Subject> subjects) : subjects_(std::move(subjects)) {}

  void Charged(const Granted& granted, const ledger::Money& charge) {
    for (size_t i = 0; i < subjects_.size(); ++i) {
      if (!Counts(i, granted.terms.key)) continue;
      const std::pair<size_t, int64_t> which = {i, PeriodOf(i, granted.issued)};
      spent_[which] += charge;
      for (const uint32_t threshold : subjects_[i].terms.alert_at) {
        const bool is_reached = spent_[which] * 100 >= AmountOf(which) * threshold;
        if (is_reached && !charge.IsZero()) alerts_.insert({which.first, which.second, threshold});
      }
    }
  }

  void Raised(size_t subject, const ledger::Money& more, Instant asked, bool for_good) {
    raised_[{subject, for_good ? kForGood : PeriodOf(subject, asked)}] += more;
  }
  size_t subjects() const { return subjects_.size(); }
  const Subject& subject(size_t i) const { return subjects_[i]; }
  ledger::Money Amount(size_t subject, Instant at) const { return AmountOf({subject, PeriodOf(subject, at)}); }

  /// Subject, period and threshold of every alert that there must be.
  using Alerts = std::multiset<std::tuple<size_t, int64_t, uint32_t>>;
  Alerts ExpectedAlerts() const { return {alerts_.begin(), alerts_.end()}; }
  Alerts AlertsIn(const ledger::BudgetRecords& records) const {
    Alerts alerts;
    for (uint64_t number = records.alerts_begin(); number < records.alerts_end(); ++number) {
      const ledger::AlertEntry& alert = records.AlertOf(number);
      for (size_t i = 0; i < subjects_.size(); ++i) {
        if (subjects_[i].key.value != alert.budget.subject || subjects_[i].terms.period != alert.budget.period)
          continue;
        alerts.insert({i, PeriodOf(i, Instant() + Days(DayIn(alert.budget))), alert.threshold});
      }
    }
    return alerts;
  }

  /// Empty when nothing is overspent.
  std::string Overspent(const ledger::Books& books) const {
    std::map<std::pair<size_t, int64_t>, ledger::Money> sums = spent_;
    for (const ledger::OpenGrant* open : books.OpenInOrder()) {
      for (size_t i = 0; i < subjects_.size(); ++i) {
        if (Counts(i, open->grant.terms.key)) sums[{i, PeriodOf(i, open->grant.at)}] += open->grant.hold;
      }
    }
    for (const auto& [which, sum] : sums) {
      if (sum > AmountOf(which)) {
        return subjects_[which.first].terms.name + " of period " + std::to_string(which.second) + ": " +
               sum.ToDecimal() + " of " + AmountOf(which).ToDecimal();
      }
    }
    return "";
  }

  ledger::Money Spent(size_t subject, Instant at) const {
    const auto found = spent_.find({subject, PeriodOf(subject, at)});
    return found == spent_.end() ? ledger::Money() : found->second;
  }
  size_t periods() const { return spent_.size(); }

 private:
  static constexpr int64_t kForGood = -1;
  ledger::Money AmountOf(const std::pair<size_t, int64_t>& which) const {
    ledger::Money amount = subjects_[which.first].terms.amount;
    for (const int64_t period : {which.second, kForGood}) {
      const auto found = raised_.find({which.first, period});
      if (found != raised_.end()) amount += found->second;
    }
    return amount;
  }
  /// A day of the period that an alert names.
  static int64_t DayIn(const ledger::BudgetOf& budget) {
    if (budget.period != Period::kMonth) return budget.number;
    int64_t day = 0;
    for (int64_t month = 1970 * 12; month < budget.number; ++month) day += DaysInMonth(month / 12, month % 12);
    return day;
  }
  bool Counts(size_t subject, KeyId key) const {
    return subjects_[subject].key.value == 0 || subjects_[subject].key == key;
  }
  /// Days and months counted one by one.
  int64_t PeriodOf(size_t subject, Instant at) const {
    const Period period = subjects_[subject].terms.period;
    if (period == Period::kTotal) return 0;
    int64_t day = at.nanoseconds_since_epoch() / Days(1).count();
    if (period == Period::kDay) return day;
    int64_t months = 0;
    for (int64_t year = 1970, month = 0; day >= DaysInMonth(year, month); ++months) {
      day -= DaysInMonth(year, month);
      month = (month + 1) % 12;
      if (month == 0) ++year;
    }
    return months;
  }

  const std::vector<Subject> subjects_;
  std::map<std::pair<size_t, int64_t>, ledger::Money> spent_;
  std::map<std::pair<size_t, int64_t>, ledger::Money> raised_;
  std::set<std::tuple<size_t, int64_t, uint32_t>> alerts_;
};

class Spenders {
 public:
  Spenders(EngineWorld& world, PlainCount& count, uint64_t seed) : world_(world), count_(count), dice_(seed) {}

  void Step() {
    const int64_t what = dice_.Roll(1, 1'000);
    if (what <= 400) {
      Ask();
    } else if (what <= 600) {
      Report();
    } else if (what <= 850) {
      Finish();
    } else if (what <= 880) {
      LoseAnAnswer();
    } else if (what <= 980) {
      world_.Tick(Milliseconds(dice_.Roll(1, 20'000)));
    } else if (what <= 990) {
      world_.Tick(Minutes(dice_.Roll(1, 90)));  // leases and holds run out
    } else if (what <= 994) {
      world_.Tick(NextPeriod(Period::kDay, world_.now()) - world_.now() - Seconds(dice_.Roll(-5, 5)));
    } else if (what <= 996) {
      Raise();
    } else {
      Crash();
    }
    Collect();
  }

  int64_t cut = 0;
  int64_t refused = 0;
  int64_t unbilled = 0;
  int64_t extended = 0;
  int64_t crashes = 0;
  int64_t raises = 0;

 private:
  void Ask() {
    const char* const key = dice_.OneIn(3) ? "dev" : "prod";
    Admit admit = world_.Request("shop", "r" + std::to_string(++asked_), dice_.Roll(0, 300), dice_.Roll(1, 600));
    admit.key = world_.KeyNamed("shop", key);
    admit.estimated[TokenKind::kInput] = dice_.OneIn(3);
    admit.max_wait = Seconds(dice_.Roll(0, 20));
    if (dice_.OneIn(4)) admit.run = "run" + std::to_string(dice_.Roll(1, 5));
    waiting_[world_.Offer(admit)] = admit.max_output;
  }

  void Collect() {
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const std::optional<Outcome> outcome = world_.AnswerTo(it->first);
      if (!outcome) {
        ++it;
        continue;
      }
      if (const auto* granted = std::get_if<Granted>(&*outcome)) {
        running_.push_back({it->first, *granted});
        if (granted->output_cap < it->second) {
          ++cut;
          cut_.insert(granted->id);
        }
      } else if (const auto* no = std::get_if<Refused>(&*outcome)) {
        refused += no->reason == RefusalReason::kBudgetUsed ? 1 : 0;
      }
      it = waiting_.erase(it);
    }
  }

  size_t AnyRunning() { return static_cast<size_t>(dice_.Roll(0, static_cast<int64_t>(running_.size()) - 1)); }

  TokenCounts SomeMore(const Granted& granted) {
    const ledger::OpenGrant* open = world_.engine().books().FindOpen(granted.id);
    TokenCounts tokens = open == nullptr ? TokenCounts{} : open->so_far;
    tokens[TokenKind::kInput] += Tokens(dice_.Roll(0, dice_.OneIn(5) ? 500 : 150));
    tokens[TokenKind::kOutput] += Tokens(dice_.Roll(0, dice_.OneIn(5) ? 900 : 200));
    if (dice_.OneIn(4)) tokens[TokenKind::kReasoning] += Tokens(dice_.Roll(0, 100));
    return tokens;
  }

  void Report() {
    if (running_.empty()) return;
    size_t which = AnyRunning();
    for (int i = 0; i < 4 && !cut_.contains(running_[which].second.id); ++i) which = AnyRunning();
    const Granted& granted = running_[which].second;
    const ledger::OpenGrant* open = world_.engine().books().FindOpen(granted.id);
    const Tokens before = open == nullptr ? Tokens(INT32_MAX) : open->grant.output_cap;
    const Outcome outcome = world_.Ask(Progress{.grant = granted.id, .so_far = SomeMore(granted)});
    if (const auto* progressed = std::get_if<Progressed>(&outcome)) extended += progressed->output_cap > before ? 1 : 0;
  }

  void Finish() {
    if (running_.empty()) return;
    const size_t which = AnyRunning();
    const Granted granted = running_[which].second;
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(which));
    Complete complete = world_.CompletionOf(granted, 0, 0);
    complete.tokens = SomeMore(granted);
    const Outcome outcome = world_.Ask(complete);
    if (const auto* completed = std::get_if<Completed>(&outcome)) {
      count_.Charged(granted, completed->charge);
      const auto& prices = world_.engine().books().PricesOf(granted.terms);
      unbilled += completed->billed && completed->charge < ledger::TokenCharge(complete.tokens, prices) ? 1 : 0;
    }
  }

  void LoseAnAnswer() {
    if (running_.empty()) return;
    const auto& [ticket, granted] = running_[AnyRunning()];
    world_.Do(Undeliverable{ticket, granted.id});
  }

  void Raise() {
    const auto which = static_cast<size_t>(dice_.Roll(0, static_cast<int64_t>(count_.subjects()) - 1));
    const PlainCount::Subject& subject = count_.subject(which);
    AskRaise ask;
    ask.budget.tenant = world_.TenantNamed("shop");
    ask.budget.scope = subject.key.value == 0 ? ledger::BudgetScope::kTenant : ledger::BudgetScope::kKey;
    ask.budget.subject = subject.key.value;
    ask.budget.period = subject.terms.period;
    ask.amount = Cost(0, dice_.Roll(1, 300));
    ask.for_good = dice_.OneIn(2) || subject.terms.period == Period::kTotal;
    const Outcome asked = world_.Ask(ask);
    if (dice_.OneIn(3)) Crash();
    const bool approve = !dice_.OneIn(4);
    const Outcome decided = world_.Ask(DecideRaise{.id = std::get<RaiseAsked>(asked).id, .approve = approve});
    ASSERT_TRUE(std::holds_alternative<RaiseDecided>(decided));
    if (!approve) return;
    count_.Raised(which, ask.amount, world_.now(), ask.for_good);
    ++raises;
  }

  /// Dies without a word: what each key has left must be the same to the last pico-unit.
  void Crash() {
    ++crashes;
    std::vector<ledger::Money> before;
    for (const char* key : {"prod", "dev"}) before.push_back(LeftOf(key));
    waiting_.clear();
    world_.Restart();
    size_t i = 0;
    for (const char* key : {"prod", "dev"}) EXPECT_EQ(LeftOf(key).ToDecimal(), before[i++].ToDecimal()) << key;
  }

  ledger::Money LeftOf(const char* key) {
    return world_.engine().accounts().MoneyLeft(world_.KeyNamed("shop", key), world_.now()).left;
  }

  EngineWorld& world_;
  PlainCount& count_;
  Dice dice_;
  int64_t asked_ = 0;
  std::map<Ticket, Tokens> waiting_;
  std::set<GrantId> cut_;
  std::vector<std::pair<Ticket, Granted>> running_;
};

TEST(BudgetProperty, NoBudgetIsEverOverspentWhateverHappens) {
  // What the lives came across, together: one of them may use up its money before much has happened.
  int64_t cut = 0, refused = 0, unbilled = 0, extended = 0, crashes = 0, raises = 0, alerts = 0;
  const std::vector<uint64_t> seeds = TestSeeds(6);
  for (const uint64_t seed : seeds) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    EngineSettings settings = SmallWorld();
    settings.pools[0].terms.max_in_flight = 40;
    settings.pools[0].terms.capacity = NormalizedTokensPerSecond(1'000'000);
    settings.pools[0].terms.burst = NormalizedTokens(1'000'000);
    settings.pools[0].estimator_error_thousandths = 100;
    TenantSettings& shop = settings.tenants[1];
    shop.keys.push_back({.name = "dev"});
    shop.keys[0].budgets = {Budget(Period::kDay, Cost(0, 9'000)), Budget(Period::kTotal, Cost(0, 120'000))};
    shop.keys[1].budgets = {Budget(Period::kMonth, Cost(0, 30'000))};
    shop.budgets = {Budget(Period::kDay, Cost(0, 11'000)), Budget(Period::kMonth, Cost(0, 90'000))};
    shop.runs.max_spend = Cost(0, 4'000);
    for (std::vector<BudgetTerms>* budgets : {&shop.budgets, &shop.keys[0].budgets, &shop.keys[1].budgets}) {
      for (BudgetTerms& budget : *budgets) budget.alert_at = {20, 50, 80, 100};
    }
    EngineWorld world(settings);
    const KeyId prod = world.KeyNamed("shop", "prod");
    const KeyId dev = world.KeyNamed("shop", "dev");
    PlainCount count({{prod, shop.keys[0].budgets[0]},
                      {prod, shop.keys[0].budgets[1]},
                      {dev, shop.keys[1].budgets[0]},
                      {KeyId{}, shop.budgets[0]},
                      {KeyId{}, shop.budgets[1]}});
    Spenders spenders(world, count, seed);
    for (int step = 0; step < 6'000; ++step) {
      spenders.Step();
      ASSERT_EQ(count.Overspent(world.engine().books()), "") << "step " << step;
      if (step % 16 == 0) world.engine().CheckInvariants();
    }
    cut += spenders.cut;
    refused += spenders.refused;
    unbilled += spenders.unbilled;
    extended += spenders.extended;
    crashes += spenders.crashes;
    raises += spenders.raises;
    alerts += static_cast<int64_t>(count.ExpectedAlerts().size());
    EXPECT_TRUE(count.AlertsIn(world.engine().books().budget_records()) == count.ExpectedAlerts());
    // Nothing leaks either: once every hold has ended, what was not charged is there.
    world.Tick(Hours(2));
    EXPECT_EQ(world.engine().books().open_count(), 0u);
    const MoneyVerdict left = world.engine().accounts().MoneyLeft(prod, world.now());
    ledger::Money expected = count.Amount(0, world.now());
    for (const size_t subject : {0u, 1u, 3u, 4u}) {
      expected = std::min(expected, count.Amount(subject, world.now()) - count.Spent(subject, world.now()));
    }
    EXPECT_EQ(left.left.ToDecimal(), expected.ToDecimal());
    const auto verified = ledger::Verify(world.journal().journal());
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->books == world.engine().books());
    if (seed == 1) {
      std::cout << "6,000 steps: " << spenders.cut << " caps cut, " << spenders.extended << " extended, "
                << spenders.refused << " refused, " << spenders.unbilled << " settled in part as unbilled, "
                << spenders.crashes << " crashes, " << count.periods() << " budget periods\n";
    }
  }
  const auto lives = static_cast<int64_t>(seeds.size());
  if (lives == 1) return;  // a run that is repeated
  EXPECT_GT(cut, 50 * lives);
  EXPECT_GT(refused, 20 * lives);
  EXPECT_GT(unbilled, 20 * lives);
  EXPECT_GT(extended, 5 * lives);
  EXPECT_GT(crashes, 5 * lives);
  EXPECT_GT(raises, lives);
  EXPECT_GT(alerts, 10 * lives);
}

}  // namespace
}  // namespace penstock::core
