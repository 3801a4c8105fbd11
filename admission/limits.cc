#include "admission/limits.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/start_to_load.h"

namespace penstock::admission {

int64_t AmountOf(const Usage& usage, Measure measure, TokenKind kind) {
  switch (measure) {
    case Measure::kRequests:
      return usage.requests;
    case Measure::kTokens:
      return Total(usage.tokens).count();
    case Measure::kTokenKind:
      return usage.tokens[kind].count();
    case Measure::kWork:
      return usage.work.count();
  }
  PENSTOCK_CHECK(false);
}

namespace {

int64_t AmountOf(const Usage& usage, const LimitTerms& terms) {
  return admission::AmountOf(usage, terms.measure, terms.kind);
}

bool CountTheSame(const LimitTerms& a, const LimitTerms& b) {
  return a.measure == b.measure && (a.measure != Measure::kTokenKind || a.kind == b.kind);
}

void CheckPolicy(const LimitPolicy& policy) {
  for (const LimitTerms& terms : policy.limits) {
    PENSTOCK_CHECK(terms.rate.quantity > 0 && terms.rate.period > Duration::Zero() && terms.rate.burst > 0);
  }
}

}  // namespace

LimitSet::LimitSet() {
  static const std::shared_ptr<const LimitPolicy> kUnlimited = std::make_shared<const LimitPolicy>();
  policy_ = kUnlimited;
}

LimitSet::LimitSet(std::shared_ptr<const LimitPolicy> policy) : policy_(std::move(policy)) { CheckPolicy(*policy_); }

void LimitSet::SetPolicy(std::shared_ptr<const LimitPolicy> policy, Instant now) {
  CheckPolicy(*policy);
  const std::shared_ptr<const LimitPolicy> before = std::exchange(policy_, std::move(policy));
  if (levels_.empty()) return;
  const std::vector<LeakyLevel> used = std::exchange(levels_, {});
  UseLevels(now);
  for (size_t i = 0; i < levels_.size(); ++i) {
    const LimitTerms& terms = policy_->limits[i];
    for (size_t old = 0; old < used.size(); ++old) {
      if (before->limits[old].name != terms.name || !CountTheSame(before->limits[old], terms)) continue;
      levels_[i] = used[old];
      levels_[i].SetTerms(terms.rate, now);
    }
  }
}

void LimitSet::UseLevels(Instant now) {
  if (!levels_.empty()) return;
  levels_.reserve(policy_->limits.size());
  for (const LimitTerms& terms : policy_->limits) levels_.emplace_back(terms.rate).SetTerms(terms.rate, now);
}

bool LimitSet::WouldRefuse(const Usage& usage, Instant now, LimitRefusal* refusal) {
  bool refused = false;
  if (policy_->max_parallel > 0 && parallel_ >= policy_->max_parallel) {
    refused = true;
    *refusal = LimitRefusal{.limit = kParallelLimit, .retry_after = kParallelRetry, .asked = 1, .remaining = 0};
  }
  for (size_t i = 0; i < levels_.size(); ++i) {  // what was never used refuses nothing
    const LimitTerms& terms = policy_->limits[i];
    const int64_t asked = AmountOf(usage, terms);
    const Duration wait = levels_[i].WaitFor(asked, now);
    if (wait <= Duration::Zero() || (refused && wait <= refusal->retry_after)) continue;
    refused = true;
    *refusal =
        LimitRefusal{.limit = terms.name, .retry_after = wait, .asked = asked, .remaining = levels_[i].Remaining(now)};
  }
  return refused;
}

void LimitSet::Take(const Usage& usage, Instant now) {
  UseLevels(now);
  for (size_t i = 0; i < levels_.size(); ++i) levels_[i].Take(AmountOf(usage, policy_->limits[i]), now);
  ++parallel_;
}

void LimitSet::TrueUp(const Usage& charged, const Usage& known, Instant now) {
  for (size_t i = 0; i < levels_.size(); ++i) {
    const LimitTerms& terms = policy_->limits[i];
    levels_[i].Adjust(CheckedSub(AmountOf(known, terms), AmountOf(charged, terms)), now);
  }
}

void LimitSet::ReleaseParallel() {
  PENSTOCK_CHECK(parallel_ > 0);
  --parallel_;
}

void LimitSet::Replay(const Usage& usage, Instant at) {
  UseLevels(at);
  for (size_t i = 0; i < levels_.size(); ++i) {
    const LimitTerms& terms = policy_->limits[i];
    if (OutlivesRestart(terms)) levels_[i].Adjust(AmountOf(usage, terms), at);
  }
}

void LimitSet::RestoreLevel(const LimitTerms& kept, const LeakyLevel& level) {
  UseLevels(level.at());
  for (size_t i = 0; i < levels_.size(); ++i) {
    const LimitTerms& terms = policy_->limits[i];
    if (terms.name != kept.name || !CountTheSame(terms, kept) || !OutlivesRestart(terms)) continue;
    levels_[i] = level;
    levels_[i].SetTerms(terms.rate, level.at());
  }
}

void LimitSet::Resume(const Usage& usage, Instant now) {
  UseLevels(now);
  for (size_t i = 0; i < levels_.size(); ++i) {
    const LimitTerms& terms = policy_->limits[i];
    if (!OutlivesRestart(terms)) levels_[i].Take(AmountOf(usage, terms), now);
  }
  ++parallel_;
}

void LimitSet::Prefetch() const {
  for (const LeakyLevel& level : levels_) StartToLoadAll(&level);
}

int64_t LimitSet::Remaining(std::string_view name, Instant now) {
  for (size_t i = 0; i < policy_->limits.size(); ++i) {
    const LimitTerms& terms = policy_->limits[i];
    if (terms.name == name) return levels_.empty() ? terms.rate.burst : levels_[i].Remaining(now);
  }
  return -1;
}

}  // namespace penstock::admission
