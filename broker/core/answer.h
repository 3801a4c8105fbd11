// What the engine says. A refusal is an answer; an Error is for what the caller got wrong.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "admission/scheduler.h"
#include "admission/vocabulary/ids.h"
#include "broker/core/command.h"
#include "ledger/books.h"

namespace penstock::core {

enum class ErrorReason : uint8_t {
  kUnknownKey,
  kUnknownPool,
  kUnknownTokenKind,
  kInvalidArgument,
  kPermissionDenied,
  kRequestIdReused,
  kSuperseded,
  kUnknownGrant,
  kForeignGrant,
  kGrantEnded,
  kAbandoned,
  kOverloaded,
  kDraining,
};

struct Error {
  ErrorReason reason = ErrorReason::kInvalidArgument;
  std::string field;    // path in the request, may be empty
  std::string message;  // what, why and what to do, for a person
};

enum class RefusalReason : uint8_t {
  kRateLimit,
  kParallelLimit,
  kReservationUsed,
  kNotAllowed,
  kWaitExpired,
  kQueueFull,
};
/// True when the limit was the caller's own (429), false when it was the pool's (503).
bool IsYours(RefusalReason reason);

/// Why a decision came out so; filled for every decision, shown on demand.
struct Explanation {
  Work estimated_work;
  Tokens predicted_output;
  int64_t position = 0;
  Duration forecast_wait;
  admission::DispatchReason dispatch;
};

struct Granted {
  GrantId id;
  ledger::GrantTerms terms;
  Tokens output_cap;
  Instant issued;
  Instant lease_deadline;
  Instant settle_deadline;
  Duration waited;
  ledger::Money hold;
  Explanation explanation;
};

struct Refused {
  RefusalReason reason = RefusalReason::kQueueFull;
  Duration retry_after;
  std::string limit;
  std::string message;
  Explanation explanation;
};

struct Forecasted {
  PoolId pool;
  ServiceClass share_class = ServiceClass::kDefault;
  ledger::Money expected_cost;
  ledger::Money max_cost;
  Explanation explanation;
};

struct Progressed {
  Instant lease_deadline;
  Instant settle_deadline;
  Tokens output_cap;
  bool stop = false;
};

struct Completed {
  ledger::GrantTerms terms;
  ledger::Money charge;
  bool billed = true;
  Work work;
  uint64_t sequence = 0;
  bool repeated = false;
};

struct CapacitySet {};

using Outcome = std::variant<Error, Granted, Refused, Forecasted, Progressed, Completed, CapacitySet>;

/// When an answer may be given out.
enum class Release : uint8_t {
  kWritten,  // once everything posted so far is written: a crash of the process keeps it
  kSynced,   // once a sync covers it: a power cut keeps it
};

struct Answer {
  Ticket ticket = 0;
  Release release = Release::kWritten;
  uint64_t sequence = 0;  // the journal sequence that must be written or synced first
  Outcome outcome;
};

/// What applying a command produced. Reused between calls: the engine appends, the driver clears.
struct Effects {
  std::vector<Answer> answers;
  /// What estimators learn from: how much a finished request generated.
  struct Observation {
    TenantId tenant;
    PoolId pool;
    Tokens generated;
  };
  std::vector<Observation> observations;
};

}  // namespace penstock::core
