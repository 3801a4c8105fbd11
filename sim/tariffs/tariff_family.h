// A set of tariffs with parameters: what a search looks through.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/tariff.h"
#include "sim/tariffs/tariff_parameters.h"

namespace penstock::sim {

/// What an axis of a family says at some share of it, for people: "token price", "0.6 USD per million nt".
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
  /// An axis that is a choice among things that are not alike; its length is divided into equal parts, one for each.
  struct Choice {
    size_t axis = 0;
    size_t options = 0;
  };
  std::optional<Choice> choice;
  /// The figures of a tariff of it; what has none can leave it empty.
  std::function<TariffParameters(const std::vector<double>& shares)> parameters_at;
  /// The point nearest to these figures; empty where there is no such thing.
  std::function<std::vector<double>(const TariffParameters& parameters)> nearest;
};

}  // namespace penstock::sim
