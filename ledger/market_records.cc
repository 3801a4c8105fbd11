// Invariants, kept by every Apply (check everything first, then change):
//   1. record.unearned = the price of its steps from delivered_until on; zero when it is over.
//   2. record.paid - record.returned = what its history charged.
//   3. Every request id stands for something that is remembered.

#include "ledger/market_records.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <tuple>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

using Event = ReservationEvent;

constexpr WorkPerSecond kMaxRate = WorkPerSecond(kMaxRateNtPerSecond * 1'000);
// Of one event, all together: no sum of these overflows Money before 10^9 of them.
const Money kMaxReservationPrice = Money::FromPico(INT64_MAX) * 1'000'000'000;
constexpr Int128 kMaxQuantity = 1'000'000'000'000'000'000;  // milli-nt/s x minutes
constexpr Instant kEndOfTime = Instant::Max() - Days(366);

template <class... Parts>
absl::Status Contradiction(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

bool IsWholeMinute(Instant t) { return t == WindowStart(t, Minutes(1)); }

Money Priced(Int128 quantity, int64_t unit_price) {
  return Money::FromPico(PicoCount(PicoCount(quantity) * PicoCount(unit_price)));
}

bool HasTerms(Event event) {
  switch (event) {
    case Event::kBought:
    case Event::kAskApproval:
    case Event::kAskAmend:
    case Event::kAmend:
    case Event::kSellBack:
    case Event::kTransfer:
      return true;
    default:
      return false;
  }
}

bool IsFirst(Event event) { return event == Event::kBought || event == Event::kAskApproval; }

bool MayCharge(Event event, ReservationCharge::Kind kind) {
  switch (kind) {
    case ReservationCharge::Kind::kPurchase:
      return IsFirst(event) || event == Event::kAmend;
    case ReservationCharge::Kind::kRefund:
      return event == Event::kAmend || event == Event::kCancel || event == Event::kReject;
    case ReservationCharge::Kind::kSellBack:
      return event == Event::kSellBack;
  }
  return false;
}

/// Whether the steps promise the same before that moment, at the same prices, in whatever pieces.
bool SameBefore(const std::vector<RateStep>& a, const std::vector<RateStep>& b, Instant before) {
  const auto changes = [before](const std::vector<RateStep>& steps) {
    std::map<std::pair<int64_t, Instant>, int64_t> rates;  // by price and moment, of the sum of rates
    for (const RateStep& part : PartsOf(steps, Instant(), before)) {
      rates[{part.unit_price, part.from}] += part.rate.count();
      rates[{part.unit_price, part.to}] -= part.rate.count();
    }
    std::erase_if(rates, [](const auto& change) { return change.second == 0; });
    return rates;
  };
  return changes(a) == changes(b);
}

/// The steps that hold after the event.
std::vector<RateStep> StepsAfter(const ReservationEntry& entry, const ReservationRecord* record) {
  if (entry.event == Event::kCancel || entry.event == Event::kReject) {
    return PartsOf(record->terms.steps, Instant(), record->delivered_until);
  }
  const bool stays = entry.terms.empty() || entry.event == Event::kAskAmend;
  return stays ? record->terms.steps : entry.terms.front().steps;
}

bool IsDelivering(ReservationState state) {
  return state == ReservationState::kActive || state == ReservationState::kAmending ||
         state == ReservationState::kDegraded || state == ReservationState::kSuspended;
}

/// Where deliveries begin once these terms hold: nothing of them is delivered, or as far as it was.
Instant DeliveredUntil(const ReservationRecord& record, const std::vector<RateStep>& steps) {
  const bool none = record.delivered_until <= FirstOf(record.terms.steps);
  return none && !steps.empty() ? FirstOf(steps) : record.delivered_until;
}

/// Of a degraded one: what the latest of its first `count` changes that cut it has left.
WorkPerSecond GuaranteedAfter(const std::vector<ReservationChange>& history, size_t count) {
  while (count > 0 && history[count - 1].event != Event::kDegrade) --count;
  return count == 0 ? WorkPerSecond() : history[count - 1].guaranteed;
}

}  // namespace

// ---- Steps.

Money AmountOf(const ReservationCharge& charge) { return Priced(charge.quantity, charge.unit_price); }

Money PaidOf(const ReservationCharge& charge) { return Priced(charge.quantity, charge.paid_price); }

Money PriceOf(const std::vector<RateStep>& steps) {
  Money sum;
  for (const RateStep& step : steps) sum += Priced(QuantityOf(step), step.unit_price);
  return sum;
}

Int128 QuantityOf(const std::vector<RateStep>& steps) {
  Int128 sum = 0;
  for (const RateStep& step : steps) sum += QuantityOf(step);
  return sum;
}

Money PriceOf(const std::vector<RateStep>& steps, Instant from, Instant to) {
  return PriceOf(PartsOf(steps, from, to));
}

Work PromisedBy(const std::vector<RateStep>& steps, Instant from, Instant to) {
  int64_t work = 0;
  for (const RateStep& part : PartsOf(steps, from, to)) {
    const int64_t seconds = (part.to - part.from).count() / Seconds(1).count();
    work = CheckedAdd(work, CheckedMul(part.rate.count(), seconds));
  }
  return Work(work);
}

Work GuaranteedBy(const ReservationRecord& record, Instant from, Instant to) {
  std::vector<Instant> edges = {from, to};
  for (const RateStep& part : PartsOf(record.terms.steps, from, to)) edges.insert(edges.end(), {part.from, part.to});
  for (const ReservationChange& change : record.history) {
    if (change.at > from && change.at < to) edges.push_back(change.at);
  }
  std::sort(edges.begin(), edges.end());
  Int128 sum = 0;   // milli-nt/s x ns
  size_t next = 0;  // change that has not happened yet
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    if (edges[i] == edges[i + 1]) continue;
    while (next < record.history.size() && record.history[next].at <= edges[i]) ++next;
    WorkPerSecond rate = RateAt(record.terms.steps, edges[i]);
    const ReservationState state = next == 0 ? record.state : record.history[next - 1].state;
    if (state == ReservationState::kSuspended) rate = WorkPerSecond();
    if (state == ReservationState::kDegraded) rate = std::min(rate, GuaranteedAfter(record.history, next));
    sum += Int128{rate.count()} * (edges[i + 1] - edges[i]).count();
  }
  return Work(CheckedNarrow(sum / Seconds(1).count()));
}

WorkPerSecond RateAt(const std::vector<RateStep>& steps, Instant at) {
  WorkPerSecond sum;
  for (const RateStep& step : steps) {
    if (step.from > at) break;
    if (at < step.to) sum += step.rate;
  }
  return sum;
}

Instant FirstOf(const std::vector<RateStep>& steps) { return steps.empty() ? Instant() : steps.front().from; }

Instant LastOf(const std::vector<RateStep>& steps) {
  Instant last;
  for (const RateStep& step : steps) last = std::max(last, step.to);
  return last;
}

std::vector<RateStep> PartsOf(const std::vector<RateStep>& steps, Instant from, Instant to) {
  std::vector<RateStep> parts;
  for (const RateStep& step : steps) {
    if (step.from >= to) break;
    RateStep part = step;
    part.from = std::max(part.from, from);
    part.to = std::min(part.to, to);
    if (part.from < part.to) parts.push_back(part);
  }
  return parts;
}

std::map<int64_t, Int128> QuantitiesOf(const std::vector<RateStep>& steps) {
  std::map<int64_t, Int128> quantities;
  for (const RateStep& step : steps) quantities[step.unit_price] += QuantityOf(step);
  return quantities;
}

absl::Status CheckSteps(const std::vector<RateStep>& steps) {
  if (steps.size() > kMaxSteps) return Contradiction("a reservation has too many steps");
  std::map<Instant, int64_t> changes;  // of the sum of rates
  const RateStep* last = nullptr;
  for (const RateStep& step : steps) {
    if (step.from < Instant() || step.to <= step.from || step.to > kEndOfTime) {
      return Contradiction("a step is out of its time");
    }
    if (!IsWholeMinute(step.from) || !IsWholeMinute(step.to)) return Contradiction("a step is not of whole minutes");
    if (step.rate <= WorkPerSecond() || step.rate > kMaxRate) return Contradiction("a step has a rate out of bounds");
    if (step.unit_price < 0 || step.unit_price > kMaxUnitPrice) {
      return Contradiction("a step has a price out of bounds");
    }
    if (last != nullptr && std::tie(step.from, step.to) < std::tie(last->from, last->to)) {
      return Contradiction("steps are out of order");
    }
    last = &step;
    changes[step.from] += step.rate.count();
    changes[step.to] -= step.rate.count();
  }
  int64_t rate = 0;
  for (const auto& [at, change] : changes) {
    rate += change;
    if (rate > kMaxRate.count()) return Contradiction("steps add up to a rate out of bounds");
  }
  Int128 quantity = 0;
  for (const RateStep& step : steps) quantity += QuantityOf(step);
  if (quantity > kMaxQuantity) return Contradiction("steps add up to more than anything may be");
  if (PriceOf(steps) > kMaxReservationPrice) return Contradiction("steps are dearer than anything may be");
  return absl::OkStatus();
}

absl::Status CheckMarketTerms(const ReservationTerms& terms) {
  const Envelope& envelope = terms.envelope;
  const bool fits = envelope.mean_work > Work() && envelope.mean_residence > Duration() &&
                    envelope.largest_context >= Tokens() && terms.shape.size() <= kMaxShapeBytes;
  return fits ? CheckSteps(terms.steps) : Contradiction("an envelope or a shape is out of bounds");
}

// ---- Plans and prices.

absl::Status MarketRecords::Apply(const CapacityPlanEntry& entry) {
  if (entry.steps.empty() || entry.steps.size() > kMaxCapacitySteps || entry.steps.front().from != Instant()) {
    return Contradiction("a capacity plan does not begin with the epoch");
  }
  const bool fits = entry.margin >= 0 && entry.margin <= 1'000 && entry.standing >= WorkPerSecond() &&
                    entry.standing_slots >= 0 && entry.standing_kv >= 0;
  if (!fits) return Contradiction("a capacity plan is out of bounds");
  for (size_t i = 0; i < entry.steps.size(); ++i) {
    const CapacityStep& step = entry.steps[i];
    if (i > 0 && step.from <= entry.steps[i - 1].from) return Contradiction("a capacity plan is out of order");
    if (step.capacity < WorkPerSecond() || step.slots < 0 || step.kv_tokens < 0) {
      return Contradiction("a capacity plan is out of bounds");
    }
  }

  if (const CapacityPlanEntry* known = CapacityOf(entry.pool); known != nullptr && *known == entry) {
    return Contradiction("the capacity plan of pool ", entry.pool.value, " says so already");
  }

  capacity_.insert_or_assign(entry.pool, entry);
  changes_.capacity.insert(entry.pool);
  changes_.any = true;
  return absl::OkStatus();
}

absl::Status MarketRecords::Apply(const DemandPlanEntry& entry) {
  if (entry.id != last_plan() + 1) return Contradiction("demand plan ", entry.id, " follows ", last_plan());
  if (entry.from != WindowStart(entry.from, Hours(1)) || entry.holdback_slots < 0 ||
      entry.hours.size() > kMaxDemandHours) {
    return Contradiction("demand plan ", entry.id, " is out of bounds");
  }
  for (const HourDemand& hour : entry.hours) {
    if (hour.mean < WorkPerSecond() || hour.deviation < WorkPerSecond()) {
      return Contradiction("demand plan ", entry.id, " has a demand below zero");
    }
  }

  demand_.insert_or_assign(entry.pool, entry);
  changes_.demand.insert(entry.pool);
  changes_.any = true;
  return absl::OkStatus();
}

absl::Status MarketRecords::Apply(const PriceEntry& entry) {
  if (entry.id != prices_.size() + 1) return Contradiction("price ", entry.id, " follows ", prices_.size());
  if (entry.from < entry.at || entry.from > kEndOfTime)
    return Contradiction("price ", entry.id, " is not of the future");
  for (const TokenKind kind : kAllTokenKinds) {
    if (entry.prices[kind] < 0 || entry.prices[kind] > kMaxPostedPrice) {
      return Contradiction("price ", entry.id, " is out of bounds");
    }
  }
  const bool is_pin = entry.kind != PriceKind::kPosted;
  if (is_pin != (entry.tenant != TenantId()) || (is_pin && entry.until <= entry.from)) {
    return Contradiction("price ", entry.id, " is of nobody, or for no time");
  }
  const auto posted = posted_.find(entry.pool);
  if (!is_pin && posted != posted_.end() && entry.from <= prices_[posted->second.back() - 1].from) {
    return Contradiction("price ", entry.id, " does not come after the one before");
  }
  if (absl::Status request = CheckRequest(entry.tenant, entry.request_id); !request.ok()) return request;

  prices_.push_back(entry);
  Index(entry);
  changes_.prices.insert(entry.id);
  changes_.any = true;
  return absl::OkStatus();
}

void MarketRecords::Index(const PriceEntry& price) {
  if (price.kind == PriceKind::kPosted) {
    posted_[price.pool].push_back(price.id);
  } else {
    pins_[{price.tenant, price.pool}].push_back(price.id);
  }
  NoteRequest(price.tenant, price.request_id, {MarketRequest::Kind::kPrice, price.id, 0, price.body});
}

const CapacityPlanEntry* MarketRecords::CapacityOf(PoolId pool) const {
  const auto found = capacity_.find(pool);
  return found == capacity_.end() ? nullptr : &found->second;
}

const DemandPlanEntry* MarketRecords::DemandOf(PoolId pool) const {
  const auto found = demand_.find(pool);
  return found == demand_.end() ? nullptr : &found->second;
}

uint64_t MarketRecords::last_plan() const {
  uint64_t last = 0;
  for (const auto& [pool, plan] : demand_) last = std::max(last, plan.id);
  return last;
}

const PriceEntry* MarketRecords::PostedAt(PoolId pool, Instant at) const {
  const auto found = posted_.find(pool);
  if (found == posted_.end()) return nullptr;
  const auto next = std::upper_bound(found->second.begin(), found->second.end(), at,
                                     [this](Instant t, uint32_t id) { return t < prices_[id - 1].from; });
  return next == found->second.begin() ? nullptr : &prices_[*std::prev(next) - 1];
}

const PriceEntry* MarketRecords::NextPosted(PoolId pool, Instant after) const {
  const auto found = posted_.find(pool);
  if (found == posted_.end()) return nullptr;
  const auto next = std::upper_bound(found->second.begin(), found->second.end(), after,
                                     [this](Instant t, uint32_t id) { return t < prices_[id - 1].from; });
  return next == found->second.end() ? nullptr : &prices_[*next - 1];
}

const PriceEntry* MarketRecords::PinOf(TenantId tenant, PoolId pool, Instant at) const {
  const auto found = pins_.find({tenant, pool});
  if (found == pins_.end()) return nullptr;
  for (auto id = found->second.rbegin(); id != found->second.rend(); ++id) {
    const PriceEntry& price = prices_[*id - 1];
    if (price.from <= at && at < price.until) return &price;
  }
  return nullptr;
}

// ---- Requests.

absl::Status MarketRecords::CheckRequest(TenantId tenant, const std::string& request_id) const {
  if (FindRequest(tenant, request_id) == nullptr) return absl::OkStatus();
  return Contradiction("request id ", request_id, " stands for something already");
}

void MarketRecords::NoteRequest(TenantId tenant, const std::string& request_id, const MarketRequest& request) {
  if (!request_id.empty()) requests_[{tenant, request_id}] = request;
}

void MarketRecords::ForgetRequest(TenantId tenant, const std::string& request_id) {
  if (!request_id.empty()) requests_.erase({tenant, request_id});
}

const MarketRequest* MarketRecords::FindRequest(TenantId tenant, std::string_view request_id) const {
  if (request_id.empty()) return nullptr;
  const auto found = requests_.find({tenant, std::string(request_id)});
  return found == requests_.end() ? nullptr : &found->second;
}

// ---- Quotes.

absl::Status MarketRecords::Apply(const QuoteEntry& entry) {
  if (entry.id != last_quote() + 1) return Contradiction("quote ", entry.id, " follows ", last_quote());
  if (entry.expires <= entry.at || entry.expires > kEndOfTime || entry.alternatives.size() > kMaxAlternatives) {
    return Contradiction("quote ", entry.id, " is out of bounds");
  }
  if (entry.terms.steps.empty()) return Contradiction("quote ", entry.id, " is of nothing");
  if (FirstOf(entry.terms.steps) < WindowStart(entry.at, Minutes(1))) {
    return Contradiction("quote ", entry.id, " is of the past");
  }
  if (absl::Status terms = CheckMarketTerms(entry.terms); !terms.ok()) return terms;
  if (absl::Status request = CheckRequest(entry.tenant, entry.request_id); !request.ok()) return request;

  const QuoteRecord& quote = quotes_[entry.id] = {entry, QuoteState::kActive, 0};
  Index(quote);
  changes_.quotes.insert(entry.id);
  changes_.any = true;
  return absl::OkStatus();
}

void MarketRecords::Index(const QuoteRecord& quote) {
  const QuoteEntry& given = quote.given;
  quotes_of_[given.tenant].insert(given.id);
  if (quote.state == QuoteState::kActive) {
    active_quotes_.insert({given.expires, given.id});
    ++open_quotes_of_[given.tenant];
  } else {
    ended_quotes_.insert(given.id);
  }
  NoteRequest(given.tenant, given.request_id, {MarketRequest::Kind::kQuote, given.id, 0, given.body});
}

absl::Status MarketRecords::Apply(const QuoteEndEntry& entry) {
  const QuoteRecord* quote = FindQuote(entry.id);
  if (quote == nullptr || quote->state != QuoteState::kActive) {
    return Contradiction("quote ", entry.id, " is not active");
  }
  const bool fits = entry.state == QuoteState::kWithdrawn ||
                    (entry.state == QuoteState::kExpired && entry.at >= quote->given.expires);
  if (!fits) return Contradiction("quote ", entry.id, " does not end so");

  EndQuote(entry.id, entry.state, 0);
  return absl::OkStatus();
}

void MarketRecords::EndQuote(uint64_t id, QuoteState state, uint32_t reservation) {
  QuoteRecord& quote = quotes_.at(id);
  quote.state = state;
  quote.reservation = reservation;
  active_quotes_.erase({quote.given.expires, id});
  const auto open = open_quotes_of_.find(quote.given.tenant);
  if (--open->second == 0) open_quotes_of_.erase(open);
  ended_quotes_.insert(id);
  changes_.quotes.insert(id);
  changes_.any = true;
  if (ended_quotes_.size() <= kRememberedQuotes) return;
  const uint64_t gone = *ended_quotes_.begin();
  const auto forgotten = quotes_.find(gone);
  ForgetRequest(forgotten->second.given.tenant, forgotten->second.given.request_id);
  quotes_of_[forgotten->second.given.tenant].erase(gone);
  quotes_.erase(forgotten);
  ended_quotes_.erase(gone);
  changes_.quotes.insert(gone);
}

const QuoteRecord* MarketRecords::FindQuote(uint64_t id) const {
  const auto found = quotes_.find(id);
  return found == quotes_.end() ? nullptr : &found->second;
}

uint64_t MarketRecords::last_quote() const { return quotes_.empty() ? 0 : quotes_.rbegin()->first; }

size_t MarketRecords::OpenQuotesOf(TenantId tenant) const {
  const auto found = open_quotes_of_.find(tenant);
  return found == open_quotes_of_.end() ? 0 : found->second;
}

const QuoteRecord* MarketRecords::FirstToExpire() const {
  return active_quotes_.empty() ? nullptr : FindQuote(active_quotes_.begin()->second);
}

std::vector<uint64_t> MarketRecords::QuotesOf(TenantId tenant) const {
  const auto found = quotes_of_.find(tenant);
  if (found == quotes_of_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

// ---- Bids.

absl::Status MarketRecords::Apply(const BidEntry& entry) {
  if (entry.id != last_bid() + 1) return Contradiction("bid ", entry.id, " follows ", last_bid());
  if (entry.expires <= entry.at || entry.expires > kEndOfTime || entry.limit_price < 0 ||
      entry.limit_price > kMaxUnitPrice) {
    return Contradiction("bid ", entry.id, " is out of bounds");
  }
  if (entry.terms.steps.empty()) return Contradiction("bid ", entry.id, " is for nothing");
  if (FirstOf(entry.terms.steps) < WindowStart(entry.at, Minutes(1))) {
    return Contradiction("bid ", entry.id, " is for the past");
  }
  for (const RateStep& step : entry.terms.steps) {
    if (step.unit_price != 0) return Contradiction("bid ", entry.id, " has prices in its steps");
  }
  if (absl::Status terms = CheckMarketTerms(entry.terms); !terms.ok()) return terms;
  if (absl::Status request = CheckRequest(entry.tenant, entry.request_id); !request.ok()) return request;

  const BidRecord& bid = bids_[entry.id] = {entry, BidState::kOpen, 0};
  Index(bid);
  changes_.bids.insert(entry.id);
  changes_.any = true;
  return absl::OkStatus();
}

void MarketRecords::Index(const BidRecord& bid) {
  const BidEntry& placed = bid.placed;
  bids_of_[placed.tenant].insert(placed.id);
  (bid.state == BidState::kOpen ? open_bids_ : ended_bids_).insert(placed.id);
  NoteRequest(placed.tenant, placed.request_id, {MarketRequest::Kind::kBid, placed.id, 0, placed.body});
}

absl::Status MarketRecords::Apply(const BidEndEntry& entry) {
  const BidRecord* bid = FindBid(entry.id);
  if (bid == nullptr || bid->state != BidState::kOpen) return Contradiction("bid ", entry.id, " is not open");
  const bool fits =
      entry.state == BidState::kWithdrawn || (entry.state == BidState::kExpired && entry.at >= bid->placed.expires);
  if (!fits) return Contradiction("bid ", entry.id, " does not end so");

  EndBid(entry.id, entry.state, 0);
  return absl::OkStatus();
}

void MarketRecords::EndBid(uint64_t id, BidState state, uint32_t reservation) {
  BidRecord& bid = bids_.at(id);
  bid.state = state;
  bid.reservation = reservation;
  open_bids_.erase(id);
  ended_bids_.insert(id);
  changes_.bids.insert(id);
  changes_.any = true;
  if (ended_bids_.size() <= kRememberedQuotes) return;
  const uint64_t gone = *ended_bids_.begin();
  const auto forgotten = bids_.find(gone);
  ForgetRequest(forgotten->second.placed.tenant, forgotten->second.placed.request_id);
  bids_of_[forgotten->second.placed.tenant].erase(gone);
  bids_.erase(forgotten);
  ended_bids_.erase(gone);
  changes_.bids.insert(gone);
}

const BidRecord* MarketRecords::FindBid(uint64_t id) const {
  const auto found = bids_.find(id);
  return found == bids_.end() ? nullptr : &found->second;
}

uint64_t MarketRecords::last_bid() const { return bids_.empty() ? 0 : bids_.rbegin()->first; }

std::vector<uint64_t> MarketRecords::BidsOf(TenantId tenant) const {
  const auto found = bids_of_.find(tenant);
  if (found == bids_of_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

size_t MarketRecords::OpenBidsOf(TenantId tenant) const {
  const auto found = bids_of_.find(tenant);
  if (found == bids_of_.end()) return 0;
  return static_cast<size_t>(
      std::count_if(found->second.begin(), found->second.end(), [this](uint64_t id) { return open_bids_.contains(id); }));
}

// ---- Reservations.

/// What is bought is what was offered, or bid for.
absl::Status MarketRecords::CheckOrigin(const ReservationEntry& entry) const {
  const ReservationTerms& terms = entry.terms.front();
  if (entry.quote != 0) {
    const QuoteRecord* quote = FindQuote(entry.quote);
    if (quote == nullptr || quote->state != QuoteState::kActive || quote->given.tenant != entry.tenant) {
      return Contradiction("quote ", entry.quote, " is not an active one of tenant ", entry.tenant.value);
    }
    const bool fits = entry.bid == 0 && entry.at <= quote->given.expires && terms == quote->given.terms &&
                      entry.tariff == quote->given.tariff;
    return fits ? absl::OkStatus()
                : Contradiction("reservation ", entry.id, " is not what quote ", entry.quote, " says");
  }
  const BidRecord* bid = FindBid(entry.bid);
  if (bid == nullptr || bid->state != BidState::kOpen || bid->placed.tenant != entry.tenant) {
    return Contradiction("bid ", entry.bid, " is not an open one of tenant ", entry.tenant.value);
  }
  ReservationTerms priceless = terms;
  Int128 quantity = 0;
  for (RateStep& step : priceless.steps) {
    step.unit_price = 0;
    quantity += QuantityOf(step);
  }
  const bool fits = entry.at <= bid->placed.expires && priceless == bid->placed.terms &&
                    entry.tariff == bid->placed.tariff &&
                    PriceOf(terms.steps) <= Priced(quantity, bid->placed.limit_price);
  return fits ? absl::OkStatus() : Contradiction("reservation ", entry.id, " is not what bid ", entry.bid, " says");
}

absl::Status MarketRecords::CheckTerms(const ReservationEntry& entry, const ReservationRecord* record) const {
  if (entry.terms.size() != (HasTerms(entry.event) ? 1 : 0)) {
    return Contradiction("reservation ", entry.id, " has terms where there are none, or none where there are some");
  }
  if (entry.terms.empty()) return absl::OkStatus();
  const ReservationTerms& terms = entry.terms.front();
  if (absl::Status checked = CheckMarketTerms(terms); !checked.ok()) return checked;
  if (terms.steps.empty() && entry.event != Event::kSellBack) {
    return Contradiction("reservation ", entry.id, " is of nothing");
  }
  if (record == nullptr) {
    if (LastOf(terms.steps) <= entry.at) return Contradiction("reservation ", entry.id, " is of the past");
    return CheckOrigin(entry);
  }
  if (entry.event == Event::kTransfer) {
    ReservationTerms moved = record->terms;
    moved.project = terms.project;
    return terms == moved ? absl::OkStatus()
                          : Contradiction("reservation ", entry.id, " changes more than its project");
  }
  if (terms.pool != record->terms.pool || terms.project != record->terms.project) {
    return Contradiction("reservation ", entry.id, " changes its pool or project");
  }
  const bool some_delivered = record->delivered_until > FirstOf(record->terms.steps);
  const Instant past =
      std::max(some_delivered ? record->delivered_until : Instant(), WindowStart(entry.at, Minutes(1)));
  if (!SameBefore(record->terms.steps, terms.steps, past)) {
    return Contradiction("reservation ", entry.id, " changes what is past");
  }
  return absl::OkStatus();
}

/// They are what the event changes of what is still to come.
absl::Status MarketRecords::CheckCharges(const ReservationEntry& entry, const ReservationRecord* record) const {
  if (entry.charges.size() > kMaxReservationCharges)
    return Contradiction("reservation ", entry.id, " has too many charges");
  const Instant end = Instant::Max();
  const std::vector<RateStep> after = StepsAfter(entry, record);
  const Instant from = record == nullptr ? Instant() : DeliveredUntil(*record, after);
  std::map<int64_t, Int128> due = QuantitiesOf(PartsOf(after, from, end));
  if (record != nullptr) {
    for (const auto& [price, quantity] : QuantitiesOf(PartsOf(record->terms.steps, record->delivered_until, end))) {
      due[price] -= quantity;
    }
  }
  for (const ReservationCharge& charge : entry.charges) {
    const bool bought = charge.kind == ReservationCharge::Kind::kPurchase;
    const bool fits = MayCharge(entry.event, charge.kind) && charge.quantity != 0 && (charge.quantity > 0) == bought &&
                      charge.quantity <= kMaxQuantity && charge.quantity >= -kMaxQuantity && charge.unit_price >= 0 &&
                      charge.unit_price <= kMaxUnitPrice && charge.paid_price >= 0 &&
                      charge.paid_price <= kMaxUnitPrice;
    if (!fits) return Contradiction("reservation ", entry.id, " has a charge that does not belong to the event");
    const bool as_paid = charge.unit_price == charge.paid_price;
    if (!as_paid && (bought || entry.event == Event::kReject)) {
      return Contradiction("reservation ", entry.id, " has a charge that is not at the price that was paid");
    }
    if (-AmountOf(charge) > kMaxReservationPrice || AmountOf(charge) > kMaxReservationPrice) {
      return Contradiction("reservation ", entry.id, " has a charge out of bounds");
    }
    due[charge.paid_price] -= charge.quantity;
  }
  for (const auto& [price, quantity] : due) {
    if (quantity != 0) return Contradiction("the charges of reservation ", entry.id, " are not those of its terms");
  }
  return absl::OkStatus();
}

absl::Status MarketRecords::Apply(const ReservationEntry& entry) {
  const bool is_first = IsFirst(entry.event);
  const ReservationRecord* record = FindReservation(entry.id);
  if (is_first ? entry.id != last_reservation() + 1 : record == nullptr) {
    return Contradiction("reservation ", entry.id, " follows ", last_reservation());
  }
  if (record != nullptr && (entry.tenant != record->tenant || entry.tariff != record->tariff)) {
    return Contradiction("reservation ", entry.id, " changes its tenant or tariff");
  }
  const bool has_one_origin = (entry.quote != 0) != (entry.bid != 0);
  if (is_first ? !has_one_origin : entry.quote != 0 || entry.bid != 0) {
    return Contradiction("reservation ", entry.id, " comes from a quote or a bid once");
  }
  if (entry.guaranteed < WorkPerSecond() || (entry.event != Event::kDegrade && entry.guaranteed != WorkPerSecond())) {
    return Contradiction("reservation ", entry.id, " has a guarantee out of bounds");
  }
  if (absl::Status terms = CheckTerms(entry, record); !terms.ok()) return terms;
  const bool begun = FirstOf(StepsAfter(entry, record)) <= entry.at;
  const std::optional<ReservationState> from = record == nullptr ? std::nullopt : std::optional(record->state);
  const std::optional<ReservationState> after = After(from, entry.event, begun);
  if (!after || *after != entry.state) {
    return Contradiction("reservation ", entry.id, ": ", std::string(Name(entry.event)), " does not make ",
                         std::string(Name(entry.state)), " of ", from ? std::string(Name(*from)) : "nothing");
  }
  if (entry.event == Event::kActivate && !begun) return Contradiction("reservation ", entry.id, " has not begun");
  if (entry.event == Event::kComplete &&
      !PartsOf(record->terms.steps, record->delivered_until, Instant::Max()).empty()) {
    return Contradiction("reservation ", entry.id, " is complete before all is delivered");
  }
  if (absl::Status charges = CheckCharges(entry, record); !charges.ok()) return charges;
  if (absl::Status request = CheckRequest(entry.tenant, entry.request_id); !request.ok()) return request;

  if (is_first) Begin(entry);
  Post(entry, &reservations_[entry.id - 1]);
  return absl::OkStatus();
}

void MarketRecords::Begin(const ReservationEntry& entry) {
  ReservationRecord record;
  record.id = entry.id;
  record.tenant = entry.tenant;
  record.quote = entry.quote;
  record.bid = entry.bid;
  record.tariff = entry.tariff;
  record.bought_at = entry.at;
  record.terms = entry.terms.front();
  record.delivered_until = FirstOf(record.terms.steps);
  reservations_.push_back(std::move(record));
  reservations_of_[entry.tenant].push_back(entry.id);
  if (entry.quote != 0) EndQuote(entry.quote, QuoteState::kAccepted, entry.id);
  if (entry.bid != 0) EndBid(entry.bid, BidState::kFilled, entry.id);
}

/// What was checked happens to the record.
void MarketRecords::Post(const ReservationEntry& entry, ReservationRecord* record) {
  const std::vector<RateStep> steps = StepsAfter(entry, record);
  record->delivered_until = DeliveredUntil(*record, steps);
  if (HasTerms(entry.event) && entry.event != Event::kAskAmend) record->terms = entry.terms.front();
  record->terms.steps = steps;
  record->asked.clear();
  if (entry.state == ReservationState::kAmending) record->asked = entry.terms;
  record->state = entry.state;
  if (entry.event == Event::kDegrade) record->guaranteed = entry.guaranteed;
  if (entry.state != ReservationState::kDegraded) record->guaranteed = WorkPerSecond();

  Money charged;
  Postings& postings = postings_[entry.tenant];
  for (const ReservationCharge& charge : entry.charges) {
    const Money amount = AmountOf(charge);
    charged += amount;
    record->unearned += PaidOf(charge);
    if (charge.kind == ReservationCharge::Kind::kPurchase) {
      record->paid += amount;
    } else {
      record->returned -= amount;
    }
    postings.list.push_back({entry.id, entry.at, charge});
    changes_.postings.insert({entry.tenant, postings.first + postings.list.size() - 1});
  }
  record->history.push_back({entry.event, entry.state, entry.at, charged, entry.guaranteed, entry.by, entry.reason,
                             entry.request_id, entry.body});
  NoteRequest(entry.tenant, entry.request_id,
              {MarketRequest::Kind::kReservation, entry.id, record->version(), entry.body});
  changes_.reservations.insert(entry.id);
  changes_.history.insert({entry.id, record->version()});
  changes_.any = true;
}

absl::Status MarketRecords::Apply(const DeliveryEntry& entry) {
  const ReservationRecord* record = FindReservation(entry.reservation);
  if (record == nullptr || !IsDelivering(record->state)) {
    return Contradiction("reservation ", entry.reservation, " delivers nothing");
  }
  const std::vector<RateStep>& steps = record->terms.steps;
  const bool follows =
      entry.from == record->delivered_until || (entry.from > record->delivered_until && entry.from < LastOf(steps) &&
                                                PartsOf(steps, record->delivered_until, entry.from).empty());
  const bool in_time = IsWholeMinute(entry.from) && IsWholeMinute(entry.to) && entry.from < entry.to &&
                       entry.to <= WindowStart(entry.from, Hours(1)) + Hours(1) && entry.to <= entry.at &&
                       entry.to <= LastOf(steps);
  if (!follows || !in_time) {
    return Contradiction("a delivery of reservation ", entry.reservation,
                         " does not follow the one before, in its time");
  }
  if (entry.promised != PromisedBy(steps, entry.from, entry.to) ||
      entry.guaranteed != GuaranteedBy(*record, entry.from, entry.to) || entry.delivered < Work()) {
    return Contradiction("a delivery of reservation ", entry.reservation, " is not what its steps promise");
  }
  if (entry.earned != PriceOf(steps, entry.from, entry.to)) {
    return Contradiction("a delivery of reservation ", entry.reservation, " earns ", entry.earned.ToDecimal(),
                         " where its steps say ", PriceOf(steps, entry.from, entry.to).ToDecimal());
  }
  const int64_t most = std::max({entry.late, entry.slow_first, entry.slow_output});
  const bool counts = entry.late >= 0 && entry.slow_first >= 0 && entry.slow_output >= 0 && entry.missed >= most &&
                      entry.missed <= entry.requests && entry.longest_queued >= Duration() &&
                      entry.queued >= entry.longest_queued;
  if (!counts || entry.unserved < 0) {
    return Contradiction("a delivery of reservation ", entry.reservation, " has counts that do not agree");
  }
  const auto counted = [](const DeliveryEntry& e) {
    return std::tie(e.delivered, e.requests, e.late, e.slow_first, e.slow_output, e.missed, e.queued, e.longest_queued);
  };
  if (counted(entry) != counted(record->in_hand)) {
    return Contradiction("a delivery of reservation ", entry.reservation, " is not what its settlements come to");
  }

  ReservationRecord& mine = reservations_[entry.reservation - 1];
  mine.in_hand = {};
  mine.delivered_until = entry.to;
  mine.earned += entry.earned;
  mine.unearned -= entry.earned;
  deliveries_[{entry.reservation, entry.from}] = entry;
  changes_.reservations.insert(entry.reservation);
  changes_.deliveries.insert({entry.reservation, entry.from});
  changes_.any = true;
  return absl::OkStatus();
}

void MarketRecords::NoteSettled(const GrantEntry& grant, const SettleEntry& settled, const ServiceLevel& level) {
  ReservationRecord& record = reservations_[grant.reservation - 1];
  if (IsOver(record.state)) return;
  DeliveryEntry& in_hand = record.in_hand;
  const bool late = level.queue_delay > Duration() && grant.queued > level.queue_delay;
  const bool slow_first = level.time_to_first_token > Duration() && settled.first_token > level.time_to_first_token;
  // Fewer tokens than that many in every second: tokens x 1 s < least x time.
  const Int128 generated = Int128{Generated(settled.tokens + settled.unbilled).count()} * Seconds(1).count();
  const bool slow_output = settled.generating > Duration() && level.output_per_second > 0 &&
                           generated < Int128{level.output_per_second} * settled.generating.count();
  in_hand.delivered += settled.work;
  ++in_hand.requests;
  in_hand.late += late ? 1 : 0;
  in_hand.slow_first += slow_first ? 1 : 0;
  in_hand.slow_output += slow_output ? 1 : 0;
  in_hand.missed += late || slow_first || slow_output ? 1 : 0;
  in_hand.queued += grant.queued;
  in_hand.longest_queued = std::max(in_hand.longest_queued, grant.queued);
  changes_.reservations.insert(record.id);
  changes_.any = true;
}

Money ServiceCreditOf(const DeliveryEntry& delivery, const ServiceLevel& level) {
  const int64_t asked = delivery.requests + delivery.unserved;
  const int64_t met = asked == 0 ? 1'000 : (delivery.requests - delivery.missed) * 1'000 / asked;
  const int64_t promised = delivery.promised.count();
  const int64_t guaranteed =
      promised == 0 ? 1'000 : static_cast<int64_t>(Int128{delivery.guaranteed.count()} * 1'000 / promised);
  int64_t percent = 0;
  for (const ServiceCreditStep& step : level.credits) {
    if (std::min(met, guaranteed) < step.below) percent = std::max(percent, step.percent);
  }
  return Money::FromPico(PicoCount(delivery.earned.pico() * percent / 100));
}

const ReservationRecord* MarketRecords::FindReservation(uint32_t id) const {
  return id >= 1 && id <= reservations_.size() ? &reservations_[id - 1] : nullptr;
}

uint32_t MarketRecords::last_reservation() const { return static_cast<uint32_t>(reservations_.size()); }

std::vector<uint32_t> MarketRecords::ReservationsOf(TenantId tenant) const {
  const auto found = reservations_of_.find(tenant);
  return found == reservations_of_.end() ? std::vector<uint32_t>() : found->second;
}

const std::map<std::pair<uint32_t, Instant>, DeliveryEntry>& MarketRecords::deliveries() const { return deliveries_; }

const std::deque<PriceEntry>& MarketRecords::prices() const { return prices_; }

const std::vector<MarketRecords::Posting>& MarketRecords::PostingsOf(TenantId tenant) const {
  static const std::vector<Posting> kNone;
  const auto found = postings_.find(tenant);
  return found == postings_.end() ? kNone : found->second.list;
}

Money MarketRecords::BoughtBy(TenantId tenant) const {
  Money sum;
  for (const uint32_t id : ReservationsOf(tenant)) sum += reservations_[id - 1].paid - reservations_[id - 1].returned;
  return sum;
}

Money MarketRecords::UnearnedOf(TenantId tenant) const {
  Money sum;
  for (const uint32_t id : ReservationsOf(tenant)) sum += reservations_[id - 1].unearned;
  return sum;
}

void MarketRecords::RollUp(TenantId tenant, Instant before) {
  for (const uint32_t id : ReservationsOf(tenant)) {
    const auto first = deliveries_.lower_bound({id, Instant()});
    const auto end = deliveries_.lower_bound({id, before});
    if (first == end) continue;
    deliveries_.erase(first, end);
    changes_.gone_deliveries.push_back({id, before});
    changes_.any = true;
  }
  const auto postings = postings_.find(tenant);
  if (postings == postings_.end()) return;
  auto& [number, list] = postings->second;
  const auto kept = std::find_if(list.begin(), list.end(), [before](const Posting& one) { return one.at >= before; });
  if (kept == list.begin()) return;
  number += static_cast<uint64_t>(kept - list.begin());
  list.erase(list.begin(), kept);
  changes_.gone_postings.push_back({tenant, number});
  changes_.any = true;
}

absl::Status MarketRecords::CheckInvariants() const {
  for (const ReservationRecord& record : reservations_) {
    const Money ahead =
        IsOver(record.state) ? Money() : PriceOf(record.terms.steps, record.delivered_until, Instant::Max());
    Money charged;
    for (const ReservationChange& change : record.history) charged += change.charge;
    if (record.unearned == ahead && charged == record.paid - record.returned) continue;
    return absl::DataLossError(absl::StrCat("reservation ", record.id, " has ", record.unearned.ToDecimal(),
                                            " unearned, its steps say ", ahead.ToDecimal(), "; it paid ",
                                            record.paid.ToDecimal(), ", got back ", record.returned.ToDecimal(),
                                            ", its history says ", charged.ToDecimal()));
  }
  return absl::OkStatus();
}

size_t MarketRecords::change_count() const {
  size_t count = 0;
  for (const ReservationRecord& record : reservations_) count += record.history.size();
  return count;
}

size_t MarketRecords::posting_count() const {
  size_t count = 0;
  for (const auto& [tenant, postings] : postings_) count += postings.list.size();
  return count;
}

}  // namespace penstock::ledger
