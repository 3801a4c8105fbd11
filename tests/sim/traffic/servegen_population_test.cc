#include "sim/traffic/servegen_population.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

constexpr uint64_t kSeed = 20'260'522;  // printed by the assertions below

const ServeGenPopulation& Large() {
  static const ServeGenPopulation population = *ServeGenPopulation::Shipped("m-large");
  return population;
}

double SquaredVariation(const ServeGenWindow& window) {
  const double k = window.shape;
  if (window.family == GapFamily::kGamma) return 1 / k;
  const double mean = std::tgamma(1 + 1 / k);
  return std::tgamma(1 + 2 / k) / (mean * mean) - 1;
}

/// Requests in the mean over a slice, and four deviations of their number: of a renewal process n x variation squared.
struct Expected {
  double requests = 0;
  double four_sigma = 0;
};

Expected ExpectedOf(const ServeGenPopulation& population, const ServeGenSlice& slice) {
  Expected expected;
  double variance = 0;
  for (size_t i = 0; i < population.clients().size(); ++i) {
    for (const ServeGenWindow& window : population.WindowsOf(i)) {
      const Duration at(window.number * kServeGenWindow.count());
      if (at < slice.from || at >= slice.to) continue;
      const double requests = window.rate * 600 * slice.scale;
      expected.requests += requests;
      variance += requests * std::max(1.0, SquaredVariation(window));
    }
  }
  expected.four_sigma = 4 * std::sqrt(variance);
  return expected;
}

TEST(ServeGenPopulation, ADayOfMLargeHasTheRequestsOfItsRates) {
  const ServeGenSlice day{Days(2), Days(3), 0.01};
  const Expected expected = ExpectedOf(Large(), day);
  EXPECT_GT(expected.requests, 100'000);
  const auto source = Large().AllArrivals(day, 1, {}, Streams(kSeed));
  double requests = 0;
  Duration last;
  while (const auto arrival = source->Next()) {
    ASSERT_GE(arrival->at, last);
    ASSERT_LT(arrival->at, Days(1));
    ASSERT_GE(arrival->tokens[TokenKind::kOutput], Tokens(1));
    ASSERT_GE(arrival->max_output_tokens, arrival->tokens[TokenKind::kOutput].count());
    last = arrival->at;
    ++requests;
  }
  EXPECT_NEAR(requests, expected.requests, expected.four_sigma) << "seed " << kSeed;
  EXPECT_LT(expected.four_sigma, 0.1 * expected.requests);  // the interval says something
}

TEST(ServeGenPopulation, TokensAreThoseOfTheProfile) {
  const ServeGenSlice slice{Days(1), Days(2), 0.02};
  const ArrivalTerms terms{.cached_thousandths = 300, .reasoning_thousandths = 100};
  int tested = 0;
  for (size_t client = 0; client < Large().clients().size(); ++client) {
    const LoadProfile profile = Large().ProfileOf(client, slice, Hours(1), terms);
    ASSERT_EQ(profile.requests.size(), 24u);
    const double requests = std::accumulate(profile.requests.begin(), profile.requests.end(), 0.0);
    if (requests < 3'000) continue;
    ++tested;
    const auto source = Large().ArrivalsOf(client, 5, slice, 1, terms, Streams(kSeed));
    TokenCounts counts;
    double realised = 0;
    while (const auto arrival = source->Next()) {
      counts = counts + arrival->tokens;
      ++realised;
    }
    for (const TokenKind kind : {TokenKind::kInput, TokenKind::kCachedInput, TokenKind::kOutput}) {
      const std::vector<double>& tokens = profile.tokens_of_kind[static_cast<size_t>(kind)];
      const double mean = std::accumulate(tokens.begin(), tokens.end(), 0.0) / requests;
      EXPECT_NEAR(static_cast<double>(counts[kind].count()) / realised, mean, 0.15 * mean + 1)
          << "client " << client << ", " << Name(kind) << ", seed " << kSeed;
    }
  }
  EXPECT_GE(tested, 10);
}

TEST(ServeGenPopulation, LengthsOfAWindowHaveTheTablesMean) {
  const ServeGenSizes& sizes = Large().SizesAt(100, 6 * 36);
  Random random(kSeed);
  double sum = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) sum += sizes.output->Draw(random);
  EXPECT_NEAR(sum / kDraws, sizes.output->mean(), 0.02 * sizes.output->mean()) << "seed " << kSeed;
}

TEST(ServeGenPopulation, MeansOfTheLawsAreThoseOfTheTables) {
  const auto tables =
      ReadServeGenTables({"r", BytesOf(ServeGenRatesCsvZst())}, {"l", BytesOf(ServeGenLengthsCsvZst())}, "m-large");
  ASSERT_TRUE(tables.ok());
  int laws = 0;
  int off = 0;
  for (const ServeGenClient& client : tables->clients) {
    for (const ServeGenLengths& lengths : client.lengths) {
      for (const auto* table : {&lengths.input, &lengths.output}) {
        ++laws;
        off += std::abs(LengthLaw(**table).mean() - (*table)->mean) > 0.01 * (*table)->mean ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(laws, 2 * 3'948);
  EXPECT_LT(off, laws / 100) << "more than 1 % of the laws miss their mean by more than 1 %";
}

TEST(ServeGenPopulation, ClientsWithoutLengthsBorrowThoseOfAll) {
  double borrowed = 0;
  double all = 0;
  int borrowers = 0;
  for (size_t i = 0; i < Large().clients().size(); ++i) {
    const ServeGenPopulation::Client& client = Large().clients()[i];
    all += client.mean_rate;
    if (!client.borrows_sizes) continue;
    ++borrowers;
    borrowed += client.mean_rate;
    for (int64_t window = 0; window < 14 * 144; window += 36) {
      EXPECT_GT(Large().SizesAt(i, window).output->mean(), 1);
    }
  }
  EXPECT_EQ(borrowers, 15);
  EXPECT_NEAR(borrowed / all, 0.37, 0.01);
}

TEST(ServeGenPopulation, EveryModelGeneratesWhatItKnows) {
  const ServeGenSlice hours{Hours(8), Hours(12), 0.05};
  const auto kinds = [&](std::string_view model) {
    const ServeGenPopulation population = *ServeGenPopulation::Shipped(model);
    const auto source = population.AllArrivals(hours, 1, {}, Streams(kSeed));
    TokenCounts counts;
    for (int i = 0; i < 5'000; ++i) {
      const auto arrival = source->Next();
      if (!arrival) break;
      counts = counts + arrival->tokens;
    }
    return counts;
  };
  EXPECT_GT(kinds("m-small")[TokenKind::kInput], Tokens(0));
  EXPECT_GT(kinds("mm-image")[TokenKind::kImage], Tokens(0));
  const TokenCounts reasoning = kinds("deepseek-r1");
  const auto share =
      static_cast<double>(reasoning[TokenKind::kReasoning].count()) / static_cast<double>(Generated(reasoning).count());
  EXPECT_GT(share, 0.4);
  EXPECT_LT(share, 0.9);
}

TEST(ServeGenPopulation, ATenantsArrivalsDependOnTheSeedAndItselfOnly) {
  const ServeGenSlice slice{Days(1), Days(2), 0.001};
  const auto first_hundred = [&](size_t client, uint32_t tenant, uint64_t seed) {
    const auto source = Large().ArrivalsOf(client, tenant, slice, 1, {}, Streams(seed));
    std::vector<Arrival> arrivals;
    for (int i = 0; i < 100; ++i) {
      const auto arrival = source->Next();
      if (arrival) arrivals.push_back(*arrival);
    }
    return arrivals;
  };
  EXPECT_EQ(first_hundred(100, 3, 1), first_hundred(100, 3, 1));
  EXPECT_NE(first_hundred(100, 3, 1), first_hundred(100, 3, 2));
  EXPECT_NE(first_hundred(100, 3, 1), first_hundred(100, 4, 1));
}

TEST(ServeGenPopulation, ProfilesOfFineAndCoarseWindowsAgree) {
  const ServeGenSlice slice{Hours(6), Hours(30), 1};
  const LoadProfile fine = Large().ProfileOf(100, slice, Minutes(5), {});
  const LoadProfile coarse = Large().ProfileOf(100, slice, Hours(7), {});
  EXPECT_EQ(fine.requests.size(), 288u);
  EXPECT_EQ(coarse.requests.size(), 4u);
  EXPECT_NEAR(std::accumulate(fine.requests.begin(), fine.requests.end(), 0.0),
              std::accumulate(coarse.requests.begin(), coarse.requests.end(), 0.0), 1e-6);
  EXPECT_DOUBLE_EQ(fine.requests[0], Large().RateAt(100, 36) * 300);
}

TEST(ServeGenPopulation, KnowsItsSpanAndItsIdleWindows) {
  EXPECT_EQ(Large().span(), Days(14));
  const ServeGenPopulation small = *ServeGenPopulation::Shipped("m-small");
  int silent = 0;
  for (int64_t window = 0; window < 14 * 144; ++window) silent += small.TotalRateAt(window) == 0 ? 1 : 0;
  EXPECT_EQ(silent, 37);
}

}  // namespace
}  // namespace penstock::sim
