#include "sim/run/summary.h"

#include <functional>

#include "admission/vocabulary/check.h"
#include "sim/statistics/mean_interval.h"

namespace penstock::sim {
namespace {

using Figure = std::function<double(const RunFigures&)>;

double InSeconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }
double InUnits(const ledger::Money& money) { return money.pico().convert_to<double>() / 1e12; }

class Over {
 public:
  explicit Over(std::span<const Run> runs) : runs_(runs) {}
  Estimate operator()(const Figure& figure) const {
    std::vector<double> values;
    for (const Run& run : runs_) values.push_back(figure(run.figures));
    return MeanEstimate(values, kConfidence);
  }

 private:
  std::span<const Run> runs_;
};

ClassSummary OfClass(const Over& over, ServiceClass served) {
  const auto of = [served](const RunFigures& run) -> const ClassFigures& {
    return run.classes[static_cast<size_t>(served)];
  };
  const auto count = [&](int64_t Counts::* which) {
    return over([=](const RunFigures& run) { return static_cast<double>(of(run).counts.*which); });
  };
  const auto quantile = [&](planning::LatencyHistogram Times::* which, int64_t per_million) {
    return over([=](const RunFigures& run) { return InSeconds((of(run).times.*which).Quantile(per_million)); });
  };
  const auto mean = [&](planning::LatencyHistogram Times::* which, double unit) {
    return over([=](const RunFigures& run) { return (of(run).times.*which).mean() / unit; });
  };
  return {.served = served,
          .came = count(&Counts::came),
          .finished = count(&Counts::finished),
          .refused_yours = count(&Counts::refused_yours),
          .refused_pool = count(&Counts::refused_pool),
          .wait_mean_s = mean(&Times::wait, 1e9),
          .wait_p50_s = quantile(&Times::wait, 500'000),
          .wait_p99_s = quantile(&Times::wait, 990'000),
          .first_token_p50_s = quantile(&Times::first_token, 500'000),
          .first_token_p99_s = quantile(&Times::first_token, 990'000),
          .per_output_token_ms = mean(&Times::per_output_token, 1e6),
          .latency_p99_s = quantile(&Times::latency, 990'000)};
}

double PeakShare(const RunFigures& run, size_t tenant) {
  double all = 0;
  for (const TenantFigures& one : run.tenants) all += static_cast<double>(one.in_busiest.count());
  return all > 0 ? static_cast<double>(run.tenants[tenant].in_busiest.count()) / all : 0;
}

TenantSummary OfTenant(const Over& over, const TenantFigures& first, size_t index) {
  const auto figure = [&](const std::function<double(const TenantFigures&)>& what) {
    return over([=](const RunFigures& run) { return what(run.tenants[index]); });
  };
  const auto share = [](int64_t part, int64_t whole) {
    return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  TenantSummary summary;
  summary.name = first.name;
  summary.tier = first.tier;
  summary.came = figure([](const TenantFigures& t) { return static_cast<double>(t.counts.came); });
  summary.finished = figure([](const TenantFigures& t) { return static_cast<double>(t.counts.finished); });
  summary.refused = figure(
      [](const TenantFigures& t) { return static_cast<double>(t.counts.refused_yours + t.counts.refused_pool); });
  summary.in_time = figure([&](const TenantFigures& t) { return share(t.in_time, t.counts.came); });
  summary.wait_mean_s = figure([](const TenantFigures& t) { return t.mean_wait_s; });
  summary.wait_p99_s = figure([](const TenantFigures& t) { return InSeconds(t.wait_p99); });
  summary.peak_nt_per_s = figure([](const TenantFigures& t) { return static_cast<double>(t.peak.count()) / 60'000; });
  summary.load_factor = figure([](const TenantFigures& t) { return t.load_factor; });
  summary.peak_share = over([=](const RunFigures& run) { return PeakShare(run, index); });
  summary.bill = figure([](const TenantFigures& t) { return InUnits(t.bill); });
  return summary;
}

PoolSummary OfPool(const Over& over, const std::string& name, size_t index) {
  const auto figure = [&](const std::function<double(const PoolFigures&)>& what) {
    return over([=](const RunFigures& run) { return what(run.pools[index]); });
  };
  return {.name = name,
          .utilisation = figure([](const PoolFigures& p) { return p.utilisation; }),
          .peak_utilisation = figure([](const PoolFigures& p) { return p.peak_utilisation; }),
          .fleet_busy = figure([](const PoolFigures& p) { return p.fleet_busy; }),
          .served_nt_per_s = over([=](const RunFigures& run) {
            return static_cast<double>(run.pools[index].served.count()) / 1'000 / InSeconds(run.length.count());
          })};
}

}  // namespace

Summary Summarise(std::span<const Run> runs) {
  PENSTOCK_CHECK(!runs.empty());
  const Over over(runs);
  const RunFigures& first = runs.front().figures;
  Summary summary;
  summary.replications = runs.size();
  const auto count = [&](int64_t Counts::* which) {
    return over([=](const RunFigures& run) { return static_cast<double>(run.counts.*which); });
  };
  summary.came = count(&Counts::came);
  summary.finished = count(&Counts::finished);
  summary.refused_yours = count(&Counts::refused_yours);
  summary.refused_pool = count(&Counts::refused_pool);
  summary.tokens = over([](const RunFigures& run) { return static_cast<double>(Total(run.counts.tokens).count()); });
  summary.in_time = over([](const RunFigures& run) { return run.in_time; });
  summary.revenue = over([](const RunFigures& run) { return InUnits(run.revenue); });
  for (size_t i = 0; i < summary.by_component.size(); ++i) {
    summary.by_component[i] = over([=](const RunFigures& run) { return InUnits(run.by_component[i]); });
  }
  summary.warm_up_s = over([](const RunFigures& run) { return InSeconds(run.warm_up.count()); });
  for (size_t i = 0; i < first.pools.size(); ++i) summary.pools.push_back(OfPool(over, first.pools[i].name, i));
  for (size_t i = 0; i < kServiceClassCount; ++i) {
    ClassSummary of_class = OfClass(over, static_cast<ServiceClass>(i));
    if (of_class.came.mean > 0 || of_class.finished.mean > 0) summary.classes.push_back(of_class);
  }
  for (size_t i = 0; i < first.tenants.size(); ++i) summary.tenants.push_back(OfTenant(over, first.tenants[i], i));
  return summary;
}

}  // namespace penstock::sim
