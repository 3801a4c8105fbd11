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
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/entry.h"
#include "ledger/market_terms.h"
#include "ledger/money.h"
#include "ledger/projections.h"
#include "ledger/reservation_states.h"

namespace penstock::ledger {

/// Ended quotes that are remembered, of all tenants, and as many ended bids; those with the lowest ids go first, and
/// their request ids with them. Request ids of reservations and prices are remembered for ever.
constexpr size_t kRememberedQuotes = 65'536;

// Bounds of what is sold, so that no sum of prices overflows.
constexpr int64_t kMaxUnitPrice = 1'000'000'000'000;    // pico-units per milli-nt/s and minute
constexpr int64_t kMaxPostedPrice = 1'000'000'000'000;  // pico-units per token

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
  std::string request_id;  // empty: none
  BodyDigest body{};
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
  Instant delivered_until;              // what its steps promise before it is in deliveries; at first where they begin
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
  // ---- Entries. Contradictions are FAILED_PRECONDITION and change nothing: ids that do not follow, a request id that
  // stands for something else, an event that After() does not allow or another state than it gives, terms out of bounds
  // or out of order, charges that are not those of the terms, deliveries that do not follow each other or are not what
  // the steps promise, a quote that is not there, not active or another tenant's.
  // (Books::ApplyOne calls them, checks tenants, pools, projects and tariffs, and posts the money.)
  //
  // Rules for what happens to a reservation:
  //   - What is bought is what the quote says, or what the bid says at no more than its limit price, before either
  //     expires. It begins no earlier than the minute in which the quote was given, and is not over.
  //   - Terms come with kBought, kAskApproval, kAskAmend, kAmend, kSellBack (it may leave no step) and kTransfer (only
  //     the project changes). Nothing else changes the pool or the project, and none changes a step before the minute
  //     of the event, or before what is delivered.
  //   - For every paid price, charges add up to what the event changes of the quantity that is still to come. Purchases
  //     and amendments purchase; amendments, kCancel and kReject (at the price that was paid) refund; only kSellBack
  //     sells back.
  //   - kActivate comes when the first step has begun, kComplete when all is delivered. kCancel and kReject leave the
  //     steps of what was delivered.
  //   - `tenant` and `tariff` stay; `quote` and `bid` stand in the first event only, `guaranteed` in kDegrade only.
  // A delivery follows the last one, or begins later where nothing is promised between; it lies within one hour, comes
  // when it is over, and no delivery is of a reservation that is pending or over.

  absl::Status Apply(const CapacityPlanEntry& entry);
  absl::Status Apply(const DemandPlanEntry& entry);
  absl::Status Apply(const PriceEntry& entry);
  absl::Status Apply(const QuoteEntry& entry);
  absl::Status Apply(const QuoteEndEntry& entry);
  absl::Status Apply(const ReservationEntry& entry);
  absl::Status Apply(const DeliveryEntry& entry);
  /// A grant that ran inside a reservation is settled: counts in what the reservation has in hand.
  void NoteSettled(const GrantEntry& grant, const SettleEntry& settled, const ServiceLevel& level);
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
  size_t OpenBidsOf(TenantId tenant) const;
  /// Ids, rising, of all pools.
  const std::set<uint64_t>& OpenBids() const { return open_bids_; }

  const MarketRequest* FindRequest(TenantId tenant, std::string_view request_id) const;

  /// Of the reservations of a tenant, in all: purchases less what was given back; and what is not earned yet.
  Money BoughtBy(TenantId tenant) const;
  Money UnearnedOf(TenantId tenant) const;
  /// Deliveries and postings of the tenant from before are forgotten; the sums in its reservations stay.
  void RollUp(TenantId tenant, Instant before);
  /// For every reservation: bought = paid - returned, as its purchases and deliveries say; unearned is the price of
  /// what is to come, zero when it is over. DATA_LOSS says which is wrong.
  absl::Status CheckInvariants() const;

  // ---- As rows (ledger/books_rows.h says which).

  size_t quote_count() const { return quotes_.size(); }
  size_t bid_count() const { return bids_.size(); }
  size_t change_count() const;   // of all reservations
  size_t posting_count() const;  // of all tenants
  size_t plan_count() const { return capacity_.size() + demand_.size(); }
  /// Whether TakeChanges would write any.
  bool changed() const { return changes_.any; }
  /// Appends the rows that changed since the last time.
  void TakeChanges(RowBatch* rows);
  /// Visits every row, in the order of their keys; no change is left to take. An error ends it and is returned.
  absl::Status TakeAll(const std::function<absl::Status(std::string_view key, std::string_view value)>& visit);
  /// Puts a row back: in the order of their keys, into empty records; after the last one all count as written.
  absl::Status Restore(std::string_view key, std::string_view value);
  void FinishRestoring() { changes_ = {}; }

  friend bool operator==(const MarketRecords&, const MarketRecords&) = default;

 private:
  /// The postings of a tenant: the first one kept is number `first`.
  struct Postings {
    uint64_t first = 1;
    std::vector<Posting> list;
    friend bool operator==(const Postings&, const Postings&) = default;
  };
  /// What the rows do not say yet. No part of the value.
  struct Changes {
    bool any = false;
    std::set<PoolId> capacity;
    std::set<PoolId> demand;
    std::set<uint32_t> prices;
    std::set<uint64_t> quotes;  // changed or gone
    std::set<uint64_t> bids;
    std::set<uint32_t> reservations;
    std::set<std::pair<uint32_t, uint64_t>> history;  // reservation, version
    std::set<std::pair<uint32_t, Instant>> deliveries;
    std::set<std::pair<TenantId, uint64_t>> postings;           // tenant, number
    std::vector<std::pair<uint32_t, Instant>> gone_deliveries;  // of a reservation, before
    std::vector<std::pair<TenantId, uint64_t>> gone_postings;   // of a tenant, before the number
    friend bool operator==(const Changes&, const Changes&) { return true; }
  };
  absl::Status CheckOrigin(const ReservationEntry& entry) const;
  absl::Status CheckTerms(const ReservationEntry& entry, const ReservationRecord* record) const;
  absl::Status CheckCharges(const ReservationEntry& entry, const ReservationRecord* record) const;
  absl::Status CheckRequest(TenantId tenant, const std::string& request_id) const;
  void NoteRequest(TenantId tenant, const std::string& request_id, const MarketRequest& request);
  void ForgetRequest(TenantId tenant, const std::string& request_id);
  void EndQuote(uint64_t id, QuoteState state, uint32_t reservation);
  void EndBid(uint64_t id, BidState state, uint32_t reservation);
  void Index(const QuoteRecord& quote);
  void Index(const BidRecord& bid);
  void Index(const PriceEntry& price);
  void Begin(const ReservationEntry& entry);
  void Post(const ReservationEntry& entry, ReservationRecord* record);
  absl::Status RestoreReservation(std::string_view value);
  absl::Status RestoreChange(std::string_view key, std::string_view value);
  absl::Status RestorePosting(std::string_view key, std::string_view value);

  std::map<PoolId, CapacityPlanEntry> capacity_;
  std::map<PoolId, DemandPlanEntry> demand_;
  std::deque<PriceEntry> prices_;
  std::map<PoolId, std::vector<uint32_t>> posted_;                     // by rising `from`
  std::map<std::pair<TenantId, PoolId>, std::vector<uint32_t>> pins_;  // rising
  std::map<uint64_t, QuoteRecord> quotes_;
  std::map<TenantId, std::set<uint64_t>> quotes_of_;
  std::map<TenantId, size_t> open_quotes_of_;             // none that is zero
  std::set<std::pair<Instant, uint64_t>> active_quotes_;  // by when they expire
  std::set<uint64_t> ended_quotes_;
  std::map<uint64_t, BidRecord> bids_;
  std::map<TenantId, std::set<uint64_t>> bids_of_;
  std::set<uint64_t> open_bids_;
  std::set<uint64_t> ended_bids_;
  std::deque<ReservationRecord> reservations_;  // id n at n - 1
  std::map<TenantId, std::vector<uint32_t>> reservations_of_;
  std::map<std::pair<uint32_t, Instant>, DeliveryEntry> deliveries_;
  std::map<TenantId, Postings> postings_;
  std::map<std::pair<TenantId, std::string>, MarketRequest, std::less<>> requests_;
  Changes changes_;
};

/// The work that a reservation was guaranteed in [from, to): what its steps promise, less what it lacked while it was
/// degraded or suspended, as its history says.
Work GuaranteedBy(const ReservationRecord& record, Instant from, Instant to);
/// What a charge posts: quantity x unit price; negative when something is given back.
Money AmountOf(const ReservationCharge& charge);
/// What the service level gives back for an hour (or a part of one): the share of requests that met it, or of the promise
/// that was guaranteed, whichever is less, finds the step.
Money ServiceCreditOf(const DeliveryEntry& delivery, const ServiceLevel& level);
/// What it adds to what is not earned yet: quantity x paid price.
Money PaidOf(const ReservationCharge& charge);
/// The sum of the prices of the steps, or of what lies in [from, to).
Money PriceOf(const std::vector<RateStep>& steps);
Money PriceOf(const std::vector<RateStep>& steps, Instant from, Instant to);
/// The work that the steps promise in [from, to), whole minutes.
Work PromisedBy(const std::vector<RateStep>& steps, Instant from, Instant to);
/// The sum of the rates of the steps at a moment.
WorkPerSecond RateAt(const std::vector<RateStep>& steps, Instant at);
/// Where the steps begin and end; the epoch when there are none.
Instant FirstOf(const std::vector<RateStep>& steps);
Instant LastOf(const std::vector<RateStep>& steps);  // exclusive
/// The parts of the steps that lie in [from, to), in their order.
std::vector<RateStep> PartsOf(const std::vector<RateStep>& steps, Instant from, Instant to);
/// Milli-nt/s x minutes of the steps; and by unit price.
Int128 QuantityOf(const std::vector<RateStep>& steps);
std::map<int64_t, Int128> QuantitiesOf(const std::vector<RateStep>& steps);
/// FAILED_PRECONDITION: too many steps; out of bounds, out of order or not whole minutes; dearer in all
/// than a sum of such prices could bear. And of terms: an envelope or a text out of bounds.
absl::Status CheckSteps(const std::vector<RateStep>& steps);
absl::Status CheckMarketTerms(const ReservationTerms& terms);

}  // namespace penstock::ledger
