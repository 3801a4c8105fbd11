// A set of tariffs with parameters: what a search looks through.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ledger/tariff.h"

namespace penstock::sim {

/// What an axis of a family says at some share of it, for people: "token price", "600 pico-units per milli-nt".
struct AxisReading {
  std::string name;
  std::string value;
};

struct TariffFamily {
  std::string name;               // "flat price"
  std::vector<std::string> axes;  // names of the parameters; a point is a share, 0 to 1, for each
  /// A sound tariff (CheckTariff) for every point of the unit cube.
  std::function<ledger::Tariff(const std::vector<double>& shares)> tariff_at;
  std::function<std::vector<AxisReading>(const std::vector<double>& shares)> read;
  /// Points worth trying first.
  std::vector<std::vector<double>> starts;
};

}  // namespace penstock::sim
