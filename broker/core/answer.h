// What the engine says. A refusal is an answer; an Error is for what the caller got wrong.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admission/scheduler.h"
#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/inline_text.h"
#include "broker/core/command.h"
#include "broker/core/duplicates.h"
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
  kUnknownRun,
  kUnknownDecision,
  kUnknownOutcome,
  kOutcomeReversed,
  kTooManyOutcomeNames,
  kFailedPrecondition,
  kPeriodNotClosable,
  kUnknownBudget,
  kUnknownRaise,
  kRaiseDecided,
  kPeriodOver,
  kTooManyRaises,
  kMarketClosed,  // the pool sells nothing ahead of time
  kUnknownQuote,
  kQuoteEnded,  // expired, withdrawn or accepted already
  kUnknownReservation,
  kIllegalTransition,  // the state does not allow it
  kStaleEtag,
  kReservationLocked,  // too close to its beginning
  kUnknownBid,
  kBidEnded,
  kTooManyQuotes,
  kUnknownProject,
  kNothingToChange,
  kPinInForce,  // one lock or cap at a time
};

struct Error {
  ErrorReason reason = ErrorReason::kInvalidArgument;
  std::string field;    // path in the request, may be empty
  std::string message;  // what, why and what to do, for a person
};

enum class RefusalReason : uint8_t {
  kRateLimit,        // a limit of the key, tenant or tier
  kParallelLimit,    // too many at once
  kReservationUsed,  // beyond the reservation, whose contract says refuse
  kNotAllowed,       // policy: pool, class or price
  kInputTooLarge,    // beyond the key's input ceiling
  kBudgetUsed,       // a hard budget has nothing left
  kRunBound,         // the run has reached a bound
  kDuplicate,        // identical content in flight or lately finished
  kWaitExpired,      // it waited as long as it may
  kQueueFull,        // the line is full
  kWaitTooLong,      // the line is longer than it may wait
  kShed,             // load was shed from its line
  kTooLarge,         // larger than the pool can ever hold
};
/// True when the limit was the caller's own (429), false when it was the pool's (503).
bool IsYours(RefusalReason reason);

/// What routing found about a candidate pool.
enum class CandidateVerdict : uint8_t {
  kNotConsidered,
  kChosen,
  kNotAllowed,
  kTooDear,
  kLimited,
  kOverBudget,
  kWaitTooLong,
};

/// Why a decision came out so; filled for every decision, shown on demand.
struct Explanation {
  Work estimated_work;
  Tokens predicted_output;
  int64_t position = 0;                                           // requests of its class in line before it
  Duration line_forecast;                                         // from the drain rate of its line
  WaitRange forecast_wait;                                        // what such forecasts turned out to be
  admission::Gate gate = admission::Gate::kOpen;                  // what kept its class waiting when it came
  bool promised = false;                                          // it came back to a promised place
  std::array<CandidateVerdict, kMaxCandidatePools> candidates{};  // in the order of the request
  admission::DispatchReason dispatch;
};

struct Granted {
  GrantId id;
  ledger::GrantTerms terms;
  ledger::TokenPrices prices{};  // that it pinned: pico-units per token
  Tokens output_cap;
  Instant issued;
  Instant lease_deadline;
  Instant settle_deadline;
  Duration waited;
  ledger::Money hold;
  std::optional<DuplicateHint> duplicate;
  Explanation explanation;
};

struct Refused {
  RefusalReason reason = RefusalReason::kQueueFull;
  Duration retry_after{};  // zero: do not try again as it is
  InlineText<80> limit{};  // what refused, for example "tenant.tokens_per_minute"; may be empty
  int64_t asked = 0;       // of a limit, in its unit
  int64_t remaining = 0;   // likewise
  bool promised = false;   // the same request id has a place at that time
  std::optional<DuplicateHint> duplicate{};
  Explanation explanation{};
};
/// What, why and what to do: a sentence for a person.
std::string MessageOf(const Refused& refused);

struct Forecasted {
  PoolId pool;
  ServiceClass share_class = ServiceClass::kDefault;
  uint32_t tariff = 0;  // id of the one that it would be charged by
  ledger::Money expected_cost;
  ledger::Money max_cost;
  Explanation explanation;
};

struct Progressed {
  Instant lease_deadline;
  Instant settle_deadline;
  Tokens output_cap;
  bool stop = false;               // it should end now
  bool wait_for_approval = false;  // or pause until an operator has approved its run
  InlineText<80> bound{};          // what it has reached: "run.max_spend", "key.budget.day", "output_cap"
};

struct Completed {
  ledger::GrantTerms terms;
  ledger::Money charge;
  bool billed = true;
  Work work;
  uint64_t sequence = 0;
  bool repeated = false;
};

/// A report of outcomes as the books have it.
struct OutcomeReported {
  ledger::OutcomeReport report;
  std::string name;
  bool repeated = false;
  uint64_t sequence = 0;
};

struct CapacitySet {};
struct RunApproved {};
struct Reconfigured {};
/// The period is closed: the statement's id.
struct StatementClosed {
  uint32_t id = 0;
};
/// The books changed in this period while the statement was rated: gather and rate it again.
struct StatementStale {};

struct RaiseAsked {
  uint32_t id = 0;
};
/// Decided now; the request itself is in the books.
struct RaiseDecided {
  uint32_t id = 0;
};

/// A quote, or with id 0 what it would be.
struct Quoted {
  ledger::QuoteEntry quote;
  ledger::Money price;
  bool repeated = false;
};
/// It cannot be had, and why; what could be had instead.
struct NotSellable {
  enum class What : uint8_t { kThroughput, kSlots, kKvTokens };
  What scarce = What::kThroughput;
  Instant tightest;
  int64_t asked = 0;  // at that moment, in its unit: milli-nt/s, slots, tokens
  int64_t room = 0;
  std::vector<ledger::Alternative> alternatives;
};
struct QuoteWithdrawn {
  uint64_t id = 0;
  bool repeated = false;
};
/// What a change does, or with validate_only would do.
struct ReservationChanged {
  uint32_t id = 0;                                                        // 0: of a purchase that was only asked about
  uint64_t version = 0;                                                   // after it
  ledger::ReservationState state = ledger::ReservationState::kScheduled;  // after it
  ledger::Money charge;                                                   // positive: to be paid; negative: given back
  std::vector<ledger::ReservationCharge> charges;
  std::vector<ledger::ReservationTerms> terms;  // one when they change: what would hold
  bool repeated = false;
};
/// A bid in line, or filled at once.
struct BidPlaced {
  uint64_t id = 0;  // 0: only asked about
  uint32_t reservation = 0;
  int64_t ask = 0;  // the unit price that it would take now; 0: it cannot be had now
  bool repeated = false;
};
struct BidWithdrawn {
  uint64_t id = 0;
};
struct PricePinned {
  ledger::PriceEntry price;  // id 0: only asked about
  bool repeated = false;
};

using Outcome =
    std::variant<Error, Granted, Refused, Forecasted, Progressed, Completed, CapacitySet, RunApproved, Reconfigured,
                 StatementClosed, StatementStale, OutcomeReported, RaiseAsked, RaiseDecided, Quoted, NotSellable,
                 QuoteWithdrawn, ReservationChanged, BidPlaced, BidWithdrawn, PricePinned>;

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
  /// What estimators learn from: a finished request.
  struct Observation {
    TenantId tenant;
    PoolId pool;
    Tokens generated;
    ServiceClass served = ServiceClass::kDefault;
    Work work;
    Duration ran;  // from the grant to its end
    Instant at;
  };
  std::vector<Observation> observations;
  /// Likewise: how long a request that stood in line waited, against what its line promised. `departed`: it left after
  /// that time without running (deadline, shed, cancelled), so its wait would have been longer.
  struct WaitSeen {
    PoolId pool;
    ServiceClass stood_as = ServiceClass::kDefault;
    Duration line_forecast;
    Duration waited;
    bool departed = false;
  };
  std::vector<WaitSeen> waits;
};

}  // namespace penstock::core
