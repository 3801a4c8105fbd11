// Whatever happens, a pool never sells what it does not have. tests/long/market_steps runs millions of these steps.
#include <gtest/gtest.h>

#include <random>

#include "tests/broker/core/market_steps.h"

namespace penstock::core {
namespace {

TEST(MarketPropertyTest, NothingIsEverSoldThatIsNotThere) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::map<std::string, int64_t> counts;
  for (uint64_t life = 0; life < 8 && !HasFailure(); ++life) {
    MarketSteps steps(seed + life);
    steps.Run(2'500);
    for (const auto& [what, count] : steps.counts()) counts[what] += count;
  }
  for (const char* what : {"event buy", "event ask_approval", "event approve", "event reject", "event activate",
                           "event complete", "event ask_amend", "event amend", "event cancel", "event sell_back",
                           "event degrade", "event restore", "event suspend", "event resume", "crash and restart",
                           "serve inside", "quote: not sellable", "accept: not sellable"}) {
    EXPECT_GT(counts[what], 0) << what << " never happened";
  }
}

}  // namespace
}  // namespace penstock::core
