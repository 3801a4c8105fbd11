#include "ledger/meters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "ledger/tariff.h"
#include "tests/ledger/random.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

constexpr WindowKey WindowOf(Instant start, Tier tier = Tier::kElastic) { return {kAcme, kLlama, tier, start}; }

Meters MetersOf(const Attributions& attributions, Instant at) {
  Meters meters;
  meters.Add(TermsOf(kAcme), attributions, at);
  return meters;
}

Window WindowIn(const Meters& meters, Instant start) {
  const auto found = meters.windows().find(WindowOf(start));
  return found == meters.windows().end() ? Window() : found->second;
}

TEST(MetersTest, WorkAtOneMomentLandsInItsSecond) {
  const Instant at = kNoon + Seconds(59) + Nanoseconds(999'999'999);
  const Meters meters = MetersOf({{at, at, Work(70)}}, at);
  EXPECT_EQ(meters.windows().size(), 1u);
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(70), Work(70)}));
}

TEST(MetersTest, WorkIsSpreadEvenlyOverItsTime) {
  const Meters meters = MetersOf({{kNoon + Seconds(30), kNoon + Seconds(90), Work(600)}}, kNoon + Seconds(90));
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(300), Work(10)}));
  EXPECT_EQ(WindowIn(meters, kNoon + Minutes(1)), (Window{Work(300), Work(10)}));
  EXPECT_EQ(meters.windows().size(), 2u) << "an end on a boundary does not touch the next window";
}

TEST(MetersTest, ALongAnswerIsNoFalseSpike) {
  const Meters meters = MetersOf({{kNoon, kNoon + Minutes(5), Work(30'000)}}, kNoon + Minutes(5));
  for (int minute = 0; minute < 5; ++minute) {
    EXPECT_EQ(WindowIn(meters, kNoon + Minutes(minute)), (Window{Work(6000), Work(100)}));
  }
}

TEST(MetersTest, PartsOfASecondGetTheirPart) {
  const Meters meters =
      MetersOf({{kNoon + Milliseconds(750), kNoon + Milliseconds(1250), Work(101)}}, kNoon + Seconds(2));
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(101), Work(51)})) << "50 in the first half, the rest in the second";
}

TEST(MetersTest, WorkOfSeveralRequestsAddsUpWithinASecond) {
  const Instant at = kNoon + Seconds(7);
  const Meters meters =
      MetersOf({{at, at, Work(5)}, {at, at, Work(6)}, {at + Seconds(1), at + Seconds(1), Work(10)}}, at);
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(21), Work(11)}));
}

TEST(MetersTest, TiersHaveWindowsOfTheirOwnAndSpilloverIsElastic) {
  Meters meters;
  const Attributions work = {{kNoon, kNoon, Work(1)}};
  for (size_t served = 0; served < kServiceClassCount; ++served) {
    meters.Add(TermsOf(kAcme, static_cast<ServiceClass>(served)), work, kNoon);
  }
  EXPECT_EQ(meters.windows().at(WindowOf(kNoon, Tier::kFree)).work, Work(1));
  EXPECT_EQ(meters.windows().at(WindowOf(kNoon, Tier::kElastic)).work, Work(4));
  EXPECT_EQ(meters.windows().at(WindowOf(kNoon, Tier::kReserved)).work, Work(1));
}

// The oracle: the running total at every second, each rounded down, and differences of it, one second at a time.
std::map<Instant, Window> NaiveWindows(const Attributions& attributions) {
  std::map<Instant, Work> seconds;
  for (const Attribution& a : attributions) {
    const Int128 length = (a.to - a.from).count();
    Work before;
    for (Instant s = WindowStart(a.from, Seconds(1)); before < a.work; s = s + Seconds(1)) {
      const Int128 done = (std::min(a.to, s + Seconds(1)) - a.from).count();
      const Work total = length == 0 ? a.work : Work(CheckedNarrow(a.work.count() * done / length));
      seconds[s] += total - before;
      before = total;
    }
  }
  std::map<Instant, Window> windows;
  for (const auto& [second, work] : seconds) {
    if (work == Work()) continue;
    Window& window = windows[WindowStart(second, kBaseWindow)];
    window.work += work;
    window.highest_second = std::max(window.highest_second, work);
  }
  return windows;
}

std::map<Instant, Window> WindowsByStart(const Meters& meters) {
  std::map<Instant, Window> windows;
  for (const auto& [key, window] : meters.windows()) windows[key.start] = window;
  return windows;
}

Attributions RandomAttributions(Random* random, int count) {
  Attributions list;
  for (int i = 0; i < count; ++i) {
    const Instant from = kNoon + Nanoseconds(random->Between(0, Minutes(4).count()));
    const int64_t longest = random->OneIn(3) ? Minutes(5).count() : Seconds(3).count();
    const Duration length = random->OneIn(5) ? Duration() : Nanoseconds(random->Between(0, longest));
    list.push_back(
        {from, from + length, Work(random->OneIn(4) ? random->Between(0, 9) : random->Between(0, 1'000'000'007))});
  }
  return list;
}

TEST(MetersTest, SpreadsAsTheNaiveRunningTotalDoes) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    const Attributions attributions = RandomAttributions(&random, 8);
    const Meters meters = MetersOf(attributions, kNoon + Minutes(9));
    ASSERT_EQ(WindowsByStart(meters), NaiveWindows(attributions));
    Work all, metered;
    for (const Attribution& a : attributions) all += a.work;
    for (const auto& [key, window] : meters.windows()) metered += window.work;
    ASSERT_EQ(metered, all) << "the parts add up to the whole";
  }
}

TEST(MetersTest, TheOrderOfArrivalDoesNotMatterBeforeTheWatermark) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int round = 0; round < 50; ++round) {
    Attributions attributions = RandomAttributions(&random, 12);
    Meters in_order;
    for (const Attribution& a : attributions) in_order.Add(TermsOf(kAcme), {a}, a.to);
    for (size_t i = attributions.size() - 1; i > 0; --i) std::swap(attributions[i], attributions[random.Index(i + 1)]);
    Meters shuffled;
    for (const Attribution& a : attributions) shuffled.Add(TermsOf(kAcme), {a}, a.to);
    ASSERT_EQ(in_order.windows(), shuffled.windows());
    ASSERT_EQ(in_order, shuffled);
  }
}

TEST(MetersTest, LateWorkAddsToItsWindowAndIsComparedAlone) {
  const Instant second = kNoon + Seconds(5);
  Meters meters = MetersOf({{second, second, Work(100)}}, second);
  meters.Add(TermsOf(kAcme), {{second, second, Work(30)}}, kNoon + Minutes(11) - Nanoseconds(1));
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(130), Work(130)})) << "the watermark is a nanosecond away";
  meters.Add(TermsOf(kAcme), {}, kNoon + Minutes(11));
  meters.Add(TermsOf(kAcme), {{second, second, Work(40)}}, kNoon + Minutes(12));
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(170), Work(130)})) << "its seconds are gone";
  meters.Add(TermsOf(kAcme), {{second, second, Work(500)}}, kNoon + Minutes(12));
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(670), Work(500)}));
}

TEST(MetersTest, TheWatermarkNeverGoesBack) {
  const Instant second = kNoon + Seconds(5);
  Meters meters = MetersOf({{second, second, Work(100)}}, kNoon + Hours(1));
  meters.Add(TermsOf(kAcme), {{second, second, Work(60)}}, second);
  meters.Add(TermsOf(kAcme), {{second, second, Work(70)}}, second);
  EXPECT_EQ(WindowIn(meters, kNoon), (Window{Work(230), Work(100)})) << "not 60 + 70";
}

// Loads per 20 seconds stand for the 5-minute samples of the textbook example with its 15-minute block: a block of
// three. Mean over [0,0,300] is 100, over [300,300,0] 200; the sliding maximum would be 300, and is not what is billed.
TEST(MetersTest, BlocksAreAlignedAndDoNotSlide) {
  const std::vector<int64_t> samples = {0, 0, 300, 300, 300, 0, 0, 0, 0};
  Meters meters;
  Instant from = kNoon;
  for (int64_t sample : samples) {
    const Instant to = from + Seconds(20);
    meters.Add(TermsOf(kAcme), {{from, to, Work(sample)}}, to);
    from = to;
  }
  Work peak;
  for (const auto& [key, window] : meters.windows()) peak = std::max(peak, window.work);
  EXPECT_EQ(peak, Work(3 * 200));
  EXPECT_EQ(WindowIn(meters, kNoon).work, Work(3 * 100));
}

TEST(MetersTest, ASettlementCountsInTheHourItArrived) {
  Meters meters;
  const Instant last = kNoon + Hours(1) - Nanoseconds(1);
  meters.Add(Settled({1, 1}, last, Tokens3(10, 20, 30)));
  meters.Add(Settled({1, 2}, last, Tokens3(1, 0, 0)));
  meters.Add(Settled({1, 3}, last + Nanoseconds(1), Tokens3(5, 0, 0)));
  ASSERT_EQ(meters.buckets().size(), 2u);
  const auto& [key, bucket] = *meters.buckets().begin();
  EXPECT_EQ(key.hour, kNoon);
  EXPECT_EQ(bucket.requests, 2);
  EXPECT_EQ(bucket.tokens, Tokens3(11, 20, 30));
  EXPECT_EQ(bucket.work, Work(11 * 1000 + 20 * 100 + 30 * 4000));
  EXPECT_EQ(bucket.charge, Money::FromPico(11 * 100 + 20 * 10 + 30 * 400));
}

TEST(MetersTest, UnbilledUsageIsCountedApart) {
  Meters meters;
  meters.Add(SettledLate({1, 1}, kNoon, Tokens3(10, 0, 1)));
  const Bucket& bucket = meters.buckets().begin()->second;
  EXPECT_EQ(bucket.requests, 0);
  EXPECT_EQ(bucket.tokens, TokenCounts());
  EXPECT_EQ(bucket.charge, Money());
  EXPECT_EQ(bucket.unbilled_requests, 1);
  EXPECT_EQ(bucket.unbilled_tokens, Tokens3(10, 0, 1));
  EXPECT_EQ(bucket.unbilled_work, Work(14'000));
  EXPECT_EQ(WindowIn(meters, kNoon).work, Work(14'000)) << "the work was done";
}

}  // namespace
}  // namespace penstock::ledger
