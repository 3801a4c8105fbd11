// Usage by grouping: hour buckets folded into groups, a page of groups at a time, in bounded slices of work.
//
// A group is what the fields that are grouped by say; the others stay empty. Groups are in a fixed order, that of
// UsageGroup's fields, and a page goes on behind the last group of the one before. Rows may be added between slices;
// a bucket and its cuts are always taken at the same moment.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "ledger/books.h"
#include "ledger/calendar.h"

namespace penstock::ledger {

enum class UsageSpan : uint8_t { kWhole, kHour, kDay, kMonth };

/// A run or label that usage is grouped by or filtered by: there is only one of them in a query, for rows know their
/// run and each of their labels, but not which ones went together.
struct UsageCut {
  std::string label;                 // its key; empty: runs
  std::optional<std::string> value;  // only this one
};

struct UsageQuery {
  // What is looked at.
  std::optional<TenantId> tenant;  // nothing: all of them
  Instant from;                    // whole hours
  Instant to = Instant::Max();
  std::optional<ProjectId> project;
  std::optional<KeyId> key;
  std::optional<PoolId> pool;
  std::optional<ServiceClass> served;
  std::optional<UsageCut> cut;

  // What is told apart.
  UsageSpan by = UsageSpan::kWhole;
  Calendar calendar;  // days and months are its own; an hour belongs to the day in which it begins
  bool by_tenant = false;
  bool by_project = false;
  bool by_key = false;
  bool by_pool = false;
  bool by_class = false;
  bool by_cut = false;
};

struct UsageGroup {
  TenantId tenant;
  Instant start;      // of the hour, day or month
  ProjectId project;  // 0 also for keys that have none
  KeyId key;
  PoolId pool;
  ServiceClass served = ServiceClass::kFree;
  std::optional<std::string> cut;  // nothing: what has no run, or no such label
  std::string currency;            // always told apart
  friend auto operator<=>(const UsageGroup&, const UsageGroup&) = default;
};

class UsageFold {
 public:
  /// The first `limit` groups (at least one) behind `after`.
  UsageFold(UsageQuery query, std::optional<UsageGroup> after, size_t limit);

  /// Looks at so many rows, or as many more as one bucket has cuts; true when all has been seen.
  bool Step(const Books& books, size_t rows);

  /// Once all has been seen.
  const std::map<UsageGroup, Bucket>& groups() const { return groups_; }
  /// Whether there are groups behind these.
  bool more() const { return more_; }

 private:
  bool IsWanted(const Books& books, const BucketKey& key) const;
  UsageGroup GroupOf(const Books& books, const BucketKey& key);
  Instant StartOf(Instant hour);
  size_t Take(const Books& books, const BucketKey& key, const Bucket& bucket);
  void Add(const UsageGroup& group, const Bucket& bucket);
  bool IsFull(const BucketKey& next) const;

  UsageQuery query_;
  std::optional<UsageGroup> after_;
  size_t limit_;
  BucketKey next_;  // where the next slice begins
  std::map<UsageGroup, Bucket> groups_;
  bool more_ = false;
  std::optional<int64_t> period_;  // the day or month of the last hour seen, and when that began
  Instant period_start_;
};

}  // namespace penstock::ledger
