// The market on the engine: what may be asked for, quotes and purchases. Changes and approvals are in
// engine_changes.cc, bids in engine_bids.cc, posted and pinned prices in engine_prices.cc; what reservations do by the
// clock is in engine_reservations.cc.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "broker/core/reservation_charges.h"
#include "broker/market/reshape.h"

namespace penstock::core {
namespace {

using ledger::RateStep;
using ledger::ReservationEvent;
using ledger::ReservationRecord;
using market::PoolMarket;
using market::Shortage;

constexpr size_t kAlternatives = 4;
constexpr size_t kMostOpenQuotes = 1'000;  // of a tenant
constexpr int64_t kWhole = 1'000;          // thousandths

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

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
  if (const ledger::PriceEntry* posted = PostedNow(pool, tariff)) {
    inputs.elastic_price = CheckedNarrow(Int128{inputs.elastic_price} * posted->multiplier / kWhole);
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
  const Instant next_minute = market::WholeMinute(now_ + Nanoseconds(1));
  if (std::optional<Error> error = CheckSteps(desk.market.terms(), wish.steps, next_minute)) return error;
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

// What is missing now stays free for an hour, beside all that is sold of it: so windows that begin within the hour are
// not sold up to the shortfall one after the other. Later hours follow the plan alone.
std::optional<Shortage> Engine::ShortageNow(PoolId pool, const std::vector<RateStep>& steps,
                                            const ledger::Envelope& envelope) const {
  const market::PoolMarket& market = FindDesk(pool)->market;
  if (std::optional<Shortage> shortage = market.ShortageOf(steps, envelope)) return shortage;
  const ledger::CapacityStep reported{.from = now_, .capacity = FindPool(pool)->settings().terms.capacity};
  const int64_t missing =
      market.calendar().SupplyAt(now_).rate - market::ForSale(market.capacity(), reported).rate;
  if (missing <= 0) return std::nullopt;
  const Instant soon = now_ + Hours(1);
  for (const RateStep& step : steps) {
    if (step.from >= soon) continue;
    const market::LeastPoint least =
        market.calendar().TightestIn(std::max(step.from, now_), std::min(step.to, soon)).rate;
    const int64_t room = least.amount - missing;
    if (step.rate.count() > room) return Shortage{Shortage::What::kThroughput, least.at, step.rate.count(), room};
  }
  return std::nullopt;
}

/// True when it fits; else says what is scarce, and what else could be had.
bool Engine::HasRoom(Ticket ticket, const ledger::ReservationTerms& wish, TenantId tenant) {
  const std::optional<Shortage> shortage = ShortageNow(wish.pool, wish.steps, wish.envelope);
  if (!shortage) return true;
  Say(ticket, NotSellable{.scarce = static_cast<NotSellable::What>(shortage->scarce),
                          .tightest = shortage->at,
                          .asked = shortage->asked,
                          .room = std::max<int64_t>(shortage->room, 0),
                          .alternatives = FindDesk(wish.pool)->market.AlternativesTo(
                              wish, PriceInputsOf(wish.pool, tenant), kAlternatives)});
  return false;
}

/// The same for what a reservation would get in addition.
bool Engine::HasRoomFor(Ticket ticket, const ReservationRecord& record, const std::vector<RateStep>& added) {
  if (added.empty()) return true;
  ledger::ReservationTerms wish = record.terms;
  wish.steps = added;
  return HasRoom(ticket, wish, record.tenant);
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
  if (!HasRoom(ask.ticket, quote.terms, tenant)) return;
  const market::PriceInputs inputs = PriceInputsOf(quote.terms.pool, tenant);
  quote.basis = desk->market.AskFor(quote.terms.steps, inputs);
  const int64_t unit = market::UnitPriceOf(quote.basis);
  if (unit == 0) {
    return Say(ask.ticket, Error{ErrorReason::kMarketClosed, "pool",
                                 "the tariff has no capacity price for this pool, so nothing can be sold"});
  }
  market::SetUnitPrice(&quote.terms.steps, unit);
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
  if (!HasRoom(accept.ticket, terms, accept.caller.tenant)) return;
  ledger::ReservationEntry entry;
  entry.quote = accept.quote;
  entry.tariff = quote->given.tariff;
  entry.terms = {terms};
  Buy(accept.ticket, accept.caller, std::move(entry), *desk);
}

/// Posts a purchase of terms that fit, with their prices.
uint32_t Engine::Buy(Ticket ticket, const MarketCaller& caller, ledger::ReservationEntry entry, MarketDesk& desk) {
  const ledger::ReservationTerms terms = entry.terms.front();
  ReservationCharges charges;
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

}  // namespace penstock::core
