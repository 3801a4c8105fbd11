#include "sim/demand/pricing.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

using ledger::DemandCharge;
using ledger::Money;
using ledger::rating::Bill;
using ledger::rating::PoolUse;
using ledger::rating::TokenRow;

Instant WholeHourUp(Instant t) {
  const Instant hour = WindowStart(t, Hours(1));
  return hour == t ? t : hour + Hours(1);
}

std::vector<Work> SumOf(const std::vector<Work>& a, const std::vector<Work>& b) {
  std::vector<Work> sum = a;
  sum.resize(std::max(a.size(), b.size()));
  for (size_t w = 0; w < b.size(); ++w) sum[w] += b[w];
  return sum;
}

}  // namespace

Pricing::Pricing(const ledger::Tariff& tariff, Metering metering, std::span<const Work> everyone)
    : tariff_(tariff),
      metering_(std::move(metering)),
      prices_(tariff.PricesOf(metering_.pool)),
      spread_(SpreadFor(prices_, metering_.window)) {
  const Instant end = metering_.start + metering_.window * static_cast<int64_t>(metering_.windows);
  period_ = {metering_.start, WholeHourUp(end)};
  PENSTOCK_CHECK(period_.from == WindowStart(period_.from, Hours(1)));
  if (prices_ == nullptr || prices_->demand.empty() || spread_ == RowSpread::kAtStart) return;
  looked_at_.emplace(prices_, tariff.calendar, metering_.start, metering_.window, everyone);
  everyone_ = SamplesOf(looked_at_->KeptOfEveryone(everyone), metering_.start, metering_.window, spread_);
}

std::vector<ledger::rating::WorkRow> Pricing::DemandRows(std::span<const Work> work) const {
  if (!looked_at_) return WorkRowsOf(SamplesOf(work, metering_.start, metering_.window, spread_), Tier::kElastic);
  const std::vector<Work> kept = looked_at_->Kept(work);
  return WorkRowsOf(SamplesOf(kept, metering_.start, metering_.window, spread_), Tier::kElastic);
}

Bill Pricing::Rated(PoolUse use, WorkPerSecond reserves) const {
  ledger::rating::Usage usage;
  use.pool = metering_.pool;
  usage.pools.push_back(std::move(use));
  ledger::rating::Subscription subscription;
  subscription.from = period_.from;
  subscription.until = period_.to;
  if (reserves > WorkPerSecond()) {
    subscription.reservations = {{metering_.pool, reserves, period_.from, period_.to}};
  }
  return ledger::rating::Rate(tariff_, usage, subscription, period_);
}

Bill Pricing::BillOf(const MeteredUse& use) const {
  const bool by_hour = !tariff_.calendar.bands.empty();
  PoolUse rows;
  rows.tokens = TokenRowsOf(use.elastic, use.served, metering_.start, metering_.window, by_hour);
  for (const auto& row :
       TokenRowsOf(use.reserved, ServiceClass::kReserved, metering_.start, metering_.window, by_hour)) {
    rows.tokens.push_back(row);
  }
  if (prices_ != nullptr && !prices_->demand.empty()) {
    const std::vector<Work> work =
        SumOf(WorkOf(use.elastic, metering_.burndown), WorkOf(use.reserved, metering_.burndown));
    rows.work = DemandRows(work);
    rows.everyone = everyone_;
  }
  return Rated(std::move(rows), use.reserves);
}

std::vector<TokenRow> Pricing::TokenRows(std::span<const TokenCounts> tokens) const {
  const bool by_hour = !tariff_.calendar.bands.empty();
  return TokenRowsOf(tokens, ServiceClass::kDefault, metering_.start, metering_.window, by_hour);
}

Money Pricing::TokenCost(std::vector<TokenRow> rows, ServiceClass served) const {
  for (TokenRow& row : rows) row.served = served;
  PoolUse use;
  use.tokens = std::move(rows);
  return Rated(std::move(use), WorkPerSecond()).total;
}

Money Pricing::DemandCost(std::span<const Work> work) const {
  if (prices_ == nullptr || prices_->demand.empty()) return Money();
  PoolUse rows;
  rows.work = DemandRows(work);
  rows.everyone = everyone_;
  return Rated(std::move(rows), WorkPerSecond()).total;
}

Money Pricing::CapacityCost(WorkPerSecond reserves) const { return Rated({}, reserves).total; }

bool Pricing::IsLinear() const {
  if (prices_ == nullptr) return true;
  const auto climbs = [](const auto& rule) { return rule.steps.size() > 1; };
  const auto has_minimum = [](const DemandCharge& charge) { return charge.ratchet.minimum > 0; };
  return std::none_of(prices_->token_rules.begin(), prices_->token_rules.end(), climbs) &&
         std::none_of(prices_->demand.begin(), prices_->demand.end(), climbs) &&
         std::none_of(prices_->demand.begin(), prices_->demand.end(), has_minimum);
}

double CurrencyUnits(const Money& money) { return static_cast<double>(money.pico()) * 1e-12; }

}  // namespace penstock::sim
