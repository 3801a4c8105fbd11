#include "sim/fleet/fixed_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

using ::testing::ElementsAre;
using Kind = FleetEvent::Kind;

constexpr Instant kStart(1'000'000'000);
constexpr FixedTimesTerms kTerms = {Milliseconds(10), Microseconds(100), Milliseconds(5)};

Instant At(Duration since_start) { return kStart + since_start; }
FleetRequest Request(uint64_t id, int64_t input, int64_t generate) {
  return {id, Tokens(input), Tokens(1'000), Tokens(generate)};
}

TEST(FixedTimes, ARequestTakesWhatItsTokensSayWhoeverElseRuns) {
  FixedTimes fleet(kTerms, kStart);
  for (uint64_t id = 1; id <= 2; ++id) fleet.Submit(Request(id, 100, 3), kStart);
  std::vector<FleetEvent> events;
  EXPECT_EQ(fleet.NextEvent(), At(Milliseconds(20)));
  fleet.AdvanceTo(At(Milliseconds(30)), &events);
  EXPECT_THAT(events, ElementsAre(FleetEvent{Kind::kFirstToken, 1, At(Milliseconds(20)), Tokens(1)},
                                  FleetEvent{Kind::kFirstToken, 2, At(Milliseconds(20)), Tokens(1)},
                                  FleetEvent{Kind::kFinished, 1, At(Milliseconds(30)), Tokens(3)},
                                  FleetEvent{Kind::kFinished, 2, At(Milliseconds(30)), Tokens(3)}));
  EXPECT_EQ(fleet.NextEvent(), Instant::Max());
  fleet.AdvanceTo(At(Milliseconds(60)), &events);
  EXPECT_DOUBLE_EQ(fleet.BusyFraction(), 0.5);
}

TEST(FixedTimes, ACancelledRequestHasMadeWhatItHadTimeFor) {
  FixedTimes fleet(kTerms, kStart);
  fleet.Submit(Request(1, 100, 10), kStart);
  fleet.Submit(Request(2, 100, 10), kStart);
  EXPECT_EQ(fleet.Cancel(1, At(Milliseconds(19))), Tokens(0));
  EXPECT_EQ(fleet.Cancel(2, At(Milliseconds(31))), Tokens(3));
  EXPECT_EQ(fleet.Cancel(2, At(Milliseconds(31))), std::nullopt);
  EXPECT_EQ(fleet.running(), 0);
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Seconds(1)), &events);
  EXPECT_THAT(events, ElementsAre(FleetEvent{Kind::kFirstToken, 2, At(Milliseconds(20)), Tokens(1)}));
}

TEST(FixedTimes, AnIdMayComeAgainAfterItsRequestIsGone) {
  FixedTimes fleet(kTerms, kStart);
  fleet.Submit(Request(1, 100, 2), kStart);
  fleet.Cancel(1, At(Milliseconds(1)));
  fleet.Submit(Request(1, 0, 1), At(Milliseconds(2)));
  std::vector<FleetEvent> events;
  fleet.SetReplicas(3, At(Seconds(1)));
  fleet.AdvanceTo(At(Seconds(1)), &events);
  EXPECT_THAT(events, ElementsAre(FleetEvent{Kind::kFirstToken, 1, At(Milliseconds(12)), Tokens(1)},
                                  FleetEvent{Kind::kFinished, 1, At(Milliseconds(12)), Tokens(1)}));
}

}  // namespace
}  // namespace penstock::sim
