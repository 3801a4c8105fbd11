// The market on the engine: quotes, purchases, changes, approvals, bids, pinned prices. What reservations then do by the
// clock is in engine_reservations.cc, posted prices are in engine_prices.cc.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "broker/market/reshape.h"

namespace penstock::core {
namespace {

using ledger::RateStep;
using ledger::ReservationCharge;
using ledger::ReservationEvent;
using ledger::ReservationRecord;
using ledger::ReservationState;
using market::PoolMarket;
using market::Shortage;

constexpr size_t kAlternatives = 4;
constexpr size_t kMostOpenQuotes = 1'000;  // of a tenant; likewise bids
constexpr int64_t kWhole = 1'000;          // thousandths

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

/// What the charges of some steps come to: one for each price.
class Charges {
 public:
  void Buy(const std::vector<RateStep>& steps) {
    for (const RateStep& step : steps) {
      Add(ReservationCharge::Kind::kPurchase, step.unit_price, step.unit_price, ledger::QuantityOf(step));
    }
  }
  /// At `factor` thousandths of what was paid.
  void Refund(const std::vector<RateStep>& steps, int64_t factor) {
    for (const RateStep& step : steps) {
      const auto back = static_cast<int64_t>(Int128{step.unit_price} * factor / kWhole);
      Add(ReservationCharge::Kind::kRefund, back, step.unit_price, -ledger::QuantityOf(step));
    }
  }
  void SellBack(const std::vector<RateStep>& steps, int64_t bid) {
    for (const RateStep& step : steps) {
      Add(ReservationCharge::Kind::kSellBack, bid, step.unit_price, -ledger::QuantityOf(step));
    }
  }
  std::vector<ReservationCharge> Take() const {
    std::vector<ReservationCharge> charges;
    for (const auto& [key, quantity] : sums_) {
      const auto& [kind, unit, paid] = key;
      charges.push_back({kind, quantity, unit, paid});
    }
    return charges;
  }

 private:
  void Add(ReservationCharge::Kind kind, int64_t unit, int64_t paid, Int128 quantity) {
    sums_[{kind, unit, paid}] += quantity;
  }
  std::map<std::tuple<ReservationCharge::Kind, int64_t, int64_t>, Int128> sums_;
};

ledger::Money SumOf(const std::vector<ReservationCharge>& charges) {
  ledger::Money sum;
  for (const ReservationCharge& charge : charges) sum += ledger::AmountOf(charge);
  return sum;
}

std::vector<RateStep> After(const std::vector<RateStep>& steps, Instant from) {
  std::vector<RateStep> rest;
  for (RateStep step : steps) {
    step.from = std::max(step.from, from);
    if (step.from < step.to) rest.push_back(step);
  }
  return rest;
}

void SetPrice(std::vector<RateStep>* steps, int64_t unit_price) {
  for (RateStep& step : *steps) step.unit_price = unit_price;
}

Int128 QuantityOf(const std::vector<RateStep>& steps) {
  Int128 sum = 0;
  for (const RateStep& step : steps) sum += ledger::QuantityOf(step);
  return sum;
}

/// What steps promise in all from a moment on, less `taken`, as steps that do not overlap.
std::vector<RateStep> Less(const std::vector<RateStep>& steps, const std::vector<RateStep>& taken, Instant from) {
  std::vector<Instant> edges = {from};
  for (const auto* list : {&steps, &taken}) {
    for (const RateStep& step : *list) {
      if (step.from > from) edges.push_back(step.from);
      if (step.to > from) edges.push_back(step.to);
    }
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<RateStep> left;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    const WorkPerSecond rate = ledger::RateAt(steps, edges[i]) - ledger::RateAt(taken, edges[i]);
    if (rate > WorkPerSecond::Zero()) left.push_back({edges[i], edges[i + 1], rate, 0});
  }
  market::Tidy(&left);
  return left;
}

/// What a tenant or operator asks for. (While one amendment waits for approval there is no other.)
ReservationEvent EventOf(ChangeReservation::What what) {
  switch (what) {
    case ChangeReservation::What::kAmend:
      return ReservationEvent::kAskAmend;
    case ChangeReservation::What::kCancel:
      return ReservationEvent::kCancel;
    case ChangeReservation::What::kSellBack:
      return ReservationEvent::kSellBack;
    case ChangeReservation::What::kTransfer:
      return ReservationEvent::kTransfer;
    case ChangeReservation::What::kSuspend:
      return ReservationEvent::kSuspend;
    case ChangeReservation::What::kResume:
      return ReservationEvent::kResume;
  }
  return ReservationEvent::kAskAmend;
}

}  // namespace

MarketDesk* Engine::DeskOf(PoolId pool) {
  return pool.value - 1 < desks_.size() ? desks_[pool.value - 1].get() : nullptr;
}

const MarketDesk* Engine::FindDesk(PoolId pool) const {
  return pool.value - 1 < desks_.size() ? desks_[pool.value - 1].get() : nullptr;
}

const PoolMarket* Engine::MarketOf(PoolId pool) const {
  const MarketDesk* desk = FindDesk(pool);
  return desk == nullptr ? nullptr : &desk->market;
}

// Elastic work is priced as output of class `default`: most of it is that.
market::PriceInputs Engine::PriceInputsOf(PoolId pool, TenantId tenant) const {
  market::PriceInputs inputs{.now = now_};
  const PoolState* state = FindPool(pool);
  if (state == nullptr) return inputs;
  const uint32_t tariff = TariffIdOf(tenant);
  const ledger::PoolPrices* prices = books().tariffs()[tariff - 1].tariff.PricesOf(state->settings().name);
  if (prices == nullptr) return inputs;
  inputs.list_price = DivideRoundUp<int64_t>(prices->capacity_price, 60);
  const int64_t burndown = state->settings().burndown[TokenKind::kOutput];
  const auto& flat = prices->by_class[static_cast<size_t>(ServiceClass::kDefault)];
  if (burndown == 0) return inputs;
  inputs.elastic_price = flat[TokenKind::kOutput] / burndown;
  const MarketDesk* desk = FindDesk(pool);
  if (desk != nullptr && desk->posted != 0) {
    const int64_t multiplier = books().market().prices()[desk->posted - 1].multiplier;
    inputs.elastic_price = CheckedNarrow(Int128{inputs.elastic_price} * multiplier / kWhole);
  }
  return inputs;
}

// ---- What comes in.

/// The answer to a request id that came before, or the error that it stands for something else.
bool Engine::AnswerKnown(Ticket ticket, const MarketCaller& caller) {
  if (caller.request_id.empty() || caller.validate_only) return false;
  const ledger::MarketRequest* known = books().market().FindRequest(caller.tenant, caller.request_id);
  if (known == nullptr) return false;
  if (known->body != caller.body) {
    Say(ticket, Error{ErrorReason::kRequestIdReused, "request_id",
                      "this request_id came before with another body: choose a new one per request"});
    return true;
  }
  const ledger::MarketRecords& records = books().market();
  switch (known->kind) {
    case ledger::MarketRequest::Kind::kQuote: {
      const ledger::QuoteRecord* quote = records.FindQuote(known->id);
      if (quote == nullptr) {
        Say(ticket, Error{ErrorReason::kQuoteEnded, "request_id", "the quote that it got is too old to be remembered"});
      } else {
        Say(ticket, Quoted{.quote = quote->given, .price = ledger::PriceOf(quote->given.terms.steps), .repeated = true},
            Release::kSynced);
      }
      return true;
    }
    case ledger::MarketRequest::Kind::kReservation: {
      const ReservationRecord& record = *records.FindReservation(static_cast<uint32_t>(known->id));
      const ledger::ReservationChange& change = record.history[known->version - 1];
      Say(ticket,
          ReservationChanged{.id = record.id,
                             .version = known->version,
                             .state = change.state,
                             .charge = change.charge,
                             .charges = {},
                             .terms = {},
                             .repeated = true},
          Release::kSynced);
      return true;
    }
    case ledger::MarketRequest::Kind::kBid: {
      const ledger::BidRecord* bid = records.FindBid(known->id);
      Say(ticket,
          BidPlaced{.id = known->id, .reservation = bid == nullptr ? 0 : bid->reservation, .ask = 0, .repeated = true},
          Release::kSynced);
      return true;
    }
    case ledger::MarketRequest::Kind::kPrice:
      Say(ticket, PricePinned{.price = records.prices()[known->id - 1], .repeated = true}, Release::kSynced);
      return true;
  }
  return false;
}

/// The desk of a pool that sells to the tenant, or the error.
MarketDesk* Engine::OpenDesk(PoolId pool, TenantId tenant, Error* error) {
  const PoolState* state = FindPool(pool);
  const Tenant* buyer = accounts_.FindTenant(tenant);
  MarketDesk* desk = DeskOf(pool);
  if (state == nullptr || buyer == nullptr || !buyer->policy->pools.Has(pool)) {
    *error = {ErrorReason::kUnknownPool, "pool", "there is no such pool for this tenant"};
    return nullptr;
  }
  if (desk == nullptr || !desk->market.terms().open) {
    *error = {ErrorReason::kMarketClosed, "pool",
              absl::StrCat("pool '", state->settings().name,
                           "' sells no throughput ahead: its operator can open `market` in the configuration")};
    return nullptr;
  }
  return desk;
}

std::optional<Error> Engine::CheckSteps(const market::MarketTerms& terms, const std::vector<RateStep>& steps,
                                        Instant from) const {
  const auto wrong = [&](size_t i, std::string_view what, const std::string& why) {
    return Error{ErrorReason::kInvalidArgument, absl::StrCat("steps[", i, "].", Abseil(what)), why};
  };
  if (steps.empty() || steps.size() > ledger::kMaxSteps) {
    return Error{ErrorReason::kInvalidArgument, "steps", absl::StrCat("must be 1 to ", ledger::kMaxSteps, " windows")};
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    const RateStep& step = steps[i];
    const auto whole = [](Instant t) { return t == WindowStart(t, Minutes(1)); };
    if (!whole(step.from) || !whole(step.to)) return wrong(i, "from", "windows begin and end at whole minutes");
    if (step.to <= step.from) return wrong(i, "to", "ends before it begins");
    if (step.from < from) return wrong(i, "from", "begins in the past: the earliest is the next whole minute");
    if (step.to - step.from < terms.shortest) return wrong(i, "to", "is shorter than this pool sells");
    if (step.to > now_ + terms.furthest) return wrong(i, "to", "ends further ahead than this pool sells");
    if (step.rate <= WorkPerSecond::Zero() || step.rate.count() > kMaxRateNtPerSecond * kMilliNtPerNt) {
      return wrong(i, "rate", absl::StrCat("must be positive and at most ", kMaxRateNtPerSecond, " nt/s"));
    }
    if (i > 0 && step.from < steps[i - 1].to) return wrong(i, "from", "windows must follow each other, and not overlap");
  }
  return std::nullopt;
}

std::optional<Error> Engine::TermsOf(const Wish& wish, TenantId tenant, const MarketDesk& desk,
                                     ledger::ReservationTerms* terms) const {
  if (std::optional<Error> error = CheckSteps(desk.market.terms(), wish.steps, market::WholeMinute(now_ + Nanoseconds(1)))) return error;
  terms->pool = wish.pool;
  if (!wish.project.empty()) {
    const auto project = books().IdOf(ledger::NameKind::kProject, tenant.value, wish.project);
    if (!project) return Error{ErrorReason::kUnknownProject, "project", "this tenant has no such project"};
    terms->project = ProjectId{*project};
  }
  terms->overrun = wish.overrun.value_or(Overrun::kSpill);
  const ledger::Envelope& usual = desk.market.terms().envelope;
  terms->envelope = wish.envelope;
  if (terms->envelope.mean_work <= Work::Zero()) terms->envelope.mean_work = usual.mean_work;
  if (terms->envelope.mean_residence <= Duration::Zero()) terms->envelope.mean_residence = usual.mean_residence;
  if (terms->envelope.largest_context <= Tokens::Zero()) terms->envelope.largest_context = usual.largest_context;
  if (FindPool(wish.pool)->settings().terms.kv_tokens == 0) terms->envelope.largest_context = Tokens::Zero();
  terms->steps = wish.steps;
  terms->shape = wish.shape;
  return std::nullopt;
}

/// Beside the calendar: while a pool reports less than it should have, nothing that begins within the hour may rely on
/// what is missing.
std::optional<Shortage> Engine::ShortageNow(const MarketDesk& desk, PoolId pool, const std::vector<RateStep>& steps,
                                            const ledger::Envelope& envelope) const {
  if (std::optional<Shortage> shortage = desk.market.ShortageOf(steps, envelope)) return shortage;
  const int64_t reported = FindPool(pool)->settings().terms.capacity.count();
  const ledger::CapacityPlanEntry& plan = desk.market.capacity();
  const int64_t for_sale =
      CheckedNarrow(Int128{reported} * (kWhole - plan.margin) / kWhole) - plan.standing.count() - desk.promised.count();
  for (const RateStep& step : steps) {
    if (step.from >= now_ + Hours(1)) continue;
    if (desk.market.calendar().SupplyAt(std::max(step.from, now_)).rate <= for_sale + desk.promised.count()) continue;
    if (step.rate.count() > for_sale) {
      return Shortage{Shortage::What::kThroughput, step.from, step.rate.count(), std::max<int64_t>(for_sale, 0)};
    }
  }
  return std::nullopt;
}

void Engine::SayNotSellable(Ticket ticket, const MarketDesk& desk, const Shortage& shortage,
                            const ledger::ReservationTerms& wish, TenantId tenant) {
  Say(ticket, NotSellable{.scarce = static_cast<NotSellable::What>(shortage.scarce),
                          .tightest = shortage.at,
                          .asked = shortage.asked,
                          .room = std::max<int64_t>(shortage.room, 0),
                          .alternatives =
                              desk.market.AlternativesTo(wish, PriceInputsOf(wish.pool, tenant), kAlternatives)});
}

// ---- Quotes.

void Engine::On(AskQuote& ask) {
  if (AnswerKnown(ask.ticket, ask.caller)) return;
  Error error;
  MarketDesk* desk = OpenDesk(ask.wish.pool, ask.caller.tenant, &error);
  if (desk == nullptr) return Say(ask.ticket, std::move(error));
  ledger::QuoteEntry quote;
  if (std::optional<Error> wrong = TermsOf(ask.wish, ask.caller.tenant, *desk, &quote.terms)) {
    return Say(ask.ticket, *std::move(wrong));
  }
  const TenantId tenant = ask.caller.tenant;
  if (const auto shortage = ShortageNow(*desk, quote.terms.pool, quote.terms.steps, quote.terms.envelope)) {
    return SayNotSellable(ask.ticket, *desk, *shortage, quote.terms, tenant);
  }
  const market::PriceInputs inputs = PriceInputsOf(quote.terms.pool, tenant);
  quote.basis = desk->market.AskFor(quote.terms.steps, inputs);
  const int64_t unit = market::UnitPriceOf(quote.basis);
  if (unit == 0) {
    return Say(ask.ticket, Error{ErrorReason::kMarketClosed, "pool",
                                 "the tariff has no capacity price for this pool, so nothing can be sold"});
  }
  SetPrice(&quote.terms.steps, unit);
  for (ledger::Alternative& other : desk->market.AlternativesTo(quote.terms, inputs, kAlternatives)) {
    if (other.unit_price < unit) quote.alternatives.push_back(other);
  }
  quote.tenant = tenant;
  quote.at = now_;
  quote.expires = std::min(now_ + desk->market.terms().quote_holds, ledger::FirstOf(quote.terms.steps));
  quote.tariff = TariffIdOf(tenant);
  quote.by = std::move(ask.caller.by);
  const ledger::Money price = ledger::PriceOf(quote.terms.steps);
  if (ask.caller.validate_only) return Say(ask.ticket, Quoted{.quote = std::move(quote), .price = price});
  if (books().market().OpenQuotesOf(tenant) >= kMostOpenQuotes) {
    return Say(ask.ticket, Error{ErrorReason::kTooManyQuotes, "",
                                 absl::StrCat("this tenant has ", kMostOpenQuotes,
                                              " quotes open: accept or withdraw some, or let them expire")});
  }
  quote.id = books().market().last_quote() + 1;
  quote.request_id = std::move(ask.caller.request_id);
  quote.body = ask.caller.body;
  ledger_->Post(quote);
  Say(ask.ticket, Quoted{.quote = std::move(quote), .price = price}, Release::kSynced);
}

/// The quote if it is the caller's and still holds; else says the error.
const ledger::QuoteRecord* Engine::OpenQuote(Ticket ticket, const MarketCaller& caller, uint64_t id) {
  const ledger::QuoteRecord* quote = books().market().FindQuote(id);
  if (quote == nullptr || quote->given.tenant != caller.tenant) {
    Say(ticket, Error{ErrorReason::kUnknownQuote, "name", "this tenant has no such quote"});
    return nullptr;
  }
  if (quote->state != ledger::QuoteState::kActive || quote->given.expires < now_) {
    const bool expired = quote->state == ledger::QuoteState::kActive;
    Say(ticket, Error{ErrorReason::kQuoteEnded, "name",
                      absl::StrCat("the quote is ", expired ? "expired" : Abseil(Name(quote->state)),
                                   quote->reservation == 0 ? ": ask for a new one"
                                                           : absl::StrCat(", as reservation ", quote->reservation))});
    return nullptr;
  }
  return quote;
}

void Engine::On(const WithdrawQuote& withdraw) {
  const ledger::QuoteRecord* quote = OpenQuote(withdraw.ticket, withdraw.caller, withdraw.quote);
  if (quote == nullptr) return;
  if (!withdraw.caller.validate_only) {
    ledger_->Post(ledger::QuoteEndEntry{withdraw.quote, now_, ledger::QuoteState::kWithdrawn});
  }
  Say(withdraw.ticket, QuoteWithdrawn{.id = withdraw.quote}, Release::kSynced);
}

void Engine::On(const AcceptQuote& accept) {
  if (AnswerKnown(accept.ticket, accept.caller)) return;
  const ledger::QuoteRecord* quote = OpenQuote(accept.ticket, accept.caller, accept.quote);
  if (quote == nullptr) return;
  Error error;
  MarketDesk* desk = OpenDesk(quote->given.terms.pool, accept.caller.tenant, &error);
  if (desk == nullptr) return Say(accept.ticket, std::move(error));
  const ledger::ReservationTerms& terms = quote->given.terms;
  if (const auto shortage = ShortageNow(*desk, terms.pool, terms.steps, terms.envelope)) {
    return SayNotSellable(accept.ticket, *desk, *shortage, terms, accept.caller.tenant);
  }
  ledger::ReservationEntry entry;
  entry.quote = accept.quote;
  entry.tariff = quote->given.tariff;
  entry.terms = {terms};
  Buy(accept.ticket, accept.caller, std::move(entry), *desk);
}

/// Posts a purchase of terms that fit, with their prices.
uint32_t Engine::Buy(Ticket ticket, const MarketCaller& caller, ledger::ReservationEntry entry, MarketDesk& desk) {
  const ledger::ReservationTerms terms = entry.terms.front();
  Charges charges;
  charges.Buy(terms.steps);
  entry.charges = charges.Take();
  const ledger::Money price = SumOf(entry.charges);
  const ledger::Money& most = desk.market.terms().approval_above;
  entry.event = !most.IsZero() && price > most ? ReservationEvent::kAskApproval : ReservationEvent::kBought;
  entry.state = ledger::After(std::nullopt, entry.event, ledger::FirstOf(terms.steps) <= now_).value();
  entry.tenant = caller.tenant;
  entry.at = now_;
  entry.by = caller.by;
  ReservationChanged answer{.id = 0,
                            .version = 1,
                            .state = entry.state,
                            .charge = price,
                            .charges = entry.charges,
                            .terms = entry.terms};
  if (caller.validate_only) {
    Say(ticket, std::move(answer));
    return 0;
  }
  entry.id = answer.id = books().market().last_reservation() + 1;
  entry.request_id = caller.request_id;
  entry.body = caller.body;
  ledger_->Post(std::move(entry));
  desk.market.Commit(terms, now_);
  Follow(answer.id);
  BalancePromises(terms.pool);
  const uint32_t id = answer.id;
  Say(ticket, std::move(answer), Release::kSynced);
  return id;
}

// ---- Changes.

const ReservationRecord* Engine::OwnReservation(Ticket ticket, const MarketCaller& caller, uint32_t id, uint64_t etag) {
  const ReservationRecord* record = books().market().FindReservation(id);
  if (record == nullptr || record->tenant != caller.tenant) {
    Say(ticket, Error{ErrorReason::kUnknownReservation, "name", "this tenant has no such reservation"});
    return nullptr;
  }
  if (DeskOf(record->terms.pool) == nullptr) {
    Say(ticket, Error{ErrorReason::kMarketClosed, "pool", "its pool is not in the daemon's configuration now"});
    return nullptr;
  }
  if (etag != 0 && etag != record->version()) {
    Say(ticket, Error{ErrorReason::kStaleEtag, "etag",
                      absl::StrCat("the reservation has changed since, it is at etag ", record->version(),
                                   ": look at it again")});
    return nullptr;
  }
  return record;
}

bool Engine::MayHappen(Ticket ticket, const ReservationRecord& record, ReservationEvent event) {
  if (ledger::After(record.state, event, true)) return true;
  Say(ticket, Error{ErrorReason::kIllegalTransition, "state",
                    absl::StrCat("a reservation that is ", Abseil(Name(record.state)), " cannot ",
                                 Abseil(Name(event)))});
  return false;
}

/// Posts an event, puts its terms into the calendar in place of those before, and says what became of it.
void Engine::Change(Ticket ticket, const MarketCaller& caller, const ReservationRecord& record,
                    ledger::ReservationEntry entry) {
  entry.id = record.id;
  entry.tenant = record.tenant;
  entry.tariff = record.tariff;
  entry.at = now_;
  entry.by = caller.by;
  const bool asked = entry.event == ReservationEvent::kAskAmend;
  const ledger::ReservationTerms& after = entry.terms.empty() || asked ? record.terms : entry.terms.front();
  entry.state = ledger::After(record.state, entry.event, ledger::FirstOf(after.steps) <= now_).value();
  ReservationChanged answer{.id = record.id,
                            .version = record.version() + 1,
                            .state = entry.state,
                            .charge = SumOf(entry.charges),
                            .charges = entry.charges,
                            .terms = entry.terms};
  if (caller.validate_only) return Say(ticket, std::move(answer));
  const PoolId pool = record.terms.pool;
  MarketDesk& desk = *DeskOf(pool);
  const uint32_t id = record.id;
  const bool moves = !entry.terms.empty() && !asked;
  const bool ends = ledger::IsOver(entry.state);
  entry.request_id = caller.request_id;
  entry.body = caller.body;
  if (moves || ends) desk.market.Release(record.terms, now_);  // that change when it is posted
  if (moves && !ends) desk.market.Commit(entry.terms.front(), now_);
  ledger_->Post(std::move(entry));
  ends ? Unfollow(id) : Refollow(id);
  BalancePromises(pool);
  Say(ticket, std::move(answer), Release::kSynced);
}

void Engine::On(ChangeReservation& change) {
  if (AnswerKnown(change.ticket, change.caller)) return;
  const ReservationRecord* record = OwnReservation(change.ticket, change.caller, change.reservation, change.etag);
  if (record == nullptr || !MayHappen(change.ticket, *record, EventOf(change.what))) return;
  switch (change.what) {
    case ChangeReservation::What::kAmend:
      return Amend(change, *record);
    case ChangeReservation::What::kCancel:
      return Cancel(change, *record);
    case ChangeReservation::What::kSellBack:
      return SellBack(change, *record);
    case ChangeReservation::What::kTransfer: {
      ledger::ReservationTerms terms = record->terms;
      terms.project = ProjectId();
      if (!change.project.empty()) {
        const auto project = books().IdOf(ledger::NameKind::kProject, record->tenant.value, change.project);
        if (!project) {
          return Say(change.ticket,
                     Error{ErrorReason::kUnknownProject, "project", "this tenant has no such project"});
        }
        terms.project = ProjectId{*project};
      }
      if (terms.steps.empty()) {
        return Say(change.ticket, Error{ErrorReason::kIllegalTransition, "state", "all of it has been sold back"});
      }
      if (terms.project == record->terms.project) {
        return Say(change.ticket, Error{ErrorReason::kNothingToChange, "project", "it is that project's already"});
      }
      ledger::ReservationEntry entry;
      entry.event = ReservationEvent::kTransfer;
      entry.terms = {std::move(terms)};
      return Change(change.ticket, change.caller, *record, std::move(entry));
    }
    case ChangeReservation::What::kSuspend:
    case ChangeReservation::What::kResume: {
      ledger::ReservationEntry entry;
      entry.event = EventOf(change.what);
      entry.reason = std::move(change.reason);
      return Change(change.ticket, change.caller, *record, std::move(entry));
    }
  }
}

void Engine::Cancel(const ChangeReservation& change, const ReservationRecord& record) {
  const Instant first = ledger::FirstOf(record.terms.steps);
  const market::MarketTerms& terms = DeskOf(record.terms.pool)->market.terms();
  if (first <= now_) {
    return Say(change.ticket, Error{ErrorReason::kIllegalTransition, "state",
                                    "it has begun, and cannot be cancelled: sell back what is to come"});
  }
  const bool pending = record.state == ReservationState::kPending;
  if (!pending && now_ + terms.lock_time > first) {
    return Say(change.ticket, Error{ErrorReason::kReservationLocked, "name",
                                    "it begins too soon to be cancelled: sell it back instead"});
  }
  Charges charges;
  charges.Refund(record.terms.steps, pending ? kWhole : terms.refund);
  ledger::ReservationEntry entry;
  entry.event = ReservationEvent::kCancel;
  entry.charges = charges.Take();
  Change(change.ticket, change.caller, record, std::move(entry));
}

void Engine::SellBack(const ChangeReservation& change, const ReservationRecord& record) {
  const Instant from = market::WholeMinute(now_);
  std::vector<RateStep> wanted;
  if (!change.steps.empty()) {
    const market::MarketTerms& terms = DeskOf(record.terms.pool)->market.terms();
    if (std::optional<Error> error = CheckSteps(terms, change.steps, from)) return Say(change.ticket, *error);
    wanted = Less(record.terms.steps, change.steps, from);
  }
  const market::Reshaped reshaped = market::Reshape(record.terms.steps, wanted, from);
  if (reshaped.gone.empty()) {
    return Say(change.ticket, Error{ErrorReason::kNothingToChange, "steps", "nothing of that is to come"});
  }
  if (!change.steps.empty() && QuantityOf(reshaped.gone) != QuantityOf(change.steps)) {
    return Say(change.ticket,
               Error{ErrorReason::kInvalidArgument, "steps", "that is more than the reservation has at some moment"});
  }
  const PoolMarket& market = DeskOf(record.terms.pool)->market;
  Charges charges;
  charges.SellBack(reshaped.gone, market.BidFor(reshaped.gone, PriceInputsOf(record.terms.pool, record.tenant)));
  ledger::ReservationEntry entry;
  entry.charges = charges.Take();
  entry.event = ReservationEvent::kSellBack;
  entry.terms = {record.terms};
  entry.terms.front().steps = reshaped.kept;
  Change(change.ticket, change.caller, record, std::move(entry));
}

void Engine::Amend(const ChangeReservation& change, const ReservationRecord& record) {
  const MarketDesk& desk = *DeskOf(record.terms.pool);
  const market::MarketTerms& terms = desk.market.terms();
  const Instant from = market::WholeMinute(now_);
  std::vector<RateStep> wanted = After(change.steps, from);
  if (std::optional<Error> error = CheckSteps(terms, wanted, from)) return Say(change.ticket, *std::move(error));
  market::Reshaped reshaped = market::Reshape(record.terms.steps, wanted, from);
  ledger::ReservationTerms next = record.terms;
  next.overrun = change.overrun.value_or(next.overrun);
  if (!change.shape.empty()) next.shape = change.shape;
  if (reshaped.gone.empty() && reshaped.added.empty() && next.overrun == record.terms.overrun) {
    return Say(change.ticket, Error{ErrorReason::kNothingToChange, "steps", "those are its terms already"});
  }
  if (!reshaped.gone.empty() && now_ + terms.lock_time > ledger::FirstOf(reshaped.gone)) {
    return Say(change.ticket, Error{ErrorReason::kReservationLocked, "steps",
                                    "what would be given up begins too soon for that: sell it back instead"});
  }
  if (!reshaped.added.empty()) {
    if (!terms.open) {
      return Say(change.ticket, Error{ErrorReason::kMarketClosed, "pool", "this pool sells no throughput ahead now"});
    }
    if (const auto shortage = ShortageNow(desk, next.pool, reshaped.added, next.envelope)) {
      ledger::ReservationTerms wish = next;
      wish.steps = reshaped.added;
      return SayNotSellable(change.ticket, desk, *shortage, wish, record.tenant);
    }
    const auto basis = desk.market.AskFor(reshaped.added, PriceInputsOf(next.pool, record.tenant));
    SetPrice(&reshaped.added, market::UnitPriceOf(basis));
    SetPrice(&wanted, market::UnitPriceOf(basis));
  }
  ledger::ReservationEntry entry;
  Charges charges;
  charges.Buy(reshaped.added);
  charges.Refund(reshaped.gone, terms.refund);
  const std::vector<ReservationCharge> all = charges.Take();
  const bool asks = !terms.approval_above.IsZero() && SumOf(all) > terms.approval_above;
  if (asks) {
    next.steps = ledger::PartsOf(record.terms.steps, Instant(), from);  // the past stays
    next.steps.insert(next.steps.end(), wanted.begin(), wanted.end());
    entry.event = ReservationEvent::kAskAmend;
  } else {
    next.steps = reshaped.kept;
    next.steps.insert(next.steps.end(), reshaped.added.begin(), reshaped.added.end());
    market::Tidy(&next.steps);
    entry.event = ReservationEvent::kAmend;
    entry.charges = all;
  }
  if (next.steps.size() > ledger::kMaxSteps) {
    return Say(change.ticket, Error{ErrorReason::kInvalidArgument, "steps", "it would be in too many pieces"});
  }
  entry.terms = {std::move(next)};
  Change(change.ticket, change.caller, record, std::move(entry));
}

// Terms that were asked for hold their price until somebody decides, but no capacity.
void Engine::On(const DecideReservation& decide) {
  if (AnswerKnown(decide.ticket, decide.caller)) return;
  const ReservationRecord* record =
      OwnReservation(decide.ticket, decide.caller, decide.reservation, decide.etag);
  if (record == nullptr) return;
  const bool amends = record->state == ReservationState::kAmending;
  ledger::ReservationEntry entry;
  entry.reason = decide.reason;
  if (amends) {
    entry.event = decide.approve ? ReservationEvent::kAmend : ReservationEvent::kRejectAmend;
  } else {
    entry.event = decide.approve ? ReservationEvent::kApprove : ReservationEvent::kReject;
  }
  if (!MayHappen(decide.ticket, *record, entry.event)) return;
  if (!amends && !decide.approve) {
    Charges charges;
    charges.Refund(record->terms.steps, kWhole);
    entry.charges = charges.Take();
  }
  if (amends && decide.approve) {
    const MarketDesk& desk = *DeskOf(record->terms.pool);
    const Instant from = market::WholeMinute(now_);
    ledger::ReservationTerms next = record->asked.front();
    const std::vector<RateStep> wanted = After(next.steps, from);
    if (wanted.empty()) {
      return Say(decide.ticket, Error{ErrorReason::kNothingToChange, "name",
                                      "the time that the amendment asks for is over: reject it"});
    }
    const market::Reshaped reshaped = market::Reshape(record->terms.steps, wanted, from);
    if (!reshaped.added.empty()) {
      if (const auto shortage = ShortageNow(desk, next.pool, reshaped.added, next.envelope)) {
        ledger::ReservationTerms wish = next;
        wish.steps = reshaped.added;
        return SayNotSellable(decide.ticket, desk, *shortage, wish, record->tenant);
      }
    }
    Charges charges;
    charges.Buy(reshaped.added);
    charges.Refund(reshaped.gone, desk.market.terms().refund);
    entry.charges = charges.Take();
    next.steps = reshaped.kept;
    next.steps.insert(next.steps.end(), reshaped.added.begin(), reshaped.added.end());
    market::Tidy(&next.steps);
    next.project = record->terms.project;
    entry.terms = {std::move(next)};
  }
  Change(decide.ticket, decide.caller, *record, std::move(entry));
}

// ---- Bids.

void Engine::On(PlaceBid& place) {
  if (AnswerKnown(place.ticket, place.caller)) return;
  Error error;
  MarketDesk* desk = OpenDesk(place.wish.pool, place.caller.tenant, &error);
  if (desk == nullptr) return Say(place.ticket, std::move(error));
  ledger::BidEntry bid;
  if (std::optional<Error> wrong = TermsOf(place.wish, place.caller.tenant, *desk, &bid.terms)) {
    return Say(place.ticket, *std::move(wrong));
  }
  if (place.limit_price <= 0) {
    return Say(place.ticket, Error{ErrorReason::kInvalidArgument, "limit_price", "must be positive"});
  }
  bid.expires = std::min(place.expires, ledger::FirstOf(bid.terms.steps));
  if (bid.expires <= now_) {
    return Say(place.ticket, Error{ErrorReason::kInvalidArgument, "expires", "must be ahead, and before it begins"});
  }
  const TenantId tenant = place.caller.tenant;
  BidPlaced answer;
  if (!ShortageNow(*desk, bid.terms.pool, bid.terms.steps, bid.terms.envelope)) {
    answer.ask = market::UnitPriceOf(desk->market.AskFor(bid.terms.steps, PriceInputsOf(bid.terms.pool, tenant)));
  }
  if (place.caller.validate_only) return Say(place.ticket, answer);
  if (books().market().OpenBidsOf(tenant) >= kMostOpenQuotes) {
    return Say(place.ticket, Error{ErrorReason::kTooManyQuotes, "", "this tenant has too many bids: withdraw some"});
  }
  bid.id = answer.id = books().market().last_bid() + 1;
  bid.tenant = tenant;
  bid.at = now_;
  bid.tariff = TariffIdOf(tenant);
  bid.limit_price = place.limit_price;
  bid.by = std::move(place.caller.by);
  bid.request_id = std::move(place.caller.request_id);
  bid.body = place.caller.body;
  ledger_->Post(std::move(bid));
  answer.reservation = FillBid(answer.id);
  Say(place.ticket, answer, Release::kSynced);
}

void Engine::On(const WithdrawBid& withdraw) {
  const ledger::BidRecord* bid = books().market().FindBid(withdraw.bid);
  if (bid == nullptr || bid->placed.tenant != withdraw.caller.tenant) {
    return Say(withdraw.ticket, Error{ErrorReason::kUnknownBid, "name", "this tenant has no such bid"});
  }
  if (bid->state != ledger::BidState::kOpen) {
    return Say(withdraw.ticket,
               Error{ErrorReason::kBidEnded, "name", absl::StrCat("the bid is ", Abseil(Name(bid->state)))});
  }
  if (!withdraw.caller.validate_only) {
    ledger_->Post(ledger::BidEndEntry{withdraw.bid, now_, ledger::BidState::kWithdrawn});
  }
  Say(withdraw.ticket, BidWithdrawn{.id = withdraw.bid}, Release::kSynced);
}

/// The reservation that an open bid became, 0 if it still waits.
uint32_t Engine::FillBid(uint64_t id) {
  const ledger::BidRecord& bid = *books().market().FindBid(id);
  ledger::ReservationTerms terms = bid.placed.terms;
  MarketDesk* desk = DeskOf(terms.pool);
  const bool open = desk != nullptr && desk->market.terms().open && FindPool(terms.pool) != nullptr &&
                    accounts_.FindTenant(bid.placed.tenant) != nullptr;
  if (!open || ShortageNow(*desk, terms.pool, terms.steps, terms.envelope)) return 0;
  const market::PriceInputs inputs = PriceInputsOf(terms.pool, bid.placed.tenant);
  const int64_t unit = market::UnitPriceOf(desk->market.AskFor(terms.steps, inputs));
  if (unit == 0 || unit > bid.placed.limit_price) return 0;
  SetPrice(&terms.steps, unit);
  const MarketCaller caller{.tenant = bid.placed.tenant, .by = bid.placed.by};
  ledger::ReservationEntry entry;
  entry.bid = id;
  entry.tariff = bid.placed.tariff;
  entry.terms = {std::move(terms)};
  return Buy(/*ticket=*/0, caller, std::move(entry), *desk);
}

/// Some bids, in turn: those that are over, and those that the ask has come down to.
void Engine::LookAtBids() {
  constexpr size_t kMost = 64;
  const std::vector<uint64_t> open = books().market().OpenBids();
  if (open.empty()) return;
  auto next = std::upper_bound(open.begin(), open.end(), last_bid_looked_at_);
  for (size_t i = 0; i < std::min(kMost, open.size()); ++i, ++next) {
    if (next == open.end()) next = open.begin();
    last_bid_looked_at_ = *next;
    if (books().market().FindBid(*next)->placed.expires <= now_) {
      ledger_->Post(ledger::BidEndEntry{*next, now_, ledger::BidState::kExpired});
    } else {
      FillBid(*next);
    }
  }
}

}  // namespace penstock::core
