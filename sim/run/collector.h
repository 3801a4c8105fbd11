// Watches a run and counts. Times are kept by slice of the run, so that the warm-up can be left out once it is known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/run/figures.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

struct CollectorTerms {
  Duration length;                       // of the traffic
  Duration target_wait;                  // "in time" is: granted no later after it was first asked for; flex, at all
  std::vector<size_t> tenant_of_client;  // index into the settings' tenants
  std::vector<core::TenantSettings> tenants;
  std::vector<BurndownRates> burndown;   // by pool
};

class Collector final : public Watcher {
 public:
  /// Quantiles by tenant are kept up to so many of them.
  static constexpr size_t kMostTenantsWithQuantiles = 64;
  /// The warm-up is a whole number of these parts of the run.
  static constexpr size_t kSlices = 20;

  explicit Collector(CollectorTerms terms);

  void OnArrival(const Arrival& arrival) override;
  void OnAnswer(const Try& made, const Arrival& arrival) override;
  void OnFinish(const Finished& request) override;

  /// Mean time in the system of requests that finished in each minute (seconds), from the begin of the run on; minutes
  /// without any repeat the one before, those before the first the first. What the warm-up is looked for in.
  std::vector<double> LatencyByMinute() const;

  /// Everything that is counted here, times from `warm_up` (rounded up to a slice) on.
  void Fill(Duration warm_up, RunFigures* figures) const;

 private:
  struct OfTenant {
    Counts counts;
    int64_t in_time = 0;
    int64_t granted = 0;
    double waited_s = 0;
    Duration longest_wait;
    std::unique_ptr<planning::LatencyHistogram> wait;
    std::unique_ptr<planning::LatencyHistogram> first_token;
  };
  struct Minute {
    double latency_s = 0;
    int64_t count = 0;
  };
  using Slice = std::array<std::unique_ptr<Times>, kServiceClassCount>;

  size_t SliceOf(Duration at) const;
  Times& TimesAt(Duration at, ServiceClass served);
  void NoteRefusal(const Try& made, OfTenant& tenant, Counts& line);

  const CollectorTerms terms_;
  std::array<Counts, kServiceClassCount> lines_;   // by what they stood as
  std::array<Counts, kServiceClassCount> served_;  // finished: by what they were served as
  std::vector<OfTenant> tenants_;
  std::vector<Slice> slices_;
  std::vector<Minute> minutes_;
};

}  // namespace penstock::sim
