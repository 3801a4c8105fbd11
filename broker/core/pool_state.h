// A pool: its scheduler, what it counts, and what it expects of requests and of its line.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "admission/limits.h"
#include "admission/scheduler.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/duplicates.h"
#include "broker/core/promises.h"
#include "broker/core/runs.h"
#include "broker/core/service_figures.h"
#include "broker/core/settings.h"
#include "broker/core/waiting_requests.h"
#include "ledger/tariff.h"

namespace penstock::core {

/// Decisions of a class since boot. Offers and refusals count under the class the request stood in line as, admissions
/// under what it was served as.
struct ClassCounters {
  int64_t offered = 0;
  int64_t admitted = 0;
  int64_t refused_yours = 0;
  int64_t refused_pool = 0;
  int64_t cancelled = 0;
};

/// Makes the scheduler of a pool; tests put other drivers in.
using SchedulerFactory = std::function<std::unique_ptr<admission::Scheduler>(const admission::PoolTerms&, Instant now)>;

class PoolState {
 public:
  PoolState(PoolId id, const PoolSettings& settings, const SchedulerFactory& factory, Instant now);

  PoolId id() const { return id_; }
  const PoolSettings& settings() const { return settings_; }
  admission::Scheduler& scheduler() { return *scheduler_; }
  const admission::Scheduler& scheduler() const { return *scheduler_; }
  Promises& promises() { return promises_; }
  const Promises& promises() const { return promises_; }
  const std::array<ClassCounters, kServiceClassCount>& counters() const { return counters_; }
  ClassCounters& counter(ServiceClass c) { return counters_[static_cast<size_t>(c)]; }

  /// New terms while traffic runs; a capacity that was reported since boot gives way to the settings'.
  void SetSettings(const PoolSettings& settings, Instant now);
  /// The contracts of a tenant here, in place of those it had.
  void SetReservations(TenantId tenant, const std::vector<ReservationSettings>& reservations, Instant now);
  // ---- Contracts that were bought: each has one, of a rate that changes.

  admission::ContractId AddBought(TenantId tenant, WorkPerSecond rate, Overrun overrun, Instant now);
  void SetBought(TenantId tenant, admission::ContractId contract, WorkPerSecond rate, Overrun overrun, Instant now);
  void RemoveBought(admission::ContractId contract, Instant now);
  /// A tenant with anything bought that is not over: its requests stand in its contracts' line too, so that those that
  /// wait when one begins get it.
  void NoteBuyer(TenantId tenant, int sign);
  bool IsBuyer(TenantId tenant) const { return buyers_.contains(tenant); }
  /// Slots that share classes leave free for contracts, beyond what the settings say. 0: no more.
  void SetHoldback(int64_t slots, Instant now);

  ServiceFigures& figures(ServiceClass c) { return figures_[static_cast<size_t>(c)]; }
  const ServiceFigures& figures(ServiceClass c) const { return figures_[static_cast<size_t>(c)]; }

  /// 0 leaves slots and KV tokens as they are.
  void SetCapacity(WorkPerSecond capacity, int64_t max_in_flight, int64_t kv_tokens, Instant now);
  void SetPredictedOutput(TenantId tenant, Tokens tokens) { predicted_[tenant] = tokens; }
  void SetWaitTable(const SetPlan::WaitTable& table);

  /// What a request of this tenant is expected to generate at most: the plan's quantile, else the cold-start rule.
  Tokens PredictedOutput(TenantId tenant, Tokens cap) const;
  /// The input to hold: estimated counts as uncached input plus the estimator's stated error, rounded up.
  TokenCounts HeldInput(const TokenCounts& input, const ByTokenKind<bool>& estimated) const;

  /// The offer this request makes to the scheduler.
  admission::Offer OfferFor(const Waiting& waiting, int64_t tenant_weight, int32_t key_weight, uint64_t handle) const;
  /// What forecasts from the line, of that length and class, turned out to be.
  WaitRange RangeOf(ServiceClass share_class, Duration line_forecast) const;
  /// True when a request that may wait so long should stand in line at all (promises.h, rule 2).
  bool MayStand(const Waiting& waiting) const;
  /// When it is worth trying again after a refusal by load (promises.h, rule 3).
  Duration RetryAfter(const Waiting& waiting, const admission::Offer& offer, Instant now);

  /// A request of so much work stands in line.
  void NoteRequest(Work work) { largest_request_ = std::max(largest_request_, work); }
  void NoteOutstanding(const admission::Charge& charge, Work most, int sign);
  /// What an in-profile reserved request waits at most: (sum of reserved bursts + borrowers' output caps in flight +
  /// largest request) / capacity; or, where a contract bought a large burst with a small rate, that burst / rate +
  /// (borrowers + largest) / capacity if that is longer: the earliest deadline goes first, and such a burst is due
  /// late. Holds while a slot is free for the reserved tier (`holdback_slots`).
  Duration ReclaimBound() const;

  int64_t slots_of_earlier_boot() const { return slots_of_earlier_boot_; }
  void CountSlotOfEarlierBoot(int by) { slots_of_earlier_boot_ += by; }

 private:
  struct Reservation {
    admission::ContractId contract = 0;
    std::optional<TokenKind> kind;
    Work burst;
    Duration burst_time;  // how long its rate takes to earn its burst
  };
  Work BurstOf(const ReservationSettings& reservation) const;
  admission::RateTerms BoughtRate(WorkPerSecond rate) const;
  void NoteBurst(const admission::RateTerms& rate, int sign);
  void PutTerms(Instant now);

  const PoolId id_;
  PoolSettings settings_;
  std::unique_ptr<admission::Scheduler> scheduler_;
  std::array<ClassCounters, kServiceClassCount> counters_;
  absl::flat_hash_map<TenantId, std::vector<Reservation>> reservations_;
  absl::flat_hash_map<TenantId, Tokens> predicted_;
  std::array<std::optional<std::array<WaitRange, kWaitBuckets>>, kShareClassCount> wait_tables_;
  Promises promises_;
  Work reserved_bursts_;
  std::multiset<Duration> burst_times_;  // of all reservations
  absl::flat_hash_map<TenantId, uint32_t> buyers_;                              // how many reservations of theirs
  absl::flat_hash_map<admission::ContractId, admission::RateTerms> bought_;
  int64_t holdback_slots_ = 0;  // planned
  std::array<ServiceFigures, kServiceClassCount> figures_;
  Work borrowed_;                        // the most that running work outside contracts can still ask of the pool
  Work largest_request_;
  int64_t slots_of_earlier_boot_ = 0;
};

}  // namespace penstock::core
