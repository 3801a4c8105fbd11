// Rating: what a tariff makes of a tenant's usage in a period. A pure function: the same usage in any order and any
// batches gives the same bill.
//
// Every line is quantity x unit price, exact, and is rounded once by the tariff's mode; what rounding took away goes to
// the rounding account. Charges that are sums of money (true-up, included usage, credits) are taken from the rounded
// amounts, so that a bill with a minimum comes to that minimum and one that credits cover to zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/money.h"
#include "ledger/rating/demand.h"
#include "ledger/rating/subscription.h"
#include "ledger/tariff.h"

namespace penstock::ledger::rating {

enum class LineKind : uint8_t;

/// First meter: tokens of one class at about one time (a window or an hour).
struct TokenRow {
  Instant at;
  ServiceClass served = ServiceClass::kDefault;
  uint32_t pinned = 0;  // the tariff that its grants pinned: Usage::pinned[pinned - 1]; 0: the one that is rated by
  uint32_t posted = 0;  // the posted price that its grants pinned: in Usage::posted; 0: none
  TokenCounts tokens;
  friend bool operator==(const TokenRow&, const TokenRow&) = default;
};

/// Second meter: work of one tier in a base window.
struct WorkRow {
  Tier tier = Tier::kElastic;
  Sample sample;
  friend bool operator==(const WorkRow&, const WorkRow&) = default;
};

/// Elastic prices per token that held from a moment on, until the next. 0: none for that kind, the flat price holds.
struct PostedPrices {
  Instant from;
  TokenPrices prices{};
  friend bool operator==(const PostedPrices&, const PostedPrices&) = default;
};

/// What a reservation of the tenant posted: a purchase, a refund or a sell-back.
struct ReservationPosting {
  uint32_t reservation = 0;
  Instant at;
  LineKind kind;  // kPurchase, kRefund, kSellBack
  Int128 quantity = 0;     // milli-nt/s x minutes; negative when something is given back
  int64_t unit_price = 0;  // pico-units
  int64_t paid_price = 0;  // when it was bought
  friend bool operator==(const ReservationPosting&, const ReservationPosting&) = default;
};

/// What became of a reservation's promise in an hour or a part of one, which lies in one hour.
struct ReservationUse {
  uint32_t reservation = 0;
  Instant from;
  Work promised;
  Work delivered;
  Money earned;
  friend bool operator==(const ReservationUse&, const ReservationUse&) = default;
};

struct PoolUse {
  std::string pool;
  std::vector<TokenRow> tokens;
  std::vector<WorkRow> work;     // of months before the period too, where a ratchet looks back
  std::vector<Sample> everyone;  // elastic and reserved work of all tenants, where the tariff asks for the pool's peak
  std::vector<PostedPrices> posted;  // ascending; of rows that pin none
  std::vector<ReservationPosting> postings;
  std::vector<ReservationUse> reserved;
  friend bool operator==(const PoolUse&, const PoolUse&) = default;
};

struct OutcomeUse {
  std::string name;
  Instant at;
  int64_t accepted = 0;
  friend bool operator==(const OutcomeUse&, const OutcomeUse&) = default;
};

/// Rows of one tenant, from any number of brokers, in any order; negative ones are corrections. A pool may stand here
/// more than once.
struct Usage {
  std::vector<PoolUse> pools;
  std::vector<OutcomeUse> outcomes;
  std::vector<const Tariff*> pinned;
  std::map<uint32_t, TokenPrices> posted;  // that grants pinned, by id
  friend bool operator==(const Usage&, const Usage&) = default;
};

enum class LineKind : uint8_t {
  kTokens,
  kCapacity,   // nt/s-hours of reservations
  kUnits,      // provisioned units by the hour or day
  kCommitted,  // committed work, used or not
  kOverage,    // work beyond the commitment
  kDemand,
  kOutcome,
  kSeat,
  kIncluded,       // negative: usage that seats include
  kTrueUp,         // up to the minimum
  kServiceCredit,  // negative
  kPrepaidCredit,  // negative
  kPurchase,       // of a reservation; the next four likewise
  kRefund,         // negative
  kSellBack,       // negative
  kReservedUsed,   // what was paid before: costs nothing now
  kReservedUnused,
};

constexpr size_t kLineKindCount = 17;
/// Words for machines, and what the quantity counts (empty: one sum).
// clang-format off
constexpr std::array<std::string_view, kLineKindCount> kLineKindNames = {
    "tokens", "capacity", "units", "committed", "overage", "demand", "outcome", "seat",
    "included", "true_up", "service_credit", "prepaid_credit",
    "purchase", "refund", "sell_back", "reserved_used", "reserved_unused"};
constexpr std::array<std::string_view, kLineKindCount> kLineUnits = {
    "tokens", "milli-nt/s-hours", "unit-spans", "milli-nt", "milli-nt", "milli-nt", "outcomes", "seats",
    "", "", "", "",
    "milli-nt/s-minutes", "milli-nt/s-minutes", "milli-nt/s-minutes", "milli-nt", "milli-nt"};
// clang-format on
constexpr std::string_view Name(LineKind kind) { return kLineKindNames[static_cast<size_t>(kind)]; }
constexpr std::string_view UnitOf(LineKind kind) { return kLineUnits[static_cast<size_t>(kind)]; }

struct Line {
  LineKind kind = LineKind::kTokens;
  std::string description;
  std::string pool;                              // empty: of the tenant as a whole
  std::string tariff;                            // version that the unit price comes from
  ServiceClass served = ServiceClass::kDefault;  // kTokens
  TokenKind token_kind = TokenKind::kInput;      // kTokens
  /// kTokens: tokens; kDemand: milli-nt in the demand window, in 1 / parts; kCapacity: milli-nt/s-hours; kUnits:
  /// units x hours (or days); kCommitted and kOverage: milli-nt; kOutcome, kSeat: how many; kPurchase, kRefund,
  /// kSellBack: milli-nt/s x minutes; kReservedUsed, kReservedUnused: milli-nt; else 1.
  Int128 quantity = 0;
  int64_t parts = 1;
  Money unit_price;              // for one of quantity
  Money exact;                   // quantity x unit_price
  Money amount;                  // rounded once
  std::vector<Instant> windows;  // kDemand: base windows that set it; of a block or run of several the first
  int64_t window_count = 1;      // kDemand: base windows in that block or run
  Work highest_second;           // kDemand: inside those; informative
  uint32_t reservation = 0;      // that it is about; 0: none
  Money effective;               // what it earned of prices paid before; below zero: cost. Purchases earn nothing yet
  friend bool operator==(const Line&, const Line&) = default;
};

struct Bill {
  std::vector<Line> lines;
  Money rounding;  // sum of (exact - amount): goes to the rounding account
  Money total;     // sum of amounts
  /// What settlements posted for the tokens at pinned prices, and reservations when they were bought or given back;
  /// and what the rules of the tariff make of the same tokens in addition. Period close posts the difference.
  Money posted;
  Money rerated;
  std::vector<Money> credits_left;  // in the order of the subscription's credits
};

/// Rates what lies in the period. The tariff (and those pinned) must be sound (CheckTariff) and its period valid, else
/// it crashes. Lines are ordered by pool name; in a pool tokens by class, kind and pinned tariff, then reservations by
/// id, capacity, units, commitment, demand in the tariff's order; then what concerns the tenant as a whole. Zero quantities are left out,
/// and so are demand and outcomes that have no price.
///
/// Seats and the minimum are charged whole for every billing month (of the tariff's calendar) that begins in the
/// period, and for the rest of the month in which the subscription begins. Purchases of reservations count towards the
/// minimum, less what was given back of them; what is given back of earlier ones does not raise it.
Bill Rate(const Tariff& tariff, const Usage& usage, const Subscription& subscription, Period period);

}  // namespace penstock::ledger::rating
