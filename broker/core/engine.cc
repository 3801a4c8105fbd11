#include "broker/core/engine.h"

#include <algorithm>

#include "admission/fair_scheduler.h"
#include "admission/vocabulary/check.h"

namespace penstock::core {

SchedulerFactory FairScheduling() {
  return [](const admission::PoolTerms& terms, Instant now) -> std::unique_ptr<admission::Scheduler> {
    return std::make_unique<admission::FairScheduler>(terms, now);
  };
}

void Engine::Apply(const Command& command, Instant now, Effects* effects) {
  now_ = std::max(now_, now);
  effects_ = effects;
  ExpireDeadlines();
  std::visit([this](const auto& what) { On(what); }, command);
  Pump();
  effects_ = nullptr;
}

Instant Engine::NextWake() const {
  Instant wake = Instant::Max();
  for (const auto& pool : pools_) wake = std::min(wake, pool->scheduler().NextWake(now_));
  if (!leases_.empty()) wake = std::min(wake, leases_.begin()->first);
  if (!settlements_.empty()) wake = std::min(wake, settlements_.begin()->first);
  return wake;
}

void Engine::PostStop(Instant now) {
  now_ = std::max(now_, now);
  ledger_->Post(ledger::StopEntry{epoch(), now_});
}

const PoolState* Engine::FindPool(PoolId id) const {
  const auto found = pool_by_id_.find(id);
  return found == pool_by_id_.end() ? nullptr : found->second;
}

PoolState* Engine::MutablePool(PoolId id) {
  const auto found = pool_by_id_.find(id);
  return found == pool_by_id_.end() ? nullptr : found->second;
}

void Engine::Say(Ticket ticket, Outcome outcome, Release release) {
  if (ticket == 0) return;
  effects_->answers.push_back({ticket, release, ledger_->posted_sequence(), std::move(outcome)});
}

void Engine::On(const SetCapacity& set) {
  PoolState* pool = MutablePool(set.pool);
  if (pool == nullptr) return Say(set.ticket, Error{ErrorReason::kUnknownPool, "name", "there is no such pool"});
  pool->SetCapacity(set.capacity, set.max_in_flight, now_);
  Say(set.ticket, CapacitySet{});
}

void Engine::On(const SetPlan& plan) {
  for (const SetPlan::PredictedOutput& predicted : plan.predicted_outputs) {
    if (PoolState* pool = MutablePool(predicted.pool)) pool->SetPredictedOutput(predicted.tenant, predicted.tokens);
  }
}

void Engine::Pump() {
  for (const auto& pool : pools_) PumpPool(*pool);
}

void Engine::PumpPool(PoolState& pool) {
  while (const std::optional<uint64_t> expired = pool.scheduler().PopExpired(now_)) {
    const Waiting waiting = Forget(pool, *expired);
    GiveBack(waiting);
    const Duration again = pool.scheduler().ForecastWait(pool.OfferFor(waiting, 1, 0), now_);
    Refuse(waiting, pool,
           {.reason = RefusalReason::kWaitExpired,
            .retry_after = again,
            .message = "it waited as long as it may: retry later, or with a longer max_wait"});
  }
  while (const std::optional<admission::Dispatch> dispatch = pool.scheduler().PopDispatch(now_)) Grant(pool, *dispatch);
}

void Engine::ExpireDeadlines() {
  while (!leases_.empty() && leases_.begin()->first <= now_) {
    const GrantId id = leases_.begin()->second;
    Running& running = running_.at(id);
    // Nobody said anything until the lease ended: what was reported is all that rate and share are charged for.
    const ledger::OpenGrant& open = *books().FindOpen(id);
    TrueUp(running, open.so_far, open.attributed);
    EndLease(id, running);
  }
  while (!settlements_.empty() && settlements_.begin()->first <= now_) {
    const GrantId id = settlements_.begin()->second;
    const TokenCounts so_far = books().FindOpen(id)->so_far;
    const Work attributed = books().FindOpen(id)->attributed;
    ledger_->Post(ledger::ExpireEntry{id, now_});
    EndRunning(id, so_far, attributed);
  }
}

void Engine::EndLease(GrantId id, Running& running) {
  if (!running.holds_slot) return;
  running.holds_slot = false;
  leases_.erase({running.lease_deadline, id});
  PoolState& pool = *MutablePool(running.terms.pool);
  pool.scheduler().Release(running.charge, now_);
  pool.NoteOutstanding(running.charge, running.outstanding, -1);
  running.outstanding = Work::Zero();
  if (running.of_earlier_boot) pool.CountSlotOfEarlierBoot(-1);
  accounts_.ReleaseParallel(running.terms.key);
}

// Slots of an earlier boot were never charged to this scheduler's shares, so there is nothing to correct there.
void Engine::TrueUp(Running& running, const TokenCounts& tokens, Work work) {
  if (running.holds_slot && !running.of_earlier_boot) {
    PoolState& pool = *MutablePool(running.terms.pool);
    pool.scheduler().TrueUp(running.charge, work, pool.ContractAmount(running.terms.tenant, tokens, work), now_);
  }
  const admission::Usage known{.requests = 1, .tokens = tokens, .work = work};
  accounts_.TrueUp(running.terms.key, running.usage, known, now_);
  running.usage = known;
}

void Engine::EndRunning(GrantId id, const TokenCounts& tokens, Work work) {
  const auto found = running_.find(id);
  PENSTOCK_CHECK(found != running_.end());
  TrueUp(found->second, tokens, work);
  EndLease(id, found->second);
  settlements_.erase({found->second.settle_deadline, id});
  running_.erase(found);
}

void Engine::CheckInvariants() const {
  PENSTOCK_CHECK(running_.size() == books().open().size());
  std::map<PoolId, int64_t> slots;
  size_t leases = 0;
  for (const auto& [id, open] : books().open()) {
    const auto found = running_.find(id);
    PENSTOCK_CHECK(found != running_.end() && found->second.terms == open.grant.terms);
    PENSTOCK_CHECK(settlements_.contains({found->second.settle_deadline, id}));
    if (!found->second.holds_slot) continue;
    ++leases;
    ++slots[found->second.terms.pool];
    PENSTOCK_CHECK(leases_.contains({found->second.lease_deadline, id}));
  }
  PENSTOCK_CHECK(leases == leases_.size() && settlements_.size() == running_.size());
  size_t waiting = 0;
  for (const auto& pool : pools_) {
    pool->scheduler().CheckInvariants();
    PENSTOCK_CHECK(pool->scheduler().InFlight() == slots[pool->id()]);
    waiting += pool->AllWaiting().size();
  }
  PENSTOCK_CHECK(waiting == waiting_by_ticket_.size() && waiting == waiting_by_request_.size());
  PENSTOCK_CHECK(books().CheckInvariants().ok());
}

}  // namespace penstock::core
