#include "sim/traffic/deferral.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "sim/traffic/request_terms.h"

namespace penstock::sim {
namespace {

constexpr uint64_t kSeed = 71;
constexpr Duration kWindow = Seconds(100);

/// One request each second; each is told by its prompt.
std::vector<Arrival> Requests(int count) {
  std::vector<Arrival> arrivals;
  for (int i = 0; i < count; ++i) arrivals.push_back(ArrivalOf(Seconds(i), 0, Tokens(i + 1), Tokens(10), {}));
  return arrivals;
}

Duration OriginalTime(const Arrival& arrival) { return Seconds(arrival.tokens[TokenKind::kInput].count() - 1); }

std::vector<Arrival> With(std::vector<LoadShift> shifts, int count = 400) {
  const auto source = Deferred(ArrivalsOf(Requests(count)), kWindow, shifts, Random(kSeed));
  std::vector<Arrival> arrivals;
  while (auto arrival = source->Next()) arrivals.push_back(*std::move(arrival));
  EXPECT_FALSE(source->Next().has_value());
  EXPECT_TRUE(
      std::is_sorted(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; }));
  return arrivals;
}

/// Prompts of those that moved.
std::set<int64_t> Movers(const std::vector<Arrival>& arrivals) {
  std::set<int64_t> movers;
  for (const Arrival& a : arrivals) {
    if (a.at != OriginalTime(a)) movers.insert(a.tokens[TokenKind::kInput].count());
  }
  return movers;
}

TEST(Deferral, WithoutAShiftNothingMoves) {
  EXPECT_EQ(With({}), Requests(400));
  EXPECT_EQ(With({{.from = 1, .to = 2, .share = 0}}), Requests(400));
}

TEST(Deferral, MovesABusyWindowAsAWhole) {
  const auto moved = With({{.from = 1, .to = 3, .share = 1}});
  ASSERT_EQ(moved.size(), 400u);
  for (const Arrival& arrival : moved) {
    const Duration original = OriginalTime(arrival);
    const bool busy = original >= Seconds(100) && original < Seconds(200);
    EXPECT_EQ(arrival.at, busy ? original + Seconds(200) : original);
  }
}

TEST(Deferral, LosesAndInventsNoRequest) {
  const auto moved = With({{.from = 0, .to = 1, .share = 0.3}, {.from = 0, .to = 9, .share = 0.3},
                           {.from = 3, .to = 20, .share = 0.5}});
  ASSERT_EQ(moved.size(), 400u) << "those behind the last window too";
  std::set<int64_t> marks;
  for (const Arrival& a : moved) marks.insert(a.tokens[TokenKind::kInput].count());
  EXPECT_EQ(marks.size(), 400u);
  EXPECT_EQ(*marks.begin(), 1);
  EXPECT_EQ(*marks.rbegin(), 400);
}

TEST(Deferral, MovesTheShareAndWhatMovesAtALowerOneToo) {
  std::set<int64_t> earlier;
  for (const double share : {0.2, 0.5, 0.8}) {
    const std::set<int64_t> movers = Movers(With({{.from = 0, .to = 50, .share = share}}, 100));
    EXPECT_NEAR(static_cast<double>(movers.size()), 100 * share, 4 * 5) << "seed " << kSeed;
    EXPECT_TRUE(std::includes(movers.begin(), movers.end(), earlier.begin(), earlier.end()));
    earlier = movers;
  }
}

TEST(Deferral, SharesOfOneWindowGoTheirOwnWays) {
  int to_second = 0;
  int to_third = 0;
  for (const Arrival& a : With({{.from = 0, .to = 1, .share = 0.25}, {.from = 0, .to = 2, .share = 0.5}}, 100)) {
    to_second += a.at == OriginalTime(a) + kWindow ? 1 : 0;
    to_third += a.at == OriginalTime(a) + kWindow * 2 ? 1 : 0;
  }
  EXPECT_NEAR(to_second, 25, 4 * 4.4) << "seed " << kSeed;
  EXPECT_NEAR(to_third, 50, 4 * 5) << "seed " << kSeed;
}

TEST(Deferral, ShiftsOfOneWindowChangeNobodyInAnother) {
  const auto in_window_two = [](const std::vector<Arrival>& all) {
    std::vector<Arrival> those;
    for (const Arrival& a : all) {
      if (OriginalTime(a) >= kWindow * 2 && OriginalTime(a) < kWindow * 3) those.push_back(a);
    }
    return those;
  };
  const LoadShift own{.from = 2, .to = 3, .share = 0.4};
  EXPECT_EQ(in_window_two(With({own})), in_window_two(With({{.from = 0, .to = 1, .share = 0.9}, own})));
}

}  // namespace
}  // namespace penstock::sim
