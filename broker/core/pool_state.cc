#include "broker/core/pool_state.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::core {

PoolState::PoolState(PoolId id, const PoolSettings& settings, const SchedulerFactory& factory, Instant now)
    : id_(id), settings_(settings), scheduler_(factory(settings.terms, now)) {}

void PoolState::AddReservation(TenantId tenant, const ReservationSettings& reservation, Instant now) {
  const admission::ContractId contract =
      scheduler_->AddContract({.tenant = tenant, .rate = reservation.rate, .overrun = reservation.overrun}, now);
  reservations_[tenant] = Reservation{contract, reservation};
  const int64_t per_unit = reservation.kind ? settings_.burndown[*reservation.kind] : 1;
  reserved_bursts_ += Work(CheckedMul(reservation.rate.burst, per_unit));
}

void PoolState::SetCapacity(WorkPerSecond capacity, int64_t max_in_flight, Instant now) {
  settings_.terms.capacity = capacity;
  if (max_in_flight > 0) settings_.terms.max_in_flight = max_in_flight;
  scheduler_->SetTerms(settings_.terms, now);
}

Tokens PoolState::PredictedOutput(TenantId tenant, Tokens cap) const {
  const auto planned = predicted_.find(tenant);
  return std::min(cap, planned == predicted_.end() ? settings_.predicted_output : planned->second);
}

TokenCounts PoolState::HeldInput(const Admit& request) const {
  TokenCounts held;
  for (TokenKind kind : kAllTokenKinds) {
    if (IsGenerated(kind)) continue;
    const int64_t tokens = request.input[kind].count();
    if (!request.estimated[kind]) {
      held[kind] += Tokens(tokens);
      continue;
    }
    const int64_t with_error = CheckedMul(tokens, 1000 + settings_.estimator_error_thousandths);
    held[TokenKind::kInput] += Tokens(DivideRoundUp<int64_t>(with_error, 1000));
  }
  return held;
}

admission::Offer PoolState::OfferFor(const Waiting& waiting, int64_t tenant_weight, uint64_t handle) const {
  const auto reservation = reservations_.find(waiting.request.tenant);
  return {.request = handle,
          .tenant = waiting.request.tenant,
          .tenant_weight = tenant_weight,
          .share_class = waiting.share_class,
          .contract = reservation == reservations_.end() ? 0 : reservation->second.contract,
          .contract_amount = ContractAmount(waiting.request.tenant, waiting.estimate, waiting.usage.work),
          .work = waiting.usage.work,
          .deadline = waiting.since + std::max(waiting.request.max_wait, Nanoseconds(1))};
}

int64_t PoolState::ContractAmount(TenantId tenant, const TokenCounts& tokens, Work work) const {
  const auto found = reservations_.find(tenant);
  if (found == reservations_.end()) return 0;
  const std::optional<TokenKind> kind = found->second.settings.kind;
  return kind ? tokens[*kind].count() : work.count();
}

uint64_t PoolState::Hold(Waiting waiting) {
  largest_request_ = std::max(largest_request_, waiting.usage.work);
  if (free_handles_.empty()) {
    waiting_.emplace_back(std::move(waiting));
    return waiting_.size() - 1;
  }
  const uint64_t handle = free_handles_.back();
  free_handles_.pop_back();
  waiting_[handle] = std::move(waiting);
  return handle;
}

Waiting& PoolState::At(uint64_t handle) {
  PENSTOCK_CHECK(handle < waiting_.size() && waiting_[handle].has_value());
  return *waiting_[handle];
}

Waiting PoolState::Drop(uint64_t handle) {
  Waiting waiting = std::move(At(handle));
  waiting_[handle].reset();
  free_handles_.push_back(handle);
  return waiting;
}

std::vector<uint64_t> PoolState::AllWaiting() const {
  std::vector<uint64_t> handles;
  for (uint64_t handle = 0; handle < waiting_.size(); ++handle) {
    if (waiting_[handle]) handles.push_back(handle);
  }
  return handles;
}

void PoolState::NoteOutstanding(const admission::Charge& charge, Work most, int sign) {
  if (charge.served == ServiceClass::kReserved) return;
  borrowed_ += most * sign;
  PENSTOCK_CHECK(borrowed_ >= Work::Zero());
}

Duration PoolState::ReclaimBound() const {
  return TimeForRoundUp(reserved_bursts_ + borrowed_ + largest_request_, settings_.terms.capacity);
}

}  // namespace penstock::core
