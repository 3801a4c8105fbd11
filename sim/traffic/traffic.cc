#include "sim/traffic/traffic.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/random.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {
namespace {

/// A row of a trace at its place in the traffic.
struct PlacedRow {
  Duration at;
  size_t row = 0;
};

/// The trace as a ring: after the last row, one mean gap later, comes the first again.
Duration Period(std::span<const TraceRow> trace) {
  const int64_t span = trace.back().offset.count();
  return Duration(span + std::max<int64_t>(1, span / static_cast<int64_t>(trace.size())));
}

/// The rows of [start, start + length) on the ring, placed from `from` on.
std::vector<PlacedRow> Slice(std::span<const TraceRow> trace, Duration start, Duration length, Duration from) {
  std::vector<PlacedRow> slice;
  const auto first = std::lower_bound(trace.begin(), trace.end(), start,
                                      [](const TraceRow& row, Duration t) { return row.offset < t; });
  auto row = static_cast<size_t>(first - trace.begin());
  Duration turn;  // whole periods gone by
  while (true) {
    if (row == trace.size()) {
      row = 0;
      turn += Period(trace);
    }
    const Duration into_slice = trace[row].offset + turn - start;
    if (into_slice >= length) return slice;
    slice.push_back({from + into_slice, row});
    ++row;
  }
}

/// Leaves `keep` of the rows: those with the lowest hash.
void Thin(std::vector<PlacedRow>& slice, size_t keep, uint64_t salt) {
  const auto rank = [salt](const PlacedRow& placed) {
    return Scramble(salt ^ Scramble(static_cast<uint64_t>(placed.at.count()) * 0x9e3779b97f4a7c15u + placed.row));
  };
  std::sort(slice.begin(), slice.end(), [&](const PlacedRow& a, const PlacedRow& b) { return rank(a) < rank(b); });
  slice.resize(keep);
}

/// `count` rows in [from, to).
void AddRows(std::span<const TraceRow> trace, Duration from, Duration to, size_t count, Random& random,
             std::vector<PlacedRow>* out) {
  PENSTOCK_CHECK(to > from || count == 0);
  while (count > 0) {
    const Duration start(random.Below(Period(trace).count()));
    std::vector<PlacedRow> slice = Slice(trace, start, to - from, from);
    if (slice.size() > count) Thin(slice, count, random.Next());
    out->insert(out->end(), slice.begin(), slice.end());
    count -= slice.size();
  }
}

size_t RoundToNearestCount(double rate, Duration length) {
  return static_cast<size_t>(std::llround(rate * (static_cast<double>(length.count()) / 1e9)));
}

std::vector<PlacedRow> PlaceRows(const TenantProfile& tenant, std::span<const TraceRow> trace, Duration length,
                                 Random& random) {
  std::vector<PlacedRow> placed;
  AddRows(trace, Duration::Zero(), length, RoundToNearestCount(tenant.requests_per_second, length), random, &placed);
  for (const Burst& burst : tenant.bursts) {
    PENSTOCK_CHECK(burst.multiplier >= 1 && burst.from >= Duration::Zero() && burst.from < burst.to);
    const Duration to = std::min(burst.to, length);
    if (burst.from >= to) continue;
    const double extra_rate = tenant.requests_per_second * (burst.multiplier - 1);
    AddRows(trace, burst.from, to, RoundToNearestCount(extra_rate, to - burst.from), random, &placed);
  }
  std::sort(placed.begin(), placed.end(), [](const PlacedRow& a, const PlacedRow& b) {
    return a.at != b.at ? a.at < b.at : a.row < b.row;  // equal in both: the same bytes either way
  });
  return placed;
}

Arrival RequestOf(const TenantProfile& tenant, uint32_t index, const TraceRow& row, Duration at) {
  return ArrivalOf(at, index, row.context, row.generated,
                   {.cached_thousandths = tenant.cached_thousandths,
                    .reasoning_thousandths = tenant.reasoning_thousandths,
                    .usual_max_output_tokens = tenant.usual_max_output_tokens});
}

Random RandomOf(uint64_t seed, uint32_t index) { return Random(Scramble(seed) ^ Scramble(uint64_t{index} + 1)); }

void SortByTimeAndTenant(std::vector<Arrival>& arrivals) {
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.at != b.at ? a.at < b.at : a.tenant < b.tenant; });
}

}  // namespace

std::vector<Arrival> BuildTraffic(std::span<const TenantProfile> tenants, const Traces& traces, Duration length,
                                  uint64_t seed) {
  PENSTOCK_CHECK(length > Duration::Zero());
  std::vector<Arrival> arrivals;
  for (uint32_t index = 0; index < tenants.size(); ++index) {
    const TenantProfile& tenant = tenants[index];
    const std::vector<TraceRow>& trace = tenant.trace == TraceChoice::kCode ? traces.code : traces.conversation;
    PENSTOCK_CHECK(!trace.empty() && tenant.requests_per_second >= 0);
    Random random = RandomOf(seed, index);
    int64_t nth = 0;
    for (const PlacedRow& placed : PlaceRows(tenant, trace, length, random)) {
      arrivals.push_back(RequestOf(tenant, index, trace[placed.row], placed.at));
      if (tenant.requests_per_run > 0) {
        arrivals.back().run = absl::StrCat(tenant.name, "-run-", nth / tenant.requests_per_run + 1);
      }
      ++nth;
    }
  }
  SortByTimeAndTenant(arrivals);
  return arrivals;
}

std::vector<Arrival> ReplayTrace(const TenantProfile& tenant, uint32_t index, std::span<const TraceRow> trace,
                                 const Replay& replay, uint64_t seed) {
  PENSTOCK_CHECK(replay.copies > 0 && replay.scatter >= Duration::Zero());
  Random random = RandomOf(seed, index);
  std::vector<Arrival> arrivals;
  for (const TraceRow& row : trace) {
    if (row.offset >= replay.length) break;
    for (int copy = 0; copy < replay.copies; ++copy) {
      const Duration later = copy == 0 ? Duration::Zero() : Duration(random.Below(replay.scatter.count() + 1));
      arrivals.push_back(RequestOf(tenant, index, row, row.offset + later));
    }
  }
  SortByTimeAndTenant(arrivals);
  return arrivals;
}

std::vector<Arrival> PoissonTraffic(const TenantProfile& tenant, uint32_t index, std::span<const TraceRow> trace,
                                    Duration length, uint64_t seed) {
  PENSTOCK_CHECK(!trace.empty() && tenant.requests_per_second > 0);
  Random random = RandomOf(seed, index);
  constexpr int64_t kParts = int64_t{1} << 53;
  const auto gap = [&] {
    const double uniform = static_cast<double>(random.Below(kParts) + 1) / static_cast<double>(kParts);  // (0, 1]
    return Duration(std::llround(-std::log(uniform) / tenant.requests_per_second * 1e9));
  };
  std::vector<Arrival> arrivals;
  for (Duration at = gap(); at < length; at += gap()) {
    const TraceRow& row = trace[static_cast<size_t>(random.Below(static_cast<int64_t>(trace.size())))];
    arrivals.push_back(RequestOf(tenant, index, row, at));
  }
  return arrivals;
}

std::vector<Arrival> Merged(std::span<const std::vector<Arrival>> parts) {
  std::vector<Arrival> all;
  for (const std::vector<Arrival>& part : parts) all.insert(all.end(), part.begin(), part.end());
  SortByTimeAndTenant(all);
  return all;
}

}  // namespace penstock::sim
