#include "sim/traffic/volume.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sim/traffic/request_terms.h"

namespace penstock::sim {
namespace {

constexpr uint64_t kSeed = 71;

/// One request each second; each is told by its prompt.
std::vector<Arrival> Requests(int count) {
  std::vector<Arrival> arrivals;
  for (int i = 0; i < count; ++i) arrivals.push_back(ArrivalOf(Seconds(i), 0, Tokens(i + 1), Tokens(10), {}));
  return arrivals;
}

std::vector<Arrival> All(ArrivalSource& source) {
  std::vector<Arrival> arrivals;
  while (auto arrival = source.Next()) arrivals.push_back(*std::move(arrival));
  EXPECT_FALSE(source.Next().has_value());
  EXPECT_TRUE(
      std::is_sorted(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; }));
  return arrivals;
}

std::vector<Arrival> AtVolume(double volume) {
  return All(*WithVolume(ArrivalsOf(Requests(10'000)), volume, Random(kSeed)));
}

/// Time and prompt.
std::vector<std::pair<int64_t, int64_t>> Marks(const std::vector<Arrival>& arrivals) {
  std::vector<std::pair<int64_t, int64_t>> marks;
  for (const Arrival& a : arrivals) marks.emplace_back(a.at.count(), a.tokens[TokenKind::kInput].count());
  std::sort(marks.begin(), marks.end());
  return marks;
}

TEST(Volume, OneIsTheSourceItself) { EXPECT_EQ(AtVolume(1), Requests(10'000)); }

TEST(Volume, ZeroIsNothing) { EXPECT_TRUE(AtVolume(0).empty()); }

TEST(Volume, HasSoManyRequestsOnAverage) {
  for (const double volume : {0.1, 0.5, 1.3, 2.0, 3.7}) {
    EXPECT_NEAR(static_cast<double>(AtVolume(volume).size()), 10'000 * volume, 4 * 50) << volume << ", seed " << kSeed;
  }
}

TEST(Volume, AHigherOneContainsALowerOne) {
  std::vector<std::pair<int64_t, int64_t>> lower;
  for (const double volume : {0.0, 0.05, 0.5, 0.51, 0.99, 1.0, 1.01, 1.7, 2.0, 2.2, 4.0}) {
    const auto higher = Marks(AtVolume(volume));
    EXPECT_TRUE(std::includes(higher.begin(), higher.end(), lower.begin(), lower.end()))
        << volume << ", seed " << kSeed;
    EXPECT_GE(higher.size(), lower.size());
    lower = higher;
  }
}

TEST(Volume, CopiesDifferInTheirTimeAlone) {
  for (const Arrival& arrival : AtVolume(3)) {
    const Duration original = Seconds(arrival.tokens[TokenKind::kInput].count() - 1);
    EXPECT_GE(arrival.at, original);
    EXPECT_LT(arrival.at, original + kCopyScatter);
  }
}

}  // namespace
}  // namespace penstock::sim
