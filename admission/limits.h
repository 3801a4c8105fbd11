// Limits of a subject (a tenant or a key): so much per minute or day, and so many at once.
//
// A refusal consumes nothing; when several limits refuse, the one with the longest wait is named, for that is the one
// the caller has to wait for. The limit on parallel requests is called kParallelLimit; nobody knows when a place comes
// back, so it asks for a second's patience. Estimates are taken on admission and trued up both ways when the truth is
// known. Bound: in any interval T, settled <= burst + rate x T + sum over grants outstanding at once of max(0, actual -
// held) + what grants that settle in it held already when it began (nothing, for an interval that begins when none
// runs: a limit charges a request when it comes, not when it ends).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/leaky_level.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"

namespace penstock::admission {

/// What a limit counts.
enum class Measure : uint8_t { kRequests, kTokens, kTokenKind, kWork };

/// The amounts of one request in every unit a limit may count: exact input plus predicted output before it ran,
/// the reported truth after.
struct Usage {
  int64_t requests = 1;
  TokenCounts tokens;
  Work work;
};

/// The amount of `usage` that `measure` counts: requests, tokens (all kinds, or `kind`), or milli-nt.
int64_t AmountOf(const Usage& usage, Measure measure, TokenKind kind);

struct LimitTerms {
  std::string name;  // as operators know it: "tokens_per_minute"
  Measure measure = Measure::kRequests;
  TokenKind kind = TokenKind::kInput;  // only for Measure::kTokenKind
  RateTerms rate;
  friend bool operator==(const LimitTerms&, const LimitTerms&) = default;
};

/// The limits of one kind of subject; shared by all that have the same.
struct LimitPolicy {
  std::vector<LimitTerms> limits;
  int64_t max_parallel = 0;  // requests at once; 0: no bound
  friend bool operator==(const LimitPolicy&, const LimitPolicy&) = default;
};

/// Whether what was used of it outlives a restart.
inline bool OutlivesRestart(const LimitTerms& terms) { return terms.rate.period >= Hours(1); }

constexpr char kParallelLimit[] = "parallel_requests";
constexpr Duration kParallelRetry = Seconds(1);

/// A limit that refused: which, and when to try again.
struct LimitRefusal {
  std::string_view limit;  // lives as long as the policy
  Duration retry_after;
  int64_t asked = 0;      // in the limit's unit
  int64_t remaining = 0;  // in the limit's unit
};

/// The limits of one subject. Not thread-safe. What it does not use costs no memory: levels appear with the first use.
class LimitSet {
 public:
  LimitSet();
  explicit LimitSet(std::shared_ptr<const LimitPolicy> policy);
  explicit LimitSet(LimitPolicy policy) : LimitSet(std::make_shared<const LimitPolicy>(std::move(policy))) {}

  const LimitPolicy& policy() const { return *policy_; }
  /// Replaces the policy; a limit that keeps its name and what it counts keeps what was used.
  void SetPolicy(std::shared_ptr<const LimitPolicy> policy, Instant now);

  /// The refusal that an admission of `usage` would meet, or nothing. Consumes nothing.
  bool WouldRefuse(const Usage& usage, Instant now, LimitRefusal* refusal);

  /// Takes the usage and one parallel place. Call only after WouldRefuse said no, in the same instant.
  void Take(const Usage& usage, Instant now);

  /// Corrects what a grant took: from what is charged now to what is known now (both ways).
  void TrueUp(const Usage& charged, const Usage& known, Instant now);

  /// Gives a parallel place back.
  void ReleaseParallel();

  /// Takes past usage (or gives it back, where negative) again: only limits whose period is an hour or longer outlive a
  /// restart.
  void Replay(const Usage& usage, Instant at);
  /// A grant goes on that limits of an hour or longer know from Replay: the others take it now, for it will be trued up
  /// in all of them. Takes one parallel place.
  void Resume(const Usage& usage, Instant now);

  /// Visits each limit of an hour or longer that was used: visit(terms, its level without `waiting`).
  template <class Visit>
  void ForEachLasting(const Usage& waiting, const Visit& visit) const {
    for (size_t i = 0; i < levels_.size(); ++i) {
      const LimitTerms& terms = policy_->limits[i];
      if (!OutlivesRestart(terms)) continue;
      LeakyLevel level = levels_[i];
      level.GiveBack(AmountOf(waiting, terms.measure, terms.kind), level.at());
      visit(terms, level);
    }
  }
  /// Sets the level of the limit with that name that counts the same, if it still lasts; before any use after a
  /// restart.
  void RestoreLevel(const LimitTerms& kept, const LeakyLevel& level);

  int64_t parallel() const { return parallel_; }
  /// Starts to load the levels.
  void Prefetch() const;
  /// What the named limit would still admit, in its unit; -1 when there is no such limit.
  int64_t Remaining(std::string_view name, Instant now);

 private:
  void UseLevels(Instant now);

  std::shared_ptr<const LimitPolicy> policy_;
  std::vector<LeakyLevel> levels_;  // by place in the policy; empty before the first use
  int64_t parallel_ = 0;
};

}  // namespace penstock::admission
