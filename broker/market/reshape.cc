#include "broker/market/reshape.h"

#include <algorithm>
#include <tuple>

#include "admission/vocabulary/checked.h"

namespace penstock::market {
namespace {

using ledger::RateStep;

bool Covers(const RateStep& step, Instant at) { return step.from <= at && at < step.to; }

}  // namespace

Instant WholeMinute(Instant t) {
  const int64_t minute = Minutes(1).count();
  return Instant(CheckedMul(DivideRoundUp(t.nanoseconds_since_epoch(), minute), minute));
}

void Tidy(std::vector<RateStep>* steps) {
  // Pieces of one price and rate follow each other; of overlapping ones each finds its own successor.
  std::sort(steps->begin(), steps->end(), [](const RateStep& a, const RateStep& b) {
    return std::tuple(a.unit_price, a.rate, a.from, a.to) < std::tuple(b.unit_price, b.rate, b.from, b.to);
  });
  std::vector<RateStep> joined;
  for (const RateStep& step : *steps) {
    const auto before = std::find_if(joined.rbegin(), joined.rend(), [&](const RateStep& one) {
      return one.to == step.from && one.rate == step.rate && one.unit_price == step.unit_price;
    });
    if (before != joined.rend()) {
      before->to = step.to;
    } else {
      joined.push_back(step);
    }
  }
  std::sort(joined.begin(), joined.end(), [](const RateStep& a, const RateStep& b) {
    return std::tuple(a.from, a.to, a.unit_price, a.rate) < std::tuple(b.from, b.to, b.unit_price, b.rate);
  });
  *steps = std::move(joined);
}

void SetUnitPrice(std::vector<RateStep>* steps, int64_t unit_price) {
  for (RateStep& step : *steps) step.unit_price = unit_price;
}

std::vector<RateStep> StepsOf(const Reshaped& reshaped) {
  std::vector<RateStep> steps = reshaped.kept;
  steps.insert(steps.end(), reshaped.added.begin(), reshaped.added.end());
  Tidy(&steps);
  return steps;
}

Reshaped Reshape(const std::vector<RateStep>& bought, const std::vector<RateStep>& wanted, Instant from) {
  Reshaped result;
  std::vector<Instant> edges = {from};
  for (const auto* steps : {&bought, &wanted}) {
    for (const RateStep& step : *steps) {
      if (step.from > from) edges.push_back(step.from);
      if (step.to > from) edges.push_back(step.to);
    }
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  for (const RateStep& step : bought) {  // the past
    if (step.from < from) result.kept.push_back({step.from, std::min(step.to, from), step.rate, step.unit_price});
  }
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    const Instant begin = edges[i];
    const Instant end = edges[i + 1];
    const auto want = std::find_if(wanted.begin(), wanted.end(), [&](const RateStep& s) { return Covers(s, begin); });
    WorkPerSecond left = want == wanted.end() ? WorkPerSecond::Zero() : want->rate;
    for (const RateStep& step : bought) {
      if (!Covers(step, begin)) continue;
      const WorkPerSecond kept = std::min(step.rate, left);
      if (kept > WorkPerSecond::Zero()) result.kept.push_back({begin, end, kept, step.unit_price});
      if (kept < step.rate) result.gone.push_back({begin, end, step.rate - kept, step.unit_price});
      left -= kept;
    }
    if (left > WorkPerSecond::Zero()) result.added.push_back({begin, end, left, want->unit_price});
  }
  Tidy(&result.kept);
  Tidy(&result.gone);
  Tidy(&result.added);
  return result;
}

}  // namespace penstock::market
