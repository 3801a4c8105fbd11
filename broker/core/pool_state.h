// A pool: its scheduler, who waits in it, what it counts, and what it expects requests to generate.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "admission/scheduler.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/settings.h"
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

/// A request in line.
struct Waiting {
  Admit request;
  ServiceClass share_class = ServiceClass::kDefault;
  admission::Usage usage;  // what its limits hold
  TokenCounts estimate;    // held input and predicted output
  Instant since;
  admission::WaitingId place = 0;
  Explanation explanation;
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
  const std::array<ClassCounters, kServiceClassCount>& counters() const { return counters_; }
  ClassCounters& counter(ServiceClass c) { return counters_[static_cast<size_t>(c)]; }

  void AddReservation(TenantId tenant, const ReservationSettings& reservation, Instant now);
  void SetCapacity(WorkPerSecond capacity, int64_t max_in_flight, Instant now);
  void SetPredictedOutput(TenantId tenant, Tokens tokens) { predicted_[tenant] = tokens; }

  /// What a request of this tenant is expected to generate at most: the plan's quantile, else the cold-start rule.
  Tokens PredictedOutput(TenantId tenant, Tokens cap) const;
  /// The input to hold: estimated counts as uncached input plus the estimator's stated error, rounded up.
  TokenCounts HeldInput(const Admit& request) const;

  /// The offer this request makes to the scheduler.
  admission::Offer OfferFor(const Waiting& waiting, int64_t tenant_weight, uint64_t handle) const;
  /// The unit a tenant's contract counts in: tokens of its kind, or milli-nt; 0 without a contract.
  int64_t ContractAmount(TenantId tenant, const TokenCounts& tokens, Work work) const;

  uint64_t Hold(Waiting waiting);
  Waiting& At(uint64_t handle);
  Waiting Drop(uint64_t handle);
  std::vector<uint64_t> AllWaiting() const;  // in the order of their handles

  void NoteOutstanding(const admission::Charge& charge, Work most, int sign);
  /// DESIGN section 3: (sum of reserved bursts + borrowers' output caps in flight + largest request) / capacity.
  /// Holds while a slot is free for the reserved tier (`holdback_slots`).
  Duration ReclaimBound() const;

  int64_t slots_of_earlier_boot() const { return slots_of_earlier_boot_; }
  void CountSlotOfEarlierBoot(int by) { slots_of_earlier_boot_ += by; }

 private:
  struct Reservation {
    admission::ContractId contract = 0;
    ReservationSettings settings;
  };
  const PoolId id_;
  PoolSettings settings_;
  std::unique_ptr<admission::Scheduler> scheduler_;
  std::array<ClassCounters, kServiceClassCount> counters_;
  absl::flat_hash_map<TenantId, Reservation> reservations_;
  absl::flat_hash_map<TenantId, Tokens> predicted_;
  std::vector<std::optional<Waiting>> waiting_;
  std::vector<uint64_t> free_handles_;
  Work reserved_bursts_;
  Work borrowed_;  // the most that running work outside contracts can still ask of the pool
  Work largest_request_;
  int64_t slots_of_earlier_boot_ = 0;
};

}  // namespace penstock::core
