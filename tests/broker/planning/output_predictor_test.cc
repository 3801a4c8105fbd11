#include "broker/planning/output_predictor.h"

#include <gtest/gtest.h>

namespace penstock::planning {
namespace {

constexpr TenantId kShop{1};
constexpr PoolId kChat{1};

TEST(OutputPredictor, PlansNothingUntilItHasSeenEnough) {
  OutputPredictor predictor;
  for (int i = 0; i < OutputPredictor::kEnough - 1; ++i) predictor.Observe(kShop, kChat, Tokens(100));
  EXPECT_TRUE(predictor.TakePlan().predicted_outputs.empty());
  predictor.Observe(kShop, kChat, Tokens(100));
  EXPECT_EQ(predictor.TakePlan().predicted_outputs.size(), 1u);
}

TEST(OutputPredictor, CoversNineInTenWithinABinsWidth) {
  OutputPredictor predictor;
  for (int64_t tokens = 1; tokens <= 1'000; ++tokens) predictor.Observe(kShop, kChat, Tokens(tokens));
  const core::SetPlan plan = predictor.TakePlan();
  ASSERT_EQ(plan.predicted_outputs.size(), 1u);
  EXPECT_GE(plan.predicted_outputs[0].tokens, Tokens(890));
  EXPECT_LE(plan.predicted_outputs[0].tokens, Tokens(1'080)) << "a bin is 19 % wide";
}

TEST(OutputPredictor, SaysNothingTwice) {
  OutputPredictor predictor;
  for (int i = 0; i < 50; ++i) predictor.Observe(kShop, kChat, Tokens(100));
  EXPECT_FALSE(predictor.TakePlan().predicted_outputs.empty());
  predictor.Observe(kShop, kChat, Tokens(100));
  EXPECT_TRUE(predictor.TakePlan().predicted_outputs.empty());
}

TEST(OutputPredictor, FollowsATenantWhoseAnswersGrow) {
  OutputPredictor predictor;
  for (int i = 0; i < 5'000; ++i) predictor.Observe(kShop, kChat, Tokens(50));
  const Tokens before = predictor.TakePlan().predicted_outputs[0].tokens;
  for (int i = 0; i < 5'000; ++i) predictor.Observe(kShop, kChat, Tokens(800));
  const Tokens after = predictor.TakePlan().predicted_outputs[0].tokens;
  EXPECT_LE(before, Tokens(60));
  EXPECT_GE(after, Tokens(750));
}

TEST(OutputPredictor, KeepsTenantsApart) {
  OutputPredictor predictor;
  for (int i = 0; i < 50; ++i) predictor.Observe(kShop, kChat, Tokens(100));
  for (int i = 0; i < 50; ++i) predictor.Observe(TenantId{2}, kChat, Tokens(10));
  const core::SetPlan plan = predictor.TakePlan();
  ASSERT_EQ(plan.predicted_outputs.size(), 2u);
  EXPECT_GT(plan.predicted_outputs[0].tokens, plan.predicted_outputs[1].tokens);
}

}  // namespace
}  // namespace penstock::planning
