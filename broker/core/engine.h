// The engine: Command + now -> Effects. Deterministic and single-threaded; the daemon and the simulator both drive it.
//
// Invariants (CheckInvariants, DESIGN section 9):
//   1. a grant is running exactly while its hold is open in the books, and holds a slot until its lease deadline or
//   end;
//   2. a hold ends exactly once: settled, voided or expired;
//   3. what limits and lines hold for a request is given back when it is refused, and trued up when it ends;
//   4. the same commands with the same `now` give the same journal, byte for byte.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/account_state.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/pool_state.h"
#include "broker/core/settings.h"
#include "ledger/ledger.h"

namespace penstock::core {

/// The production scheduler.
SchedulerFactory FairScheduling();

/// Limits with periods up to this survive a restart.
constexpr Duration kLongestLimit = Hours(24);

class Engine {
 public:
  /// Opens the journal, replays it, binds the settings' names, pins the tariff, and starts a new epoch. The entries
  /// this posts are durable before it returns. FAILED_PRECONDITION when the settings contradict the journal (a tariff
  /// version whose prices changed); DATA_LOSS when the journal is broken.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const EngineSettings& settings,
                                                      std::unique_ptr<ledger::Journal> journal,
                                                      const SchedulerFactory& scheduling, Instant now);

  /// Applies one command. `now` never runs backwards: an older one counts as the last.
  void Apply(const Command& command, Instant now, Effects* effects);

  /// When something is due without any command; Instant::Max() if nothing.
  Instant NextWake() const;

  /// Ends the epoch in the journal. After this only the ledger may be used.
  void PostStop(Instant now);

  ledger::Ledger& ledger() { return *ledger_; }
  const ledger::Ledger& ledger() const { return *ledger_; }
  const ledger::Books& books() const { return ledger_->books(); }
  const AccountState& accounts() const { return accounts_; }
  const std::vector<std::unique_ptr<PoolState>>& pools() const { return pools_; }
  const PoolState* FindPool(PoolId id) const;
  uint32_t epoch() const { return books().epoch(); }
  bool draining() const { return draining_; }
  const ledger::TariffEntry& tariff() const { return books().tariffs()[tariff_ - 1]; }

  /// Crashes when an invariant does not hold. For tests; O(everything).
  void CheckInvariants() const;

 private:
  /// A grant whose hold is open.
  struct Running {
    ledger::GrantTerms terms;
    admission::Charge charge;
    admission::Usage usage;  // what its limits are charged now
    Work outstanding;        // counted in the pool's reclaim bound
    Instant lease_deadline;
    Instant settle_deadline;
    Ticket answered = 0;  // the newest ticket that carries this grant
    bool holds_slot = true;
    bool of_earlier_boot = false;
  };
  using Deadlines = std::set<std::pair<Instant, GrantId>>;
  using RequestName = std::pair<uint32_t, std::string>;  // tenant, request id

  explicit Engine(std::unique_ptr<ledger::Ledger> ledger) : ledger_(std::move(ledger)) {}
  void BindTenants(const EngineSettings& settings);
  absl::Status BindPools(const EngineSettings& settings, const SchedulerFactory& scheduling);
  absl::Status PinTariff(const ledger::Tariff& tariff);
  uint32_t Bind(ledger::NameKind kind, uint32_t owner, const std::string& name);
  void ReplayLimits(const std::vector<ledger::Entry>& recent);
  void ResumeOpenGrants();

  void On(const Admit& admit);
  void On(const Abandon& abandon);
  void On(const Undeliverable& undeliverable);
  void On(const Progress& progress);
  void On(const Complete& complete);
  void On(const SetCapacity& set);
  void On(const SetPlan& plan);
  void On(const Drain& drain);
  void On(const Tick&) {}

  /// True when the request id was known and the answer has been said.
  bool AnswerKnownRequest(const Admit& admit);
  std::optional<Error> CheckAdmit(const Admit& admit) const;
  PoolState* ChoosePool(const Admit& admit, const Tenant& tenant, const Key& key);
  Waiting Prepare(const Admit& admit, PoolState& pool, ServiceClass share_class);
  void SayForecast(const Waiting& waiting, const PoolState& pool);
  void StandInLine(Waiting waiting, PoolState& pool, int64_t tenant_weight);
  void Refuse(const Waiting& waiting, PoolState& pool, Refused refused);
  /// Takes a request that stopped waiting out of every index; its limits are still held.
  Waiting Forget(PoolState& pool, uint64_t handle);
  void GiveBack(const Waiting& waiting);

  void Pump();
  void PumpPool(PoolState& pool);
  void Grant(PoolState& pool, const admission::Dispatch& dispatch);
  void ExpireDeadlines();
  void EndLease(GrantId id, Running& running);
  void EndRunning(GrantId id, const TokenCounts& tokens, Work work);
  void TrueUp(Running& running, const TokenCounts& tokens, Work work);

  void CompleteOpen(const Complete& complete, const ledger::OpenGrant& open);
  void CompleteEnded(const Complete& complete);
  void CompleteLost(const Complete& complete);
  void SettleUnmetered(const Complete& complete, const ledger::GrantTerms& terms, bool billed);
  void PostSettlement(const Complete& complete, const ledger::GrantTerms& terms, bool billed, Work work,
                      std::vector<ledger::Attribution> attributions);
  std::optional<Error> CheckTokens(const ledger::GrantTerms& terms, const TokenCounts& tokens,
                                   const TokenCounts& so_far) const;

  PoolState* MutablePool(PoolId id);
  ledger::Money ChargeFor(const ledger::GrantTerms& terms, const TokenCounts& tokens) const;
  ledger::Money MaxCost(const ledger::GrantTerms& terms, const TokenCounts& input, Tokens output_cap) const;
  const ledger::TokenPrices& PricesOf(const ledger::GrantTerms& terms) const;
  void Say(Ticket ticket, Outcome outcome, Release release = Release::kWritten);
  Granted Describe(GrantId id, const ledger::GrantEntry& grant) const;

  std::unique_ptr<ledger::Ledger> ledger_;
  AccountState accounts_;
  std::vector<std::unique_ptr<PoolState>> pools_;  // in the order of their settings
  absl::flat_hash_map<PoolId, PoolState*> pool_by_id_;
  absl::flat_hash_map<Ticket, std::pair<PoolId, uint64_t>> waiting_by_ticket_;
  absl::flat_hash_map<RequestName, std::pair<PoolId, uint64_t>> waiting_by_request_;
  absl::flat_hash_map<GrantId, Running> running_;
  Deadlines leases_;
  Deadlines settlements_;
  uint32_t tariff_ = 0;
  uint64_t grants_ = 0;  // given in this epoch
  bool draining_ = false;
  Instant now_;
  Effects* effects_ = nullptr;  // set while Apply runs
};

}  // namespace penstock::core
