// What charts are made of: ticks, axes, labels, thinned curves, escaped text.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "sim/report/axis.h"
#include "sim/report/curve_chart.h"
#include "sim/report/label_placement.h"
#include "sim/report/markup.h"
#include "sim/report/thinning.h"
#include "sim/report/ticks.h"
#include "sim/report/utf8.h"

namespace penstock::sim::report {
namespace {

const Unit kNumber{};
const Unit kShare{Measure::kShare, ""};
const Unit kSeconds{Measure::kSeconds, ""};
const Unit kHours{Measure::kHours, ""};

std::string LabelsOf(const std::vector<Tick>& ticks) {
  std::string labels;
  for (const Tick& tick : ticks) labels += (labels.empty() ? "" : "|") + tick.label;
  for (size_t at = 0; (at = labels.find("\u00A0", at)) != std::string::npos;) labels.replace(at, 2, " ");
  return labels;
}

TEST(Ticks, AreMultiplesOfOneTwoOrFiveThatCoverTheValues) {
  EXPECT_EQ(LabelsOf(LinearTicks(0, 9.3, 5, kNumber)), "0|2|4|6|8|10");
  EXPECT_EQ(LabelsOf(LinearTicks(-0.03, 0.12, 5, kShare)), "−5 %|0 %|5 %|10 %|15 %");
  EXPECT_EQ(LabelsOf(LinearTicks(0, 1.21e6, 6, {Measure::kMoney, "USD"})), "0|0.5 M|1.0 M|1.5 M");
  EXPECT_EQ(LabelsOf(LinearTicks(0, 3800, 5, kNumber)), "0|1,000|2,000|3,000|4,000");
}

TEST(Ticks, OfTimeFollowTheClock) {
  EXPECT_EQ(LabelsOf(LinearTicks(0, 24, 5, kHours)), "0|6 h|12 h|18 h|24 h");
  EXPECT_EQ(LabelsOf(LinearTicks(0, 168, 8, kHours)), "0|1 d|2 d|3 d|4 d|5 d|6 d|7 d");
  EXPECT_EQ(LabelsOf(LinearTicks(0, 0.08, 5, kSeconds)), "0|20 ms|40 ms|60 ms|80 ms");
}

TEST(Ticks, OfOneValueStillSpanAnAxis) {
  EXPECT_EQ(LabelsOf(LinearTicks(0, 0, 5, kNumber)), "0|0.2|0.4|0.6|0.8|1.0");
  const std::vector<Tick> around = LinearTicks(7, 7, 5, kNumber);
  EXPECT_LT(around.front().value, 7);
  EXPECT_GT(around.back().value, 7);
  EXPECT_LE(LinearTicks(1e9, std::nextafter(1e9, 2e9), 5, kNumber).size(), 8u);
}

TEST(Ticks, OfManySizesCoverTheirRangeAndAreFew) {
  for (int exponent = -9; exponent <= 12; ++exponent) {
    for (double factor : {1.0, 1.7, 3.3, 9.99}) {
      const double high = factor * std::pow(10, exponent);
      const std::vector<Tick> ticks = LinearTicks(-high / 3, high, 5, kNumber);
      EXPECT_LE(ticks.front().value, -high / 3 * (1 - 1e-9)) << high;
      EXPECT_GE(ticks.back().value, high * (1 - 1e-9)) << high;
      EXPECT_LE(ticks.size(), 8u) << high;
      EXPECT_GE(ticks.size(), 3u) << high;
    }
  }
}

TEST(Ticks, OfALogAxisArePowersOfTenWithTwoAndFiveWhereThereAreFew) {
  EXPECT_EQ(LabelsOf(LogTicks(1, 90, 9, kNumber)), "1|2|5|10|20|50|100");
  EXPECT_EQ(LabelsOf(LogTicks(1e-4, 1000, 9, kSeconds)), "100 µs|1 ms|10 ms|100 ms|1 s|10 s|100 s|1,000 s");
  EXPECT_EQ(LabelsOf(LogTicks(1e-6, 1, 4, kShare)), "0.0001 %||0.01 %||1 %||100 %");
}

TEST(Ticks, OfALogAxisEndNearTheValues) {
  const std::vector<Tick> ticks = LogTicks(0.06, 150, 4, kNumber);
  EXPECT_DOUBLE_EQ(ticks.front().value, 0.05);
  EXPECT_DOUBLE_EQ(ticks.back().value, 200);
}

TEST(Axes, PutValuesBetweenZeroAndOne) {
  const Axis linear = Axis::Linear("", kNumber, {0, 10, false}, 5);
  EXPECT_DOUBLE_EQ(linear.Position(5), 0.5);
  EXPECT_DOUBLE_EQ(linear.Position(-3), 0);
  EXPECT_DOUBLE_EQ(linear.Position(30), 1);
  EXPECT_DOUBLE_EQ(linear.Position(std::nan("")), 0);
  const Axis log = Axis::Log("", kNumber, {1, 100, false}, 5);
  EXPECT_DOUBLE_EQ(log.Position(10), 0.5);
  EXPECT_DOUBLE_EQ(log.Position(0), 0);
}

TEST(Axes, OfNothingStillHaveTicks) {
  EXPECT_GT(Axis::Linear("", kNumber, {}, 5).ticks().size(), 2u);
  EXPECT_GT(Axis::Log("", kNumber, {}, 5).ticks().size(), 1u);
}

TEST(Labels, NeverCoverEachOtherOrLeaveTheChart) {
  const Box inside{0, 0, 200, 100};
  LabelPlacement placement(inside);
  std::vector<Box> placed;
  for (int i = 0; i < 40; ++i) {
    const std::optional<Box> box = placement.Place(5.0 * i, 50, 60, 15);
    if (!box) continue;
    EXPECT_GE(box->left, inside.left);
    EXPECT_LE(box->right, inside.right);
    for (const Box& other : placed) EXPECT_FALSE(box->Overlaps(other));
    placed.push_back(*box);
  }
  EXPECT_GE(placed.size(), 5u);
  EXPECT_LT(placed.size(), 40u) << "there is no room for forty";
}

TEST(Thinning, KeepsThePeaksAndTheEndsOfALongCurve) {
  std::vector<Point> points;
  for (int i = 0; i < 10000; ++i)
    points.push_back({static_cast<double>(i), i == 4321 ? 99.0 : i == 7777 ? -99.0 : 1.0});
  const std::vector<Point> thinned = Thinned(points, 100);
  EXPECT_LE(thinned.size(), 102u);
  EXPECT_EQ(thinned.front(), points.front());
  EXPECT_EQ(thinned.back(), points.back());
  EXPECT_NE(std::find(thinned.begin(), thinned.end(), points[4321]), thinned.end());
  EXPECT_NE(std::find(thinned.begin(), thinned.end(), points[7777]), thinned.end());
  EXPECT_TRUE(std::is_sorted(thinned.begin(), thinned.end(), [](const Point& a, const Point& b) { return a.x < b.x; }));
}

TEST(Thinning, LeavesOutWhatIsNoNumber) {
  const std::vector<Point> points = {{0, 1}, {1, std::nan("")}, {HUGE_VAL, 2}, {3, 4}};
  EXPECT_EQ(Thinned(points, 100), (std::vector<Point>{{0, 1}, {3, 4}}));
}

TEST(Curves, HaveValuesBetweenTheirPointsOnly) {
  const Curve curve{"", {{1, 10}, {3, 30}}};
  EXPECT_DOUBLE_EQ(*ValueAt(curve, 2), 20);
  EXPECT_DOUBLE_EQ(*ValueAt(curve, 1), 10);
  EXPECT_FALSE(ValueAt(curve, 0.5));
  EXPECT_FALSE(ValueAt(curve, 3.5));
}

TEST(Escaping, LeavesNoMarkupAndNoBrokenText) {
  EXPECT_EQ(Escaped("<script>alert('x' & \"y\")</script>"),
            "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;");
  EXPECT_EQ(Escaped("Zürich 東京 ✓"), "Zürich 東京 ✓");
  EXPECT_EQ(Escaped(std::string_view("a\0b\x1B", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(Escaped("\xC3("), "\uFFFD(");
  EXPECT_EQ(Escaped("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate is not a character";
  EXPECT_EQ(Escaped("\xC0\xBC"), "\uFFFD\uFFFD") << "an overlong form of <";
}

TEST(Coordinates, AreShort) {
  EXPECT_EQ(Coordinate(12.0), "12");
  EXPECT_EQ(Coordinate(12.346), "12.35");
  EXPECT_EQ(Coordinate(-0.001), "0");
  EXPECT_EQ(Coordinate(100), "100");
}

TEST(Text, IsShortenedToItsRoomByWholeCharacters) {
  EXPECT_EQ(Shortened("short", 12, 100), "short");
  const std::string shortened = Shortened("東京東京東京東京東京", 12, 60);
  EXPECT_TRUE(shortened.ends_with("…"));
  EXPECT_LE(TextWidth(shortened, 12), 62);
  EXPECT_EQ(Escaped(shortened), shortened);
}

}  // namespace
}  // namespace penstock::sim::report
