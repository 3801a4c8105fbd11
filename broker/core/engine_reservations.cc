// Reservations by the clock: each guarantees what its steps say from the nanosecond on at which they begin, is delivered
// hour by hour, and ends. The books have the reservations; here is what follows from them and the time.
//
// Who is degraded when the pool has less capacity than it promised: the last bought first, each by as much as is
// missing, down to nothing; what the settings reserve is never cut. As soon as there is room it is restored, the first
// bought first.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "broker/core/reservation_charges.h"

namespace penstock::core {
namespace {

using ledger::ReservationEvent;
using ledger::ReservationRecord;
using ledger::ReservationState;

/// So many edges are followed before others get their turn: at midnight there may be very many.
constexpr int kEdgesAtOnce = 1'024;
/// How long a service credit can be used.
constexpr Duration kCreditHolds = Days(366);

Instant NextHour(Instant t) { return WindowStart(t, Hours(1)) + Hours(1); }

/// When the steps next promise something, from `from` on; Instant::Max() when never.
Instant NextPromise(const std::vector<ledger::RateStep>& steps, Instant from) {
  Instant next = Instant::Max();
  for (const ledger::RateStep& step : steps) {
    if (step.to > from) next = std::min(next, std::max(step.from, from));
  }
  return next;
}

/// When what the steps promise next changes, after `t`.
Instant NextChange(const std::vector<ledger::RateStep>& steps, Instant t) {
  Instant next = Instant::Max();
  for (const ledger::RateStep& step : steps) {
    if (step.from > t) next = std::min(next, step.from);
    if (step.to > t) next = std::min(next, step.to);
  }
  return next;
}

}  // namespace

/// When the clock has something to say about a reservation, after `t`.
Instant Engine::NextEdge(const ReservationRecord& record, Instant t) const {
  if (record.state == ReservationState::kPending) return ledger::FirstOf(record.terms.steps);
  const Instant change = NextChange(record.terms.steps, t);
  const bool promises = ledger::RateAt(record.terms.steps, t) > WorkPerSecond::Zero();
  return promises ? std::min(change, NextHour(t)) : change;
}

void Engine::Follow(uint32_t id) {
  const ReservationRecord& record = *books().market().FindReservation(id);
  live_.emplace(id, LiveReservation{});
  if (PoolState* pool = MutablePool(record.terms.pool)) pool->NoteBuyer(record.tenant, +1);
  edges_.Push(id, NextEdge(record, now_));
  Refollow(id);
}

/// After its terms or its state changed.
void Engine::Refollow(uint32_t id) {
  const ReservationRecord& record = *books().market().FindReservation(id);
  Promise(id, now_);
  // What should have been already is done at once: it is over, or was not delivered while the daemon was away.
  const Instant owed = NextPromise(record.terms.steps, record.delivered_until);
  const bool late = ledger::LastOf(record.terms.steps) <= now_ || owed < WindowStart(now_, Hours(1));
  edges_.Update(id, late && record.state != ReservationState::kPending ? now_ : NextEdge(record, now_));
}

/// It is over, with what it had guaranteed.
void Engine::Unfollow(uint32_t id) {
  const ReservationRecord& record = *books().market().FindReservation(id);
  SetPromise(id, record, WorkPerSecond::Zero());
  live_.erase(id);
  edges_.Remove(id);
  if (PoolState* pool = MutablePool(record.terms.pool)) pool->NoteBuyer(record.tenant, -1);
}

void Engine::FollowCalendar() {
  for (int i = 0; i < kEdgesAtOnce && !edges_.empty() && edges_.TopAt() <= now_; ++i) OnEdge(edges_.Top(), edges_.TopAt());
  BalanceAllPromises();
}

void Engine::OnEdge(uint32_t id, Instant at) {
  const ReservationRecord& record = *books().market().FindReservation(id);
  if (record.state == ReservationState::kPending) {
    ledger::ReservationEntry entry;
    entry.event = ReservationEvent::kReject;
    entry.reason = "nobody approved it before it would have begun";
    entry.charges = RefundOf(record.terms.steps, kWholePrice);
    DeskOf(record.terms.pool)->market.Release(record.terms, now_);  // its steps go with the event
    PostEvent(record, std::move(entry));
    return Unfollow(id);
  }
  if (record.state == ReservationState::kScheduled && at >= ledger::FirstOf(record.terms.steps)) {
    ledger::ReservationEntry entry;
    entry.event = ReservationEvent::kActivate;
    PostEvent(record, std::move(entry));
  }
  const Instant last = ledger::LastOf(record.terms.steps);
  DeliverUntil(id, std::min(WindowStart(at, Minutes(1)), last));
  if (at >= last) {
    ledger::ReservationEntry entry;
    entry.event = ReservationEvent::kComplete;
    PostEvent(record, std::move(entry));
    return Unfollow(id);
  }
  Promise(id, at);
  edges_.Update(id, NextEdge(record, at));
}

void Engine::PostEvent(const ReservationRecord& record, ledger::ReservationEntry entry) {
  entry.id = record.id;
  entry.tenant = record.tenant;
  entry.tariff = record.tariff;
  entry.at = now_;
  entry.state = ledger::After(record.state, entry.event, ledger::FirstOf(record.terms.steps) <= now_).value();
  ledger_->Post(std::move(entry));
}

// ---- What is guaranteed.

/// What its steps say for a moment holds from there on.
void Engine::Promise(uint32_t id, Instant at) {
  const ReservationRecord& record = *books().market().FindReservation(id);
  const bool holds = record.state != ReservationState::kPending && record.state != ReservationState::kSuspended;
  SetPromise(id, record, holds ? ledger::RateAt(record.terms.steps, at) : WorkPerSecond::Zero());
}

void Engine::SetPromise(uint32_t id, const ReservationRecord& record, WorkPerSecond rate) {
  LiveReservation& live = live_.at(id);
  MarketDesk* desk = DeskOf(record.terms.pool);
  if (desk == nullptr) return;
  desk->promised += rate - live.promised;
  if (rate > WorkPerSecond::Zero()) {
    desk->promising.insert(id);
    desk->cut |= record.state == ReservationState::kDegraded;
  } else {
    desk->promising.erase(id);
    if (record.state == ReservationState::kDegraded) {
      ledger::ReservationEntry entry;
      entry.event = ReservationEvent::kRestore;
      PostEvent(record, std::move(entry));
    }
  }
  live.promised = rate;
  Guarantee(id, record, record.state == ReservationState::kDegraded ? std::min(rate, record.guaranteed) : rate);
}

/// Makes its contract guarantee that, right now.
void Engine::Guarantee(uint32_t id, const ReservationRecord& record, WorkPerSecond rate) {
  LiveReservation& live = live_.at(id);
  PoolState* pool = MutablePool(record.terms.pool);
  if (pool == nullptr) return;
  MarketDesk& desk = *DeskOf(record.terms.pool);
  if (rate == WorkPerSecond::Zero()) {
    if (live.contract != 0) {
      pool->RemoveBought(live.contract, now_);
      desk.by_contract.erase(live.contract);
    }
    live.contract = 0;
  } else if (live.contract == 0) {
    live.contract = pool->AddBought(record.tenant, rate, record.terms.overrun, now_);
    desk.by_contract[live.contract] = id;
  } else {
    pool->SetBought(record.tenant, live.contract, rate, record.terms.overrun, now_);
  }
  live.guaranteed = rate;
}

void Engine::BalancePromises(PoolId id) {
  MarketDesk* desk = DeskOf(id);
  const PoolState* pool = FindPool(id);
  if (desk == nullptr || pool == nullptr) return;
  const int64_t for_them =
      std::max<int64_t>(pool->settings().terms.capacity.count() - desk->market.capacity().standing.count(), 0);
  int64_t missing = std::max<int64_t>(desk->promised.count() - for_them, 0);
  if (missing == 0 && !desk->cut) return;
  desk->cut = missing > 0;
  for (auto newest = desk->promising.rbegin(); newest != desk->promising.rend(); ++newest) {
    const uint32_t one = *newest;
    const ReservationRecord& record = *books().market().FindReservation(one);
    const WorkPerSecond promised = live_.at(one).promised;
    const WorkPerSecond left = promised - WorkPerSecond(std::min(missing, promised.count()));
    missing -= (promised - left).count();
    const bool degraded = record.state == ReservationState::kDegraded;
    if (left < promised && (!degraded || record.guaranteed != left)) {
      ledger::ReservationEntry entry;
      entry.event = ReservationEvent::kDegrade;
      entry.guaranteed = left;
      entry.reason = "the pool reports less capacity than it promised";
      PostEvent(record, std::move(entry));
    } else if (left == promised && degraded) {
      ledger::ReservationEntry entry;
      entry.event = ReservationEvent::kRestore;
      PostEvent(record, std::move(entry));
    }
    if (live_.at(one).guaranteed != left) Guarantee(one, record, left);
  }
}

void Engine::BalanceAllPromises() {
  for (const auto& pool : pools_) BalancePromises(pool->id());
}

// ---- What is delivered.

/// A request left the line without the place that a contract owed it.
void Engine::NoteUnserved(PoolId pool, admission::ContractId contract) {
  const MarketDesk* desk = FindDesk(pool);
  if (desk == nullptr) return;
  const auto found = desk->by_contract.find(contract);
  if (found != desk->by_contract.end()) ++live_.at(found->second).unserved;
}

/// Posts what became of its promise up to a moment, hour by hour; stretches without a promise are passed over.
void Engine::DeliverUntil(uint32_t id, Instant until) {
  while (true) {
    const ReservationRecord& record = *books().market().FindReservation(id);
    const Instant from = NextPromise(record.terms.steps, record.delivered_until);
    if (from >= until) return;
    ledger::DeliveryEntry entry = record.in_hand;
    entry.reservation = id;
    entry.at = now_;
    entry.from = from;
    entry.to = std::min(NextHour(from), until);
    entry.promised = ledger::PromisedBy(record.terms.steps, entry.from, entry.to);
    entry.earned = ledger::PriceOf(record.terms.steps, entry.from, entry.to);
    entry.guaranteed = ledger::GuaranteedBy(record, entry.from, entry.to);
    LiveReservation& live = live_.at(id);
    entry.unserved = live.unserved;
    live.unserved = 0;
    const Instant day = WindowStart(entry.from, Days(1));
    const Instant to = entry.to;
    ledger_->Post(std::move(entry));
    if (NextPromise(record.terms.steps, to) >= day + Days(1)) PostServiceCredits(id, day);
  }
}

/// For a UTC day in which nothing more is promised, as things are: what its deliveries are owed and did not get yet. (An
/// amendment may promise more of the same day; that gets a credit of its own.)
void Engine::PostServiceCredits(uint32_t id, Instant day) {
  const ReservationRecord& record = *books().market().FindReservation(id);
  const ledger::Tariff& tariff = books().tariffs()[record.tariff - 1].tariff;
  const ledger::PoolPrices* prices =
      tariff.PricesOf(books().NameOf(ledger::NameKind::kPool, record.terms.pool.value).name);
  if (prices == nullptr || prices->service_level.credits.empty()) return;
  ledger::Money owed;
  const auto& deliveries = books().market().deliveries();
  for (auto it = deliveries.lower_bound({id, day}); it != deliveries.end() && it->first.first == id; ++it) {
    if (it->second.from < day + Days(1)) owed += ledger::ServiceCreditOf(it->second, prices->service_level);
  }
  const std::string of_day = absl::StrCat("service-level-", id, "-", day.nanoseconds_since_epoch() / Days(1).count());
  std::string name = of_day;
  for (int more = 2; const ledger::CreditRecord* given = books().accounts().FindCredit(record.tenant, name); ++more) {
    owed -= given->granted.credit.amount;
    name = absl::StrCat(of_day, "-", more);
  }
  if (owed <= ledger::Money()) return;
  const auto credit = static_cast<uint32_t>(books().accounts().credits().size() + 1);
  ledger_->Post(ledger::CreditEntry{credit, record.tenant, now_, tariff.currency,
                                    {.name = name,
                                     .kind = ledger::rating::Credit::Kind::kService,
                                     .amount = owed,
                                     .priority = 0,
                                     .granted = now_,
                                     .expires = now_ + kCreditHolds}});
}

}  // namespace penstock::core
