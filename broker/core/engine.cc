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

void Engine::Apply(Command command, Instant now, Effects* effects) {
  now_ = std::max(now_, now);
  effects_ = effects;
  newcomer_ = {};
  ExpireDeadlines();
  std::visit([this](auto& what) { On(what); }, command);
  Pump();
  effects_ = nullptr;
}

Instant Engine::NextWake() const {
  Instant wake = Instant::Max();
  for (const auto& pool : pools_) wake = std::min(wake, pool->scheduler().NextWake(now_));
  if (!leases_.empty()) wake = std::min(wake, leases_.TopAt());
  if (!settlements_.empty()) wake = std::min(wake, settlements_.TopAt());
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
  pool->SetCapacity(set.capacity, set.max_in_flight, set.kv_tokens, now_);
  Say(set.ticket, CapacitySet{});
}

void Engine::On(const SetPlan& plan) {
  for (const SetPlan::PredictedOutput& predicted : plan.predicted_outputs) {
    if (PoolState* pool = MutablePool(predicted.pool)) pool->SetPredictedOutput(predicted.tenant, predicted.tokens);
  }
  for (const SetPlan::WaitTable& table : plan.wait_tables) {
    if (PoolState* pool = MutablePool(table.pool)) pool->SetWaitTable(table);
  }
}

void Engine::On(const ApproveRun& approve) {
  if (runs_.Approve(RunKeyOf(approve.tenant, approve.run), now_)) return Say(approve.ticket, RunApproved{});
  Say(approve.ticket, Error{ErrorReason::kUnknownRun, "run", "no run of that name has asked for anything lately"});
}

void Engine::Pump() {
  for (const auto& pool : pools_) PumpPool(*pool);
  if (newcomer_.pool == nullptr) return;
  // It was not dispatched at once: what was in the way is for `explain`.
  Waiting& waiting = newcomer_.pool->At(newcomer_.handle);
  waiting.explanation.gate = newcomer_.pool->scheduler().GateOf(waiting.share_class, now_);
}

void Engine::PumpPool(PoolState& pool) {
  while (const std::optional<admission::Departure> departed = pool.scheduler().PopDeparture(now_)) {
    const Waiting waiting = Forget(pool, departed->request);
    GiveBack(waiting);
    NoteWait(waiting, pool, /*departed=*/true);
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
}

void Engine::EndRunning(Slot slot, const TokenCounts& tokens, Work work, const ledger::Money& charge, bool has_answer) {
  TrueUp(running_[slot], tokens, work);
  EndLease(slot);
  const Running& running = running_[slot];
  if (running.money_bound) accounts_.SettleMoney(running.terms.key, running.hold, charge, running.given);
  if (running.in_run) runs_.Settle(running.run, running.hold, charge, now_);
  if (running.has_content) {
    has_answer ? duplicates_.Finish(running.content, now_) : duplicates_.Forget(running.content);
  }
  settlements_.Remove(slot);
  running_by_id_.erase(running.id);
  free_slots_.push_back(slot);
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
    PENSTOCK_CHECK(!running.money_bound || running.hold == open->grant.hold);
    if (!running.holds_slot) continue;
    ++leases;
    ++slots[running.terms.pool];
    PENSTOCK_CHECK(leases_.AtOf(found->second) == running.lease_deadline);
  }
  PENSTOCK_CHECK(leases == leases_.size() && settlements_.size() == running_by_id_.size());
  size_t waiting = 0;
  for (const auto& pool : pools_) {
    pool->scheduler().CheckInvariants();
    PENSTOCK_CHECK(pool->scheduler().InFlight() == slots[pool->id()]);
    waiting += pool->AllWaiting().size();
  }
  PENSTOCK_CHECK(waiting == waiting_by_ticket_.size() && waiting == waiting_.size());
  accounts_.CheckInvariants();
  PENSTOCK_CHECK(books().CheckInvariants().ok());
}

}  // namespace penstock::core
