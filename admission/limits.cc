#include "admission/limits.h"

#include <algorithm>
#include <utility>

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

}  // namespace

LimitSet::LimitSet(std::vector<LimitTerms> terms, int64_t max_parallel) {
  SetTerms(std::move(terms), max_parallel, Instant());
}

void LimitSet::SetTerms(std::vector<LimitTerms> terms, int64_t max_parallel, Instant now) {
  std::vector<Limit> limits;
  limits.reserve(terms.size());
  for (LimitTerms& next : terms) {
    PENSTOCK_CHECK(next.rate.quantity > 0 && next.rate.period > Duration::Zero() && next.rate.burst > 0);
    const auto old = std::find_if(limits_.begin(), limits_.end(), [&](const Limit& limit) {
      return limit.terms.name == next.name && CountTheSame(limit.terms, next);
    });
    LeakyLevel level = old == limits_.end() ? LeakyLevel(next.rate) : old->level;
    level.SetTerms(next.rate, now);
    limits.push_back(Limit{.terms = std::move(next), .level = level});
  }
  limits_ = std::move(limits);
  max_parallel_ = max_parallel;
}

bool LimitSet::WouldRefuse(const Usage& usage, Instant now, LimitRefusal* refusal) {
  bool refused = false;
  if (max_parallel_ > 0 && parallel_ >= max_parallel_) {
    refused = true;
    *refusal = LimitRefusal{.limit = kParallelLimit, .retry_after = kParallelRetry, .asked = 1, .remaining = 0};
  }
  for (Limit& limit : limits_) {
    const int64_t asked = AmountOf(usage, limit.terms);
    const Duration wait = limit.level.WaitFor(asked, now);
    if (wait <= Duration::Zero() || (refused && wait <= refusal->retry_after)) continue;
    refused = true;
    *refusal = LimitRefusal{
        .limit = limit.terms.name, .retry_after = wait, .asked = asked, .remaining = limit.level.Remaining(now)};
  }
  return refused;
}

void LimitSet::Take(const Usage& usage, Instant now) {
  for (Limit& limit : limits_) limit.level.Take(AmountOf(usage, limit.terms), now);
  ++parallel_;
}

void LimitSet::TrueUp(const Usage& charged, const Usage& known, Instant now) {
  for (Limit& limit : limits_) {
    limit.level.Adjust(CheckedSub(AmountOf(known, limit.terms), AmountOf(charged, limit.terms)), now);
  }
}

void LimitSet::ReleaseParallel() {
  PENSTOCK_CHECK(parallel_ > 0);
  --parallel_;
}

void LimitSet::Replay(const Usage& usage, Instant at) {
  for (Limit& limit : limits_) {
    if (limit.terms.rate.period >= Hours(1)) limit.level.Take(AmountOf(usage, limit.terms), at);
  }
}

int64_t LimitSet::Remaining(const std::string& name, Instant now) {
  for (Limit& limit : limits_) {
    if (limit.terms.name == name) return limit.level.Remaining(now);
  }
  return -1;
}

}  // namespace penstock::admission
