// Everything that can happen to the engine, as values. Names are resolved before: commands carry ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/entry.h"

namespace penstock::core {

/// The caller's handle for an answer, unique while the caller lives; never 0.
using Ticket = uint64_t;

struct Admit {
  Ticket ticket = 0;
  TenantId tenant;
  KeyId key;
  std::string request_id;
  ledger::BodyDigest body{};
  std::vector<PoolId> pools;           // candidates, in order of preference; at least one
  TokenCounts input;                   // input kinds only
  ByTokenKind<bool> estimated;         // which of them are estimates
  Tokens max_output;                   // positive
  Duration max_wait;                   // 0: now or never
  std::optional<ServiceClass> wanted;  // nothing: the tier's own
  std::string run;
  std::vector<ledger::Label> labels;
  bool validate_only = false;
};

/// The caller of a waiting Admit went away.
struct Abandon {
  Ticket ticket = 0;
};

/// The answer to this ticket held this grant and could not be delivered.
struct Undeliverable {
  Ticket ticket = 0;
  GrantId grant;
};

struct Progress {
  Ticket ticket = 0;
  GrantId grant;
  std::optional<TenantId> on_behalf_of;  // a tenant principal; nothing: may act for all
  TokenCounts so_far;
};

struct Complete {
  Ticket ticket = 0;
  GrantId grant;
  ledger::GrantTerms terms;  // from the sealed grant name: enough to settle a grant whose hold was lost
  Instant issued;            // likewise
  std::optional<TenantId> on_behalf_of;
  ledger::Outcome outcome = ledger::Outcome::kSucceeded;
  TokenCounts tokens;
  ledger::BodyDigest body{};
  std::optional<Instant> first_token_at;
  std::optional<Instant> ended_at;
};

struct SetCapacity {
  Ticket ticket = 0;
  PoolId pool;
  WorkPerSecond capacity;
  int64_t max_in_flight = 0;  // 0: unchanged
};

/// Integers from the estimators in broker/planning.
struct SetPlan {
  struct PredictedOutput {
    TenantId tenant;
    PoolId pool;
    Tokens tokens;  // a quantile of what this tenant's requests generate there
  };
  std::vector<PredictedOutput> predicted_outputs;
};

/// No new grants from here on; those waiting are sent away. Settlements go on.
struct Drain {};

/// Time passed: do what is due.
struct Tick {};

using Command = std::variant<Admit, Abandon, Undeliverable, Progress, Complete, SetCapacity, SetPlan, Drain, Tick>;

}  // namespace penstock::core
