// What the engine is told at start: pools, tenants, keys, prices. Plain values; broker/config reads them from YAML.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admission/limits.h"
#include "admission/scheduler.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
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
};

/// A bought rate in one pool, on work or on one token kind.
struct ReservationSettings {
  std::string pool;
  std::optional<TokenKind> kind;  // nothing: on work
  admission::RateTerms rate;      // milli-nt, or tokens of that kind
  admission::Overrun overrun = admission::Overrun::kSpill;
};

struct KeySettings {
  std::string name;
  std::vector<admission::LimitTerms> limits;
  int64_t max_parallel = 0;        // 0: no bound
  std::vector<std::string> pools;  // empty: every pool the tenant may use
};

struct TenantSettings {
  std::string name;
  Tier tier = Tier::kElastic;
  int64_t weight = 1;  // among the tenants of its class
  std::vector<admission::LimitTerms> limits;
  int64_t max_parallel = 0;
  std::vector<std::string> pools;                  // empty: every pool
  std::vector<ServiceClass> classes;               // elastic classes it may ask for; empty: `default` only
  std::optional<ReservationSettings> reservation;  // exactly for Tier::kReserved
  std::vector<KeySettings> keys;
};

struct EngineSettings {
  std::vector<PoolSettings> pools;
  std::vector<TenantSettings> tenants;
  ledger::Tariff tariff;
};

}  // namespace penstock::core
