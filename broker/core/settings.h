// What the engine is told at start: pools, tenants, keys, prices. Plain values; broker/config reads them from YAML.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admission/limits.h"
#include "admission/scheduler.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "broker/market/settings.h"
#include "ledger/entry.h"
#include "ledger/rating/subscription.h"
#include "ledger/tariff.h"

namespace penstock::core {

struct PoolSettings {
  std::string name;
  std::string model;
  admission::PoolTerms terms;
  BurndownRates burndown;                   // milli-nt per token; 0: the pool does not have this kind
  Tokens predicted_output{256};             // the cold-start rule: what is held for rate until a plan knows better
  int64_t estimator_error_thousandths = 0;  // added to input counts that the client only estimated
  Duration lease = Minutes(5);              // slot and rate come back after this without a word
  Duration settle_within = Minutes(30);     // and the money hold after this; not before the lease
  market::MarketTerms market;
};

/// A bought rate in one pool, on work or on one token kind.
struct ReservationSettings {
  std::string pool;
  std::optional<TokenKind> kind;  // nothing: on work
  admission::RateTerms rate;      // milli-nt, or tokens of that kind
  Overrun overrun = Overrun::kSpill;
};

/// What token charges should stay within. It counts what was charged to grants given in the period (UTC days and
/// months) and what running ones may still cost. A hard one is never exceeded; a soft one refuses nothing. Both alert.
struct BudgetTerms {
  using Period = ledger::BudgetPeriod;
  std::string name;  // "day", "month", "total"
  Period period = Period::kTotal;
  ledger::Money amount;
  bool soft = false;
  std::vector<uint32_t> alert_at{};  // percent of the amount, rising; an alert each, once in a period
  friend bool operator==(const BudgetTerms&, const BudgetTerms&) = default;
};

/// What one run (an agent run or workflow, named by the client) may do. Zero: no bound.
struct RunTerms {
  ledger::Money max_spend;
  bool soft_spend = false;           // it bounds nothing, it only alerts
  std::vector<uint32_t> alert_at{};  // percent of max_spend, rising
  int64_t max_requests = 0;
  Duration max_wall_time;
  int64_t max_depth = 0;          // of nested requests, as the client counts them from 1
  bool ask_for_approval = false;  // crossing a bound waits for an operator instead of stopping
  friend bool operator==(const RunTerms&, const RunTerms&) = default;
};

/// What to do with a request whose content digest is that of one in flight or lately finished.
enum class DuplicatePolicy : uint8_t { kIgnore, kHint, kRefuse };

/// What a key may do at all.
struct KeyPolicy {
  std::vector<std::string> pools;     // empty: every pool the tenant may use
  std::vector<ServiceClass> classes;  // empty: every class the tenant may ask for
  Tokens max_input;                   // a request with more is refused; 0: no ceiling
  Tokens max_output;                  // the output cap is never more; 0: no ceiling
  int64_t max_output_price = 0;       // pico-units per generated token: dearer pools are passed over; 0: no ceiling
  DuplicatePolicy duplicates = DuplicatePolicy::kIgnore;
  Duration duplicate_window = Seconds(60);  // how long a finished request counts as lately finished
  friend bool operator==(const KeyPolicy&, const KeyPolicy&) = default;
};

/// A subdivision of a tenant that its keys name.
struct ProjectSettings {
  std::string name;
  std::vector<BudgetTerms> budgets;
};

struct KeySettings {
  std::string name;
  std::string project;  // of its tenant, once and for ever; empty: none
  int64_t weight = 1;   // among the keys of its tenant
  admission::LimitPolicy limits;
  KeyPolicy policy;
  std::vector<BudgetTerms> budgets;
};

/// Limits that a tenant gets once it was charged so much in all.
struct Graduation {
  ledger::Money at_spend;
  admission::LimitPolicy limits;
  friend bool operator==(const Graduation&, const Graduation&) = default;
};

struct TenantSettings {
  std::string name;
  Tier tier = Tier::kElastic;
  int64_t weight = 1;  // among the tenants of its class
  admission::LimitPolicy limits;
  std::vector<Graduation> graduations;            // by rising spend
  std::vector<std::string> pools;                 // empty: every pool
  std::vector<ServiceClass> classes;              // elastic classes it may ask for; empty: `default` only
  std::vector<ReservationSettings> reservations;  // at least one exactly for Tier::kReserved
  std::vector<BudgetTerms> budgets;
  RunTerms runs;
  std::vector<ProjectSettings> projects;  // those with budgets
  std::vector<KeySettings> keys;
  std::string tariff;                         // the version that its contract pins; empty: the one in force
  ledger::rating::Subscription subscription;  // what its statements know of it beside its usage
};

struct EngineSettings {
  std::vector<PoolSettings> pools;
  std::array<admission::LimitPolicy, kTierCount> tier_limits;  // shared by all tenants of a tier
  std::vector<TenantSettings> tenants;
  ledger::Tariff tariff;
  /// Versions that take over when they become effective, if they are in the currency of `tariff`, and versions that
  /// contracts pin.
  std::vector<ledger::Tariff> more_tariffs;
};

}  // namespace penstock::core
