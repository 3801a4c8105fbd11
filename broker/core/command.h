// Everything that can happen to the engine, as values. Names are resolved before: commands carry ids.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admission/leaky_level.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "broker/core/settings.h"
#include "ledger/entry.h"
#include "ledger/market_terms.h"
#include "ledger/request_record.h"
#include "ledger/statement.h"

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
  int64_t depth = 0;                          // of the request in its run, from 1; 0: not told
  std::optional<ledger::BodyDigest> content;  // the client's digest of the content
  std::vector<ledger::Label> labels;
  bool validate_only = false;
  std::optional<ledger::RequestFingerprint> name;  // of tenant and request id, once Engine::Expect has made it
};

/// A forecast of a wait: nine of ten such requests wait between `low` and `high`, half of them less than `expected`.
struct WaitRange {
  Duration low;
  Duration expected;
  Duration high;
};
constexpr size_t kWaitBuckets = 24;
/// The bucket of a forecast (see SetPlan::WaitTable).
constexpr size_t WaitBucketOf(Duration line_forecast) {
  const auto ms = static_cast<uint64_t>(std::max<int64_t>(line_forecast.count() / Milliseconds(1).count(), 1));
  return std::min<size_t>(static_cast<size_t>(std::bit_width(ms)) - 1, kWaitBuckets - 1);
}
/// What holds until anything is learnt.
constexpr WaitRange DefaultWaitRange(Duration line_forecast) {
  const Duration f = std::min(line_forecast, admission::kLongestWait);
  return {.low = Duration::Zero(), .expected = f, .high = std::min(f, Days(9'000)) * 4 + Seconds(1)};
}

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
  int64_t kv_tokens = 0;      // 0: unchanged
};

/// Allows the bounds of a run once more.
struct ApproveRun {
  Ticket ticket = 0;
  TenantId tenant;
  std::string run;
  std::string by;  // the id of the principal
};

/// Asks for more of a budget in its period of now. The same wish while it is open is the same request.
struct AskRaise {
  Ticket ticket = 0;
  ledger::BudgetOf budget;  // of a tenant, project or key; its number does not matter
  ledger::Money amount;     // positive
  bool is_total = false;    // the amount that the budget should have; else by how much
  bool for_good = false;    // or until the end of the period
  std::string by;
  std::string reason;
};

/// Approves or rejects such a request.
struct DecideRaise {
  Ticket ticket = 0;
  uint32_t id = 0;
  bool approve = false;
  std::string by;
};

/// Closes a period: posts what was rated, if the books still say what it was rated from.
struct CloseStatement {
  Ticket ticket = 0;
  uint64_t fingerprint = 0;                             // of the StatementInput
  std::shared_ptr<const ledger::StatementEntry> rated;  // without id and time
};

/// Outcomes that a tenant's runs achieved, or (`reverses`) the reversal of an earlier report.
struct ReportOutcome {
  Ticket ticket = 0;
  TenantId tenant;
  std::string request_id;
  ledger::BodyDigest body{};
  std::string name;  // this and the following: not in a reversal
  int64_t accepted = 0;
  int64_t rejected = 0;
  std::string run;
  std::vector<ledger::Label> labels;
  std::optional<Instant> happened;  // nothing: now
  uint64_t reverses = 0;            // a report; 0: none
};

/// New settings while traffic runs: what was used, spent, held and waits stays. Tenants and keys that are gone may not
/// ask any more; pools may change and be added, not removed. Refused whole when the journal contradicts it.
struct Reconfigure {
  Ticket ticket = 0;
  std::shared_ptr<const EngineSettings> settings;
};

/// Integers from the estimators in broker/planning.
struct SetPlan {
  struct PredictedOutput {
    TenantId tenant;
    PoolId pool;
    Tokens tokens;  // a quantile of what this tenant's requests generate there
  };
  std::vector<PredictedOutput> predicted_outputs;

  /// What requests of a class whose wait was forecast from the line as about so long (the bucket) then waited. Bucket n
  /// holds line forecasts of 2^n .. 2^(n+1) ms; the first also all shorter, the last also all longer ones.
  struct WaitTable {
    PoolId pool;
    ServiceClass stood_as = ServiceClass::kDefault;
    std::array<WaitRange, kWaitBuckets> buckets;
  };
  std::vector<WaitTable> wait_tables;

  /// Elastic demand of a pool by the hour, from a whole hour on.
  struct Demand {
    PoolId pool;
    Instant from;
    std::vector<ledger::HourDemand> hours;
    int64_t holdback_slots = 0;  // that classes below reserved must leave free
  };
  std::vector<Demand> demands;
};

// ---- The market. Times are whole minutes; the texts of requests are checked before (broker/rpc).

/// Who asks for something that changes the market, and how it is told apart from a repetition.
struct MarketCaller {
  TenantId tenant;         // whose it is; an operator names it
  std::string by;          // the id of the principal
  std::string request_id;  // empty: none
  ledger::BodyDigest body{};
  bool validate_only = false;  // say what would happen, change nothing
};

/// Throughput that somebody wants. Rates are in milli-nt/s; steps must not overlap.
struct Wish {
  PoolId pool;
  std::string project;                  // by name; empty: none
  std::vector<ledger::RateStep> steps;  // without prices
  std::optional<Overrun> overrun;       // nothing: spill
  ledger::Envelope envelope;            // zeros: the pool's
  std::string shape;
};

struct AskQuote {
  Ticket ticket = 0;
  MarketCaller caller;
  Wish wish;
};

struct WithdrawQuote {
  Ticket ticket = 0;
  MarketCaller caller;
  uint64_t quote = 0;
};

struct AcceptQuote {
  Ticket ticket = 0;
  MarketCaller caller;
  uint64_t quote = 0;
};

/// What is to become of a reservation. `etag`: its version as the caller knows it; 0: whatever it is.
struct ChangeReservation {
  enum class What : uint8_t { kAmend, kCancel, kSellBack, kTransfer, kSuspend, kResume };
  Ticket ticket = 0;
  MarketCaller caller;
  uint32_t reservation = 0;
  uint64_t etag = 0;
  What what = What::kAmend;
  std::vector<ledger::RateStep>
      steps;                       // kAmend: what is to be promised, from now on; kSellBack: what is to go, empty: all
  std::string shape;               // kAmend
  std::optional<Overrun> overrun;  // kAmend
  std::string project;             // kTransfer; empty: to none
  std::string reason;              // kSuspend
};

/// An operator's decision about a purchase or an amendment that waits for it.
struct DecideReservation {
  Ticket ticket = 0;
  MarketCaller caller;
  uint32_t reservation = 0;
  uint64_t etag = 0;
  bool approve = false;
  std::string reason;
};

struct PlaceBid {
  Ticket ticket = 0;
  MarketCaller caller;
  Wish wish;
  int64_t limit_price = 0;  // pico-units per milli-nt/s and minute
  Instant expires;
};

struct WithdrawBid {
  Ticket ticket = 0;
  MarketCaller caller;
  uint64_t bid = 0;
};

/// Pins the elastic price of a pool for a tenant: a lock at, or a cap above, what is posted now.
struct PinPrice {
  Ticket ticket = 0;
  MarketCaller caller;
  PoolId pool;
  bool cap = false;
  Duration for_time;
};

/// No new grants from here on; those waiting are sent away. Settlements go on.
struct Drain {};

/// Time passed: do what is due.
struct Tick {};

using Command =
    std::variant<Admit, Abandon, Undeliverable, Progress, Complete, SetCapacity, SetPlan, ApproveRun, CloseStatement,
                 ReportOutcome, AskRaise, DecideRaise, AskQuote, WithdrawQuote, AcceptQuote, ChangeReservation,
                 DecideReservation, PlaceBid, WithdrawBid, PinPrice, Reconfigure, Drain, Tick>;

}  // namespace penstock::core
