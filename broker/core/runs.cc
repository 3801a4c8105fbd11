#include "broker/core/runs.h"

#include <algorithm>
#include <string>

#include "admission/vocabulary/check.h"

namespace penstock::core {

RunKey RunKeyOf(TenantId tenant, std::string_view run) {
  std::string text(reinterpret_cast<const char*>(&tenant.value), sizeof(tenant.value));
  text.append(run);
  return ledger::DigestOf(text);
}

bool BoundsRuns(const RunTerms& terms) {
  return !terms.max_spend.IsZero() || terms.max_requests > 0 || terms.max_wall_time > Duration::Zero() ||
         terms.max_depth > 0;
}

const Runs::Run* Runs::Find(const RunKey& key, Instant now) const {
  const auto found = runs_.find(key);
  return found == runs_.end() || IsForgotten(found->second, now) ? nullptr : &found->second;
}

RunBound Runs::WouldCross(const RunTerms& terms, const RunKey& key, int64_t depth, Instant now) const {
  const Run* run = Find(key, now);
  const int64_t times = run == nullptr ? 1 : 1 + run->approvals;
  if (terms.max_depth > 0 && depth > terms.max_depth * times) return RunBound::kDepth;
  if (run == nullptr) return RunBound::kNone;
  if (terms.max_requests > 0 && run->requests >= terms.max_requests * times) return RunBound::kRequests;
  if (OutOfTime(terms, key, now)) return RunBound::kWallTime;
  ledger::Money left;
  return SpendLeft(terms, key, now, &left) && left <= ledger::Money() ? RunBound::kSpend : RunBound::kNone;
}

bool Runs::OutOfTime(const RunTerms& terms, const RunKey& key, Instant now) const {
  const Run* run = Find(key, now);
  return run != nullptr && terms.max_wall_time > Duration::Zero() && now - run->clock >= terms.max_wall_time;
}

bool Runs::SpendLeft(const RunTerms& terms, const RunKey& key, Instant now, ledger::Money* left) const {
  if (terms.max_spend.IsZero() || terms.soft_spend) return false;
  const Run* run = Find(key, now);
  *left = run == nullptr ? terms.max_spend : terms.max_spend * (1 + run->approvals) - run->spent - run->held;
  return true;
}

Runs::Run& Runs::Touch(const RunKey& key, Instant now) {
  const auto [found, is_new] = runs_.try_emplace(key);
  if (is_new || IsForgotten(found->second, now)) {
    found->second = Run{.noted = found->second.noted};
    found->second.started = found->second.clock = now;
  }
  NoteChange(key, found->second);
  found->second.last = std::max(found->second.last, now);
  if (!is_new) return found->second;
  order_.push_back(key);
  for (int inspected = 0; inspected < 2; ++inspected) {
    const RunKey oldest = order_.front();
    order_.pop_front();
    const auto at = runs_.find(oldest);
    if (IsForgotten(at->second, now)) {
      NoteChange(oldest, at->second);
      runs_.erase(at);
    } else {
      order_.push_back(oldest);
    }
  }
  return runs_.at(key);
}

void Runs::NoteChange(const RunKey& key, Run& run) {
  if (run.noted) return;
  run.noted = true;
  changed_.push_back(key);
}

void Runs::Restore(const RunKey& key, const Run& run) {
  runs_[key] = run;
  order_.push_back(key);
}

void Runs::Resume(const RunKey& key, Instant given) {
  if (!runs_.contains(key)) {
    Restore(key, {.started = given, .clock = given, .last = given});
    NoteChange(key, runs_.at(key));
  }
  ++runs_.at(key).open;
}

void Runs::Admit(const RunKey& key, const ledger::Money& hold, Instant now) {
  Run& run = Touch(key, now);
  ++run.requests;
  ++run.open;
  run.held += hold;
}

void Runs::Hold(const RunKey& key, const ledger::Money& more) {
  const auto found = runs_.find(key);
  if (found != runs_.end()) found->second.held += more;
}

void Runs::Settle(const RunKey& key, const ledger::Money& hold, const ledger::Money& charge, Instant now) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;  // its tenant's runs were not bounded when it began
  Run& run = found->second;
  PENSTOCK_CHECK(run.open > 0);
  NoteChange(key, run);
  --run.open;
  run.held -= hold;
  run.spent += charge;
  run.last = std::max(run.last, now);
}

void Runs::Cross(const RunTerms& terms, const RunKey& key, std::vector<BudgetCrossing>* crossed) {
  const auto found = runs_.find(key);
  if (found == runs_.end() || terms.max_spend.IsZero()) return;
  Run& run = found->second;
  const ledger::Money amount = terms.max_spend * (1 + run.approvals);
  for (const uint32_t threshold : terms.alert_at) {
    if (threshold <= run.told) continue;
    if (run.spent * 100 < amount * threshold) return;
    NoteChange(key, run);
    run.told = threshold;
    crossed->push_back(
        {BudgetTerms::Period::kTotal, run.started.nanoseconds_since_epoch(), threshold, run.spent, amount});
  }
}

void Runs::NoteTold(const RunKey& key, uint32_t threshold) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  NoteChange(key, found->second);
  found->second.told = threshold;
}

bool Runs::Approve(const RunKey& key, Instant now) {
  if (Find(key, now) == nullptr) return false;
  Run& run = runs_.at(key);
  NoteChange(key, run);
  ++run.approvals;
  run.clock = now;
  return true;
}

}  // namespace penstock::core
