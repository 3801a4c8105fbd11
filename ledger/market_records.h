// What the journal says of the market: planned capacity, demand plans, prices, quotes, reservations and what was
// delivered of them, bids. Part of the books: a pure function of the entries. Whether a sale left room for it is not
// known here: broker/market/ has the calendar.
//
// Money (ledger/accounts.h has the accounts):
//   purchase             debit  receivable of the tenant        credit  unearned
//   delivery             debit  unearned                        credit  revenue      used or not
//   refund, sell-back    debit  unearned (what was paid), or    credit  receivable; the difference is revenue
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/entry.h"
#include "ledger/market_terms.h"
#include "ledger/money.h"
#include "ledger/reservation_states.h"

namespace penstock::ledger {

/// Ended quotes and bids that are remembered, of all tenants.
constexpr size_t kRememberedQuotes = 65'536;

struct QuoteRecord {
  QuoteEntry given;
  QuoteState state = QuoteState::kActive;
  uint32_t reservation = 0;  // of kAccepted
  friend bool operator==(const QuoteRecord&, const QuoteRecord&) = default;
};

struct BidRecord {
  BidEntry placed;
  BidState state = BidState::kOpen;
  uint32_t reservation = 0;  // of kFilled
  friend bool operator==(const BidRecord&, const BidRecord&) = default;
};

/// An event in a reservation's life, for people and for repeated requests. Its place in the history, from 1, is the
/// version that it made.
struct ReservationChange {
  ReservationEvent event = ReservationEvent::kBought;
  ReservationState state = ReservationState::kScheduled;  // after it
  Instant at;
  Money charge;              // what it posted; negative: given back
  WorkPerSecond guaranteed;  // of kDegrade
  std::string by;
  std::string reason;
  friend bool operator==(const ReservationChange&, const ReservationChange&) = default;
};

struct ReservationRecord {
  uint32_t id = 0;
  TenantId tenant;
  uint64_t quote = 0;
  uint64_t bid = 0;
  uint32_t tariff = 0;
  ReservationState state = ReservationState::kScheduled;
  Instant bought_at;
  ReservationTerms terms;               // that hold. Ended ones keep the steps of what was delivered
  std::vector<ReservationTerms> asked;  // one while kAmending
  WorkPerSecond guaranteed;             // while kDegraded: no more than this at a time
  Instant delivered_until;              // what its steps promise before it is in deliveries
  DeliveryEntry in_hand;                // counts of settlements since then: requests, delivered, late, ...; the rest unset
  Money paid;                           // purchases
  Money returned;                       // refunds and sell-backs, positive
  Money earned;
  Money unearned;  // paid for what is to come
  std::vector<ReservationChange> history;
  /// For etag.
  uint64_t version() const { return history.size(); }
  friend bool operator==(const ReservationRecord&, const ReservationRecord&) = default;
};

/// What a request id of a tenant stands for.
struct MarketRequest {
  enum class Kind : uint8_t { kQuote, kReservation, kBid, kPrice };
  Kind kind = Kind::kQuote;
  uint64_t id = 0;
  uint64_t version = 0;  // of a reservation: what the request made
  BodyDigest body{};
  friend bool operator==(const MarketRequest&, const MarketRequest&) = default;
};

class MarketRecords {
 public:
  // ---- Entries. Contradictions are FAILED_PRECONDITION and change nothing: ids that do not follow, unknown tenants
  // and pools, an event that After() does not allow or another state than it gives, terms out of bounds or out of
  // order, charges that are not those of the terms, deliveries that do not follow each other or are not what the steps
  // promise, a quote that is not there, not active or another tenant's.
  // (Books::ApplyOne calls them, checks ids of other records, and posts the money.)

  absl::Status Apply(const CapacityPlanEntry& entry);
  absl::Status Apply(const DemandPlanEntry& entry);
  absl::Status Apply(const PriceEntry& entry);
  absl::Status Apply(const QuoteEntry& entry);
  absl::Status Apply(const QuoteEndEntry& entry);
  absl::Status Apply(const ReservationEntry& entry);
  absl::Status Apply(const DeliveryEntry& entry);
  absl::Status Apply(const BidEntry& entry);
  absl::Status Apply(const BidEndEntry& entry);

  // ---- What there is. Pointers are valid until the next entry.

  const CapacityPlanEntry* CapacityOf(PoolId pool) const;  // the latest; nullptr: none
  const DemandPlanEntry* DemandOf(PoolId pool) const;      // the latest
  uint64_t last_plan() const;                              // id; 0: none

  /// Price n at n - 1. All that grants may have pinned: they are never forgotten.
  const std::deque<PriceEntry>& prices() const;
  /// What is posted for all in the pool at that moment; nullptr: the tariff's flat price. And what is published next.
  const PriceEntry* PostedAt(PoolId pool, Instant at) const;
  const PriceEntry* NextPosted(PoolId pool, Instant after) const;
  /// The lock or cap of the tenant that is in force; nullptr: none.
  const PriceEntry* PinOf(TenantId tenant, PoolId pool, Instant at) const;

  /// While remembered.
  const QuoteRecord* FindQuote(uint64_t id) const;
  uint64_t last_quote() const;
  size_t OpenQuotesOf(TenantId tenant) const;
  /// The active one that expires first; nullptr: none.
  const QuoteRecord* FirstToExpire() const;
  /// Ids of quotes remembered, rising; likewise bids.
  std::vector<uint64_t> QuotesOf(TenantId tenant) const;

  const ReservationRecord* FindReservation(uint32_t id) const;
  uint32_t last_reservation() const;
  std::vector<uint32_t> ReservationsOf(TenantId tenant) const;
  /// The deliveries of a reservation, by `from`, kept as long as base windows are.
  const std::map<std::pair<uint32_t, Instant>, DeliveryEntry>& deliveries() const;
  /// Purchases, refunds and sell-backs of a tenant in the order of their posting, each with its moment.
  struct Posting {
    uint32_t reservation = 0;
    Instant at;
    ReservationCharge charge;
    friend bool operator==(const Posting&, const Posting&) = default;
  };
  const std::vector<Posting>& PostingsOf(TenantId tenant) const;

  const BidRecord* FindBid(uint64_t id) const;
  uint64_t last_bid() const;
  std::vector<uint64_t> BidsOf(TenantId tenant) const;
  /// Ids, rising, of all pools.
  std::vector<uint64_t> OpenBids() const;

  const MarketRequest* FindRequest(TenantId tenant, std::string_view request_id) const;

  friend bool operator==(const MarketRecords&, const MarketRecords&) = default;
};

/// What a charge posts: quantity x unit price; negative when something is given back.
Money AmountOf(const ReservationCharge& charge);
/// What the service level gives back for an hour (or a part of one): the share of requests that met it, or of the promise
/// that was guaranteed, whichever is less, finds the step.
Money ServiceCreditOf(const DeliveryEntry& delivery, const ServiceLevel& level);
/// The sum of the prices of the steps, or of what lies in [from, to).
Money PriceOf(const std::vector<RateStep>& steps);
Money PriceOf(const std::vector<RateStep>& steps, Instant from, Instant to);
/// The work that the steps promise in [from, to), whole minutes.
Work PromisedBy(const std::vector<RateStep>& steps, Instant from, Instant to);
/// The sum of the rates of the steps at a moment.
WorkPerSecond RateAt(const std::vector<RateStep>& steps, Instant at);
Instant FirstOf(const std::vector<RateStep>& steps);
Instant LastOf(const std::vector<RateStep>& steps);  // exclusive

}  // namespace penstock::ledger
