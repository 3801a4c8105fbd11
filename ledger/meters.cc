#include "ledger/meters.h"

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/start_to_load.h"
#include "ledger/calendar.h"
#include "ledger/roll_up.h"
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

bool IsOfKind(const WindowKey& a, const WindowKey& b) {
  return a.tenant == b.tenant && a.pool == b.pool && a.tier == b.tier;
}

}  // namespace

Instant MonthStartOf(Instant t) {
  static const Calendar kUtc;
  return kUtc.MonthStart(kUtc.MonthAt(t));
}

void Bucket::Add(const SettleEntry& entry) {
  (entry.billed ? requests : unbilled_requests) += 1;
  TokenCounts& counted = entry.billed ? tokens : unbilled_tokens;
  counted = counted + entry.tokens;
  unbilled_tokens = unbilled_tokens + entry.unbilled;
  (entry.billed ? work : unbilled_work) += entry.work;
  charge += entry.charge;
}

Bucket& Bucket::operator+=(const Bucket& other) {
  requests += other.requests;
  tokens = tokens + other.tokens;
  work += other.work;
  charge += other.charge;
  unbilled_requests += other.unbilled_requests;
  unbilled_tokens = unbilled_tokens + other.unbilled_tokens;
  unbilled_work += other.unbilled_work;
  return *this;
}

Bucket& Bucket::operator-=(const Bucket& other) {
  requests -= other.requests;
  tokens = tokens - other.tokens;
  work -= other.work;
  charge -= other.charge;
  unbilled_requests -= other.unbilled_requests;
  unbilled_tokens = unbilled_tokens - other.unbilled_tokens;
  unbilled_work -= other.unbilled_work;
  return *this;
}

BucketKey BucketKeyOf(const GrantTerms& terms, Instant at) {
  return {terms.tenant, terms.key, terms.pool, terms.served, terms.tariff, terms.posted, WindowStart(at, Hours(1))};
}

GrantTerms TermsOf(const BucketKey& key) { return {key.tenant, key.key, key.pool, key.served, key.tariff, key.posted}; }

bool IsPartOf(const Bucket& part, const Bucket& whole) {
  for (TokenKind kind : kAllTokenKinds) {
    if (part.tokens[kind] > whole.tokens[kind] || part.unbilled_tokens[kind] > whole.unbilled_tokens[kind])
      return false;
  }
  return part.requests <= whole.requests && part.work <= whole.work && part.charge <= whole.charge &&
         part.unbilled_requests <= whole.unbilled_requests && part.unbilled_work <= whole.unbilled_work;
}

void Meters::Add(const SettleEntry& entry) {
  BucketOf(BucketKeyOf(entry.terms, entry.at)).Add(entry);
  Add(entry.terms, entry.attributions, entry.at);
}

void Meters::Add(const GrantTerms& terms, const Attributions& attributions, Instant at) {
  for (const Attribution& attribution : attributions) Spread(terms, attribution);
  PassWatermark(at);
}

Bucket& Meters::BucketOf(const BucketKey& key) {
  CurrentBucket& current = current_buckets_[KindOf(key)];
  if (current.bucket == nullptr || current.hour != key.hour || current.posted != key.posted) {
    const auto row = buckets_.try_emplace(key).first;
    current = {key.hour, key.posted, &row->second, &row->first};
  }
  if (current.changed_in != changes_.round) {
    current.changed_in = changes_.round;
    changes_.buckets.emplace_back(current.key, current.bucket);
  }
  return *current.bucket;
}

void Meters::Prefetch(const GrantTerms& terms, Instant at) const {
  current_buckets_.prefetch(KindOf(BucketKeyOf(terms, at)));
  open_windows_.prefetch(WindowKey{terms.tenant, terms.pool, TierOf(terms.served), WindowStart(at, kBaseWindow)});
}

void Meters::PrefetchRows(const GrantTerms& terms, Instant at) const {
  const auto bucket =
      current_buckets_.find(KindOf(BucketKeyOf(terms, at)));
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
      of_month.start = MonthStartOf(key.start);
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
    return change.first->tenant == tenant && change.first->hour < before &&
           change.first->hour != MonthStartOf(change.first->hour);
  });
  RollUpHours(tenant, before, &buckets_, [this](const BucketKey& key, const Bucket& bucket, const auto& kept) {
    const auto current = current_buckets_.find(KindOf(key));
    if (current != current_buckets_.end() && current->second.bucket == &bucket) current_buckets_.erase(current);
    changes_.gone_buckets.push_back(key);
    const bool noted = !changes_.buckets.empty() && changes_.buckets.back().second == &kept.second;
    if (!noted) changes_.buckets.emplace_back(&kept.first, &kept.second);
  });
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
