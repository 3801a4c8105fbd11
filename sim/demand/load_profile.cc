#include "sim/demand/load_profile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

void AddTo(std::span<const double> from, std::vector<double>* to) {
  if (to->size() < from.size()) to->resize(from.size());
  for (size_t w = 0; w < from.size(); ++w) (*to)[w] += from[w];
}

template <class Change>
LoadProfile WithEach(const LoadProfile& profile, Change change) {
  LoadProfile changed;
  changed.window = profile.window;
  for (size_t kind = 0; kind < kTokenKindCount; ++kind) {
    changed.tokens_of_kind[kind] = change(profile.tokens_of_kind[kind]);
  }
  changed.requests = change(profile.requests);
  return changed;
}

}  // namespace

size_t WindowCount(const LoadProfile& profile) {
  size_t count = profile.requests.size();
  for (const std::vector<double>& tokens : profile.tokens_of_kind) count = std::max(count, tokens.size());
  return count;
}

Duration SpanOf(const LoadProfile& profile) { return profile.window * static_cast<int64_t>(WindowCount(profile)); }

std::vector<double> WorkOfWindows(const LoadProfile& profile, const BurndownRates& burndown) {
  std::vector<double> work(WindowCount(profile));
  for (const TokenKind kind : kAllTokenKinds) {
    const std::vector<double>& tokens = profile.tokens_of_kind[static_cast<size_t>(kind)];
    const double rate = static_cast<double>(burndown[kind]);
    for (size_t w = 0; w < tokens.size(); ++w) work[w] += tokens[w] * rate;
  }
  return work;
}

LoadShape ShapeOf(std::span<const double> load) {
  LoadShape shape;
  for (const double each : load) {
    shape.total += each;
    shape.peak = std::max(shape.peak, each);
  }
  if (!load.empty()) shape.mean = shape.total / static_cast<double>(load.size());
  return shape;
}

std::vector<size_t> BusiestWindows(std::span<const double> load, double share) {
  if (load.empty()) return {};
  std::vector<size_t> order(load.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto wanted = static_cast<size_t>(std::floor(share * static_cast<double>(load.size())));
  const size_t count = std::clamp<size_t>(wanted, 1, load.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return load[a] != load[b] ? load[a] > load[b] : a < b; });
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

LoadProfile Scaled(const LoadProfile& profile, double factor) {
  return WithEach(profile, [factor](std::vector<double> load) {
    for (double& each : load) each *= factor;
    return load;
  });
}

LoadProfile SumOf(std::span<const Customer> customers) {
  LoadProfile sum;
  for (const Customer& customer : customers) {
    PENSTOCK_CHECK(sum.window == Duration() || sum.window == customer.load.window);
    sum.window = customer.load.window;
    for (size_t kind = 0; kind < kTokenKindCount; ++kind) {
      AddTo(customer.load.tokens_of_kind[kind], &sum.tokens_of_kind[kind]);
    }
    AddTo(customer.load.requests, &sum.requests);
  }
  return sum;
}

LoadProfile Shifted(const LoadProfile& profile, std::span<const LoadShift> load_shifts) {
  return WithEach(profile, [load_shifts](const std::vector<double>& load) {
    return load.empty() ? load : Shifted(std::span<const double>(load), load_shifts);
  });
}

std::vector<double> Shifted(std::span<const double> load, std::span<const LoadShift> load_shifts) {
  std::vector<double> shifted(load.begin(), load.end());
  for (const LoadShift& shift : load_shifts) {
    PENSTOCK_CHECK(shift.from < shift.to && shift.to < load.size());
    const double moved = load[shift.from] * shift.share;
    shifted[shift.from] -= moved;
    shifted[shift.to] += moved;
  }
  for (double& each : shifted) each = std::max(each, 0.0);  // where shares come to 1 but for a rounding
  return shifted;
}

}  // namespace penstock::sim
