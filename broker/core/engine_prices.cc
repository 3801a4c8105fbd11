// What the market does by the minute: posted prices, standing bids, quotes that expire; and plans that come in.
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>
#include <string>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"

namespace penstock::core {
namespace {

constexpr int64_t kWhole = 1'000;  // thousandths
constexpr int kQuotesAtOnce = 256;
constexpr Duration kShortestPin = Hours(1);
/// Of the smoothed utilisation: a minute counts an eighth.
constexpr int64_t kSmoothing = 8;

/// "2026-01-31T12:00:00Z", to the next second.
std::string TimeText(Instant t) {
  const int64_t seconds = DivideRoundUp(t.nanoseconds_since_epoch(), Seconds(1).count());
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
}

/// The prices of class `default`, times a multiplier, in steps that the coupling can multiply.
ledger::TokenPrices Multiplied(const ledger::PoolPrices& prices, int64_t multiplier) {
  ledger::TokenPrices posted{};
  const auto& flat = prices.by_class[static_cast<size_t>(ServiceClass::kDefault)];
  for (const TokenKind kind : kAllTokenKinds) {
    const Int128 exact = Int128{flat[kind]} * multiplier;
    const int64_t step = prices.coupling.step;
    posted[kind] = CheckedNarrow(DivideRoundUp<Int128>(exact, Int128{kWhole} * step)) * step;
  }
  return posted;
}

}  // namespace

const ledger::PriceEntry* Engine::PostedNow(PoolId pool, uint32_t tariff) const {
  const MarketDesk* desk = FindDesk(pool);
  if (desk == nullptr || desk->posted == 0) return nullptr;
  const ledger::PriceEntry& posted = books().market().prices()[desk->posted - 1];
  return posted.tariff == tariff ? &posted : nullptr;
}

const ledger::PriceEntry* Engine::PostedNext(PoolId pool, uint32_t tariff) const {
  const MarketDesk* desk = FindDesk(pool);
  if (desk == nullptr || desk->posted_until == Instant::Max()) return nullptr;
  const ledger::PriceEntry* next = books().market().PostedAt(pool, desk->posted_until);
  return next != nullptr && next->tariff == tariff ? next : nullptr;
}

/// The lock or cap that is in force for who pays by this tariff; nullptr: none.
const ledger::PriceEntry* Engine::PinNow(TenantId tenant, PoolId pool, uint32_t tariff) const {
  const auto until = pinned_until_.find(tenant);
  if (until == pinned_until_.end() || until->second <= now_) return nullptr;
  const ledger::PriceEntry* pin = books().market().PinOf(tenant, pool, now_);
  return pin != nullptr && pin->tariff == tariff ? pin : nullptr;
}

/// The id of the posted price, lock or cap that a grant pins now; 0: the tariff's flat prices.
uint32_t Engine::PostedFor(TenantId tenant, PoolId pool, ServiceClass served, uint32_t tariff) const {
  const MarketDesk* desk = FindDesk(pool);
  if (desk == nullptr) return 0;
  const ledger::PoolPrices* prices = books().tariffs()[tariff - 1].tariff.PricesOf(FindPool(pool)->settings().name);
  if (prices == nullptr || ((prices->coupling.classes >> static_cast<unsigned>(served)) & 1) == 0) return 0;
  const ledger::PriceEntry* posted = PostedNow(pool, tariff);
  if (const ledger::PriceEntry* pin = PinNow(tenant, pool, tariff)) {
    const int64_t multiplier = posted == nullptr ? kWhole : posted->multiplier;
    if (pin->kind == ledger::PriceKind::kLock || multiplier > pin->multiplier) return pin->id;
  }
  return posted == nullptr ? 0 : posted->id;
}

void Engine::On(const PinPrice& pin) {
  if (AnswerKnown(pin.ticket, pin.caller)) return;
  const TenantId tenant = pin.caller.tenant;
  Error error;
  const MarketDesk* desk = OpenDesk(pin.pool, tenant, &error);
  if (desk == nullptr) return Say(pin.ticket, std::move(error));
  const market::PostedPriceTerms& terms = desk->market.terms().posted;
  const uint32_t tariff = TariffIdOf(tenant);
  const ledger::PoolPrices* prices = books().tariffs()[tariff - 1].tariff.PricesOf(FindPool(pin.pool)->settings().name);
  if (terms.curve.empty() || prices == nullptr || prices->coupling.classes == 0) {
    return Say(pin.ticket, Error{ErrorReason::kMarketClosed, "pool",
                                 "prices in this pool do not move: there is nothing to lock or to cap"});
  }
  if (pin.for_time < kShortestPin || pin.for_time > terms.longest_lock) {
    return Say(pin.ticket, Error{ErrorReason::kInvalidArgument, "for_time",
                                 absl::StrCat("must be 1 h to ", terms.longest_lock.count() / Hours(1).count(), " h")});
  }
  // Whoever could replace a pin would have the best price of all that were posted since.
  if (const ledger::PriceEntry* held = PinNow(tenant, pin.pool, tariff)) {
    return Say(pin.ticket, Error{ErrorReason::kPinInForce, "pool",
                                 absl::StrCat("its price there is ",
                                              held->kind == ledger::PriceKind::kCap ? "capped" : "locked", " until ",
                                              TimeText(held->until), ": it can be pinned again then")});
  }
  const ledger::PriceEntry* posted = PostedNow(pin.pool, tariff);
  const int64_t now = posted == nullptr ? kWhole : posted->multiplier;
  ledger::PriceEntry price;
  price.pool = pin.pool;
  price.tariff = tariff;
  price.kind = pin.cap ? ledger::PriceKind::kCap : ledger::PriceKind::kLock;
  price.tenant = tenant;
  price.at = price.from = now_;
  price.until = now_ + pin.for_time;
  price.previous = now;
  price.utilisation = desk->utilisation;
  price.multiplier = DivideRoundUp(now * (kWhole + (pin.cap ? terms.cap_premium : terms.lock_premium)), kWhole);
  price.prices = Multiplied(*prices, price.multiplier);
  price.by = pin.caller.by;
  if (pin.caller.validate_only) return Say(pin.ticket, PricePinned{.price = std::move(price)});
  price.id = static_cast<uint32_t>(books().market().prices().size() + 1);
  price.request_id = pin.caller.request_id;
  price.body = pin.caller.body;
  ledger_->Post(price);
  NotePin(price);
  Say(pin.ticket, PricePinned{.price = std::move(price)}, Release::kSynced);
}

void Engine::NotePin(const ledger::PriceEntry& pin) {
  Instant& until = pinned_until_[pin.tenant];
  until = std::max(until, pin.until);
}

void Engine::MarketMinute() {
  next_market_minute_ = WindowStart(now_, Minutes(1)) + Minutes(1);
  for (const auto& pool : pools_) {
    MarketDesk* desk = DeskOf(pool->id());
    if (desk == nullptr) continue;
    desk->market.ForgetBefore(WindowStart(now_, Hours(1)));
    MeasureUse(*pool, *desk);
    PostPrice(*pool, *desk);
  }
  LookAtBids();
}

/// How much of what is not reserved is used, smoothed.
void Engine::MeasureUse(const PoolState& pool, MarketDesk& desk) {
  const int64_t passed = (now_ - desk.measured_at).count();
  const int64_t open = pool.settings().terms.capacity.count() - desk.promised.count() - desk.market.capacity().standing.count();
  if (desk.measured_at != Instant() && passed > 0) {
    const Int128 could = Int128{std::max<int64_t>(open, 1)} * passed / Seconds(1).count();
    const Int128 used = Int128{desk.dispatched.count()} * kWhole / std::max<Int128>(could, 1);
    const int64_t now = CheckedNarrow(std::clamp<Int128>(used, 0, 10 * kWhole));
    desk.utilisation += (now - desk.utilisation) / kSmoothing;
    if (now > desk.utilisation && now - desk.utilisation < kSmoothing) ++desk.utilisation;  // rounding must not hold it
    if (now < desk.utilisation && desk.utilisation - now < kSmoothing) --desk.utilisation;
  }
  desk.dispatched = Work::Zero();
  desk.measured_at = now_;
}

// When the settings stop to post prices, the last one holds no longer, nor the one that was published.
void Engine::FindPosted(PoolId id, MarketDesk& desk) {
  desk.posted = 0;
  desk.posted_until = Instant::Max();
  if (desk.market.terms().posted.curve.empty()) return;
  const ledger::PriceEntry* now = books().market().PostedAt(id, now_);
  const ledger::PriceEntry* next = books().market().NextPosted(id, now_);
  if (now != nullptr) desk.posted = now->id;
  if (next != nullptr) desk.posted_until = next->from;
}

void Engine::PostPrice(const PoolState& pool, MarketDesk& desk) {
  const market::PostedPriceTerms& terms = desk.market.terms().posted;
  if (terms.curve.empty() || desk.posted_until != Instant::Max()) return;  // one is published already
  const ledger::PriceEntry* before = desk.posted == 0 ? nullptr : &books().market().prices()[desk.posted - 1];
  const Instant from = now_ + terms.notice;
  if (before != nullptr && from < before->from + terms.least_between) return;
  const ledger::PoolPrices* prices = tariff().tariff.PricesOf(pool.settings().name);
  if (prices == nullptr || prices->coupling.classes == 0) return;
  const int64_t open = pool.settings().terms.capacity.count() - desk.promised.count() - desk.market.capacity().standing.count();
  const Int128 expected = Int128{desk.market.DemandAt(from).mean.count()} * kWhole / std::max<int64_t>(open, 1);
  ledger::PriceEntry price;
  price.previous = before == nullptr ? kWhole : before->multiplier;
  price.utilisation = desk.utilisation;
  price.forecast = CheckedNarrow(std::clamp<Int128>(expected, 0, 10 * kWhole));
  price.multiplier = market::NextMultiplier(terms, price.previous, price.utilisation, price.forecast);
  const bool of_other_tariff = before != nullptr && before->tariff != tariff().id;
  if (price.multiplier == price.previous && !of_other_tariff) return;
  price.id = static_cast<uint32_t>(books().market().prices().size() + 1);
  price.pool = pool.id();
  price.tariff = tariff().id;
  price.at = now_;
  price.from = from;
  price.until = Instant::Max();
  price.prices = Multiplied(*prices, price.multiplier);
  ledger_->Post(std::move(price));
  FindPosted(pool.id(), desk);
}

void Engine::ExpireQuotes() {
  for (int i = 0; i < kQuotesAtOnce; ++i) {
    const ledger::QuoteRecord* first = books().market().FirstToExpire();
    if (first == nullptr || first->given.expires >= now_) return;
    ledger_->Post(ledger::QuoteEndEntry{first->given.id, now_, ledger::QuoteState::kExpired});
  }
}

// Estimators' plans are journalled: what was quoted can be explained, and a restart knows the last one.
void Engine::TakeDemand(const SetPlan::Demand& demand) {
  MarketDesk* desk = DeskOf(demand.pool);
  PoolState* pool = MutablePool(demand.pool);
  if (desk == nullptr || pool == nullptr) return;
  ledger::DemandPlanEntry plan;
  plan.id = books().market().last_plan() + 1;
  plan.pool = demand.pool;
  plan.at = now_;
  plan.from = demand.from;
  plan.hours = demand.hours;
  plan.holdback_slots = demand.holdback_slots;
  desk->market.SetDemand(plan);
  ledger_->Post(std::move(plan));
  pool->SetHoldback(demand.holdback_slots, now_);
}

// ---- Opening and reconfiguring.

/// What the settings reserve for ever in a pool.
WorkPerSecond Engine::StandingIn(const PoolSettings& pool, const EngineSettings& settings) {
  WorkPerSecond sum;
  for (const TenantSettings& tenant : settings.tenants) {
    for (const ReservationSettings& one : tenant.reservations) {
      if (one.pool != pool.name) continue;
      const int64_t each = one.kind ? pool.burndown[*one.kind] : 1;
      const Int128 a_second = Int128{one.rate.quantity} * each * Seconds(1).count();
      sum += WorkPerSecond(CheckedNarrow(DivideRoundUp<Int128>(a_second, one.rate.period.count())));
    }
  }
  return sum;
}

void Engine::BindMarkets(const EngineSettings& settings) {
  desks_.resize(books().CountOf(ledger::NameKind::kPool));
  for (const PoolSettings& pool : settings.pools) {
    const PoolId id{*books().IdOf(ledger::NameKind::kPool, 0, pool.name)};
    const ledger::CapacityPlanEntry* known = books().market().CapacityOf(id);
    if (!pool.market.open && known == nullptr) continue;  // it never sold anything
    if (desks_[id.value - 1] == nullptr) desks_[id.value - 1] = std::make_unique<MarketDesk>();
    MarketDesk& desk = *desks_[id.value - 1];
    desk.market.SetTerms(pool.market);
    ledger::CapacityPlanEntry plan;
    plan.pool = id;
    plan.at = known == nullptr ? now_ : known->at;
    plan.margin = pool.market.margin;
    plan.standing = StandingIn(pool, settings);
    const market::Amounts standing = market::TakenBy(plan.standing, pool.market.envelope);
    plan.standing_slots = standing.slots;
    plan.standing_kv = pool.terms.kv_tokens == 0 ? 0 : standing.kv;
    plan.steps = {{Instant(), pool.terms.capacity, pool.terms.max_in_flight, pool.terms.kv_tokens}};
    plan.steps.insert(plan.steps.end(), pool.market.planned.begin(), pool.market.planned.end());
    if (known == nullptr || !(*known == plan)) {
      plan.at = now_;
      ledger_->Post(plan);
    }
    desk.market.SetCapacity(plan);
    if (const ledger::DemandPlanEntry* demand = books().market().DemandOf(id)) {
      desk.market.SetDemand(*demand);
      MutablePool(id)->SetHoldback(demand->holdback_slots, now_);
    }
    FindPosted(id, desk);
    BalancePromises(id);
    next_market_minute_ = WindowStart(now_, Minutes(1)) + Minutes(1);
  }
}

/// Once, when the engine opens: reservations that are not over take their place again.
void Engine::ResumeReservations() {
  const ledger::MarketRecords& records = books().market();
  for (uint32_t id = 1; id <= records.last_reservation(); ++id) {
    const ledger::ReservationRecord& record = *records.FindReservation(id);
    if (ledger::IsOver(record.state)) continue;
    MarketDesk* desk = DeskOf(record.terms.pool);
    if (desk == nullptr) continue;
    desk->market.Commit(record.terms, now_);
    Follow(id);
  }
  BalanceAllPromises();
  for (const ledger::PriceEntry& price : records.prices()) {
    if (price.kind != ledger::PriceKind::kPosted && price.until > now_) NotePin(price);
  }
}

}  // namespace penstock::core
