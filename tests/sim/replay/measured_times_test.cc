#include "sim/replay/measured_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

constexpr Instant kNow(1'000'000'000);

std::shared_ptr<const std::vector<MeasuredTime>> Times(std::vector<MeasuredTime> times) {
  return std::make_shared<const std::vector<MeasuredTime>>(std::move(times));
}

TEST(MeasuredTimes, GivesEveryRequestItsOwnTimesWhateverRunsBesideIt) {
  MeasuredTimes fleet(Times({{Milliseconds(100), Seconds(2)}, {Milliseconds(50), Seconds(1)}}));
  fleet.Submit({.id = 7, .generate = Tokens(20), .number = 0}, kNow);
  fleet.Submit({.id = 8, .generate = Tokens(10), .number = 1}, kNow);
  EXPECT_EQ(fleet.running(), 2);
  EXPECT_EQ(fleet.NextEvent(), kNow + Milliseconds(50));
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(kNow + Seconds(2), &events);
  EXPECT_THAT(events,
              testing::ElementsAre(FleetEvent{FleetEvent::Kind::kFirstToken, 8, kNow + Milliseconds(50), Tokens(1)},
                                   FleetEvent{FleetEvent::Kind::kFirstToken, 7, kNow + Milliseconds(100), Tokens(1)},
                                   FleetEvent{FleetEvent::Kind::kFinished, 8, kNow + Seconds(1), Tokens(10)},
                                   FleetEvent{FleetEvent::Kind::kFinished, 7, kNow + Seconds(2), Tokens(20)}));
  EXPECT_EQ(fleet.running(), 0);
  EXPECT_EQ(fleet.NextEvent(), Instant::Max());
}

TEST(MeasuredTimes, TellsNoFirstTokenWhereNoneWasTold) {
  MeasuredTimes fleet(Times({{std::nullopt, Seconds(1)}}));
  fleet.Submit({.id = 1, .generate = Tokens(1), .number = 0}, kNow);
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(kNow + Seconds(1), &events);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, FleetEvent::Kind::kFinished);
}

TEST(MeasuredTimes, ACancelledRequestHasMadeItsShareAndSaysNothingMore) {
  MeasuredTimes fleet(Times({{Seconds(1), Seconds(3)}, {Seconds(1), Seconds(3)}}));
  fleet.Submit({.id = 1, .generate = Tokens(100), .number = 0}, kNow);
  fleet.Submit({.id = 2, .generate = Tokens(100), .number = 1}, kNow);
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(kNow + Seconds(1), &events);
  EXPECT_EQ(fleet.Cancel(1, kNow + Seconds(2)), Tokens(50));
  EXPECT_EQ(fleet.Cancel(1, kNow + Seconds(2)), std::nullopt);
  events.clear();
  fleet.AdvanceTo(kNow + Seconds(3), &events);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].id, 2u);
}

}  // namespace
}  // namespace penstock::sim
