// What limits, budgets and runs still count of the past, collected while the ledger is opened: from the engine's own
// rows, then from the entries after them (or from all entries, when there are no rows).
//
//   row        key                    value
//   charged    key, day               charged to grants that the key was given on that day
//   run        digest                 what the run has used
//   lease      epoch, sequence        what limits are charged for an open grant whose lease is over
//   levels     scope, id              levels of limits of an hour or longer, without what waiting requests took
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/limits.h"
#include "broker/core/account_state.h"
#include "broker/core/runs.h"
#include "broker/core/settings.h"
#include "ledger/books_rows.h"
#include "ledger/ledger.h"

namespace penstock::core {

/// Limits with periods up to this survive a restart.
constexpr Duration kLongestLimit = Hours(24);

/// The engine's kinds of rows.
enum class OwnRow : uint8_t {
  kCharged = static_cast<uint8_t>(ledger::RowKind::kFirstForeign),
  kRun,
  kLease,
  kLevels,
};

/// A level as it was written.
struct KeptLevel {
  Scope scope = Scope::kNone;
  uint32_t id = 0;
  admission::LimitTerms terms;
  admission::LeakyLevel level;
};

class Past : public ledger::Follower {
 public:
  /// An open grant, and what limits are charged for it.
  struct Given {
    TenantId tenant;
    KeyId key;
    PoolId pool;
    Instant at;
    Instant lease_deadline;
    bool lease_over = false;
    std::optional<RunKey> run;
    TokenCounts estimate;
    Work work;  // of the estimate
    TokenCounts so_far;
    Work attributed;
    TokenCounts charged;
    Work charged_work;
  };
  struct Used {
    admission::Usage back{.requests = 0, .tokens = {}, .work = {}};  // negative
    admission::Usage taken{.requests = 0, .tokens = {}, .work = {}};
  };
  struct Charged {
    ledger::Money amount;
    bool noted = false;  // its row does not say so yet
  };

  /// `settings` must outlive it.
  Past(const EngineSettings& settings, Instant now);

  absl::Status Begin(const ledger::Books& books, const std::vector<Row>& rows) override;
  void See(const ledger::Entry& entry) override {
    std::visit([this](const auto& what) { On(what); }, entry);
  }
  /// Leases that ended since the last entry.
  void Finish() {
    for (auto& [id, given] : open) EndLease(given, now_);
  }

  absl::btree_map<GrantId, Given> open;
  std::vector<GrantId> ended_beyond_lease;  // they may have a row
  std::vector<KeptLevel> levels;
  /// By time and key, of entries only. After rows, to the nanosecond. When all entries are read, by minute: limits of
  /// an hour or longer need it no finer. What came back of earlier minutes' takes is apart and goes first, for it may
  /// find the level drained. (Each counts up to a minute early, so a level may be short of up to two minutes' worth.)
  absl::btree_map<std::pair<Instant, KeyId>, Used> used;
  /// By key and day in which the grant was given.
  absl::btree_map<std::pair<KeyId, Instant>, Charged> charged;
  Runs runs;

 private:
  using OpenGrants = absl::btree_map<GrantId, Given>;
  absl::Status Restore(const Row& row);
  void Restore(const ledger::OpenGrant& grant);
  static Given GivenBy(const ledger::GrantEntry& grant);
  void BindRun(const std::string& run, Given* given) const;

  template <class T>
  void On(const T&) {}  // says nothing about them
  void On(const ledger::NameEntry& name);
  void On(const ledger::GrantEntry& grant);
  void On(const ledger::ProgressEntry& progress);
  void On(const ledger::SettleEntry& settle);
  void On(const ledger::ExpireEntry& expire);
  void On(const ledger::VoidEntry& gone);
  void On(const ledger::AlertEntry& alert);
  void On(const ledger::RunApprovalEntry& approval);
  void End(OpenGrants::iterator which, const ledger::Money& charge, Instant at);
  void EndLease(Given& given, Instant at);
  void Charge(Given& given, const TokenCounts& tokens, Work work, Instant at, int64_t requests = 0);

  Instant now_;
  Duration grain_ = Minutes(1);                              // of used
  absl::flat_hash_set<std::string_view> tenants_with_runs_;  // whose runs are bounded, by name
  absl::flat_hash_map<std::string_view, BurndownRates> burndown_by_name_;
  absl::flat_hash_set<TenantId> bounds_runs_;
  absl::flat_hash_map<PoolId, BurndownRates> burndown_;
};

}  // namespace penstock::core
