#include "sim/tariffs/tariff_space.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr double kOffShare = 0.12;  // of an axis whose figure can be switched off
// Pico-units per milli-nt are thousandths of a currency unit per million nt.
constexpr double kPerMillionNt = 1e-3;
// And pico-units per milli-nt/s, millionths of one per 1,000 nt/s.
constexpr double kPerThousandNtPerSecond = 1e-6;

double& FigureOf(TariffParameters& parameters, size_t figure) {
  double* const figures[] = {&parameters.token_price,      &parameters.flex_factor,   &parameters.priority_factor,
                             &parameters.spillover_factor, &parameters.peak_factor,   nullptr,
                             &parameters.demand_price,     &parameters.capacity_price};
  PENSTOCK_CHECK(figures[figure] != nullptr);
  return *figures[figure];
}

}  // namespace

TariffSpace::TariffSpace(TariffSpaceTerms terms) : terms_(std::move(terms)) {
  if (terms_.demand.empty()) terms_.demand = {DemandChoice::kNone};
  AddAxes();
  for (const Axis& axis : axes_) {
    PENSTOCK_CHECK(std::isfinite(axis.interval.high) && axis.interval.low < axis.interval.high);
    PENSTOCK_CHECK(axis.interval.low >= 0 && (!axis.logarithmic || axis.interval.low > 0));
  }
}

void TariffSpace::AddFactor(Figure figure, std::string name, const Interval& interval) {
  if (interval.low == interval.high) return;
  const bool has_off = interval.low <= 1 && interval.high >= 1;
  axes_.push_back({figure, std::move(name), "x", interval, false, has_off ? std::optional<double>(1.0) : std::nullopt});
}

void TariffSpace::AddAxes() {
  const std::string& currency = terms_.frame.currency;
  const auto is_axis = [](const Interval& interval) { return interval.low != interval.high; };
  if (is_axis(terms_.token_price)) {
    axes_.push_back({Figure::kTokenPrice,
                     "token price",
                     currency + " per million nt",
                     terms_.token_price,
                     true,
                     {},
                     kPerMillionNt});
  }
  AddFactor(Figure::kFlex, "flex factor", terms_.flex_factor);
  AddFactor(Figure::kPriority, "priority factor", terms_.priority_factor);
  AddFactor(Figure::kSpillover, "spillover factor", terms_.spillover_factor);
  AddFactor(Figure::kPeak, "peak-hours factor", terms_.peak_factor);
  if (terms_.demand.size() > 1) {
    const Interval choices{0, static_cast<double>(terms_.demand.size())};
    axes_.push_back({Figure::kDemandRule, "demand rule", "", choices, false, {}});
  }
  if (is_axis(terms_.demand_price)) {
    axes_.push_back({Figure::kDemandPrice,
                     "demand price",
                     currency + " a month per 1,000 nt/s",
                     terms_.demand_price,
                     true,
                     {},
                     kPerThousandNtPerSecond});
  }
  if (is_axis(terms_.capacity_price)) {
    const std::optional<double> off = terms_.may_offer_no_capacity ? std::optional<double>(0.0) : std::nullopt;
    axes_.push_back({Figure::kCapacity, "capacity price", currency + " an hour per 1,000 nt/s", terms_.capacity_price,
                     true, off, kPerThousandNtPerSecond});
  }
}

std::vector<std::string> TariffSpace::AxisNames() const {
  std::vector<std::string> names;
  for (const Axis& axis : axes_) names.push_back(axis.name);
  return names;
}

double TariffSpace::ValueAt(const Axis& axis, double share) {
  share = std::clamp(share, 0.0, 1.0);
  if (axis.off && share < kOffShare) return *axis.off;
  if (axis.off) share = (share - kOffShare) / (1 - kOffShare);
  const auto [low, high] = axis.interval;
  const double value = axis.logarithmic ? low * std::pow(high / low, share) : low + share * (high - low);
  return std::clamp(value, low, high);
}

double TariffSpace::ShareOf(const Axis& axis, double value) {
  if (axis.off && value == *axis.off) return 0;
  const auto [low, high] = axis.interval;
  value = std::clamp(value, low, high);
  const double share = axis.logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return axis.off ? kOffShare + share * (1 - kOffShare) : share;
}

DemandChoice TariffSpace::ChoiceAt(double value) const {
  const size_t place = static_cast<size_t>(value);
  return terms_.demand[std::min(place, terms_.demand.size() - 1)];
}

TariffParameters TariffSpace::ParametersAt(const std::vector<double>& shares) const {
  PENSTOCK_CHECK(shares.size() == axes_.size());
  TariffParameters parameters;
  parameters.token_price = terms_.token_price.low;
  parameters.flex_factor = terms_.flex_factor.low;
  parameters.priority_factor = terms_.priority_factor.low;
  parameters.spillover_factor = terms_.spillover_factor.low;
  parameters.peak_factor = terms_.peak_factor.low;
  parameters.demand = terms_.demand.front();
  parameters.demand_price = terms_.demand_price.low;
  parameters.capacity_price = terms_.capacity_price.low;
  for (size_t i = 0; i < axes_.size(); ++i) {
    const double value = ValueAt(axes_[i], shares[i]);
    if (axes_[i].figure == Figure::kDemandRule) {
      parameters.demand = ChoiceAt(value);
    } else {
      FigureOf(parameters, static_cast<size_t>(axes_[i].figure)) = value;
    }
  }
  return parameters;
}

std::vector<double> TariffSpace::SharesOf(const TariffParameters& parameters) const {
  TariffParameters copy = parameters;
  std::vector<double> shares;
  for (const Axis& axis : axes_) {
    if (axis.figure != Figure::kDemandRule) {
      shares.push_back(ShareOf(axis, FigureOf(copy, static_cast<size_t>(axis.figure))));
      continue;
    }
    const auto found = std::find(terms_.demand.begin(), terms_.demand.end(), parameters.demand);
    const double place = found == terms_.demand.end() ? 0 : static_cast<double>(found - terms_.demand.begin());
    shares.push_back((place + 0.5) / static_cast<double>(terms_.demand.size()));
  }
  return shares;
}

ledger::Tariff TariffSpace::TariffAt(const std::vector<double>& shares) const {
  return MakeTariff(ParametersAt(shares), terms_.frame);
}

std::vector<AxisReading> TariffSpace::Read(const std::vector<double>& shares) const {
  PENSTOCK_CHECK(shares.size() == axes_.size());
  const DemandChoice demand = ParametersAt(shares).demand;
  std::vector<AxisReading> readings;
  for (size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    const double value = ValueAt(axis, shares[i]);
    AxisReading reading{axis.name, absl::StrFormat("%.4g", value * axis.in_unit)};
    if (!axis.unit.empty()) reading.value += " " + axis.unit;
    if (axis.figure == Figure::kDemandRule) reading.value = Name(ChoiceAt(value));
    if (axis.off && value == *axis.off) reading.value = "off";
    if (axis.figure == Figure::kDemandPrice && demand == DemandChoice::kNone) reading.value = "not charged";
    readings.push_back(std::move(reading));
  }
  return readings;
}

TariffFamily TariffSpace::Family(std::string name) const {
  TariffFamily family;
  family.name = std::move(name);
  family.axes = AxisNames();
  family.tariff_at = [space = *this](const std::vector<double>& shares) { return space.TariffAt(shares); };
  family.read = [space = *this](const std::vector<double>& shares) { return space.Read(shares); };
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (axes_[i].figure == Figure::kDemandRule) family.choice = TariffFamily::Choice{i, terms_.demand.size()};
  }
  family.parameters_at = [space = *this](const std::vector<double>& shares) { return space.ParametersAt(shares); };
  family.nearest = [space = *this](const TariffParameters& parameters) { return space.SharesOf(parameters); };
  return family;
}

}  // namespace penstock::sim
