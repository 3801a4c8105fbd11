// What use of one pool costs under one tariff, by the rating that makes the bills: exact money.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"
#include "ledger/money.h"
#include "ledger/rating/rate.h"
#include "ledger/tariff.h"
#include "sim/demand/rated_windows.h"
#include "sim/demand/rating_rows.h"

namespace penstock::sim {

/// Where and when the use is.
struct Metering {
  std::string pool;
  BurndownRates burndown;
  Instant start;  // of the first window: a whole hour
  Duration window;
  size_t windows = 0;
};

/// What one customer used, by window.
struct MeteredUse {
  std::vector<TokenCounts> elastic;
  ServiceClass served = ServiceClass::kDefault;  // of the elastic part
  std::vector<TokenCounts> reserved;             // inside its reservation; may be empty
  WorkPerSecond reserves;                        // all the time; 0: nothing
};

class Pricing {
 public:
  /// The tariff must be sound and outlive this. `everyone`: work of all customers by window, milli-nt (empty: a
  /// coincident charge finds no peak). The period that is rated ends with the hour in which the last window does.
  Pricing(const ledger::Tariff& tariff, Metering metering, std::span<const Work> everyone);

  ledger::rating::Bill BillOf(const MeteredUse& use) const;

  // The parts that a bill is the sum of, as long as the tariff has no seats (customers here buy none).
  /// Rows as TokenCost takes them, which may be asked of several classes; theirs does not matter.
  std::vector<ledger::rating::TokenRow> TokenRows(std::span<const TokenCounts> tokens) const;
  ledger::Money TokenCost(std::vector<ledger::rating::TokenRow> rows, ServiceClass served) const;
  ledger::Money DemandCost(std::span<const Work> work) const;
  ledger::Money CapacityCost(WorkPerSecond reserves) const;

  /// False if twice the use may cost other than twice as much: ladders, steps, minima.
  bool IsLinear() const;
  /// Nullptr where the tariff does not price the pool: everything there is free.
  const ledger::PoolPrices* prices() const { return prices_; }
  const Metering& metering() const { return metering_; }
  const ledger::Tariff& tariff() const { return tariff_; }

 private:
  ledger::rating::Bill Rated(ledger::rating::PoolUse use, WorkPerSecond reserves) const;
  /// Rows for the demand charges, of the windows that they can look at.
  std::vector<ledger::rating::WorkRow> DemandRows(std::span<const Work> work) const;

  const ledger::Tariff& tariff_;
  Metering metering_;
  const ledger::PoolPrices* prices_;
  RowSpread spread_;
  std::optional<RatedWindows> looked_at_;  // none: rows of whole windows will do, all of them
  ledger::rating::Period period_;
  std::vector<ledger::rating::Sample> everyone_;
};

/// In currency units; for statistics, never for books.
double CurrencyUnits(const ledger::Money& money);

}  // namespace penstock::sim
