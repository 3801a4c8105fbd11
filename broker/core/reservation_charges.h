// What steps of a reservation cost, or bring back: one charge for each price, in the order of kinds and prices.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "ledger/market_records.h"
#include "ledger/market_terms.h"

namespace penstock::core {

/// A refund of all that was paid, in thousandths.
constexpr int64_t kWholePrice = 1'000;

class ReservationCharges {
 public:
  void Buy(const std::vector<ledger::RateStep>& steps);
  /// At `factor` thousandths of what was paid, rounded towards zero.
  void Refund(const std::vector<ledger::RateStep>& steps, int64_t factor);
  /// At `bid` each.
  void SellBack(const std::vector<ledger::RateStep>& steps, int64_t bid);
  std::vector<ledger::ReservationCharge> Take() const;

 private:
  using Kind = ledger::ReservationCharge::Kind;
  void Add(Kind kind, int64_t unit, int64_t paid, Int128 quantity) { sums_[{kind, unit, paid}] += quantity; }

  std::map<std::tuple<Kind, int64_t, int64_t>, Int128> sums_;
};

/// The charges of nothing but a refund.
std::vector<ledger::ReservationCharge> RefundOf(const std::vector<ledger::RateStep>& steps, int64_t factor);

ledger::Money SumOf(const std::vector<ledger::ReservationCharge>& charges);

}  // namespace penstock::core
