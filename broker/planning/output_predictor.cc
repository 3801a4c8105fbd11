#include "broker/planning/output_predictor.h"

#include <algorithm>
#include <cmath>

namespace penstock::planning {

int OutputPredictor::BinOf(Tokens generated) {
  const auto tokens = static_cast<double>(std::max<int64_t>(generated.count(), 1));
  return std::min(kBins - 1, static_cast<int>(std::ceil(std::log2(tokens) * kBinsPerDoubling)));
}

Tokens OutputPredictor::UpperEdge(int bin) {
  return Tokens(static_cast<int64_t>(std::exp2(static_cast<double>(bin) / kBinsPerDoubling)));
}

void OutputPredictor::Observe(TenantId tenant, PoolId pool, Tokens generated) {
  History& history = histories_[{tenant, pool}];
  history.weight[static_cast<size_t>(BinOf(generated))] += 1;
  history.total += 1;
  ++history.observed;
  if (!history.changed) changed_.emplace_back(tenant, pool);
  history.changed = true;
  if (++history.since_decay < kHalfLife) return;
  history.since_decay = 0;
  history.total /= 2;
  for (double& weight : history.weight) weight /= 2;
}

Tokens OutputPredictor::Quantile(const History& history) {
  double below = 0;
  for (int bin = 0; bin < kBins; ++bin) {
    below += history.weight[static_cast<size_t>(bin)];
    if (below >= kQuantile * history.total) return UpperEdge(bin);
  }
  return UpperEdge(kBins - 1);
}

core::SetPlan OutputPredictor::TakePlan() {
  core::SetPlan plan;
  std::sort(changed_.begin(), changed_.end());
  for (const auto& pair : changed_) {
    History& history = histories_.at(pair);
    history.changed = false;
    if (history.observed < kEnough) continue;
    const Tokens quantile = Quantile(history);
    if (quantile == history.planned) continue;
    history.planned = quantile;
    plan.predicted_outputs.push_back({pair.first, pair.second, quantile});
  }
  changed_.clear();
  return plan;
}

}  // namespace penstock::planning
