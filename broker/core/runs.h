// Runs: what an agent run or workflow has used, for the guardrails of its tenant (RunTerms).
//
// Only runs of tenants with a bound are kept; one without open grants counts as unknown a day after its last request,
// and its memory comes back in bounded slices. Spend is bounded like a hard budget: held and spent together never
// exceed it, unless the bound is soft and only alerts. An approval allows as much again of what is counted, and starts
// the clock anew.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "broker/core/budgets.h"
#include "broker/core/digest_map.h"
#include "broker/core/settings.h"
#include "ledger/money.h"
#include "ledger/sha256.h"

namespace penstock::core {

constexpr Duration kRunHorizon = Hours(24);

/// A bound that a run has reached.
enum class RunBound : uint8_t { kNone, kSpend, kRequests, kWallTime, kDepth };
constexpr std::string_view Name(RunBound bound) {
  switch (bound) {
    case RunBound::kSpend:
      return "run.max_spend";
    case RunBound::kRequests:
      return "run.max_requests";
    case RunBound::kWallTime:
      return "run.max_wall_time";
    case RunBound::kDepth:
      return "run.max_depth";
    case RunBound::kNone:
      break;
  }
  return "";
}

/// A run of a tenant, by a digest of both names.
using RunKey = ledger::BodyDigest;
RunKey RunKeyOf(TenantId tenant, std::string_view run);

/// True when the terms bound anything, so that runs have to be kept.
bool BoundsRuns(const RunTerms& terms);

class Runs {
 public:
  struct Run {
    Instant started;
    Instant clock;  // since when its wall time counts: its start, or its last approval
    Instant last;
    int64_t requests = 0;   // admitted
    int64_t open = 0;       // of them running
    int64_t approvals = 0;  // each allows the bounds once more
    uint32_t told = 0;      // the last threshold of its spend that was alerted
    ledger::Money spent;
    ledger::Money held;
    bool noted = false;  // among the changes
  };

  /// The bound that one more request would cross now; kSpend when nothing is left to spend.
  RunBound WouldCross(const RunTerms& terms, const RunKey& key, int64_t depth, Instant now) const;
  /// True when the run has gone on for as long as it may.
  bool OutOfTime(const RunTerms& terms, const RunKey& key, Instant now) const;
  /// What is left to spend, when the terms bound it.
  bool SpendLeft(const RunTerms& terms, const RunKey& key, Instant now, ledger::Money* left) const;

  void Admit(const RunKey& key, const ledger::Money& hold, Instant now);
  void Hold(const RunKey& key, const ledger::Money& more);
  void Settle(const RunKey& key, const ledger::Money& hold, const ledger::Money& charge, Instant now);
  /// Adds the thresholds of its spend that the run has reached and that were not told before.
  void Cross(const RunTerms& terms, const RunKey& key, std::vector<BudgetCrossing>* crossed);
  void NoteTold(const RunKey& key, uint32_t threshold);
  /// Allows the bounds once more; false when the run is not known.
  bool Approve(const RunKey& key, Instant now);

  const Run* Find(const RunKey& key, Instant now) const;
  size_t size() const { return runs_.size(); }

  /// Puts back a run that was kept, but for what is open in it, and then each of those.
  void Restore(const RunKey& key, const Run& run);
  void Resume(const RunKey& key, Instant given);
  /// Calls visit(key, run) for each run that changed since the last call; nullptr for one that was forgotten.
  template <class Visit>
  void TakeChanges(const Visit& visit) {
    for (const RunKey& key : changed_) {
      const auto found = runs_.find(key);
      if (found != runs_.end()) found->second.noted = false;
      visit(key, found == runs_.end() ? nullptr : &found->second);
    }
    changed_.clear();
  }
  size_t changed() const { return changed_.size(); }

 private:
  static bool IsForgotten(const Run& run, Instant now) { return run.open == 0 && run.last + kRunHorizon <= now; }
  Run& Touch(const RunKey& key, Instant now);
  void NoteChange(const RunKey& key, Run& run);
  DigestMap<Run> runs_;
  std::deque<RunKey> order_;  // each kept run once; two are inspected with every new one, in turn
  std::vector<RunKey> changed_;
};

}  // namespace penstock::core
