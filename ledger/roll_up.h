// Rolling up rows by the hour: what a tenant has from before a day moves into the row of the first hour of its month.
#pragma once

#include <map>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/meters.h"

namespace penstock::ledger {

/// The first moment of its month, UTC.
Instant MonthStartOf(Instant t);

inline const BucketKey& BucketPart(const BucketKey& key) { return key; }
inline BucketKey& BucketPart(BucketKey& key) { return key; }

/// Calls `moved(key, bucket, row)` with each row that is about to go, and the one of its month that has it now. The
/// keys must be ordered by their BucketPart first.
template <class Key, class Moved>
void RollUpHours(TenantId tenant, Instant before, std::map<Key, Bucket>* rows, const Moved& moved) {
  Key next{};
  BucketPart(next).tenant = tenant;
  auto row = rows->lower_bound(next);
  while (row != rows->end() && BucketPart(row->first).tenant == tenant) {
    BucketKey kind = BucketPart(row->first);
    const auto is_old = [&kind, before](const Key& key) {
      kind.hour = BucketPart(key).hour;
      return kind == BucketPart(key) && kind.hour < before;
    };
    while (row != rows->end() && is_old(row->first)) {
      const Instant month = MonthStartOf(kind.hour);
      if (kind.hour == month) {
        ++row;
        continue;
      }
      Key of_month = row->first;
      BucketPart(of_month).hour = month;
      const auto kept = rows->try_emplace(of_month).first;
      kept->second += row->second;
      moved(row->first, row->second, *kept);
      row = rows->erase(row);
    }
    kind.hour = Instant::Max();  // on to the next kind
    next = Key{};
    BucketPart(next) = kind;
    row = rows->lower_bound(next);
  }
}

}  // namespace penstock::ledger
