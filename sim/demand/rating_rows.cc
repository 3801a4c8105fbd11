#include "sim/demand/rating_rows.h"

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "sim/demand/load_profile.h"

namespace penstock::sim {
namespace {

using ledger::DemandCharge;
using ledger::DemandRule;
using ledger::rating::Sample;
using ledger::rating::TokenRow;
using ledger::rating::WorkRow;

/// Of numbers that are not negative.
int64_t Rounded(double value) { return static_cast<int64_t>(value + 0.5); }

bool LooksInside(const DemandCharge& charge, int64_t minutes) {
  const bool maximum = charge.rule == DemandRule::kBlockMaximum || charge.rule == DemandRule::kSlidingMaximum;
  return !maximum || charge.windows % minutes != 0;
}

bool IsEmpty(const TokenCounts& counts) { return counts == TokenCounts(); }

}  // namespace

std::vector<TokenCounts> RoundedTokens(const LoadProfile& profile) {
  std::vector<TokenCounts> whole(WindowCount(profile));
  for (const TokenKind kind : kAllTokenKinds) {
    const std::vector<double>& tokens = profile.tokens_of_kind[static_cast<size_t>(kind)];
    double sum = 0;
    int64_t rounded = 0;
    for (size_t w = 0; w < tokens.size(); ++w) {
      sum += tokens[w];
      const int64_t next = Rounded(sum);
      whole[w][kind] = Tokens(next - rounded);
      rounded = next;
    }
  }
  return whole;
}

RowSpread SpreadFor(const ledger::PoolPrices* prices, Duration window) {
  if (prices == nullptr) return RowSpread::kAtStart;
  const int64_t minutes = window.count() / ledger::kBaseWindow.count();
  const bool inside = std::any_of(prices->demand.begin(), prices->demand.end(),
                                  [&](const DemandCharge& charge) { return LooksInside(charge, minutes); });
  return inside ? RowSpread::kEvenly : RowSpread::kAtStart;
}

std::vector<Work> WorkOf(std::span<const TokenCounts> tokens, const BurndownRates& burndown) {
  std::vector<Work> work(tokens.size());
  for (size_t w = 0; w < tokens.size(); ++w) work[w] = penstock::WorkOf(tokens[w], burndown);
  return work;
}

std::vector<Sample> SamplesOf(std::span<const Work> work, Instant start, Duration window, RowSpread spread) {
  PENSTOCK_CHECK(window > Duration() && window.count() % ledger::kBaseWindow.count() == 0);
  const int64_t minutes = spread == RowSpread::kAtStart ? 1 : window.count() / ledger::kBaseWindow.count();
  std::vector<Sample> samples;
  samples.reserve(work.size() * static_cast<size_t>(minutes));
  for (size_t w = 0; w < work.size(); ++w) {
    const Instant begin = start + window * static_cast<int64_t>(w);
    int64_t done = 0;
    for (int64_t minute = 0; minute < minutes; ++minute) {
      const int64_t next = CheckedNarrow(Int128{work[w].count()} * (minute + 1) / minutes);
      if (next != done) samples.push_back({begin + ledger::kBaseWindow * minute, Work(next - done), Work()});
      done = next;
    }
  }
  return samples;
}

std::vector<Sample> SamplesOf(std::span<const TokenCounts> tokens, const BurndownRates& burndown, Instant start,
                              Duration window, RowSpread spread) {
  return SamplesOf(WorkOf(tokens, burndown), start, window, spread);
}

std::vector<WorkRow> WorkRowsOf(std::span<const Sample> samples, Tier tier) {
  std::vector<WorkRow> rows;
  rows.reserve(samples.size());
  for (const Sample& sample : samples) rows.push_back({tier, sample});
  return rows;
}

std::vector<TokenRow> TokenRowsOf(std::span<const TokenCounts> tokens, ServiceClass served, Instant start,
                                  Duration window, bool by_hour) {
  std::vector<TokenRow> rows;
  for (size_t w = 0; w < tokens.size(); ++w) {
    if (IsEmpty(tokens[w])) continue;
    const Instant at = by_hour ? WindowStart(start + window * static_cast<int64_t>(w), Hours(1)) : start;
    if (rows.empty() || rows.back().at != at) rows.push_back({at, served, 0, 0, {}});
    rows.back().tokens = rows.back().tokens + tokens[w];
  }
  return rows;
}

}  // namespace penstock::sim
