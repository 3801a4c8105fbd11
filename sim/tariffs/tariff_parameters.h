// The figures that make a tariff of the space that the simulator searches, and the tariff that they make.
//
//   token price       one price per work; each kind of token costs it times its burndown rate
//   classes           flex cheaper, priority dearer than default, spillover beyond a reservation
//   time of use       the token prices times a factor in the peak hours of the week
//   demand            a price for the rate of a busiest window of the month, by one of four rules
//   capacity          of reservations by the hour; what is used inside one costs nothing more
//
// Figures are doubles here; MakeTariff rounds them to prices that the ledger can charge exactly, and that a tariff file
// can say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/tariff.h"

namespace penstock::sim {

/// Ordered so that neighbours treat a spiky customer alike.
enum class DemandChoice : uint8_t { kNone, kPercentile95, kOwnPeak, kRatchet, kCoincident };
constexpr size_t kDemandChoiceCount = 5;
constexpr std::array<std::string_view, kDemandChoiceCount> kDemandChoiceNames = {
    "none", "95th percentile", "own peak", "own peak with a ratchet of 80 %", "coincident peak"};
constexpr std::string_view Name(DemandChoice choice) { return kDemandChoiceNames[static_cast<size_t>(choice)]; }

struct TariffParameters {
  double token_price = 0;  // pico-units per milli-nt, class default
  double flex_factor = 1;  // of the token price; 1: flex is no cheaper
  double priority_factor = 1;
  double spillover_factor = 1;
  double peak_factor = 1;  // on the token prices in the peak band; 1: no band
  DemandChoice demand = DemandChoice::kNone;
  double demand_price = 0;    // pico-units per milli-nt/s, on the mean of the demand window, and month
  double capacity_price = 0;  // pico-units per milli-nt/s and hour; 0: reservations are not on offer, and what is
                              // reserved some other way costs what default does
};

/// What all tariffs of a space have in common.
struct TariffFrame {
  std::string version = "tuned-1";
  std::string currency = "USD";
  Instant effective;  // whole seconds
  ledger::Money rounding_unit = ledger::Money::FromPico(10'000'000'000);  // of statement lines: 0.01
  std::string pool = "chat";
  BurndownRates burndown;
  bool peak_on_weekends = false;
  size_t peak_from_hour = 8;       // of the day, UTC; 0 to 23
  size_t peak_to_hour = 20;        // 1 to 24, after it
  int64_t demand_minutes = 1;      // length of the demand window of the own peak and the ratchet
  int64_t coincident_windows = 1;  // how many of the pool's busiest windows a coincident peak is the mean of
};

/// A sound tariff: figures are rounded to the nearest price that there is, and held below the largest that a file may
/// say. Figures must be finite, prices and factors not negative.
ledger::Tariff MakeTariff(const TariffParameters& parameters, const TariffFrame& frame);

}  // namespace penstock::sim
