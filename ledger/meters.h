// The two meters, as projections of the journal.
//
//   first meter    tokens by kind, requests, work, charge per tenant/key/pool/class (and pinned tariff) in hour buckets
//   second meter   work per base window (1 minute) per tenant/pool/tier, and the highest second inside it
//                  and what elastic and reserved work of all tenants comes to per pool (coincident demand)
//
// After kKeepWindows, and once their periods are closed, both roll up: hour buckets into that of the first hour of their
// month (UTC), windows into a row a month that keeps their sum and the highest.
//
// Work spread over an interval lands in seconds by differences of a rounded-down running total, so that the parts
// always add up to the whole. The seconds inside a window are kept until the watermark (kWatermark behind the newest
// event) and then reduced to their maximum, which is informative; only windows are billed. What arrives later still
// adds to its window; its seconds are compared report by report.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/entry.h"
#include "ledger/money.h"

namespace penstock::ledger {

constexpr Duration kWatermark = Minutes(10);
/// Thirteen months. A tariff may look back on eleven before the one that is billed.
constexpr Duration kKeepWindows = Days(396);
constexpr Duration kLongestLookBack = Days(366);

struct BucketKey {
  TenantId tenant;
  KeyId key;
  PoolId pool;
  ServiceClass served = ServiceClass::kDefault;
  uint32_t tariff = 0;  // ids of the pinned tariff and posted price (0: none): what its tokens were charged at
  uint32_t posted = 0;
  Instant hour;
  friend auto operator<=>(const BucketKey&, const BucketKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const BucketKey& k) {
    return H::combine(std::move(h), k.tenant, k.key, k.pool, k.served, k.tariff, k.posted, k.hour.nanoseconds_since_epoch());
  }
};

struct Bucket {
  int64_t requests = 0;
  TokenCounts tokens;
  Work work;
  Money charge;                   // tokens x pinned prices, to the last pico-unit
  int64_t unbilled_requests = 0;  // settled too late to bill: counted apart from the billed ones, never charged
  TokenCounts unbilled_tokens;    // of those, and of billed requests what a hard budget could not pay
  Work unbilled_work;             // of those; what a hard budget could not pay is in `work`
  void Add(const SettleEntry& entry);
  Bucket& operator+=(const Bucket& other);
  Bucket& operator-=(const Bucket& other);
  friend bool operator==(const Bucket&, const Bucket&) = default;
};
/// The bucket that a settlement on these terms at that moment counts in.
BucketKey BucketKeyOf(const GrantTerms& terms, Instant at);
/// The terms that it was charged on.
GrantTerms TermsOf(const BucketKey& key);
/// No count of it is larger than the whole's.
bool IsPartOf(const Bucket& part, const Bucket& whole);

struct WindowKey {
  TenantId tenant;
  PoolId pool;
  Tier tier = Tier::kElastic;
  Instant start;
  friend auto operator<=>(const WindowKey&, const WindowKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const WindowKey& k) {
    return H::combine(std::move(h), k.tenant, k.pool, k.tier, k.start.nanoseconds_since_epoch());
  }
};

struct Window {
  Work work;
  Work highest_second;
  friend bool operator==(const Window&, const Window&) = default;
};

/// What is left of a month's windows, under the key of its first one.
struct Month {
  Work work;
  Instant highest;  // the window with the most work, the earliest of several
  Work highest_work;
  Work highest_second;  // of any
  friend bool operator==(const Month&, const Month&) = default;
};

struct PoolWindowKey {
  PoolId pool;
  Instant start;
  friend auto operator<=>(const PoolWindowKey&, const PoolWindowKey&) = default;
};

/// A cache that a copy starts without, because it points into the original; no part of the value.
template <class T>
struct Uncopied : T {
  Uncopied() = default;
  Uncopied(const Uncopied& /*points elsewhere*/) : T() {}
  Uncopied& operator=(const Uncopied& /*points elsewhere*/) {
    this->clear();
    return *this;
  }
  friend bool operator==(const Uncopied&, const Uncopied&) { return true; }
};

class Meters {
 public:
  /// Counts a settlement in its hour bucket (the hour of `entry.at`) and its attributions in their windows (unbilled
  /// usage too: the work was done).
  void Add(const SettleEntry& entry);
  /// Counts a progress report's attributions for the grant with these terms.
  void Add(const GrantTerms& terms, const Attributions& attributions, Instant at);

  /// Rolls up what the tenant has from before a whole day. Later work of such a day gets a window of its own again.
  void RollUp(TenantId tenant, Instant before);
  /// The day of the tenant's oldest window or bucket that was not rolled up; nothing when there is none.
  std::optional<Instant> OldestDay(TenantId tenant) const;
  const std::map<WindowKey, Month>& months() const { return months_; }

  /// Hints without effect: a settlement on these terms will be added soon. The second is of use once the first's lines
  /// have come.
  void Prefetch(const GrantTerms& terms, Instant at) const;
  void PrefetchRows(const GrantTerms& terms, Instant at) const;

  const std::map<BucketKey, Bucket>& buckets() const { return buckets_; }
  const std::map<WindowKey, Window>& windows() const { return windows_; }
  /// Elastic and reserved work of all tenants: the sums of windows().
  const std::map<PoolWindowKey, Work>& pool_windows() const { return pool_windows_; }

  /// The work of each second in a window.
  using Seconds60 = std::array<Work, 60>;
  /// Of the windows that the watermark has not passed, by their start.
  const std::map<Instant, std::map<WindowKey, Seconds60>>& open_seconds() const { return open_seconds_; }
  /// Of a changed window; nullptr once the watermark has passed it.
  const Seconds60* SecondsOf(const WindowKey& key) const;
  /// The latest time of an entry that metered something: where the watermark comes from.
  Instant newest() const { return newest_; }

  /// Rows changed since ForgetChanges, some perhaps twice.
  struct Changes {
    std::vector<std::pair<const BucketKey*, const Bucket*>> buckets;
    std::vector<std::pair<const WindowKey*, const Window*>> windows;
    std::vector<std::pair<const WindowKey*, const Month*>> months;
    std::vector<BucketKey> gone_buckets;
    std::vector<std::pair<WindowKey, WindowKey>> gone_windows;  // from the first to before the second
    uint32_t round = 1;  // counts the calls of ForgetChanges
    size_t size() const {
      return buckets.size() + 2 * windows.size() + months.size() + gone_buckets.size() + gone_windows.size();
    }
    void clear() { *this = Changes(); }
  };
  const Changes& changes() const { return changes_; }
  void ForgetChanges();

  /// For restoring, into empty meters and in the order of the keys.
  void Restore(const BucketKey& key, const Bucket& bucket) { buckets_.emplace_hint(buckets_.end(), key, bucket); }
  void Restore(const WindowKey& key, const Window& window) {
    windows_.emplace_hint(windows_.end(), key, window);
    if (key.tier != Tier::kFree) pool_windows_[{key.pool, key.start}] += window.work;
  }
  void Restore(const WindowKey& key, const Month& month) { months_.emplace_hint(months_.end(), key, month); }
  void Restore(const WindowKey& key, const Seconds60& seconds) { open_seconds_[key.start][key] = seconds; }
  void RestoreNewest(Instant newest) { newest_ = newest; }

  friend bool operator==(const Meters&, const Meters&) = default;

 private:
  struct OpenWindow {
    const WindowKey* key;
    Window* window;
    Seconds60* seconds;
    Work* of_pool;            // nullptr: free work, which no demand counts
    uint32_t changed_in = 0;  // the round in which it was noted among the changes
  };
  /// The key of a bucket among the current ones.
  static BucketKey KindOf(BucketKey key) {
    key.hour = Instant();
    key.posted = 0;
    return key;
  }
  Bucket& BucketOf(const BucketKey& key);
  OpenWindow WindowOf(const WindowKey& key);
  void Spread(const GrantTerms& terms, const Attribution& attribution);
  void PassWatermark(Instant at);
  void RollUpWindows(TenantId tenant, Instant before);
  void RollUpBuckets(TenantId tenant, Instant before);

  std::map<BucketKey, Bucket> buckets_;
  std::map<WindowKey, Window> windows_;
  std::map<PoolWindowKey, Work> pool_windows_;
  std::map<WindowKey, Month> months_;
  std::map<Instant, std::map<WindowKey, Seconds60>> open_seconds_;  // by window start, until the watermark
  Instant newest_;

  // Where the current rows are, so that an entry does not walk cold trees: the latest bucket used of each kind, whatever
  // its hour and posted price, and the windows of open_seconds_.
  struct CurrentBucket {
    Instant hour;
    uint32_t posted = 0;
    Bucket* bucket = nullptr;
    const BucketKey* key = nullptr;
    uint32_t changed_in = 0;
  };
  Uncopied<absl::flat_hash_map<BucketKey, CurrentBucket>> current_buckets_;  // by keys without hours and posted prices
  Uncopied<absl::flat_hash_map<WindowKey, OpenWindow>> open_windows_;
  Uncopied<Changes> changes_;
};

}  // namespace penstock::ledger
