// How much requests generate: a quantile per tenant and pool, learnt from completions, handed to the core as integers.
//
// Each pair keeps a histogram of generated tokens with log-spaced bins (4 per doubling) whose counts decay by half
// every kHalfLife observations, so that the quantile follows the traffic. Nothing is planned before kEnough
// observations: until then the core's cold-start rule holds.
#pragma once

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "broker/core/command.h"

namespace penstock::planning {

class OutputPredictor {
 public:
  static constexpr double kQuantile = 0.9;
  static constexpr int kEnough = 20;
  static constexpr int kHalfLife = 1'000;

  void Observe(TenantId tenant, PoolId pool, Tokens generated);

  /// The predictions that changed since the last plan, in order of tenant and pool.
  core::SetPlan TakePlan();

 private:
  static constexpr int kBinsPerDoubling = 4;
  static constexpr int kBins = 31 * kBinsPerDoubling;
  struct History {
    std::array<double, kBins> weight{};
    double total = 0;
    int observed = 0;
    int since_decay = 0;
    Tokens planned;
    bool changed = false;
  };
  static int BinOf(Tokens generated);
  static Tokens UpperEdge(int bin);
  static Tokens Quantile(const History& history);

  std::map<std::pair<TenantId, PoolId>, History> histories_;
  std::vector<std::pair<TenantId, PoolId>> changed_;  // those whose history says so
};

}  // namespace penstock::planning
