#include "broker/market/calendar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/admission/seed.h"
#include "tests/broker/market/naive_calendar.h"

namespace penstock::market {

void PrintTo(const Amounts& amounts, std::ostream* out) {
  *out << "{" << amounts.rate << ", " << amounts.slots << ", " << amounts.kv << "}";
}
void PrintTo(const LeastPoints& points, std::ostream* out) {
  for (const LeastPoint& point : {points.rate, points.slots, points.kv}) {
    *out << point.amount << " at " << point.at.nanoseconds_since_epoch() << "; ";
  }
}

namespace {

constexpr Instant At(int64_t hours) { return Instant() + Hours(hours); }

// A pool of 100 nt/s, 10 slots and 1,000 KV tokens, for ever.
CapacityCalendar Pool() {
  CapacityCalendar calendar;
  calendar.AddSupply(At(0), {100, 10, 1'000});
  return calendar;
}

TEST(CapacityCalendarTest, IsEmptyAtFirst) {
  const CapacityCalendar calendar;
  EXPECT_EQ(calendar.RoomAt(At(5)), Amounts{});
  EXPECT_TRUE(calendar.Fits(At(0), At(1), {}));
  EXPECT_FALSE(calendar.Fits(At(0), At(1), {.slots = 1}));
  EXPECT_EQ(calendar.changes(), 0U);
  calendar.CheckInvariants();
}

TEST(CapacityCalendarTest, AWindowIsTakenFromItsFirstInstantToItsLast) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(2), At(4), {60, 1, 100});
  EXPECT_EQ(calendar.RoomAt(At(2) - Nanoseconds(1)), (Amounts{100, 10, 1'000}));
  EXPECT_EQ(calendar.RoomAt(At(2)), (Amounts{40, 9, 900}));
  EXPECT_EQ(calendar.RoomAt(At(4) - Nanoseconds(1)), (Amounts{40, 9, 900}));
  EXPECT_EQ(calendar.RoomAt(At(4)), (Amounts{100, 10, 1'000}));
  EXPECT_EQ(calendar.TakenAt(At(3)), (Amounts{60, 1, 100}));
  EXPECT_EQ(calendar.SupplyAt(At(3)), (Amounts{100, 10, 1'000}));
}

TEST(CapacityCalendarTest, EachResourceHasATightestPointOfItsOwnTheEarliestOne) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(2), At(4), {60, 0, 0});
  calendar.Take(At(3), At(6), {0, 7, 0});
  calendar.Take(At(8), At(9), {60, 0, 0});
  const LeastPoints least = calendar.TightestIn(At(1), At(10));
  EXPECT_EQ(least.rate, (LeastPoint{40, At(2)}));
  EXPECT_EQ(least.slots, (LeastPoint{3, At(3)}));
  EXPECT_EQ(least.kv, (LeastPoint{1'000, At(1)}));
  EXPECT_EQ(calendar.TightestIn(At(3), At(10)).rate, (LeastPoint{40, At(3)})) << "cut to the window";
  EXPECT_EQ(calendar.TightestIn(At(1), At(2)).rate, (LeastPoint{100, At(1)})) << "what begins at its end is outside";
  EXPECT_EQ(calendar.TightestIn(At(4), At(8)).rate, (LeastPoint{100, At(4)}));
}

TEST(CapacityCalendarTest, FitsWhenEveryResourceFitsAtEveryInstant) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(2), At(4), {60, 1, 100});
  EXPECT_TRUE(calendar.Fits(At(0), At(10), {40, 9, 900}));
  EXPECT_FALSE(calendar.Fits(At(0), At(10), {41, 0, 0}));
  EXPECT_FALSE(calendar.Fits(At(0), At(10), {0, 10, 0}));
  EXPECT_FALSE(calendar.Fits(At(0), At(10), {0, 0, 901}));
  EXPECT_TRUE(calendar.Fits(At(4), At(10), {100, 10, 1'000}));
}

TEST(CapacityCalendarTest, WhatIsGivenBackLeavesNoTrace) {
  CapacityCalendar calendar = Pool();
  const size_t before = calendar.changes();
  calendar.Take(At(2), At(6), {60, 1, 100});
  calendar.GiveBack(At(4), At(6), {60, 1, 100});
  EXPECT_EQ(calendar.TakenAt(At(3)), (Amounts{60, 1, 100}));
  EXPECT_EQ(calendar.TakenAt(At(4)), Amounts{});
  calendar.GiveBack(At(2), At(4), {60, 1, 100});
  EXPECT_EQ(calendar.changes(), before);
  calendar.CheckInvariants();
}

TEST(CapacityCalendarTest, LostCapacityMakesRoomNegative) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(0), At(10), {80, 1, 1});
  calendar.AddSupply(At(5), {-50, 0, 0});
  calendar.AddSupply(At(6), {50, 0, 0});
  EXPECT_EQ(calendar.TightestIn(At(0), At(10)).rate, (LeastPoint{-30, At(5)}));
  EXPECT_EQ(calendar.RoomAt(At(6)).rate, 20);
  calendar.CheckInvariants();
}

TEST(CapacityCalendarTest, StepsAreToldUntilEnough) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(2), At(4), {60, 1, 100});
  calendar.AddSupply(At(2), {60, 1, 100});  // room does not change here, supply and taken do
  std::vector<NaiveCalendar::Step> steps;
  const auto note = [&](Instant from, Instant to, const Amounts& supply, const Amounts& taken) {
    steps.push_back({from, to, supply, taken});
    return true;
  };
  calendar.ForEachStep(At(1), At(3), note);
  const std::vector<NaiveCalendar::Step> expected = {{At(1), At(2), {100, 10, 1'000}, {}},
                                                     {At(2), At(3), {160, 11, 1'100}, {60, 1, 100}}};
  EXPECT_EQ(steps, expected);
  int told = 0;
  calendar.ForEachStep(At(0), At(100), [&](Instant, Instant, const Amounts&, const Amounts&) { return ++told < 2; });
  EXPECT_EQ(told, 2);
}

TEST(CapacityCalendarTest, TheFirstFitIsTheFirstStretchThatIsLongEnough) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(2), At(4), {60, 0, 0});
  calendar.Take(At(6), At(8), {0, 10, 0});
  const Amounts wanted{50, 1, 1};
  EXPECT_EQ(calendar.FirstFit(At(0), At(20), Hours(2), wanted), At(0));
  EXPECT_EQ(calendar.FirstFit(At(1), At(20), Hours(2), wanted), At(4));
  EXPECT_EQ(calendar.FirstFit(At(0), At(20), Hours(3), wanted), At(8));
  EXPECT_EQ(calendar.FirstFit(At(0), At(8), Hours(3), wanted), At(8)) << "the last instant may be the one";
  EXPECT_EQ(calendar.FirstFit(At(0), At(8) - Nanoseconds(1), Hours(3), wanted), std::nullopt);
  EXPECT_EQ(calendar.FirstFit(At(0), At(20), Hours(1), {101, 0, 0}), std::nullopt);
}

TEST(CapacityCalendarTest, ThePastIsForgottenButNotWhatReachesOutOfIt) {
  CapacityCalendar calendar = Pool();
  for (int64_t hour = 0; hour < 1'000; ++hour) calendar.Take(At(hour), At(hour + 10), {1 + hour % 3, 0, 1});
  const Amounts room = calendar.RoomAt(At(900));
  calendar.ForgetBefore(At(900));
  calendar.CheckInvariants();
  EXPECT_LE(calendar.changes(), 110U);
  EXPECT_EQ(calendar.RoomAt(At(900)), room);
  calendar.GiveBack(At(895), At(905), {1, 0, 1});  // began in the past
  EXPECT_EQ(calendar.RoomAt(At(900)), room + (Amounts{1, 0, 1}));
  calendar.Take(At(10), At(20), {100, 10, 1'000});  // wholly in the past
  EXPECT_EQ(calendar.RoomAt(At(900)), room + (Amounts{1, 0, 1}));
  calendar.ForgetBefore(At(5'000));
  EXPECT_EQ(calendar.RoomAt(At(5'000)), (Amounts{100, 10, 1'000}));
  EXPECT_EQ(calendar.changes(), 0U);
}

TEST(CapacityCalendarTest, AnotherDayTakesNoMoreMemory) {
  CapacityCalendar calendar = Pool();
  size_t after_warming = 0;
  for (int64_t hour = 0; hour < 20'000; ++hour) {
    calendar.ForgetBefore(At(hour));
    for (int64_t i = 1; i <= 5; ++i) calendar.Take(At(hour + 37 * i), At(hour + 37 * i) + Minutes(11 * i), {i, 1, i});
    if (hour == 2'000) after_warming = calendar.MemoryBytes();
  }
  EXPECT_EQ(calendar.MemoryBytes(), after_warming);
}

TEST(CapacityCalendarTest, ManyWindowsComeAndGoInAnyOrder) {
  for (const uint64_t seed : TestSeeds(1)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    Dice dice(seed);
    CapacityCalendar calendar = Pool();
    std::vector<TakenWindow> windows;
    const auto take_one = [&] {
      const Instant from = At(0) + Seconds(dice.Roll(1, 1'000'000));
      windows.push_back({from, from + Seconds(dice.Roll(1, 100'000)), {dice.Roll(0, 5), dice.Roll(0, 1), 1}});
      calendar.Take(windows.back().from, windows.back().to, windows.back().amounts);
    };
    for (int i = 0; i < 20'000; ++i) take_one();
    calendar.CheckInvariants();
    const CapacityCalendar built({{At(0), {100, 10, 1'000}}}, windows);
    built.CheckInvariants();
    EXPECT_EQ(built.changes(), calendar.changes());
    for (int i = 0; i < 1'000; ++i) {
      const Instant from = At(0) + Seconds(dice.Roll(0, 1'000'000));
      const Instant to = from + Seconds(dice.Roll(1, 500'000));
      ASSERT_EQ(built.TightestIn(from, to), calendar.TightestIn(from, to));
    }
    while (!windows.empty()) {
      if (dice.OneIn(3)) take_one();
      std::swap(windows[static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(windows.size()) - 1))], windows.back());
      calendar.GiveBack(windows.back().from, windows.back().to, windows.back().amounts);
      windows.pop_back();
      if (windows.size() % 500 == 0) calendar.CheckInvariants();
    }
    EXPECT_EQ(calendar.changes(), Pool().changes());
  }
}

TEST(CapacityCalendarTest, WholeStretchesFillAndEmpty) {
  for (const uint64_t seed : TestSeeds(2)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    Dice dice(seed);
    StepFunction steps;
    std::vector<bool> present(6'000);
    for (int round = 0; round < 600; ++round) {
      const auto first = static_cast<size_t>(dice.Roll(0, 5'999));
      const size_t last = std::min(present.size(), first + static_cast<size_t>(dice.Roll(1, 1'500)));
      const bool fill = dice.OneIn(2);
      const int64_t one_in = dice.Roll(1, 3);
      for (size_t i = first; i < last; ++i) {
        if (present[i] == fill || !dice.OneIn(one_in)) continue;
        steps.Add({At(static_cast<int64_t>(i)), {fill ? 1 : -1, 0, 0}});
        present[i] = fill;
      }
      steps.CheckInvariants();
      const auto until = present.begin() + static_cast<ptrdiff_t>(last);
      ASSERT_EQ(steps.At(At(static_cast<int64_t>(last) - 1)).rate, std::count(present.begin(), until, true));
    }
  }
}

TEST(CapacityCalendarTest, ForEverIsAWindowToo) {
  CapacityCalendar calendar = Pool();
  calendar.Take(At(1), Instant::Max(), {10, 1, 1});
  EXPECT_EQ(calendar.TightestIn(At(0), Instant::Max()).rate, (LeastPoint{90, At(1)}));
  calendar.GiveBack(At(1), Instant::Max(), {10, 1, 1});
  EXPECT_EQ(calendar.TightestIn(At(0), Instant::Max()).rate, (LeastPoint{100, At(0)}));
}

TEST(CapacityCalendarDeathTest, TheForgottenAndTheEmptyMayNotBeAsked) {
  CapacityCalendar calendar = Pool();
  calendar.ForgetBefore(At(10));
  EXPECT_DEATH(calendar.RoomAt(At(10) - Nanoseconds(1)), "internal error");
  EXPECT_DEATH(calendar.TightestIn(At(9), At(11)), "internal error");
  EXPECT_DEATH(calendar.TightestIn(At(11), At(11)), "internal error");
  EXPECT_DEATH(calendar.Take(At(11), At(11), {1, 1, 1}), "internal error");
  EXPECT_DEATH(calendar.Take(At(11), At(12), {-1, 0, 0}), "internal error");
}

TEST(CapacityCalendarDeathTest, SumsDoNotWrap) {
  CapacityCalendar calendar = Pool();
  calendar.AddSupply(At(1), {INT64_MAX - 100, 0, 0});
  EXPECT_DEATH(calendar.AddSupply(At(1), {101, 0, 0}), "internal error");
}

// The calendar and its naive twin through the same random life.
class Twins {
 public:
  explicit Twins(uint64_t seed) : dice_(seed), grid_(dice_.OneIn(2) ? Minutes(30) : Nanoseconds(7'919)) {}

  void Live(int steps) {
    for (int step = 0; step < steps; ++step) {
      Change();
      if (step % 16 == 0) Compare();
      if (step % 64 == 0) calendar_.CheckInvariants();
      if (::testing::Test::HasFailure()) return;
    }
    while (!held_.empty()) GiveBackSome(held_.size() - 1);
    calendar_.CheckInvariants();
    Compare();
  }

 private:
  // Few instants collide on a fine grid, many on a coarse one.
  Instant Pick() { return now_ + Duration(grid_.count() * dice_.Roll(0, 600)); }
  Amounts Some(int64_t most) { return {dice_.Roll(0, most), dice_.Roll(0, 3), dice_.Roll(0, most)}; }

  void Change() {
    const int64_t choice = dice_.Roll(0, 99);
    if (choice < 8) {
      const Instant from = Pick();
      const Amounts by = Some(40) - Some(30);
      calendar_.AddSupply(from, by);
      naive_.AddSupply(from, by);
      supply_.push_back({from, by});
    } else if (choice < 10) {
      now_ = now_ + Duration(grid_.count() * dice_.Roll(0, 40));
      calendar_.ForgetBefore(now_);
    } else if (choice == 10) {
      Rebuild();
    } else if (held_.empty() || dice_.Roll(0, 99) < (filling_ ? 75 : 30)) {
      TakeSome();
    } else {
      GiveBackSome(static_cast<size_t>(dice_.Roll(0, static_cast<int64_t>(held_.size()) - 1)));
    }
    if (dice_.OneIn(300)) filling_ = !filling_;
  }

  void TakeSome() {
    Instant from = Pick();
    Instant to = Pick();
    if (from == to) to = to + grid_;
    if (to < from) std::swap(from, to);
    held_.push_back({from, to, Some(20)});
    calendar_.Take(from, to, held_.back().amounts);
    naive_.Take(from, to, held_.back().amounts);
  }

  // All of it, or only from some instant inside it on.
  void GiveBackSome(size_t i) {
    TakenWindow& window = held_[i];
    const Instant middle = window.from + Duration((window.to - window.from).count() / 2);
    const Instant from = dice_.OneIn(3) && middle > window.from ? middle : window.from;
    calendar_.GiveBack(from, window.to, window.amounts);
    naive_.GiveBack(from, window.to, window.amounts);
    if (from > window.from) {
      window.to = from;
      return;
    }
    window = held_.back();
    held_.pop_back();
  }

  void Rebuild() {
    calendar_ = CapacityCalendar(supply_, held_);
    calendar_.CheckInvariants();
    calendar_.ForgetBefore(now_);
    calendar_.CheckInvariants();
  }

  void Compare() {
    for (int i = 0; i < 4; ++i) {
      const Instant from = Pick() + Duration(dice_.Roll(0, 1));
      const Instant to = from + Duration(dice_.Roll(1, grid_.count() * 600));
      const Amounts wanted = Some(60);
      ASSERT_EQ(calendar_.RoomAt(from), naive_.RoomAt(from));
      ASSERT_EQ(calendar_.TakenAt(from), naive_.TakenAt(from));
      ASSERT_EQ(calendar_.TightestIn(from, to), naive_.TightestIn(from, to));
      ASSERT_EQ(calendar_.Fits(from, to, wanted), naive_.Fits(from, to, wanted));
      const Duration length(dice_.Roll(1, grid_.count() * 20));
      ASSERT_EQ(calendar_.FirstFit(from, to, length, wanted), naive_.FirstFit(from, to, length, wanted));
    }
    const Instant from = Pick();
    const Instant to = from + Duration(grid_.count() * 100);
    std::vector<NaiveCalendar::Step> steps;
    calendar_.ForEachStep(from, to, [&](Instant begin, Instant end, const Amounts& supply, const Amounts& taken) {
      steps.push_back({begin, end, supply, taken});
      return true;
    });
    ASSERT_EQ(steps, naive_.StepsIn(from, to));
  }

  Dice dice_;
  Duration grid_;
  Instant now_ = At(1'000);
  bool filling_ = true;
  CapacityCalendar calendar_;
  NaiveCalendar naive_;
  std::vector<penstock::market::Change> supply_;
  std::vector<TakenWindow> held_;
};

TEST(CapacityCalendarPropertyTest, SaysWhatItsNaiveTwinSays) {
  for (const uint64_t seed : TestSeeds(6)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    Twins(seed).Live(3'000);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace penstock::market
