// What the demo says while it runs: figures, phrases, the live table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "broker/cli/demo/figures.h"
#include "broker/cli/demo/live_view.h"
#include "broker/cli/demo/phrases.h"

namespace penstock::cli::demo {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Phrases, SayTimesWithTheDigitsThatMatter) {
  EXPECT_EQ(Spent(0), "0.0 ms");
  EXPECT_EQ(Spent(9'940'000), "9.9 ms");
  EXPECT_EQ(Spent(12'400'000), "12 ms");
  EXPECT_EQ(Spent(999'600'000), "1.00 s");
}

TEST(Phrases, NeverSayZeroPercentOfWhatIsThere) {
  EXPECT_EQ(Percent(0, 10), "0 %");
  EXPECT_EQ(Percent(1, 1'000), "under 1 %");
  EXPECT_EQ(Percent(1, 3), "33 %");
  EXPECT_EQ(Percent(0, 0), "0 %");
}

TEST(Phrases, PutTheMostFrequentReasonFirst) {
  EXPECT_EQ(Reasons({{"queue_full", 1'412}, {"rate_limit", 2'000}, {"wait_expired", 38}}),
            "rate 2,000, full 1,412, expired 38");
}

TEST(Phrases, WrapBetweenWords) {
  const std::string long_word(kLineWidth - 2, 'x');
  EXPECT_EQ(Wrapped("a b"), "a b\n");
  EXPECT_EQ(Wrapped("a " + long_word + " b"), "a " + long_word + "\nb\n");
}

TEST(ThroughputTest, IsTheWorkOfTheLastSecond) {
  Throughput throughput;
  for (int64_t quarter = 0; quarter <= 8; ++quarter) {
    throughput.Note(Instant(quarter * 250'000'000), Work(quarter * 100));
  }
  EXPECT_EQ(throughput.milli_nt_per_second(), 400);
}

TEST(ThroughputTest, RemembersItsPeak) {
  Throughput throughput;
  throughput.Note(Instant(0), Work(0));
  throughput.Note(Instant(1'000'000'000), Work(900));
  throughput.Note(Instant(2'000'000'000), Work(1'000));
  EXPECT_EQ(throughput.milli_nt_per_second(), 100);
  EXPECT_EQ(throughput.peak_milli_nt_per_second(), 900);
}

TEST(ThroughputTest, DoesNotMultiplyTheFirstMoments) {
  Throughput throughput;
  throughput.Note(Instant(0), Work(0));
  throughput.Note(Instant(1'000'000), Work(500));
  EXPECT_EQ(throughput.peak_milli_nt_per_second(), 500);
}

class LiveViewTest : public testing::Test {
 protected:
  LiveViewTest() {
    core::PoolSettings pool;
    pool.terms.capacity = NormalizedTokensPerSecond(1'000);
    setup_.settings.pools = {pool};
    setup_.tenants = {{.name = "acme", .tier = Tier::kReserved}, {.name = "gadfly", .tier = Tier::kFree}};
    setup_.flood = {.tenant = 1, .from = Seconds(15), .to = Seconds(30), .times = 10};
    pool_.set_max_in_flight(100);
    v1::ClassStatus* free = pool_.add_classes();
    free->set_service_class(v1::SERVICE_CLASS_FREE);
    free->set_waiting(123);
  }

  Moment At(Duration elapsed) {
    return {.elapsed = elapsed, .traffic_over = false, .in_line = 0, .running = 0, .pool = &pool_};
  }

  demo::Setup setup_;
  v1::Pool pool_;
  Figures figures_{2};
  Options options_;
};

TEST_F(LiveViewTest, NamesWhoFloodsAndHowLongTheLineIs) {
  EXPECT_THAT(RenderMoment(figures_, At(Seconds(1)), setup_, options_), HasSubstr("calm; gadfly floods from 0:15"));
  const std::string text = RenderMoment(figures_, At(Seconds(20)), setup_, options_);
  EXPECT_THAT(text, HasSubstr("FLOOD: gadfly sends 10 times its usual traffic"));
  EXPECT_THAT(text, HasSubstr(" 123 "));
}

TEST_F(LiveViewTest, ATableIsDrawnOverTheOneBefore) {
  std::ostringstream err;
  LiveView view(err, /*is_terminal=*/true, /*colour=*/false, setup_, options_);
  view.Show(figures_, At(Seconds(1)));
  const std::string first = err.str();
  EXPECT_THAT(first, StartsWith("penstock demo"));
  err.str("");
  view.Show(figures_, At(Seconds(2)));
  EXPECT_THAT(err.str(), StartsWith("\x1b["));
}

TEST_F(LiveViewTest, WithoutATerminalThereIsAPlainLineEveryFewSeconds) {
  std::ostringstream err;
  LiveView view(err, /*is_terminal=*/false, /*colour=*/false, setup_, options_);
  for (int64_t tick = 0; tick < 24; ++tick) view.Show(figures_, At(Milliseconds(250 * tick)));
  const std::string text = err.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace penstock::cli::demo
