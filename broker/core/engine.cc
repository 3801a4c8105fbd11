#include "broker/core/engine.h"

#include <algorithm>

#include "admission/fair_scheduler.h"
#include "admission/vocabulary/check.h"
#include "admission/vocabulary/start_to_load.h"

namespace penstock::core {

SchedulerFactory FairScheduling() {
  return [](const admission::PoolTerms& terms, Instant now) -> std::unique_ptr<admission::Scheduler> {
    return std::make_unique<admission::FairScheduler>(terms, now);
  };
}

void Engine::Apply(Command command, Instant now, Effects* effects) {
  now_ = std::max(now_, now);
  if (now_ >= next_tariff_at_) SwitchTariff();
  if (now_ >= next_roll_up_) RollUpSome();
  effects_ = effects;
  if (!edges_.empty() && edges_.TopAt() <= now_) FollowCalendar();
  if (now_ >= next_market_minute_) MarketMinute();
  for (const auto& desk : desks_) {
    if (desk != nullptr && now_ >= desk->posted_until) FindPosted(desk->market.capacity().pool, *desk);
  }
  ExpireQuotes();
  ExpectDispatch();
  newcomer_ = WaitingRequests::kNone;
  ExpireDeadlines();
  std::visit([this](auto& what) { On(what); }, command);
  Pump();
  ExpectDispatch();
  effects_ = nullptr;
}

// A few tenants a second, a day of each: what is old must not stand in the way of what is new.
void Engine::RollUpSome() {
  constexpr uint32_t kTenants = 16;
  next_roll_up_ = now_ + Seconds(1);
  const ledger::Accounts& accounts = books().accounts();
  const uint32_t count = books().CountOf(ledger::NameKind::kTenant);
  for (uint32_t i = 0; i < std::min(kTenants, count); ++i) {
    const TenantId tenant{rolled_up_tenant_ = rolled_up_tenant_ % count + 1};
    const Instant closed = accounts.ClosedUntil(tenant);
    if (closed == Instant()) continue;
    const Instant until =
        WindowStart(std::min(now_ - ledger::kKeepWindows, closed - ledger::kLongestLookBack), Days(1));
    if (until <= accounts.KeptFrom(tenant)) continue;
    const Instant from = std::max(accounts.KeptFrom(tenant), books().meters().OldestDay(tenant).value_or(until));
    if (from < until) ledger_->Post(ledger::RollUpEntry{tenant, now_, from + Days(1)});
  }
}

void Engine::Expect(Command& command, size_t step) {
  if (auto* admit = std::get_if<Admit>(&command)) return ExpectAdmit(*admit, step);
  if (const auto* progress = std::get_if<Progress>(&command)) return ExpectGrant(progress->grant, false, step);
  if (const auto* complete = std::get_if<Complete>(&command)) return ExpectGrant(complete->grant, true, step);
}

void Engine::ExpectAdmit(Admit& admit, size_t step) {
  if (step == 0) {
    admit.name = ledger::Books::FingerprintOf(admit.tenant, admit.request_id);
    waiting_.PrefetchRequest(admit.name->bytes);
    books().PrefetchRequest(*admit.name);
    accounts_.PrefetchRecords(admit.tenant, admit.key);
  } else if (step == 2) {
    accounts_.PrefetchUse(admit.tenant, admit.key);
    const Tenant* tenant = accounts_.FindTenant(admit.tenant);
    PoolState* pool = tenant == nullptr || admit.pools.empty() ? nullptr : MutablePool(admit.pools.front());
    if (pool != nullptr) pool->scheduler().Expect(admit.tenant, ShareClassOf(admit, tenant->policy->tier));
  } else if (step == 3) {
    accounts_.PrefetchMoney(admit.tenant, admit.key);
  }
}

void Engine::ExpectGrant(GrantId id, bool ends, size_t step) {
  if (step == 0) {
    running_by_id_.prefetch(id);
    return books().PrefetchOpen(id);
  }
  const auto found = running_by_id_.find(id);
  if (found == running_by_id_.end()) return;
  const Running& running = running_[found->second];
  if (step == 1) {
    StartToLoadAll(&running);
    return StartToLoadAll(books().FindOpen(id));
  }
  const ledger::GrantTerms& terms = running.terms;
  if (step == 2) {
    accounts_.PrefetchRecords(terms.tenant, terms.key);
    books().PrefetchAccount(terms.tenant, terms.key);
    if (ends) books().PrefetchMeters(terms, now_);
  } else if (step == 3) {
    accounts_.PrefetchUse(terms.tenant, terms.key);
    if (ends) books().PrefetchRows(terms, now_);
  } else {
    accounts_.PrefetchMoney(terms.tenant, terms.key);
  }
}

void Engine::ExpectDispatch() {
  if (dispatches_ == nullptr) return;
  switch (dispatch_step_) {
    case 0:
      if (const std::optional<uint64_t> next = dispatches_->scheduler().LikelyNext()) {
        likely_next_ = static_cast<WaitingRequests::Number>(*next);
        waiting_.Prefetch(likely_next_);
        ++dispatch_step_;
      }
      return;
    case 1:
      waiting_.PrefetchIndexes(likely_next_);
      accounts_.PrefetchRecords(waiting_.TenantOf(likely_next_), waiting_.KeyOf(likely_next_));
      books().PrefetchAccount(waiting_.TenantOf(likely_next_), waiting_.KeyOf(likely_next_));
      break;
    case 2:
      accounts_.PrefetchUse(waiting_.TenantOf(likely_next_), waiting_.KeyOf(likely_next_));
      break;
    case 3:
      accounts_.PrefetchMoney(waiting_.TenantOf(likely_next_), waiting_.KeyOf(likely_next_));
      dispatches_ = nullptr;
      break;
  }
  ++dispatch_step_;
}

Instant Engine::NextWake() const {
  Instant wake = Instant::Max();
  for (const auto& pool : pools_) wake = std::min(wake, pool->scheduler().NextWake(now_));
  if (!leases_.empty()) wake = std::min(wake, leases_.TopAt());
  if (!settlements_.empty()) wake = std::min(wake, settlements_.TopAt());
  if (!edges_.empty()) wake = std::min(wake, edges_.TopAt());
  wake = std::min(wake, next_market_minute_);
  return wake;
}

void Engine::PostStop(Instant now) {
  now_ = std::max(now_, now);
  ledger_->Post(ledger::StopEntry{epoch(), now_});
}

const PoolState* Engine::FindPool(PoolId id) const {
  return id.value - 1 < pool_by_id_.size() ? pool_by_id_[id.value - 1] : nullptr;
}

const ledger::TariffEntry& Engine::TariffAt(TenantId tenant, Instant at) const {
  const ledger::TariffEntry& current = TariffOf(tenant);
  if (accounts_.PinnedTariff(tenant) != 0) return current;
  // A tenant that the settings do not name any more keeps its currency, whatever is in force for others.
  const std::string_view own = books().accounts().CurrencyOf(tenant);
  const std::string currency(own.empty() ? current.tariff.currency : own);
  const bool fits = current.tariff.currency == currency;
  if (fits && current.tariff.effective <= at) return current;
  const ledger::TariffEntry* latest = fits ? &current : nullptr;
  for (const ledger::TariffEntry& entry : books().tariffs()) {
    if (entry.tariff.currency != currency) continue;
    const bool was = entry.tariff.effective <= at;
    const bool later = latest == nullptr || latest->tariff.effective > at ||
                       entry.tariff.effective > latest->tariff.effective;
    if (latest == nullptr || (was && later)) latest = &entry;
  }
  PENSTOCK_CHECK(latest != nullptr);
  return *latest;
}

PoolState* Engine::MutablePool(PoolId id) {
  return id.value - 1 < pool_by_id_.size() ? pool_by_id_[id.value - 1] : nullptr;
}

void Engine::On(const SetCapacity& set) {
  PoolState* pool = MutablePool(set.pool);
  if (pool == nullptr) return Say(set.ticket, Error{ErrorReason::kUnknownPool, "name", "there is no such pool"});
  pool->SetCapacity(set.capacity, set.max_in_flight, set.kv_tokens, now_);
  BalancePromises(set.pool);
  Say(set.ticket, CapacitySet{});
}

void Engine::On(const SetPlan& plan) {
  for (const SetPlan::PredictedOutput& predicted : plan.predicted_outputs) {
    if (PoolState* pool = MutablePool(predicted.pool)) pool->SetPredictedOutput(predicted.tenant, predicted.tokens);
  }
  for (const SetPlan::WaitTable& table : plan.wait_tables) {
    if (PoolState* pool = MutablePool(table.pool)) pool->SetWaitTable(table);
  }
  for (const SetPlan::Demand& demand : plan.demands) TakeDemand(demand);
}

void Engine::On(const ApproveRun& approve) {
  if (runs_.Approve(RunKeyOf(approve.tenant, approve.run), now_)) {
    ledger_->Post(ledger::RunApprovalEntry{now_, approve.tenant, approve.run, approve.by});
    return Say(approve.ticket, RunApproved{}, Release::kSynced);
  }
  Say(approve.ticket, Error{ErrorReason::kUnknownRun, "run", "no run of that name has asked for anything lately"});
}

void Engine::On(const CloseStatement& close) {
  PENSTOCK_CHECK(close.rated != nullptr);
  ledger::StatementEntry entry = *close.rated;
  const ledger::Tariff& tariff = books().tariffs().at(entry.tariff - 1).tariff;
  const absl::Status period = ledger::CheckPeriod(books(), entry.tenant, tariff, entry.from, entry.to, now_);
  if (!period.ok()) {
    return Say(close.ticket, Error{ErrorReason::kPeriodNotClosable, "from", std::string(period.message())});
  }
  const ledger::StatementInput now = ledger::GatherStatement(books(), entry.tenant, entry.from, entry.to, tariff);
  if (ledger::FingerprintOf(now) != close.fingerprint) return Say(close.ticket, StatementStale{});
  entry.id = static_cast<uint32_t>(books().accounts().statements().size() + 1);
  entry.at = now_;
  const uint32_t id = entry.id;
  ledger_->Post(std::move(entry));
  Say(close.ticket, StatementClosed{id}, Release::kSynced);
}

void Engine::Pump() {
  for (const auto& pool : pools_) PumpPool(*pool);
  if (newcomer_ == WaitingRequests::kNone) return;
  // It was not dispatched at once: what was in the way is for `explain`.
  PoolState& pool = *MutablePool(waiting_.PoolOf(newcomer_));
  waiting_.SetGate(newcomer_, pool.scheduler().GateOf(waiting_.ShareClassOf(newcomer_), now_));
}

void Engine::PumpPool(PoolState& pool) {
  while (const std::optional<admission::Departure> departed = pool.scheduler().PopDeparture(now_)) {
    Waiting waiting = Forget(static_cast<WaitingRequests::Number>(departed->request));
    waiting.name = RequestKeyOf(waiting.tenant, waiting.request_id.view());
    GiveBack(waiting);
    NoteWait(waiting, pool, /*departed=*/true);
    if (departed->owed != 0) NoteUnserved(pool.id(), departed->owed);
    const bool shed = departed->why == admission::Departure::Why::kShed;
    SendAway(waiting, pool, shed ? RefusalReason::kShed : RefusalReason::kWaitExpired);
  }
  while (const std::optional<admission::Dispatch> dispatch = pool.scheduler().PopDispatch(now_)) Grant(pool, *dispatch);
}

void Engine::ExpireDeadlines() {
  while (!leases_.empty() && leases_.TopAt() <= now_) {
    const Slot slot = leases_.Top();
    // Nobody said anything until the lease ended: what was reported is all that rate and share are charged for.
    const ledger::OpenGrant& open = *books().FindOpen(running_[slot].id);
    TrueUp(running_[slot], open.so_far, open.attributed);
    EndLease(slot);
    lease_changes_.push_back(running_[slot].id);
  }
  while (!settlements_.empty() && settlements_.TopAt() <= now_) {
    const Slot slot = settlements_.Top();
    const GrantId id = running_[slot].id;
    const TokenCounts so_far = books().FindOpen(id)->so_far;
    const Work attributed = books().FindOpen(id)->attributed;
    ledger_->Post(ledger::ExpireEntry{id, now_});
    EndRunning(slot, so_far, attributed, ledger::Money(), /*has_answer=*/false);
  }
}

Engine::Slot Engine::AddRunning(Running running) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<Slot>(running_.size()));
    running_.emplace_back();
  }
  const Slot slot = free_slots_.back();
  free_slots_.pop_back();
  if (running.holds_slot) leases_.Push(slot, running.lease_deadline);
  settlements_.Push(slot, running.settle_deadline);
  running_by_id_.emplace(running.id, slot);
  running_[slot] = std::move(running);
  return slot;
}

Engine::Running* Engine::FindRunning(GrantId id) {
  const auto found = running_by_id_.find(id);
  return found == running_by_id_.end() ? nullptr : &running_[found->second];
}

void Engine::EndLease(Slot slot) {
  Running& running = running_[slot];
  if (!running.holds_slot) return;
  running.holds_slot = false;
  leases_.Remove(slot);
  PoolState& pool = *MutablePool(running.terms.pool);
  pool.scheduler().Release(running.charge, now_);
  pool.NoteOutstanding(running.charge, running.outstanding, -1);
  running.outstanding = Work::Zero();
  if (running.of_earlier_boot) pool.CountSlotOfEarlierBoot(-1);
  accounts_.ReleaseParallel(running.terms.key);
}

// Slots of an earlier boot were never charged to this scheduler's shares, so there is nothing to correct there.
void Engine::TrueUp(Running& running, const TokenCounts& tokens, Work work) {
  const PackedCounts known(tokens);
  if (running.holds_slot && !running.of_earlier_boot) {
    PoolState& pool = *MutablePool(running.terms.pool);
    pool.scheduler().TrueUp(running.charge, work, known, Total(tokens).count(), now_);
  }
  const admission::Usage charged{.requests = 1, .tokens = running.charged, .work = running.charged_work};
  accounts_.TrueUp(running.terms.key, charged, {.requests = 1, .tokens = tokens, .work = work}, now_);
  running.charged = known;
  running.charged_work = work;
  if (!running.holds_slot) lease_changes_.push_back(running.id);
}

void Engine::EndRunning(Slot slot, const TokenCounts& tokens, Work work, const ledger::Money& charge, bool has_answer) {
  TrueUp(running_[slot], tokens, work);
  EndLease(slot);
  const Running& running = running_[slot];
  accounts_.SettleMoney(running.terms.key, running.hold, charge, running.given, &crossed_);
  if (running.in_run) {
    runs_.Settle(running.run, running.hold, charge, now_);
    const Tenant* tenant = accounts_.FindTenant(running.terms.tenant);
    if (tenant != nullptr && !charge.IsZero()) runs_.Cross(tenant->policy->runs, running.run, &crossed_by_run_);
    for (const BudgetCrossing& one : crossed_by_run_) {
      crossed_.push_back({{running.terms.tenant, ledger::BudgetScope::kRun, 0, run_, one.period, one.number}, one});
    }
    crossed_by_run_.clear();
  }
  if (running.has_content) {
    has_answer ? duplicates_.Finish(running.content, now_) : duplicates_.Forget(running.content);
  }
  settlements_.Remove(slot);
  running_by_id_.erase(running.id);
  free_slots_.push_back(slot);
  PostAlerts();
}

void Engine::CheckInvariants() const {
  PENSTOCK_CHECK(running_by_id_.size() == books().open_count());
  PENSTOCK_CHECK(running_by_id_.size() + free_slots_.size() == running_.size());
  absl::flat_hash_map<PoolId, int64_t> slots;
  size_t leases = 0;
  for (const ledger::OpenGrant* open : books().OpenInOrder()) {
    const GrantId id = open->grant.id;
    const auto found = running_by_id_.find(id);
    PENSTOCK_CHECK(found != running_by_id_.end());
    const Running& running = running_[found->second];
    PENSTOCK_CHECK(running.id == id && running.terms == open->grant.terms);
    PENSTOCK_CHECK(settlements_.AtOf(found->second) == running.settle_deadline);
    PENSTOCK_CHECK(running.hold == open->grant.hold);
    if (!running.holds_slot) continue;
    ++leases;
    ++slots[running.terms.pool];
    PENSTOCK_CHECK(leases_.AtOf(found->second) == running.lease_deadline);
  }
  PENSTOCK_CHECK(leases == leases_.size() && settlements_.size() == running_by_id_.size());
  size_t waiting = 0;
  for (const auto& pool : pools_) {
    const size_t of_pool = waiting_.AllOf(pool->id()).size();
    pool->scheduler().CheckInvariants();
    PENSTOCK_CHECK(pool->scheduler().InFlight() == slots[pool->id()]);
    waiting += of_pool;
  }
  PENSTOCK_CHECK(waiting == waiting_.size());
  // What is guaranteed is what live reservations promise, each through a contract of its own.
  PENSTOCK_CHECK(edges_.size() == live_.size());
  absl::flat_hash_map<PoolId, WorkPerSecond> promised;
  absl::flat_hash_map<PoolId, size_t> contracts;
  for (const auto& [id, live] : live_) {
    const ledger::ReservationRecord& record = *books().market().FindReservation(id);
    const MarketDesk& desk = *FindDesk(record.terms.pool);
    PENSTOCK_CHECK(!ledger::IsOver(record.state) && live.guaranteed <= live.promised);
    PENSTOCK_CHECK((live.promised > WorkPerSecond::Zero()) == desk.promising.contains(id));
    PENSTOCK_CHECK((live.guaranteed > WorkPerSecond::Zero()) == (live.contract != 0));
    PENSTOCK_CHECK(live.contract == 0 || desk.by_contract.at(live.contract) == id);
    PENSTOCK_CHECK(live.guaranteed == live.promised || record.state == ledger::ReservationState::kDegraded);
    promised[record.terms.pool] += live.promised;
    if (live.contract != 0) ++contracts[record.terms.pool];
  }
  for (const auto& pool : pools_) {
    const MarketDesk* desk = FindDesk(pool->id());
    if (desk == nullptr) continue;
    PENSTOCK_CHECK(desk->promised == promised[pool->id()] && desk->by_contract.size() == contracts[pool->id()]);
    desk->market.calendar().CheckInvariants();
  }
  waiting_.CheckInvariants();
  accounts_.CheckInvariants();
  PENSTOCK_CHECK(books().CheckInvariants().ok());
}

}  // namespace penstock::core
