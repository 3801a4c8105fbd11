// What is bought and sold ahead of time: throughput for a while, at a price.
//
// Units: throughput in milli-nt/s, work in milli-nt, unit prices in pico-units per milli-nt/s and minute. Steps begin
// and end at whole minutes, so that rate x minutes x unit price is exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"
#include "ledger/money.h"

namespace penstock::ledger {

constexpr size_t kMaxSteps = 2'048;               // of a reservation
constexpr size_t kMaxReservationCharges = 4'096;  // of one event
constexpr size_t kMaxAlternatives = 8;            // of a quote
constexpr size_t kMaxShapeBytes = 256;            // of its text
constexpr size_t kMaxDemandHours = 168;           // of a plan
constexpr size_t kMaxCapacitySteps = 1'024;       // planned ahead, of a pool

/// Throughput for a while. Steps of one reservation may overlap: what is promised at a moment is their sum. Each keeps
/// the price at which it was bought.
struct RateStep {
  Instant from;
  Instant to;          // exclusive
  WorkPerSecond rate;  // positive
  int64_t unit_price = 0;
  friend bool operator==(const RateStep&, const RateStep&) = default;
};

constexpr int64_t MinutesOf(const RateStep& step) { return (step.to - step.from).count() / Minutes(1).count(); }
/// milli-nt/s x minutes.
constexpr Int128 QuantityOf(const RateStep& step) { return Int128{step.rate.count()} * MinutesOf(step); }

/// What the requests of a reservation are like at most, so that slots and KV tokens are checked with the rate: at rate
/// R it has R x mean_residence / mean_work requests in flight, each of up to largest_context tokens.
struct Envelope {
  Work mean_work;           // of a request; positive
  Duration mean_residence;  // that it occupies a slot; positive
  Tokens largest_context;   // input and output; 0: the pool has no KV gate
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

struct ReservationTerms {
  PoolId pool;
  ProjectId project;  // whose cost it is; 0: none
  Overrun overrun = Overrun::kSpill;
  Envelope envelope;
  std::vector<RateStep> steps;  // by from, then to
  std::string shape;            // as it was asked for, for people: "weekdays 09:00-18:00 Europe/Berlin"
  friend bool operator==(const ReservationTerms&, const ReservationTerms&) = default;
};

/// From this moment on a pool has this capacity, derated by the margin that is never sold.
struct CapacityStep {
  Instant from;
  WorkPerSecond capacity;
  int64_t slots = 0;
  int64_t kv_tokens = 0;  // 0: no such gate
  friend bool operator==(const CapacityStep&, const CapacityStep&) = default;
};

/// Why a window costs what it costs: unit = max(floor, displacement + scarcity) x lead_time x term, factors in
/// thousandths, rounded up. Averages over the window, weighted by quantity, rounded up.
struct PriceBasis {
  int64_t floor = 0;          // the tariff's list price
  int64_t displacement = 0;   // what elastic traffic would have paid for what it takes away, by the forecast
  int64_t scarcity = 0;       // for how little is left at the tightest moment
  int64_t utilisation = 0;    // thousandths of what is sellable at the tightest moment that would be sold then
  Instant tightest;           // that moment
  int64_t lead_time = 1'000;  // factor
  int64_t term = 1'000;       // factor
  int64_t elastic_price = 0;  // pico-units per milli-nt that elastic work was taken to pay
  uint64_t plan = 0;          // the demand plan that it follows; 0: there was none
  friend bool operator==(const PriceBasis&, const PriceBasis&) = default;
};

/// Something else that could be had.
struct Alternative {
  enum class Kind : uint8_t { kEarlier, kLater, kLowerRate };
  Kind kind = Kind::kLater;
  Duration shift;      // of every step; zero for a lower rate
  WorkPerSecond rate;  // highest of its steps
  int64_t unit_price = 0;
  Money price;
  friend bool operator==(const Alternative&, const Alternative&) = default;
};

enum class QuoteState : uint8_t { kActive, kAccepted, kExpired, kWithdrawn };
constexpr size_t kQuoteStates = 4;

enum class ReservationState : uint8_t {
  kPending,    // waits for approval; its capacity is held
  kScheduled,  // its first step has not begun
  kActive,
  kCompleted,
  kAmending,   // new terms wait for approval; the last good ones hold
  kDegraded,   // capacity was lost: it is guaranteed less than it bought
  kSuspended,  // by an operator: nothing is guaranteed, the capacity stays sold
  kCancelled,
  kRejected,
};
constexpr size_t kReservationStates = 9;

enum class ReservationEvent : uint8_t {
  kBought,       // a quote was accepted or a bid filled
  kAskApproval,  // likewise, but somebody has to approve it
  kApprove,
  kReject,
  kActivate,     // its first step began
  kComplete,     // its last step ended
  kAskAmend,     // new terms that somebody has to approve
  kAmend,        // new terms hold
  kRejectAmend,  // or not
  kCancel,
  kSellBack,  // a part or all of what is to come
  kTransfer,  // to another project
  kDegrade,
  kRestore,
  kSuspend,
  kResume,
};
constexpr size_t kReservationEvents = 16;

enum class BidState : uint8_t { kOpen, kFilled, kExpired, kWithdrawn };
constexpr size_t kBidStates = 4;

/// A purchase, or with a negative quantity something given back, at `unit_price`, that was bought at `paid_price`.
struct ReservationCharge {
  enum class Kind : uint8_t { kPurchase, kRefund, kSellBack };
  Kind kind = Kind::kPurchase;
  Int128 quantity = 0;  // milli-nt/s x minutes
  int64_t unit_price = 0;
  int64_t paid_price = 0;  // of a purchase the same
  friend bool operator==(const ReservationCharge&, const ReservationCharge&) = default;
};

/// A forecast for an hour of a pool's elastic demand.
struct HourDemand {
  WorkPerSecond mean;
  WorkPerSecond deviation;
  friend bool operator==(const HourDemand&, const HourDemand&) = default;
};

enum class PriceKind : uint8_t {
  kPosted,  // what everybody pays
  kLock,    // what one tenant pays until the lock ends
  kCap,     // what one tenant pays at most until the cap ends
};

}  // namespace penstock::ledger
