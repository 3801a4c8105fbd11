#include "sim/arrival.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::sim {
namespace {

Arrival At(Duration at, uint32_t tenant) {
  Arrival arrival;
  arrival.at = at;
  arrival.tenant = tenant;
  return arrival;
}

std::vector<Arrival> All(ArrivalSource& source) {
  std::vector<Arrival> arrivals;
  while (auto arrival = source.Next()) arrivals.push_back(*std::move(arrival));
  EXPECT_FALSE(source.Next().has_value()) << "the end is the end";
  return arrivals;
}

std::unique_ptr<ArrivalSource> Merged(std::vector<std::vector<Arrival>> lists) {
  std::vector<std::unique_ptr<ArrivalSource>> sources;
  for (std::vector<Arrival>& list : lists) sources.push_back(ArrivalsOf(std::move(list)));
  return MergedArrivals(std::move(sources));
}

TEST(MergedArrivals, ComeByTimeThenInTheOrderOfTheirSources) {
  const auto merged = Merged({{At(Seconds(1), 0), At(Seconds(3), 0)},
                              {},
                              {At(Seconds(1), 2), At(Seconds(1), 2), At(Seconds(2), 2)},
                              {At(Seconds(0), 3), At(Seconds(3), 3)}});
  EXPECT_EQ(All(*merged),
            (std::vector<Arrival>{At(Seconds(0), 3), At(Seconds(1), 0), At(Seconds(1), 2), At(Seconds(1), 2),
                                  At(Seconds(2), 2), At(Seconds(3), 0), At(Seconds(3), 3)}));
}

TEST(MergedArrivals, OfNoSourceAreNone) { EXPECT_TRUE(All(*Merged({})).empty()); }

TEST(LaterArrivals, AreTheSameSoMuchLater) {
  const auto later = Later(ArrivalsOf({At(Seconds(1), 4), At(Seconds(2), 5)}), Minutes(1));
  EXPECT_EQ(All(*later), (std::vector<Arrival>{At(Seconds(61), 4), At(Seconds(62), 5)}));
}

TEST(ListedArrivals, MustBeByTime) {
  EXPECT_DEATH(ArrivalsOf({At(Seconds(2), 0), At(Seconds(1), 0)}), "is_sorted");
}

}  // namespace
}  // namespace penstock::sim
