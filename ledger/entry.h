// Journal entries: what happened, self-contained, so that replaying them needs no configuration.
//
// Encoding (ledger/entry.cc): one type byte (the place in the variant, from 1), then the fields in declaration order;
// unsigned LEB128 varints, signed values zigzag, strings and lists length-prefixed, Instants and Money as zigzag
// varints (Money up to 128 bits), digests as they are. Deadlines and attributions count from the entry's `at`. Tables
// by token kind or class are lists without their trailing zeros, so that a longer registry changes no old byte. The
// encoding is canonical: the same entry gives the same bytes on every machine and compiler, for they are hashed.
#pragma once

#include <absl/container/inlined_vector.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/market_terms.h"
#include "ledger/money.h"
#include "ledger/rating/rate.h"
#include "ledger/rating/subscription.h"
#include "ledger/sha256.h"
#include "ledger/tariff.h"

namespace penstock::ledger {

// Bounds on lists inside an entry, beside those of admission/vocabulary/bounds.h.
constexpr size_t kMaxAttributions = 16;
constexpr size_t kMaxPricedPools = 1024;
constexpr size_t kMaxSubscribed = 4096;  // of each list of a subscription
constexpr size_t kMaxCredits = 4096;     // that pay for one statement
constexpr size_t kMaxStatementLines = 16384;
constexpr size_t kMaxLineWindows = 64;        // that set a demand; the earliest are named
constexpr size_t kMaxDescriptionBytes = 512;  // of a line

/// A daemon opened the journal. Epochs increase by one with every boot.
struct BootEntry {
  uint32_t epoch = 0;
  Instant at;
  friend bool operator==(const BootEntry&, const BootEntry&) = default;
};

/// The daemon of this epoch stopped in an orderly way: everything before is synced and no grant is waiting for a slot.
struct StopEntry {
  uint32_t epoch = 0;
  Instant at;
  friend bool operator==(const StopEntry&, const StopEntry&) = default;
};

enum class NameKind : uint8_t { kTenant, kKey, kPool, kProject };
constexpr size_t kNameKinds = 4;

/// Binds a dense id to a name, once and for ever. The `owner` of a key or project is its tenant's id.
struct NameEntry {
  NameKind kind = NameKind::kTenant;
  uint32_t id = 0;  // 1, 2, 3... within its kind
  uint32_t owner = 0;
  std::string name;
  friend bool operator==(const NameEntry&, const NameEntry&) = default;
};

/// Price rules that grants from here on may pin, under a dense id 1, 2, 3...
struct TariffEntry {
  uint32_t id = 0;
  Tariff tariff;
  friend bool operator==(const TariffEntry&, const TariffEntry&) = default;
};

/// Who a grant is for and on what terms. A settlement repeats it: one whose hold was lost still settles.
struct GrantTerms {
  TenantId tenant;
  KeyId key;
  PoolId pool;
  ServiceClass served = ServiceClass::kDefault;
  uint32_t tariff = 0;  // id of the pinned tariff
  uint32_t posted = 0;  // id of the pinned posted price, where the tariff couples the class to it; 0: none
  friend bool operator==(const GrantTerms&, const GrantTerms&) = default;
};

using Label = std::pair<std::string, std::string>;

/// A request may run: money and rate are on hold.
struct GrantEntry {
  GrantId id;
  GrantTerms terms;
  Instant at;
  Instant lease_deadline;   // slot and rate come back
  Instant settle_deadline;  // the money hold comes back
  TokenCounts estimate;     // exact or estimated input, predicted output
  Work work;                // of the estimate
  Tokens output_cap;        // the most it may generate
  Money hold;               // the most it can cost at the pinned prices
  std::string request_id;   // the client's, unique per tenant; empty: none
  BodyDigest body{};        // of the request that this id stands for
  std::string run;
  std::vector<Label> labels;
  uint32_t reservation = 0;  // whose contract it runs inside; 0: none that was bought
  Duration queued;           // of these: from when its contract allowed it
  friend bool operator==(const GrantEntry&, const GrantEntry&) = default;
};

/// Work done between two moments, spread evenly over them (from == to: all at that moment).
struct Attribution {
  Instant from;
  Instant to;
  Work work;
  friend bool operator==(const Attribution&, const Attribution&) = default;
};

/// The usual entry has one or two: they need no allocation.
using Attributions = absl::InlinedVector<Attribution, 2>;

/// Tokens so far; extends the lease, and may move what is on hold.
struct ProgressEntry {
  GrantId id;
  Instant at;
  TokenCounts so_far;
  Instant lease_deadline;
  Instant settle_deadline;
  Tokens output_cap;          // the most it may generate from here on, in all
  Money hold;                 // the most it can cost now, in all
  Attributions attributions;  // of what is new since the last report
  friend bool operator==(const ProgressEntry&, const ProgressEntry&) = default;
};

enum class Outcome : uint8_t { kSucceeded, kFailed, kCancelled };

/// The end of a request that ran. `billed` is false for usage reported after the settle deadline: then all of `tokens`
/// is unbilled, and `unbilled` is empty.
struct SettleEntry {
  GrantId id;
  GrantTerms terms;
  Instant at;
  Outcome outcome = Outcome::kSucceeded;
  bool billed = true;
  TokenCounts tokens;         // all of it, not only since the last report
  TokenCounts unbilled;       // beyond `tokens`, what a hard budget could not pay: work, but never charged
  Work work;                  // of both
  Money charge;               // of `tokens`
  BodyDigest body{};          // of the Complete that this settlement answers
  Attributions attributions;  // of what is new since the last report
  // Of grants inside a reservation, where they were told; else zero.
  Duration first_token;  // from the grant
  Duration generating;   // from the first token to the end
  friend bool operator==(const SettleEntry&, const SettleEntry&) = default;
};

enum class VoidReason : uint8_t { kUndeliverable, kCancelled };

/// The grant never ran; its hold ends and nothing is charged.
struct VoidEntry {
  GrantId id;
  Instant at;
  VoidReason reason = VoidReason::kUndeliverable;
  friend bool operator==(const VoidEntry&, const VoidEntry&) = default;
};

/// Nobody completed the grant by its settle deadline; the money hold ends.
struct ExpireEntry {
  GrantId id;
  Instant at;
  friend bool operator==(const ExpireEntry&, const ExpireEntry&) = default;
};

/// What a tenant bought or was promised, from here on.
struct SubscriptionEntry {
  TenantId tenant;
  Instant at;
  rating::Subscription terms;  // without credits: each has an entry of its own
  friend bool operator==(const SubscriptionEntry&, const SubscriptionEntry&) = default;
};

/// Money that will pay for charges of a tenant: prepaid by it, or owed to it for a missed service level.
struct CreditEntry {
  uint32_t id = 0;  // 1, 2, 3...
  TenantId tenant;
  Instant at;
  std::string currency;
  rating::Credit credit;  // its name is unique among the tenant's
  friend bool operator==(const CreditEntry&, const CreditEntry&) = default;
};

struct CreditUse {
  uint32_t credit = 0;
  Money amount;  // positive
  friend bool operator==(const CreditUse&, const CreditUse&) = default;
};

/// A period of a tenant is closed: what it owes for it, line by line. A correction reverses the statement that it
/// replaces, of the same period, and stands in its place.
struct StatementEntry {
  uint32_t id = 0;  // 1, 2, 3...
  TenantId tenant;
  uint32_t tariff = 0;    // id of the one that it is rated by
  uint32_t replaces = 0;  // id of the statement that is reversed; 0: none
  Instant at;
  Instant from;  // whole hours
  Instant to;    // exclusive
  Money posted;  // what settlements in the period had charged: the lines replace it
  std::vector<CreditUse> credits;
  std::vector<rating::Line> lines;
  friend bool operator==(const StatementEntry&, const StatementEntry&) = default;
};

/// Windows and hour buckets of a tenant from before a day become one row a month: all of their periods are closed, and
/// none is looked back on any more.
struct RollUpEntry {
  TenantId tenant;
  Instant at;
  Instant before;  // a whole UTC day, after that of the last one
  friend bool operator==(const RollUpEntry&, const RollUpEntry&) = default;
};

/// A key that had no project belongs to this one of its tenant, once and for ever: what the key uses, its project uses.
struct KeyProjectEntry {
  KeyId key;
  ProjectId project;
  friend bool operator==(const KeyProjectEntry&, const KeyProjectEntry&) = default;
};

/// Outcomes that a tenant's runs achieved, by report; or the reversal of an earlier report, as a whole.
struct OutcomeEntry {
  uint64_t id = 0;  // 1, 2, 3...
  TenantId tenant;
  Instant at;
  Instant happened;      // not later; they count in its hour
  std::string name;      // what kind of outcome
  int64_t accepted = 0;  // this and the next: as the report has it below zero in a reversal
  int64_t rejected = 0;
  std::string run;            // empty: none, also in a reversal
  std::vector<Label> labels;  // likewise
  uint64_t reverses = 0;      // the report that this reverses; 0: none
  std::string request_id;     // the client's, unique per tenant among reports; empty: none
  BodyDigest body{};          // of the request that this id stands for
  friend bool operator==(const OutcomeEntry&, const OutcomeEntry&) = default;
};

/// Whose budget it is.
enum class BudgetScope : uint8_t { kTenant, kProject, kKey, kRun };
/// What a budget is for: a UTC day, a UTC month, or all.
enum class BudgetPeriod : uint8_t { kDay, kMonth, kTotal };

/// A budget in one of its periods.
struct BudgetOf {
  TenantId tenant;
  BudgetScope scope = BudgetScope::kTenant;
  uint32_t subject = 0;  // the id of the project or key; else 0
  std::string run;       // of kRun, its name
  BudgetPeriod period = BudgetPeriod::kTotal;
  int64_t number = 0;  // of the period: days since 1970, months since year 0, of a run when it began (ns); else 0
  friend bool operator==(const BudgetOf&, const BudgetOf&) = default;
};

/// What was charged against a budget has reached a threshold of it: once per budget, period and threshold.
struct AlertEntry {
  Instant at;
  BudgetOf budget;
  uint32_t threshold = 0;  // percent
  Money spent;
  Money amount;  // of the budget then
  friend bool operator==(const AlertEntry&, const AlertEntry&) = default;
};

/// Somebody asks for more of the budget of a tenant, project or key.
struct BudgetRaiseEntry {
  uint32_t id = 0;  // 1, 2, 3...
  Instant at;
  std::string by;   // the id of the principal
  BudgetOf budget;  // in the period in which it was asked
  Money from;       // the amount when it was asked
  Money more;
  bool for_good = false;  // or for that period only
  std::string reason;
  friend bool operator==(const BudgetRaiseEntry&, const BudgetRaiseEntry&) = default;
};

/// The decision about a BudgetRaiseEntry, and what the amount was before and after.
struct BudgetChangeEntry {
  uint32_t id = 0;  // of the request
  Instant at;
  std::string by;
  bool approved = false;
  Money from;
  Money to;
  friend bool operator==(const BudgetChangeEntry&, const BudgetChangeEntry&) = default;
};

/// A run may use its bounds once more.
struct RunApprovalEntry {
  Instant at;
  TenantId tenant;
  std::string run;
  std::string by;
  friend bool operator==(const RunApprovalEntry&, const RunApprovalEntry&) = default;
};

/// What a pool will have and may sell: planned capacity, less the margin and what the settings reserve for ever.
struct CapacityPlanEntry {
  PoolId pool;
  Instant at;
  int64_t margin = 0;      // thousandths of the capacity that are never sold
  WorkPerSecond standing;  // reserved by the settings; this and the next two are not for sale
  int64_t standing_slots = 0;
  int64_t standing_kv = 0;
  std::vector<CapacityStep> steps;  // ascending; the first from the epoch on
  friend bool operator==(const CapacityPlanEntry&, const CapacityPlanEntry&) = default;
};

/// Integers from the estimators: elastic demand by the hour, from a whole hour on; later hours repeat the last week.
struct DemandPlanEntry {
  uint64_t id = 0;  // 1, 2, 3...
  PoolId pool;
  Instant at;
  Instant from;
  int64_t holdback_slots = 0;  // that lower classes must leave free
  std::vector<HourDemand> hours;
  friend bool operator==(const DemandPlanEntry&, const DemandPlanEntry&) = default;
};

/// A price of elastic tokens, for all or for one tenant, with what it follows from.
struct PriceEntry {
  uint32_t id = 0;  // 1, 2, 3...
  PoolId pool;
  uint32_t tariff = 0;  // whose flat prices it is a multiple of
  PriceKind kind = PriceKind::kPosted;
  TenantId tenant;  // of kLock and kCap
  Instant at;
  Instant from;                // published ahead
  Instant until;               // of kLock and kCap; else the next one's `from`
  int64_t multiplier = 1'000;  // thousandths of the flat prices
  int64_t utilisation = 0;     // inputs, thousandths of the capacity that is not reserved: smoothed, and as forecast
  int64_t forecast = 0;
  int64_t previous = 1'000;  // the multiplier before
  TokenPrices prices{};      // of class `default`: pico-units per token
  std::string by;            // of kLock and kCap
  std::string request_id;
  BodyDigest body{};
  friend bool operator==(const PriceEntry&, const PriceEntry&) = default;
};

/// A firm offer to a tenant. It holds a price, no capacity.
struct QuoteEntry {
  uint64_t id = 0;  // 1, 2, 3...
  TenantId tenant;
  Instant at;
  Instant expires;
  uint32_t tariff = 0;  // whose currency and service level
  ReservationTerms terms;
  PriceBasis basis;
  std::vector<Alternative> alternatives;
  std::string by;
  std::string request_id;
  BodyDigest body{};
  friend bool operator==(const QuoteEntry&, const QuoteEntry&) = default;
};

/// A quote ends without a reservation: kExpired or kWithdrawn. (kAccepted follows from the ReservationEntry.)
struct QuoteEndEntry {
  uint64_t id = 0;
  Instant at;
  QuoteState state = QuoteState::kExpired;
  friend bool operator==(const QuoteEndEntry&, const QuoteEndEntry&) = default;
};

/// Something happens to a reservation (ledger/reservation_states.h says what may).
struct ReservationEntry {
  uint32_t id = 0;  // 1, 2, 3...
  ReservationEvent event = ReservationEvent::kBought;
  ReservationState state = ReservationState::kScheduled;  // after it
  Instant at;
  TenantId tenant;
  uint64_t quote = 0;                   // of kBought, kAskApproval: the quote or
  uint64_t bid = 0;                     // the bid that it comes from
  uint32_t tariff = 0;                  // whose currency and service level hold for it
  std::vector<ReservationTerms> terms;  // one: what holds from now on; kAskAmend: what is asked for. None: as before
  std::vector<ReservationCharge> charges;
  WorkPerSecond guaranteed;  // of kDegrade: no more than this at a time
  std::string by;
  std::string reason;
  std::string request_id;
  BodyDigest body{};
  friend bool operator==(const ReservationEntry&, const ReservationEntry&) = default;
};

/// What became of a reservation's promise in an hour or a part of one. What it cost is earned now, used or not.
struct DeliveryEntry {
  uint32_t reservation = 0;
  Instant at;
  Instant from;  // where the last one ended, whole minutes
  Instant to;    // exclusive, at most the end of the hour
  Work promised;
  Work guaranteed;          // less than promised while degraded or suspended
  Work delivered;           // inside its contract
  Money earned;             // rate x minutes x unit price of its steps
  int64_t requests = 0;     // that ran inside the contract; the following: of those
  int64_t late = 0;         // queued longer than the service level allows
  int64_t slow_first = 0;   // first token later than it allows
  int64_t slow_output = 0;  // fewer output tokens a second
  int64_t missed = 0;       // any of these
  int64_t unserved = 0;     // beside these: requests that its contract owed a place, and that left the line without one
  Duration queued;          // all together
  Duration longest_queued;
  friend bool operator==(const DeliveryEntry&, const DeliveryEntry&) = default;
};

/// A tenant would buy this at a limit price.
struct BidEntry {
  uint64_t id = 0;  // 1, 2, 3...
  TenantId tenant;
  Instant at;
  Instant expires;
  uint32_t tariff = 0;
  ReservationTerms terms;   // steps without prices
  int64_t limit_price = 0;  // pico-units per milli-nt/s and minute, on average
  std::string by;
  std::string request_id;
  BodyDigest body{};
  friend bool operator==(const BidEntry&, const BidEntry&) = default;
};

/// A bid ends without a reservation: kExpired or kWithdrawn. (kFilled follows from the ReservationEntry.)
struct BidEndEntry {
  uint64_t id = 0;
  Instant at;
  BidState state = BidState::kExpired;
  friend bool operator==(const BidEndEntry&, const BidEndEntry&) = default;
};

using Entry = std::variant<BootEntry, StopEntry, NameEntry, TariffEntry, GrantEntry, ProgressEntry, SettleEntry,
                           VoidEntry, ExpireEntry, SubscriptionEntry, CreditEntry, StatementEntry, RollUpEntry,
                           KeyProjectEntry, OutcomeEntry, AlertEntry, BudgetRaiseEntry, BudgetChangeEntry,
                           RunApprovalEntry, CapacityPlanEntry, DemandPlanEntry, PriceEntry, QuoteEntry, QuoteEndEntry,
                           ReservationEntry, DeliveryEntry, BidEntry, BidEndEntry>;

template <class E, class Variant>
constexpr bool kIsOneOf = false;
template <class E, class... Types>
constexpr bool kIsOneOf<E, std::variant<Types...>> = (std::is_same_v<E, Types> || ...);

template <class E>
concept EntryType = kIsOneOf<E, Entry>;

/// Appends the canonical bytes to `out`. Crashes on strings or lists beyond their bounds: they could not be read back.
void Encode(const Entry& entry, std::string* out);
template <EntryType E>
void Encode(const E& entry, std::string* out);  // for each type; no copy into a variant
/// DATA_LOSS when the bytes are not exactly one entry (says at which byte).
absl::StatusOr<Entry> Decode(std::string_view bytes);

}  // namespace penstock::ledger
