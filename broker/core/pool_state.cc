#include "broker/core/pool_state.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

namespace penstock::core {
namespace {

constexpr Duration kShortestRetry = Milliseconds(100);
constexpr Duration kLongestRetry = Hours(1);

/// How long the rate takes to earn the burst, rounded up.
Duration TimeToEarn(const admission::RateTerms& rate) {
  const Int128 scaled = Int128{rate.burst} * rate.period.count();
  return Duration(admission::AtMost(DivideRoundUp<Int128>(scaled, rate.quantity), admission::kLongestWait.count()));
}

}  // namespace

PoolState::PoolState(PoolId id, const PoolSettings& settings, const SchedulerFactory& factory, Instant now)
    : id_(id), settings_(settings), scheduler_(factory(settings.terms, now)) {}

Work PoolState::BurstOf(const ReservationSettings& reservation) const {
  const int64_t per_unit = reservation.kind ? settings_.burndown[*reservation.kind] : 1;
  return Work(CheckedMul(reservation.rate.burst, per_unit));
}

void PoolState::SetSettings(const PoolSettings& settings, Instant now) {
  settings_ = settings;
  PutTerms(now);
}

void PoolState::PutTerms(Instant now) {
  admission::PoolTerms terms = settings_.terms;
  for (admission::ClassTerms& one : terms.classes) {
    one.holdback_slots = std::max(one.holdback_slots, std::min(holdback_slots_, terms.max_in_flight - 1));
  }
  scheduler_->SetTerms(terms, now);
}

void PoolState::SetHoldback(int64_t slots, Instant now) {
  if (slots == holdback_slots_) return;
  holdback_slots_ = slots;
  PutTerms(now);
}

// What the rate earns in the market's burst time may come at once.
admission::RateTerms PoolState::BoughtRate(WorkPerSecond rate) const {
  const Int128 burst = Int128{rate.count()} * settings_.market.burst.count() / Seconds(1).count();
  return {.quantity = rate.count(),
          .period = Seconds(1),
          .burst = std::max<int64_t>(admission::AtMost(burst, kMaxBurstNt * kMilliNtPerNt), 1)};
}

void PoolState::NoteBurst(const admission::RateTerms& rate, int sign) {
  reserved_bursts_ += Work(rate.burst) * sign;
  if (sign > 0) {
    burst_times_.insert(TimeToEarn(rate));
  } else {
    burst_times_.erase(burst_times_.find(TimeToEarn(rate)));
  }
}

admission::ContractId PoolState::AddBought(TenantId tenant, WorkPerSecond rate, Overrun overrun, Instant now) {
  const admission::RateTerms terms = BoughtRate(rate);
  const admission::ContractId id =
      scheduler_->AddContract({.tenant = tenant, .kind = std::nullopt, .rate = terms, .overrun = overrun}, now);
  NoteBurst(terms, +1);
  bought_[id] = terms;
  return id;
}

void PoolState::SetBought(TenantId tenant, admission::ContractId contract, WorkPerSecond rate, Overrun overrun,
                          Instant now) {
  const admission::RateTerms terms = BoughtRate(rate);
  scheduler_->SetContract(contract, {.tenant = tenant, .kind = std::nullopt, .rate = terms, .overrun = overrun}, now);
  NoteBurst(bought_.at(contract), -1);
  NoteBurst(terms, +1);
  bought_[contract] = terms;
}

void PoolState::RemoveBought(admission::ContractId contract, Instant now) {
  scheduler_->RemoveContract(contract, now);
  NoteBurst(bought_.at(contract), -1);
  bought_.erase(contract);
}

void PoolState::NoteBuyer(TenantId tenant, int sign) {
  uint32_t& count = buyers_[tenant];
  count = static_cast<uint32_t>(static_cast<int64_t>(count) + sign);
  if (count == 0) buyers_.erase(tenant);
}

void PoolState::SetReservations(TenantId tenant, const std::vector<ReservationSettings>& reservations, Instant now) {
  std::vector<Reservation> before;
  if (const auto known = reservations_.find(tenant); known != reservations_.end()) before = std::move(known->second);
  std::vector<Reservation> after;
  for (size_t i = 0; i < reservations.size(); ++i) {
    const ReservationSettings& next = reservations[i];
    const admission::ContractTerms terms{
        .tenant = tenant, .kind = next.kind, .rate = next.rate, .overrun = next.overrun};
    // The n-th reservation keeps what the n-th before it has used, if it counts the same.
    const bool kept = i < before.size() && before[i].kind == next.kind;
    if (kept) scheduler_->SetContract(before[i].contract, terms, now);
    after.push_back({kept ? before[i].contract : scheduler_->AddContract(terms, now), next.kind, BurstOf(next),
                     TimeToEarn(next.rate)});
    if (kept) before[i].contract = 0;
  }
  for (const Reservation& gone : before) {
    if (gone.contract != 0) scheduler_->RemoveContract(gone.contract, now);
    reserved_bursts_ -= gone.burst;
    burst_times_.erase(burst_times_.find(gone.burst_time));
  }
  for (const Reservation& one : after) {
    reserved_bursts_ += one.burst;
    burst_times_.insert(one.burst_time);
  }
  if (after.empty()) {
    reservations_.erase(tenant);
  } else {
    reservations_[tenant] = std::move(after);
  }
}

void PoolState::SetCapacity(WorkPerSecond capacity, int64_t max_in_flight, int64_t kv_tokens, Instant now) {
  settings_.terms.capacity = capacity;
  if (max_in_flight > 0) settings_.terms.max_in_flight = max_in_flight;
  if (kv_tokens > 0) settings_.terms.kv_tokens = kv_tokens;
  PutTerms(now);
}

void PoolState::SetWaitTable(const SetPlan::WaitTable& table) {
  const auto c = static_cast<size_t>(table.stood_as);
  if (c < kShareClassCount) wait_tables_[c] = table.buckets;
}

Tokens PoolState::PredictedOutput(TenantId tenant, Tokens cap) const {
  const auto planned = predicted_.find(tenant);
  return std::min(cap, planned == predicted_.end() ? settings_.predicted_output : planned->second);
}

TokenCounts PoolState::HeldInput(const TokenCounts& input, const ByTokenKind<bool>& estimated) const {
  TokenCounts held;
  for (TokenKind kind : kAllTokenKinds) {
    if (IsGenerated(kind)) continue;
    const int64_t tokens = input[kind].count();
    if (!estimated[kind]) {
      held[kind] += Tokens(tokens);
      continue;
    }
    const int64_t with_error = CheckedMul(tokens, 1000 + settings_.estimator_error_thousandths);
    held[TokenKind::kInput] += Tokens(DivideRoundUp<int64_t>(with_error, 1000));
  }
  // Several estimated kinds, each with its error, can come to more than one kind may: more is not held.
  held[TokenKind::kInput] = std::min(held[TokenKind::kInput], Tokens(kMaxTokensPerRequest));
  return held;
}

admission::Offer PoolState::OfferFor(const Waiting& waiting, int64_t tenant_weight, int32_t key_weight,
                                     uint64_t handle) const {
  return {.request = handle,
          .tenant = waiting.tenant,
          .key = waiting.key,
          .tenant_weight = static_cast<int32_t>(tenant_weight),
          .key_weight = key_weight,
          .share_class = waiting.share_class,
          .reserved = waiting.share_class == ServiceClass::kSpillover &&
                      (reservations_.contains(waiting.tenant) || IsBuyer(waiting.tenant)),
          .promised = waiting.explanation.promised,
          .tokens = waiting.estimate,
          .work = waiting.work,
          .kv_tokens = Total(waiting.estimate).count(),
          .deadline = waiting.since + std::max(waiting.max_wait, Nanoseconds(1))};
}

WaitRange PoolState::RangeOf(ServiceClass share_class, Duration line_forecast) const {
  const auto& table = wait_tables_[static_cast<size_t>(share_class)];
  return table ? (*table)[WaitBucketOf(line_forecast)] : DefaultWaitRange(line_forecast);
}

bool PoolState::MayStand(const Waiting& waiting) const {
  if (waiting.max_wait == Duration::Zero()) return true;  // now or never: the scheduler knows
  const WaitRange& range = waiting.explanation.forecast_wait;
  const bool others_promised =
      !waiting.explanation.promised && promises_.Promised(waiting.tenant, waiting.share_class) > Work::Zero();
  if (others_promised) return std::max(range.expected, range.low) * 2 <= waiting.max_wait;
  return range.low <= waiting.max_wait;
}

Duration PoolState::RetryAfter(const Waiting& waiting, const admission::Offer& offer, Instant now) {
  const Work promised = promises_.Promised(waiting.tenant, waiting.share_class);
  const Duration line = scheduler_->ForecastWait(offer, promised, now);
  // Where slots bind, lines drain more slowly than the rate of work says: as much more slowly as short waits turned out
  // longer than their forecasts.
  const Duration probe = std::max(waiting.explanation.line_forecast, Duration(waiting.max_wait.count() / 2));
  const Duration turned_out = RangeOf(waiting.share_class, probe).expected;
  Int128 expected_ns = line.count();
  if (turned_out > probe) expected_ns = expected_ns * turned_out.count() / probe.count();
  const Duration expected(admission::AtMost(expected_ns, admission::kLongestWait.count()));
  const Duration patience = Duration(waiting.max_wait.count() / 2);
  return std::clamp(expected - std::min(patience, expected), kShortestRetry, kLongestRetry);
}

void PoolState::NoteOutstanding(const admission::Charge& charge, Work most, int sign) {
  if (charge.served == ServiceClass::kReserved) return;
  borrowed_ += most * sign;
  PENSTOCK_CHECK(borrowed_ >= Work::Zero());
}

Duration PoolState::ReclaimBound() const {
  const WorkPerSecond capacity = settings_.terms.capacity;
  const Duration together = TimeForRoundUp(reserved_bursts_ + borrowed_ + largest_request_, capacity);
  if (burst_times_.empty()) return together;
  return std::max(together, *burst_times_.rbegin() + TimeForRoundUp(borrowed_ + largest_request_, capacity));
}

}  // namespace penstock::core
