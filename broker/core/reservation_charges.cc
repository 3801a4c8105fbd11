#include "broker/core/reservation_charges.h"

namespace penstock::core {

using ledger::RateStep;
using ledger::ReservationCharge;

void ReservationCharges::Buy(const std::vector<RateStep>& steps) {
  for (const RateStep& step : steps) {
    Add(Kind::kPurchase, step.unit_price, step.unit_price, ledger::QuantityOf(step));
  }
}

void ReservationCharges::Refund(const std::vector<RateStep>& steps, int64_t factor) {
  for (const RateStep& step : steps) {
    const auto back = static_cast<int64_t>(Int128{step.unit_price} * factor / kWholePrice);
    Add(Kind::kRefund, back, step.unit_price, -ledger::QuantityOf(step));
  }
}

void ReservationCharges::SellBack(const std::vector<RateStep>& steps, int64_t bid) {
  for (const RateStep& step : steps) Add(Kind::kSellBack, bid, step.unit_price, -ledger::QuantityOf(step));
}

std::vector<ReservationCharge> ReservationCharges::Take() const {
  std::vector<ReservationCharge> charges;
  for (const auto& [key, quantity] : sums_) {
    const auto& [kind, unit, paid] = key;
    charges.push_back({kind, quantity, unit, paid});
  }
  return charges;
}

std::vector<ReservationCharge> RefundOf(const std::vector<RateStep>& steps, int64_t factor) {
  ReservationCharges charges;
  charges.Refund(steps, factor);
  return charges.Take();
}

ledger::Money SumOf(const std::vector<ReservationCharge>& charges) {
  ledger::Money sum;
  for (const ReservationCharge& charge : charges) sum += ledger::AmountOf(charge);
  return sum;
}

}  // namespace penstock::core
