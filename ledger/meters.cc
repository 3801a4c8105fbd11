#include "ledger/meters.h"

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/start_to_load.h"
#include "ledger/calendar.h"
#include "ledger/tariff.h"

namespace penstock::ledger {
namespace {

constexpr Duration kSecond = Seconds(1);
static_assert(kBaseWindow == kSecond * 60, "Seconds60 holds one base window");

/// The part of an attribution done before `t`, rounded down, so that the parts between moments add up to the whole.
Work DoneBeforeRoundDown(const Attribution& a, Instant t) {
  if (t <= a.from) return Work();
  if (t >= a.to) return a.work;
  const Int128 part = Int128{a.work.count()} * (t - a.from).count();
  return Work(CheckedNarrow(DivideRoundDown<Int128>(part, (a.to - a.from).count())));
}

/// The first moment of its month, UTC.
Instant MonthOf(Instant t) {
  static const Calendar kUtc;
  return kUtc.MonthStart(kUtc.MonthAt(t));
}

bool IsOfKind(const WindowKey& a, const WindowKey& b) {
  return a.tenant == b.tenant && a.pool == b.pool && a.tier == b.tier;
}

bool IsOfKind(BucketKey a, const BucketKey& b) {
  a.hour = b.hour;
  return a == b;
}

}  // namespace

Bucket& operator+=(Bucket& sum, const Bucket& more) {
  sum.requests += more.requests;
  sum.tokens = sum.tokens + more.tokens;
  sum.work += more.work;
  sum.charge += more.charge;
  sum.unbilled_requests += more.unbilled_requests;
  sum.unbilled_tokens = sum.unbilled_tokens + more.unbilled_tokens;
  sum.unbilled_work += more.unbilled_work;
  return sum;
}

void Meters::Add(const SettleEntry& entry) {
  const GrantTerms& terms = entry.terms;
  const Instant hour = WindowStart(entry.at, Hours(1));
  Bucket& bucket = BucketOf({terms.tenant, terms.key, terms.pool, terms.served, terms.tariff, hour});
  (entry.billed ? bucket.requests : bucket.unbilled_requests) += 1;
  TokenCounts& tokens = entry.billed ? bucket.tokens : bucket.unbilled_tokens;
  tokens = tokens + entry.tokens;
  bucket.unbilled_tokens = bucket.unbilled_tokens + entry.unbilled;
  (entry.billed ? bucket.work : bucket.unbilled_work) += entry.work;
  bucket.charge += entry.charge;
  Add(terms, entry.attributions, entry.at);
}

void Meters::Add(const GrantTerms& terms, const Attributions& attributions, Instant at) {
  for (const Attribution& attribution : attributions) Spread(terms, attribution);
  PassWatermark(at);
}

Bucket& Meters::BucketOf(const BucketKey& key) {
  BucketKey kind = key;
  kind.hour = Instant();
  CurrentBucket& current = current_buckets_[kind];
  if (current.bucket == nullptr || current.hour != key.hour) {
    const auto row = buckets_.try_emplace(key).first;
    current = {key.hour, &row->second, &row->first};
  }
  if (current.changed_in != changes_.round) {
    current.changed_in = changes_.round;
    changes_.buckets.emplace_back(current.key, current.bucket);
  }
  return *current.bucket;
}

void Meters::Prefetch(const GrantTerms& terms, Instant at) const {
  current_buckets_.prefetch(BucketKey{terms.tenant, terms.key, terms.pool, terms.served, terms.tariff, Instant()});
  open_windows_.prefetch(WindowKey{terms.tenant, terms.pool, TierOf(terms.served), WindowStart(at, kBaseWindow)});
}

void Meters::PrefetchRows(const GrantTerms& terms, Instant at) const {
  const auto bucket =
      current_buckets_.find(BucketKey{terms.tenant, terms.key, terms.pool, terms.served, terms.tariff, Instant()});
  if (bucket != current_buckets_.end()) StartToLoadAll(bucket->second.bucket);
  const Instant start = WindowStart(at, kBaseWindow);
  const auto window = open_windows_.find(WindowKey{terms.tenant, terms.pool, TierOf(terms.served), start});
  if (window == open_windows_.end()) return;
  StartToLoadAll(window->second.window);
  StartToLoad(&(*window->second.seconds)[static_cast<size_t>((at - start).count() / kSecond.count())]);
}

Meters::OpenWindow Meters::WindowOf(const WindowKey& key) {
  const auto [found, is_new] = open_windows_.try_emplace(key);
  OpenWindow& open = found->second;
  if (is_new) {
    const auto row = windows_.try_emplace(key).first;
    Work* of_pool = key.tier == Tier::kFree ? nullptr : &pool_windows_[{key.pool, key.start}];
    open = {&row->first, &row->second, &open_seconds_[key.start][key], of_pool};
  }
  if (open.changed_in != changes_.round) {
    open.changed_in = changes_.round;
    changes_.windows.emplace_back(open.key, open.window);
  }
  return open;
}

const Meters::Seconds60* Meters::SecondsOf(const WindowKey& key) const {
  const auto found = open_windows_.find(key);
  return found == open_windows_.end() ? nullptr : found->second.seconds;
}

void Meters::ForgetChanges() {
  changes_.buckets.clear();
  changes_.windows.clear();
  changes_.months.clear();
  changes_.gone_buckets.clear();
  changes_.gone_windows.clear();
  ++changes_.round;
}

void Meters::Spread(const GrantTerms& terms, const Attribution& a) {
  PENSTOCK_CHECK(a.work >= Work() && a.from <= a.to);
  // A moment is a span of the one nanosecond that begins there.
  const Attribution span = {a.from, std::max(a.to, a.from + Nanoseconds(1)), a.work};
  Work done;
  for (Instant start = WindowStart(span.from, kBaseWindow); start < span.to; start = start + kBaseWindow) {
    const Work in_window = DoneBeforeRoundDown(span, start + kBaseWindow) - done;
    if (in_window == Work()) continue;
    const auto [key, window, seconds, of_pool, changed_in] =
        WindowOf({terms.tenant, terms.pool, TierOf(terms.served), start});
    window->work += in_window;
    if (of_pool != nullptr) *of_pool += in_window;
    const int64_t first = span.from <= start ? 0 : (span.from - start).count() / kSecond.count();
    Instant end = start + kSecond * first;
    for (size_t i = static_cast<size_t>(first); i < seconds->size() && end < span.to; ++i) {
      end = end + kSecond;
      const Work before = done;
      done = DoneBeforeRoundDown(span, end);
      Work& second = (*seconds)[i];
      second += done - before;
      window->highest_second = std::max(window->highest_second, second);
    }
  }
}

void Meters::RollUp(TenantId tenant, Instant before) {
  PENSTOCK_CHECK(before == WindowStart(before, Days(1)));
  RollUpWindows(tenant, before);
  RollUpBuckets(tenant, before);
}

void Meters::RollUpWindows(TenantId tenant, Instant before) {
  std::erase_if(changes_.windows, [&](const auto& change) {
    return change.first->tenant == tenant && change.first->start < before;
  });
  auto row = windows_.lower_bound(WindowKey{.tenant = tenant});
  while (row != windows_.end() && row->first.tenant == tenant) {
    const WindowKey first = row->first;
    for (; row != windows_.end() && IsOfKind(row->first, first) && row->first.start < before; row = windows_.erase(row)) {
      const auto& [key, window] = *row;
      PENSTOCK_CHECK(!open_windows_.contains(key));
      if (key.tier != Tier::kFree) {
        const auto of_pool = pool_windows_.find({key.pool, key.start});
        of_pool->second -= window.work;
        if (of_pool->second == Work()) pool_windows_.erase(of_pool);
      }
      WindowKey of_month = key;
      of_month.start = MonthOf(key.start);
      const auto [month, is_new] = months_.try_emplace(of_month);
      month->second.work += window.work;
      month->second.highest_second = std::max(month->second.highest_second, window.highest_second);
      if (is_new || window.work > month->second.highest_work) {
        month->second.highest = key.start;
        month->second.highest_work = window.work;
      }
      const bool noted = !changes_.months.empty() && changes_.months.back().second == &month->second;
      if (!noted) changes_.months.emplace_back(&month->first, &month->second);
    }
    WindowKey end = first;
    end.start = before;
    if (first.start < before) changes_.gone_windows.emplace_back(first, end);
    end.start = Instant::Max();  // on to the next pool or tier
    row = windows_.upper_bound(end);
  }
}

void Meters::RollUpBuckets(TenantId tenant, Instant before) {
  std::erase_if(changes_.buckets, [&](const auto& change) {
    return change.first->tenant == tenant && change.first->hour < before && change.first->hour != MonthOf(change.first->hour);
  });
  auto row = buckets_.lower_bound(BucketKey{.tenant = tenant});
  while (row != buckets_.end() && row->first.tenant == tenant) {
    const BucketKey first = row->first;
    while (row != buckets_.end() && IsOfKind(row->first, first) && row->first.hour < before) {
      const auto [key, bucket] = *row;
      BucketKey of_month = key;
      of_month.hour = MonthOf(key.hour);
      if (key.hour == of_month.hour) {
        ++row;
        continue;
      }
      BucketKey of_kind = key;
      of_kind.hour = Instant();
      const auto current = current_buckets_.find(of_kind);
      if (current != current_buckets_.end() && current->second.bucket == &row->second) current_buckets_.erase(current);
      BucketKey after = key;
      after.hour = key.hour + Hours(1);
      const bool follows = !changes_.gone_buckets.empty() && changes_.gone_buckets.back().second == key;
      if (follows) {
        changes_.gone_buckets.back().second = after;
      } else {
        changes_.gone_buckets.emplace_back(key, after);
      }
      row = buckets_.erase(row);
      const auto month = buckets_.try_emplace(of_month).first;
      month->second += bucket;
      const bool noted = !changes_.buckets.empty() && changes_.buckets.back().second == &month->second;
      if (!noted) changes_.buckets.emplace_back(&month->first, &month->second);
    }
    BucketKey end = first;
    end.hour = Instant::Max();  // on to the next kind
    row = buckets_.upper_bound(end);
  }
}

std::optional<Instant> Meters::OldestDay(TenantId tenant) const {
  std::optional<Instant> oldest;
  const auto see = [&](Instant t) { oldest = std::min(oldest.value_or(Instant::Max()), WindowStart(t, Days(1))); };
  for (auto row = windows_.lower_bound(WindowKey{.tenant = tenant}); row != windows_.end() && row->first.tenant == tenant;) {
    see(row->first.start);
    WindowKey end = row->first;
    end.start = Instant::Max();
    row = windows_.upper_bound(end);
  }
  for (auto row = buckets_.lower_bound(BucketKey{.tenant = tenant}); row != buckets_.end() && row->first.tenant == tenant;) {
    see(row->first.hour);
    BucketKey end = row->first;
    end.hour = Instant::Max();
    row = buckets_.upper_bound(end);
  }
  return oldest;
}

void Meters::PassWatermark(Instant at) {
  newest_ = std::max(newest_, at);
  while (!open_seconds_.empty() && open_seconds_.begin()->first + kBaseWindow <= newest_ - kWatermark) {
    for (const auto& [key, seconds] : open_seconds_.begin()->second) open_windows_.erase(key);
    open_seconds_.erase(open_seconds_.begin());
  }
}

}  // namespace penstock::ledger
