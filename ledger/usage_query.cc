#include "ledger/usage_query.h"

#include <iterator>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

template <class T>
bool Fits(const std::optional<T>& wanted, const T& found) {
  return !wanted || *wanted == found;
}

}  // namespace

UsageFold::UsageFold(UsageQuery query, std::optional<UsageGroup> after, size_t limit)
    : query_(std::move(query)), after_(std::move(after)), limit_(limit) {
  PENSTOCK_CHECK(limit_ > 0);
  PENSTOCK_CHECK(!query_.by_cut || query_.cut);
  if (query_.tenant) next_.tenant = *query_.tenant;
  // Groups by tenant come in the order of the rows.
  if (query_.by_tenant && after_) next_.tenant = std::max(next_.tenant, after_->tenant);
}

bool UsageFold::Step(const Books& books, size_t rows) {
  const std::map<BucketKey, Bucket>& buckets = books.meters().buckets();
  auto at = buckets.lower_bound(next_);
  size_t seen = 0;
  while (at != buckets.end() && Fits(query_.tenant, at->first.tenant) && !IsFull(at->first)) {
    const auto& [key, bucket] = *at;
    if (seen >= rows) {
      next_ = key;
      return false;
    }
    ++seen;
    BucketKey jump = key;
    if (key.hour >= query_.to || !IsWanted(books, key)) {
      jump.hour = Instant::Max();
      at = buckets.upper_bound(jump);
    } else if (key.hour < query_.from) {
      jump.hour = query_.from;
      at = buckets.lower_bound(jump);
    } else {
      seen += Take(books, key, bucket);
      ++at;
    }
  }
  more_ = groups_.size() > limit_;
  if (more_) groups_.erase(std::prev(groups_.end()));
  return true;
}

bool UsageFold::IsWanted(const Books& books, const BucketKey& key) const {
  return Fits(query_.key, key.key) && Fits(query_.pool, key.pool) && Fits(query_.served, key.served) &&
         (!query_.project || *query_.project == books.ProjectOf(key.key));
}

/// No row from this one on can add to a group that is kept.
bool UsageFold::IsFull(const BucketKey& next) const {
  return query_.by_tenant && groups_.size() > limit_ && groups_.rbegin()->first.tenant < next.tenant;
}

UsageGroup UsageFold::GroupOf(const Books& books, const BucketKey& key) {
  UsageGroup group;
  group.start = StartOf(key.hour);
  if (query_.by_tenant) group.tenant = key.tenant;
  if (query_.by_project) group.project = books.ProjectOf(key.key);
  if (query_.by_key) group.key = key.key;
  if (query_.by_pool) group.pool = key.pool;
  if (query_.by_class) group.served = key.served;
  group.currency = books.tariffs()[key.tariff - 1].tariff.currency;
  return group;
}

Instant UsageFold::StartOf(Instant hour) {
  if (query_.by == UsageSpan::kWhole) return Instant();
  if (query_.by == UsageSpan::kHour) return hour;
  const LocalHour local = query_.calendar.HourAt(hour);
  const int64_t period = query_.by == UsageSpan::kDay ? local.day : local.month;
  if (period_ == period) return period_start_;
  period_ = period;
  if (query_.by == UsageSpan::kMonth) return period_start_ = query_.calendar.MonthStart(period);
  for (LocalHour earlier = local; earlier.day == local.day;) {
    period_start_ = earlier.from;
    earlier = query_.calendar.HourAt(earlier.from - Nanoseconds(1));
  }
  return period_start_;
}

/// Returns how many cuts it looked at.
size_t UsageFold::Take(const Books& books, const BucketKey& key, const Bucket& bucket) {
  UsageGroup group = GroupOf(books, key);
  if (!query_.cut) {
    Add(group, bucket);
    return 0;
  }
  Bucket rest = bucket;
  size_t seen = 0;
  const auto& cuts = books.cuts().rows();
  for (auto at = cuts.lower_bound({key, 0}); at != cuts.end() && at->first.bucket == key; ++at, ++seen) {
    const CutName& name = books.cuts().NameOf(at->first.name);
    if (name.label != query_.cut->label) continue;
    rest -= at->second;
    if (!Fits(query_.cut->value, name.value)) continue;
    if (query_.by_cut) group.cut = name.value;
    Add(group, at->second);
  }
  group.cut.reset();
  if (!query_.cut->value && rest != Bucket()) Add(group, rest);
  return seen;
}

// Only the first groups are kept: one that had to go has enough others before it, and never comes back.
void UsageFold::Add(const UsageGroup& group, const Bucket& bucket) {
  if (after_ && group <= *after_) return;
  if (groups_.size() > limit_ && std::prev(groups_.end())->first < group) return;
  groups_[group] += bucket;
  if (groups_.size() > limit_ + 1) groups_.erase(std::prev(groups_.end()));
}

}  // namespace penstock::ledger
