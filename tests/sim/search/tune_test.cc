// Tuning on models whose best tariff is known.
#include "sim/search/tune.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/distributions.h"
#include "sim/search/state_text.h"
#include "sim/tariffs/simple_tariffs.h"
#include "tests/sim/tariffs/spaces.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;

double TokenPrice(const ledger::Tariff& tariff) {
  return static_cast<double>(tariff.pools[0].by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput]) /
         1'000;
}

double Squared(double x) { return x * x; }

// Noise of a seed: much that is the same for every tariff, a little that is the tariff's own.
double Noise(const ledger::Tariff& tariff, uint64_t seed) {
  Random shared{Scramble(seed)};
  Random own{Scramble(Scramble(seed) + static_cast<uint64_t>(TokenPrice(tariff) * 1'000))};
  return 10 * Normal(shared) + 0.2 * Normal(own);
}

// Revenue is best, 100, with a coincident charge of 4,000 and tokens at 900; at most 60 without that charge. Dear
// tokens keep load away, which is good for the service level; the charge lowers cross-subsidy.
Evaluation Market(const ledger::Tariff& tariff, double noise) {
  const std::vector<ledger::DemandCharge>& demand = tariff.pools[0].demand;
  const bool coincident = !demand.empty() && demand[0].rule == ledger::DemandRule::kCoincident;
  const double price = std::log(TokenPrice(tariff) / 900);
  Evaluation evaluation;
  evaluation.revenue = 60 - 50 * Squared(price) + noise;
  evaluation.cross_subsidy = 0.4;
  if (coincident) {
    const double charge = std::log(static_cast<double>(demand[0].steps[0].price) / 4'000);
    evaluation.revenue += 40 / (1 + Squared(charge));
    evaluation.cross_subsidy = 0.1 + 0.3 / (1 + std::exp(2 * charge));
  }
  evaluation.service_level = 0.9 + 0.05 * price;
  evaluation.welfare = 100 - 30 * price;
  evaluation.revenue_per_capacity = evaluation.revenue / 10;
  return evaluation;
}

// Only the token price matters.
Evaluation FlatMarket(const ledger::Tariff& tariff, double noise) {
  Evaluation evaluation;
  evaluation.revenue = 60 - 50 * Squared(std::log(TokenPrice(tariff) / 900)) + noise;
  evaluation.service_level = 1;
  return evaluation;
}

using MarketModel = Evaluation (*)(const ledger::Tariff&, double noise);

TuneModels ModelsOf(MarketModel market) {
  const TariffSpaceTerms space = WholeSpace();
  TuneModels models;
  models.space = TariffSpace(space).Family("tuned");
  models.baselines = {FlatPrices(space.frame, space.token_price)};
  models.screen = [=](const ledger::Tariff& tariff, uint64_t) { return market(tariff, 0); };
  models.full = [=](const ledger::Tariff& tariff, uint64_t seed) { return market(tariff, Noise(tariff, seed)); };
  models.hold_out = models.full;
  return models;
}

TuneTerms Terms() {
  TuneTerms terms;
  terms.objective = Objective::kRevenue;
  terms.screen_budget = 2'500;
  return terms;
}

std::string Text(const Evaluation& evaluation) {
  return absl::StrCat(ExactText(evaluation.revenue), " ", ExactText(evaluation.service_level), " ",
                      ExactText(evaluation.cross_subsidy), " ", ExactText(evaluation.welfare));
}

std::string Text(const Estimate& estimate) {
  return absl::StrCat(ExactText(estimate.mean), " +- ", ExactText(estimate.half_width));
}

std::string Text(const Standing& standing) {
  std::string text = absl::StrCat(standing.tariff.family, ":");
  for (const AxisReading& reading : standing.tariff.reading) absl::StrAppend(&text, " ", reading.value, ",");
  absl::StrAppend(&text, "\n", Text(standing.tariff.screen), "\n", Text(standing.training), "\n",
                  Text(standing.held_out), "\n", Text(standing.winner_gains_held_out), "\n",
                  Text(standing.winner_gains_in_training), "\n", standing.verdict, "\n");
  return text;
}

// All that a report would show.
std::string Text(const TuneResult& result) {
  std::string text = Text(result.winner);
  for (const Standing& baseline : result.baselines) text += Text(baseline);
  for (const TunedTariff& point : result.front) absl::StrAppend(&text, Text(point.screen), "\n");
  for (const TornadoBar& bar : result.tornado) {
    absl::StrAppend(&text, bar.winner.name, " ", ExactText(bar.value_at_low), " ", ExactText(bar.value_at_high), "\n");
  }
  for (const HistoryPoint& point : result.history) {
    absl::StrAppend(&text, point.evaluations, " ", ExactText(point.best.value_or(-1)), "\n");
  }
  absl::StrAppend(&text, ExactText(result.rank_correlation), " ", ExactText(result.finalists_rank_correlation), " ",
                  result.evaluations, " ", result.verdict, "\n");
  return text;
}

TuneResult Tuned(const TuneTerms& terms, const TuneModels& models) {
  absl::StatusOr<TuneResult> result = Tune(terms, models, {});
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

TEST(Tuning, FindsTheBestTariffAndSaysThatItBeatsTheFlatPrice) {
  const TuneResult result = Tuned(Terms(), ModelsOf(Market));
  EXPECT_NEAR(TokenPrice(result.winner.tariff.tariff), 900, 40);
  EXPECT_GT(result.winner.tariff.screen.revenue, 99);
  EXPECT_NEAR(result.baselines[0].tariff.screen.revenue, 60, 1e-3);
  EXPECT_NEAR(result.baselines[0].winner_gains_held_out.mean, 40, 1.5);
  EXPECT_LT(result.baselines[0].winner_gains_held_out.half_width, 1.5) << "paired by seed, the shared noise is gone";
  EXPECT_GT(result.winner.held_out_value.half_width, 3);
  EXPECT_THAT(result.baselines[0].verdict, HasSubstr("the tuned tariff beats flat price on hold-out (revenue: "));
  EXPECT_GT(result.rank_correlation, 0.95);
}

TEST(Tuning, HasTheFlatPriceAndRandomSearchToCompareWith) {
  const TuneResult result = Tuned(Terms(), ModelsOf(Market));
  ASSERT_EQ(result.baselines.size(), 2u);
  EXPECT_EQ(result.baselines[0].tariff.family, "flat price");
  EXPECT_EQ(result.baselines[1].tariff.family, "random search");
  EXPECT_GT(result.winner.tariff.screen.revenue, result.baselines[1].tariff.screen.revenue);
}

TEST(Tuning, KeepsConstraintsFirst) {
  // A service level of 0.92 needs tokens at 900 e^0.4; revenue is 100 - 50 x 0.16 there.
  TuneTerms terms = Terms();
  terms.constraints.least_service_level = 0.92;
  const TuneResult result = Tuned(terms, ModelsOf(Market));
  EXPECT_GE(result.winner.tariff.screen.service_level, 0.92);
  EXPECT_NEAR(TokenPrice(result.winner.tariff.tariff), 900 * std::exp(0.4), 60);
  EXPECT_NEAR(result.winner.tariff.screen.revenue, 92, 2);
  EXPECT_LE(result.winner.held_out_shortfall, 0);
}

TEST(Tuning, KeepsConstraintsWhereTheScreenIsTooSureOfThem) {
  TuneTerms terms = Terms();
  terms.constraints.least_service_level = 0.92;
  TuneModels models = ModelsOf(Market);
  models.screen = [](const ledger::Tariff& tariff, uint64_t) {
    Evaluation evaluation = Market(tariff, 0);
    evaluation.service_level += 0.012;
    return evaluation;
  };
  const TuneResult result = Tuned(terms, models);
  EXPECT_LE(result.winner.held_out_shortfall, 0);
  EXPECT_LE(result.baselines[0].held_out_shortfall, 0);
  EXPECT_GT(result.winner.tariff.screen.revenue, 83) << "no dearer than it takes";
}

TEST(Tuning, IsNoWorseInTrainingThanTheSimpleTariffsOfItsSpace) {
  // The screen believes in a demand charge; in truth whoever is charged one leaves.
  TuneModels models = ModelsOf(Market);
  models.full = models.hold_out = [](const ledger::Tariff& tariff, uint64_t seed) {
    Evaluation evaluation = Market(tariff, Noise(tariff, seed));
    if (!tariff.pools[0].demand.empty()) evaluation.revenue -= 70;
    return evaluation;
  };
  const TuneResult result = Tuned(Terms(), models);
  EXPECT_TRUE(result.winner.tariff.tariff.pools[0].demand.empty());
  EXPECT_EQ(TokenPrice(result.winner.tariff.tariff), TokenPrice(result.baselines[0].tariff.tariff));
  EXPECT_EQ(result.baselines[0].winner_gains_in_training.mean, 0);
  EXPECT_EQ(result.baselines[0].winner_gains_held_out.mean, 0);
  EXPECT_EQ(result.baselines[0].outcome, Outcome::kUndecided);
}

TEST(Tuning, DoesNotWinByBreakingConstraintsThatTheOtherKeeps) {
  TuneTerms terms = Terms();
  terms.constraints.least_service_level = 0.92;
  TuneModels models = ModelsOf(Market);
  models.hold_out = [](const ledger::Tariff& tariff, uint64_t seed) {
    Evaluation evaluation = Market(tariff, Noise(tariff, seed));
    evaluation.service_level = tariff.pools[0].demand.empty() ? 0.925 : seed % 2 == 0 ? 0.935 : 0.895;
    return evaluation;
  };
  const TuneResult result = Tuned(terms, models);
  EXPECT_GT(result.baselines[0].winner_gains_held_out.low(), 0);
  EXPECT_EQ(result.baselines[0].outcome, Outcome::kUndecided);
  EXPECT_THAT(result.baselines[0].verdict, HasSubstr("on average it misses constraints that the other keeps"));
  EXPECT_THAT(result.verdict, HasSubstr("It misses the constraints there by 0.5 points, which may be chance."));
}

TEST(Tuning, ASearchWithoutRandomSearchFindsTheSame) {
  TuneTerms terms = Terms();
  const TuneResult with = Tuned(terms, ModelsOf(Market));
  terms.random_search = false;
  const TuneResult result = Tuned(terms, ModelsOf(Market));
  ASSERT_EQ(result.baselines.size(), 1u);
  EXPECT_EQ(result.winner.tariff.shares, with.winner.tariff.shares);
  EXPECT_EQ(Text(result.winner.held_out), Text(with.winner.held_out));
}

TEST(Tuning, ABoundOnCrossSubsidyMovesTheCharge) {
  TuneTerms terms = Terms();
  terms.constraints.most_cross_subsidy = 0.2;
  const TuneResult result = Tuned(terms, ModelsOf(Market));
  EXPECT_LE(result.winner.tariff.screen.cross_subsidy, 0.2);
  EXPECT_GT(result.winner.tariff.tariff.pools[0].demand.at(0).steps[0].price, 5'000);
  EXPECT_THAT(result.baselines[0].verdict,
              HasSubstr("flat price clearly misses the constraints, and the tuned tariff does not"));
}

TEST(Tuning, SaysSoWhenItDoesNotBeatABaseline) {
  const TuneResult result = Tuned(Terms(), ModelsOf(FlatMarket));
  EXPECT_THAT(result.baselines[0].verdict, HasSubstr("the tuned tariff does not clearly beat flat price on hold-out"));
  EXPECT_THAT(result.verdict, HasSubstr("The tuned tariff does not beat flat price"));
}

TEST(Tuning, SaysSoWhenItLosesOnHoldOut) {
  TuneModels models = ModelsOf(Market);
  models.hold_out = [](const ledger::Tariff& tariff, uint64_t seed) {
    Evaluation evaluation = Market(tariff, Noise(tariff, seed));
    if (!tariff.pools[0].demand.empty()) evaluation.revenue -= 70;  // those customers leave
    return evaluation;
  };
  const TuneResult result = Tuned(Terms(), models);
  EXPECT_THAT(result.baselines[0].verdict, HasSubstr("does not beat flat price on hold-out, it loses to it"));
}

TEST(Tuning, SaysWhenTheScreenRanksOtherwiseThanTheFullModel) {
  TuneModels models = ModelsOf(Market);
  models.screen = [](const ledger::Tariff& tariff, uint64_t) {
    Evaluation evaluation = Market(tariff, 0);
    evaluation.revenue *= -1;
    return evaluation;
  };
  EXPECT_LT(Tuned(Terms(), models).rank_correlation, -0.95);
}

TEST(Tuning, ShowsWhatEachAxisDoes) {
  const TuneResult result = Tuned(Terms(), ModelsOf(Market));
  ASSERT_EQ(result.tornado.size(), 8u);
  EXPECT_EQ(result.tornado[0].winner.name, "token price");
  for (const TornadoBar& bar : result.tornado) {
    EXPECT_LE(bar.value_at_low, result.winner_on_screen + 0.5) << bar.winner.name;
    EXPECT_LE(bar.value_at_high, result.winner_on_screen + 0.5) << bar.winner.name;
  }
}

TEST(Tuning, HistoryOnlyGetsBetter) {
  const TuneResult result = Tuned(Terms(), ModelsOf(Market));
  ASSERT_GT(result.history.size(), 10u);
  for (size_t i = 1; i < result.history.size(); ++i) {
    EXPECT_GE(*result.history[i].best, *result.history[i - 1].best);
    EXPECT_GT(result.history[i].evaluations, result.history[i - 1].evaluations);
  }
  EXPECT_LE(result.history.back().evaluations, 2'500u);
}

TEST(Tuning, AFrontHoldsCompromises) {
  TuneTerms terms = Terms();
  terms.front = true;
  const TuneResult result = Tuned(terms, ModelsOf(Market));
  EXPECT_GT(result.front.size(), 10u);
  double least = 1;
  double most = 0;
  for (const TunedTariff& point : result.front) {
    least = std::min(least, point.screen.cross_subsidy);
    most = std::max(most, point.screen.cross_subsidy);
  }
  EXPECT_LT(least, 0.12);
  EXPECT_GT(most, 0.2);
  EXPECT_GT(result.winner.tariff.screen.revenue, 90);
}

TEST(Tuning, DoesNotDependOnWhatRunsAtTheSameTime) {
  TuneModels models = ModelsOf(Market);
  const std::string one = Text(Tuned(Terms(), models));
  models.parallel = [](size_t count, const std::function<void(size_t)>& job) {
    for (size_t i = count; i > 0; --i) job(i - 1);
  };
  EXPECT_EQ(Text(Tuned(Terms(), models)), one);
}

TEST(Tuning, AnotherSeedSearchesElsewhereAndFindsTheSame) {
  TuneTerms terms = Terms();
  terms.seed = 99;
  const TuneResult result = Tuned(terms, ModelsOf(Market));
  EXPECT_GT(result.winner.tariff.screen.revenue, 99);
  EXPECT_NE(Text(result), Text(Tuned(Terms(), ModelsOf(Market))));
}

TEST(Tuning, GoesOnAfterAnInterruptionWithTheSameBytes) {
  TuneTerms terms = Terms();
  terms.screen_budget = 400;
  const TuneModels models = ModelsOf(Market);
  std::string lines;
  const auto whole = Tune(terms, models, {.checkpoint = [&](std::string_view more) { lines += more; }});
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const size_t part : {0u, 1u, 7u, 35u, 72u, 90u, 99u, 100u}) {
    const std::string cut = lines.substr(0, lines.size() * part / 100);
    std::string kept(WholeLines(cut));
    const std::string resumed = kept;
    TuneWatch watch{.checkpoint = [&](std::string_view more) { kept += more; }, .resumed = resumed};
    const auto result = Tune(terms, models, watch);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(Text(*result), Text(*whole)) << part << " %";
    EXPECT_EQ(kept, lines) << part << " %";
  }
}

TEST(Tuning, EvaluatesNothingTwiceAfterAnInterruption) {
  TuneTerms terms = Terms();
  terms.screen_budget = 400;
  TuneModels models = ModelsOf(Market);
  std::string lines;
  ASSERT_TRUE(Tune(terms, models, {.checkpoint = [&](std::string_view more) { lines += more; }}).ok());
  size_t evaluated = 0;
  models.screen = models.full = models.hold_out = [&](const ledger::Tariff& tariff, uint64_t) {
    ++evaluated;
    return Market(tariff, 0);
  };
  ASSERT_TRUE(Tune(terms, models, {.resumed = lines}).ok());
  EXPECT_EQ(evaluated, 0u);
}

TEST(Tuning, RefusesLinesOfAnotherRun) {
  TuneTerms terms = Terms();
  terms.screen_budget = 400;
  const TuneModels models = ModelsOf(Market);
  std::string lines;
  ASSERT_TRUE(Tune(terms, models, {.checkpoint = [&](std::string_view more) { lines += more; }}).ok());
  terms.seed = 2;
  const auto result = Tune(terms, models, {.resumed = lines});
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("they belong to another scenario, budget or seed"));
}

TEST(Tuning, TellsHowFarItIs) {
  std::vector<TuneProgress> told;
  ASSERT_TRUE(Tune(Terms(), ModelsOf(Market), {.progress = [&](const TuneProgress& p) { told.push_back(p); }}).ok());
  EXPECT_EQ(told.front().phase, "flat price");
  EXPECT_EQ(told.back().phase, "sensitivity");
  EXPECT_EQ(told.back().phases_done + 1, told.back().phases);
  for (const TuneProgress& progress : told) EXPECT_LE(progress.done, progress.of);
}

}  // namespace
}  // namespace penstock::sim
