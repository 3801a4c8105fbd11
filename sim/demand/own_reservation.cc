#include "sim/demand/own_reservation.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

WorkPerSecond NewsvendorRate(std::span<const double> work, Duration window, double price_ratio) {
  PENSTOCK_CHECK(window > Duration());
  if (work.empty() || price_ratio >= 1) return WorkPerSecond();
  // A further milli-nt/s pays as long as more than this many windows would use it.
  const auto too_few = static_cast<size_t>(std::floor(std::max(0.0, price_ratio) * static_cast<double>(work.size())));
  std::vector<double> sorted(work.begin(), work.end());
  const auto at = sorted.begin() + static_cast<ptrdiff_t>(too_few);
  std::nth_element(sorted.begin(), at, sorted.end(), std::greater<>());
  const double seconds = static_cast<double>(window.count()) / static_cast<double>(kNanosecondsPerSecond);
  return WorkPerSecond(static_cast<int64_t>(std::floor(*at / seconds)));
}

SplitTokens SplitRoundDown(std::span<const TokenCounts> tokens, const BurndownRates& burndown, Duration window,
                           WorkPerSecond rate) {
  const Int128 room = Int128{rate.count()} * (window.count() / kNanosecondsPerSecond);
  SplitTokens split = {{tokens.begin(), tokens.end()}, std::vector<TokenCounts>(tokens.size())};
  for (size_t w = 0; w < tokens.size(); ++w) {
    const Int128 work = penstock::WorkOf(tokens[w], burndown).count();
    if (work <= room) continue;
    for (const TokenKind kind : kAllTokenKinds) {
      split.within[w][kind] = Tokens(CheckedNarrow(CheckedMul<Int128>(tokens[w][kind].count(), room) / work));
    }
    split.beyond[w] = tokens[w] - split.within[w];
  }
  return split;
}

}  // namespace penstock::sim
