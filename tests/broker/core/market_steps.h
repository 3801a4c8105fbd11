// A random life of a market: quotes, purchases, changes, bids, approvals, capacity that comes and goes, crashes and
// restarts; after every step the naive calendar says whether anything was sold that is not there.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "broker/market/sales_check.h"
#include "tests/broker/core/market_fixture.h"
#include "tests/broker/market/naive_calendar.h"

namespace penstock::core {

class MarketSteps {
 public:
  explicit MarketSteps(uint64_t seed);
  /// So many steps. Findings are test failures.
  void Run(int64_t steps);
  /// How often each thing happened: answers by what was asked, events of reservations.
  const std::map<std::string, int64_t>& counts() const { return counts_; }

 private:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  std::string Tenant() { return OneIn(2) ? "shop" : "acme"; }
  MarketCaller Caller(const std::string& tenant);
  std::vector<ledger::RateStep> Steps();
  std::vector<ledger::RateStep> StepsLike(const ledger::ReservationRecord& record);
  void Step();
  void Quote();
  void Accept();
  void Change();
  void Decide();
  void Bid();
  void LoseCapacity();
  void PlanCapacity();
  void Serve();
  void Check();
  template <class Command>
  void Ask(const std::string& name, Command command);

  std::mt19937_64 random_;
  EngineWorld world_;
  market::SalesCheck<market::NaiveCalendar> naive_;
  market::SalesCheck<market::CapacityCalendar> fast_;
  ledger::Books books_;  // before the entry that is looked at
  uint64_t checked_ = 0;  // entries
  std::vector<std::pair<std::string, uint64_t>> quotes_;
  std::vector<Granted> granted_;
  std::map<std::string, int64_t> counts_;
  int64_t requests_ = 0;
};

}  // namespace penstock::core
