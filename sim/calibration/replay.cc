#include "sim/calibration/replay.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"
#include "sim/fleet/fleet.h"

namespace penstock::sim {
namespace {

constexpr Instant kStart;

double SecondsOf(Duration d) { return static_cast<double>(d.count()) / 1e9; }

double Quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

Agreement AgreementOf(const std::vector<double>& measured, const std::vector<double>& simulated) {
  Agreement agreement;
  agreement.measured = SpreadOf(measured);
  agreement.simulated = SpreadOf(simulated);
  for (size_t i = 0; i < measured.size(); ++i) {
    agreement.mean_relative_error += std::abs(simulated[i] / measured[i] - 1) / static_cast<double>(measured.size());
  }
  return agreement;
}

}  // namespace

std::vector<ReplayedRequest> ReplayLog(std::span<const MeasuredRequest> log, const ReplicaTerms& terms) {
  Fleet fleet({.replica = terms, .replicas = 1}, kStart);
  std::vector<FleetEvent> events;
  for (size_t i = 0; i < log.size(); ++i) {
    fleet.Submit({i, log[i].input, Tokens::Zero(), log[i].output}, kStart + log[i].arrival);
  }
  if (!log.empty()) fleet.AdvanceTo(kStart + log.back().arrival, &events);
  while (fleet.NextEvent() != Instant::Max()) fleet.AdvanceTo(fleet.NextEvent(), &events);
  std::vector<ReplayedRequest> replayed(log.size());
  for (const FleetEvent& event : events) {
    ReplayedRequest& request = replayed[event.id];
    (event.kind == FleetEvent::Kind::kFirstToken ? request.first_token : request.last_token) = event.at - kStart;
  }
  return replayed;
}

Spread SpreadOf(std::vector<double> values) {
  PENSTOCK_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  Spread spread;
  for (const double value : values) spread.mean += value / static_cast<double>(values.size());
  spread.p50 = Quantile(values, 0.5);
  spread.p90 = Quantile(values, 0.9);
  spread.p99 = Quantile(values, 0.99);
  return spread;
}

std::array<double, 4> Agreement::RelativeErrors() const {
  return {simulated.mean / measured.mean - 1, simulated.p50 / measured.p50 - 1, simulated.p90 / measured.p90 - 1,
          simulated.p99 / measured.p99 - 1};
}

LogAgreement Compare(std::span<const MeasuredRequest> log, std::span<const ReplayedRequest> replayed,
                     const std::function<bool(size_t)>& counts) {
  PENSTOCK_CHECK(log.size() == replayed.size());
  std::vector<double> measured[3];
  std::vector<double> simulated[3];
  for (size_t i = 0; i < log.size(); ++i) {
    if (!counts(i)) continue;
    const MeasuredRequest& request = log[i];
    const auto later_tokens = static_cast<double>(request.output.count() - 1);
    const auto add = [&](std::vector<double>* to, Duration first, Duration last) {
      to[0].push_back(SecondsOf(first - request.arrival));
      to[1].push_back(SecondsOf(last - first) / later_tokens);
      to[2].push_back(SecondsOf(last - request.arrival));
    };
    add(measured, request.first_token, request.last_token);
    add(simulated, replayed[i].first_token, replayed[i].last_token);
  }
  return {AgreementOf(measured[0], simulated[0]), AgreementOf(measured[1], simulated[1]),
          AgreementOf(measured[2], simulated[2]), measured[0].size()};
}

}  // namespace penstock::sim
