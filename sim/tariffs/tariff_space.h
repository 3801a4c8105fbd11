// The space of tariffs that is searched: an interval for each figure of a tariff. An interval of one point fixes its
// figure and makes no axis. Figures that can be switched off have a part of their axis for it, so that simpler tariffs,
// down to the flat token price, are points of the space.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/tariffs/tariff_family.h"
#include "sim/tariffs/tariff_parameters.h"

namespace penstock::sim {

struct Interval {
  double low = 0;
  double high = 0;  // not below low
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Prices in units of TariffParameters; those of zero width at the value that switches something off leave it out.
struct TariffSpaceTerms {
  TariffFrame frame;
  Interval token_price;               // above zero; searched by its logarithm
  Interval flex_factor{0.3, 1};       // at 1 off
  Interval priority_factor{1, 3};     // at 1 off
  Interval spillover_factor{1, 2};    // at 1 off
  Interval peak_factor{1, 3};         // at 1 off
  std::vector<DemandChoice> demand;   // to choose from, in the order of the axis; empty: none
  Interval demand_price;              // above zero if there is something to choose; searched by its logarithm
  Interval capacity_price;            // {0, 0}: not on offer; else above zero, searched by its logarithm
  bool may_offer_no_capacity = true;  // a part of the axis of the capacity price is for no reservations
};

class TariffSpace {
 public:
  /// A bug when an interval is empty or has no logarithm where it needs one.
  explicit TariffSpace(TariffSpaceTerms terms);

  size_t size() const { return axes_.size(); }
  std::vector<std::string> AxisNames() const;

  /// The figures at these shares (clamped to 0 .. 1) of the axes.
  TariffParameters ParametersAt(const std::vector<double>& shares) const;
  /// The shares nearest to these figures.
  std::vector<double> SharesOf(const TariffParameters& parameters) const;
  ledger::Tariff TariffAt(const std::vector<double>& shares) const;
  std::vector<AxisReading> Read(const std::vector<double>& shares) const;

  /// The space as a family; it is copied into it.
  TariffFamily Family(std::string name) const;

  const TariffSpaceTerms& terms() const { return terms_; }

 private:
  enum class Figure : uint8_t {
    kTokenPrice,
    kFlex,
    kPriority,
    kSpillover,
    kPeak,
    kDemandRule,
    kDemandPrice,
    kCapacity
  };
  struct Axis {
    Figure figure;
    std::string name;
    std::string unit;  // that people read it in
    Interval interval;
    bool logarithmic = false;
    std::optional<double> off;   // the value of the part of the axis, at its beginning, that switches the figure off
    double in_unit = 1;          // a value times this is in that unit
  };
  void AddAxes();
  void AddFactor(Figure figure, std::string name, const Interval& interval);
  static double ValueAt(const Axis& axis, double share);
  static double ShareOf(const Axis& axis, double value);
  DemandChoice ChoiceAt(double value) const;

  TariffSpaceTerms terms_;
  std::vector<Axis> axes_;
};

}  // namespace penstock::sim
