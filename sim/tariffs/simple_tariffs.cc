#include "sim/tariffs/simple_tariffs.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/tariffs/closed_form_prices.h"

namespace penstock::sim {
namespace {

constexpr double kMonthSeconds = 30 * 86'400.0;
constexpr double kLeastElasticity = 0.05;

// A family of one axis: `value_at` says what a share of it means, `parameters_at` what tariff that value makes.
TariffFamily OneAxis(std::string name, std::string axis, std::string format, std::function<double(double)> value_at,
                     std::function<TariffParameters(double)> parameters_at, const TariffFrame& frame) {
  TariffFamily family;
  family.name = std::move(name);
  family.axes = {axis};
  const auto value = [value_at](const std::vector<double>& shares) {
    PENSTOCK_CHECK(shares.size() == 1);
    return value_at(std::clamp(shares[0], 0.0, 1.0));
  };
  family.parameters_at = [=](const std::vector<double>& shares) { return parameters_at(value(shares)); };
  family.tariff_at = [=](const std::vector<double>& shares) { return MakeTariff(parameters_at(value(shares)), frame); };
  family.read = [=](const std::vector<double>& shares) {
    return std::vector<AxisReading>{{axis, absl::StrFormat("%.4g", value(shares)) + " " + format}};
  };
  return family;
}

std::function<double(double)> Linear(double low, double high) {
  return [=](double share) { return low + share * (high - low); };
}

std::function<double(double)> Logarithmic(double low, double high) {
  PENSTOCK_CHECK(low > 0 && high > low);
  return [=](double share) { return low * std::pow(high / low, share); };
}

double AverageCost(const MarketFigures& figures) {
  return CostPlusPrice(figures.running_cost, figures.capacity_cost, figures.peak_work + figures.off_peak_work, 0);
}

TariffParameters AtTokenPrice(double price) {
  TariffParameters parameters;
  parameters.token_price = price;
  return parameters;
}

// The two periods that have a load.
std::vector<PeriodDemand> Periods(const MarketFigures& figures) {
  const double elasticity = std::max(figures.elasticity, kLeastElasticity);
  const auto period = [&](double work, double seconds) {
    return ElasticDemand(std::max(work, 1.0) / seconds, figures.reference_price, elasticity, seconds);
  };
  return {period(figures.peak_work, figures.peak_seconds), period(figures.off_peak_work, figures.off_peak_seconds)};
}

double CostOfOneUnit(const MarketFigures& figures) { return figures.capacity_cost / figures.capacity; }

bool IsPeak(const TariffFrame& frame, Instant at) {
  const ledger::LocalHour hour = ledger::Calendar().HourAt(at);
  const size_t of_day = hour.hour_of_week % 24;
  const bool workday = hour.hour_of_week / 24 < 5 || frame.peak_on_weekends;
  return workday && of_day >= frame.peak_from_hour && of_day < frame.peak_to_hour;
}

double WorkIn(const Customer& customer, size_t window, const BurndownRates& burndown) {
  double work = 0;
  for (const TokenKind kind : kAllTokenKinds) {
    const std::vector<double>& tokens = customer.load.tokens_of_kind[static_cast<size_t>(kind)];
    if (window < tokens.size()) work += tokens[window] * static_cast<double>(burndown[kind]);
  }
  return work;
}

}  // namespace

MarketFigures WithLoads(MarketFigures figures, std::span<const Customer> customers, const TariffFrame& frame,
                        Instant start) {
  PENSTOCK_CHECK(!customers.empty());
  const Duration window = customers[0].load.window;
  size_t count = 0;
  for (const Customer& customer : customers) {
    PENSTOCK_CHECK(customer.load.window == window && window > Duration());
    for (const std::vector<double>& tokens : customer.load.tokens_of_kind) count = std::max(count, tokens.size());
  }
  PENSTOCK_CHECK(count > 0);
  const double seconds = static_cast<double>(window.count()) / 1e9;
  const double scale = kMonthSeconds / (seconds * static_cast<double>(count));
  figures.peak_work = figures.off_peak_work = figures.peak_seconds = figures.off_peak_seconds = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool peak = IsPeak(frame, start + Duration(static_cast<int64_t>(i) * window.count()));
    (peak ? figures.peak_seconds : figures.off_peak_seconds) += scale * seconds;
    double& work = peak ? figures.peak_work : figures.off_peak_work;
    for (const Customer& customer : customers) work += scale * WorkIn(customer, i, frame.burndown);
  }
  return figures;
}

TariffFamily FlatPrices(const TariffFrame& frame, const Interval& token_price) {
  // Of a thousandth of a currency unit per million nt, which is a pico-unit per milli-nt.
  return OneAxis(
      "flat price", "token price", frame.currency + " per million nt",
      Logarithmic(token_price.low / 1'000, token_price.high / 1'000),
      [](double price) { return AtTokenPrice(price * 1'000); }, frame);
}

TariffFamily CostPlusPrices(const TariffFrame& frame, const MarketFigures& figures) {
  const double cost = AverageCost(figures);
  return OneAxis(
      "cost plus", "margin", "% of cost", Linear(-50, 300),
      [=](double margin) { return AtTokenPrice(cost * (1 + margin / 100)); }, frame);
}

TariffFamily PeakLoadPricesByHour(const TariffFrame& frame, const MarketFigures& figures) {
  PENSTOCK_CHECK(figures.peak_seconds > 0 && figures.off_peak_seconds > 0 && figures.capacity > 0);
  const auto parameters_at = [=](double percent) {
    const std::vector<double> prices =
        SolvePeakLoad(Periods(figures), figures.running_cost, CostOfOneUnit(figures) * percent / 100).prices;
    TariffParameters parameters = AtTokenPrice(prices[1]);
    parameters.peak_factor = prices[0] / prices[1];
    return parameters;
  };
  return OneAxis("peak-load prices by the hour", "capacity cost", "% charged", Logarithmic(1, 400), parameters_at,
                 frame);
}

TariffFamily PeakLoadPricesByDemand(const TariffFrame& frame, const MarketFigures& figures) {
  PENSTOCK_CHECK(figures.capacity > 0);
  const auto parameters_at = [=](double percent) {
    TariffParameters parameters = AtTokenPrice(figures.running_cost * percent / 100);
    parameters.demand = DemandChoice::kCoincident;
    parameters.demand_price = CostOfOneUnit(figures) * percent / 100;
    return parameters;
  };
  return OneAxis("peak-load prices by demand", "cost", "% charged", Logarithmic(10, 400), parameters_at, frame);
}

TariffFamily RamseyPrices(const TariffFrame& frame, const MarketFigures& figures) {
  const double cost = AverageCost(figures);
  const std::array<double, 3> elasticity = figures.class_elasticity;
  const double most = 0.98 * *std::min_element(elasticity.begin(), elasticity.end());
  const auto parameters_at = [=](double lambda) {
    TariffParameters parameters = AtTokenPrice(RamseyPrice(cost, elasticity[1], lambda));
    parameters.flex_factor = RamseyPrice(cost, elasticity[0], lambda) / parameters.token_price;
    parameters.priority_factor = RamseyPrice(cost, elasticity[2], lambda) / parameters.token_price;
    return parameters;
  };
  return OneAxis("Ramsey prices", "lambda", "", Linear(0, most), parameters_at, frame);
}

}  // namespace penstock::sim
