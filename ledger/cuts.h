// The first meter by run and by label: cuts of its hour buckets.
//
// A settlement counts in one bucket; here it counts once more for its run and once for each of its labels, in a row
// per bucket and name. So the rows of one label key (or of all runs) never add up to more than their bucket; what is
// missing had no such label. Run and labels are those of the open grant: usage that is settled late or whose grant was
// lost in a power cut has none. What has neither costs nothing here.
//
// Names are kept once per tenant, under dense ids. How many of them may count in a (UTC) month is bounded; beyond it
// they count together under the name "(other)".
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "ledger/hash_index.h"
#include "ledger/meters.h"

namespace penstock::ledger {

// Of one tenant.
constexpr size_t kMaxRunsPerMonth = 10'000;
constexpr size_t kMaxLabelValuesPerMonth = 1'000;  // of all its label keys together
constexpr size_t kMaxLabelKeys = 32;               // ever
constexpr std::string_view kOther = "(other)";

/// A run, or a value of a label.
struct CutName {
  TenantId tenant;
  std::string label;  // its key; empty: it is a run
  std::string value;
  friend bool operator==(const CutName&, const CutName&) = default;
};

struct CutKey {
  BucketKey bucket;
  uint32_t name = 0;  // id of a CutName of the bucket's tenant
  friend auto operator<=>(const CutKey&, const CutKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const CutKey& k) {
    return H::combine(std::move(h), k.bucket, k.name);
  }
};

inline const BucketKey& BucketPart(const CutKey& key) { return key.bucket; }
inline BucketKey& BucketPart(CutKey& key) { return key.bucket; }

class Cuts {
 public:
  /// Counts a settlement for the run (empty: none) and labels of its grant. Of labels with the same key only the first
  /// counts.
  void Add(const SettleEntry& entry, std::string_view run, const std::vector<Label>& labels);

  /// Likewise the names that something counts under which happened then: of the run, then of the labels.
  using Names = absl::InlinedVector<uint32_t, kMaxLabels + 1>;
  Names NamesFor(TenantId tenant, Instant at, std::string_view run, const std::vector<Label>& labels);

  /// Rolls up what the tenant has from before a whole day, as its buckets are (ledger/roll_up.h).
  void RollUp(TenantId tenant, Instant before);

  /// The rows of a bucket lie together.
  const std::map<CutKey, Bucket>& rows() const { return rows_; }
  /// Ids are 1, 2, 3...
  size_t name_count() const { return names_.size(); }
  const CutName& NameOf(uint32_t id) const { return names_.at(id - 1); }
  std::optional<uint32_t> IdOf(TenantId tenant, std::string_view label, std::string_view value) const;

  /// Rows changed since ForgetChanges, some perhaps twice; names with ids above names_noted() are new.
  struct Changes {
    std::vector<std::pair<const CutKey*, const Bucket*>> rows;
    std::vector<CutKey> gone;
    uint32_t round = 1;  // counts the calls of ForgetChanges
    void clear() { *this = Changes(); }
  };
  const Changes& changes() const { return changes_; }
  size_t names_noted() const { return names_noted_; }
  size_t changed() const { return changes_.rows.size() + changes_.gone.size() + names_.size() - names_noted_; }
  void ForgetChanges();

  /// For restoring, into empty cuts: names by rising ids, then rows in the order of their keys. False when it does not
  /// fit.
  bool Restore(CutName name);
  bool Restore(const CutKey& key, const Bucket& bucket);
  /// Something counted under the name of this tenant then.
  bool RestoreSeen(TenantId tenant, uint32_t name, Instant at);

  friend bool operator==(const Cuts& a, const Cuts& b) { return a.names_ == b.names_ && a.rows_ == b.rows_; }

 private:
  struct Current {
    Bucket* row = nullptr;
    const CutKey* key = nullptr;
    uint32_t changed_in = 0;  // the round in which it was noted among the changes
  };
  /// What counts against a bound: the runs of a tenant in a month, or its label values.
  struct Bounded {
    TenantId tenant;
    int64_t month = 0;
    bool runs = false;
    friend bool operator==(const Bounded&, const Bounded&) = default;
    template <class H>
    friend H AbslHashValue(H h, const Bounded& b) {
      return H::combine(std::move(h), b.tenant, b.month, b.runs);
    }
  };

  void Count(const SettleEntry& entry, const BucketKey& bucket, uint32_t name);
  void BeginHour(Instant hour);
  Names NamesIn(TenantId tenant, int64_t month, std::string_view run, const std::vector<Label>& labels);
  uint32_t NameFor(TenantId tenant, int64_t month, std::string_view label, std::string_view value);
  uint32_t OtherOf(TenantId tenant, std::string_view label);
  uint32_t Intern(TenantId tenant, std::string_view label, std::string_view value);
  bool MayCount(const Bounded& bounded) const;
  void NoteSeen(uint32_t name, const Bounded& bounded);

  std::vector<CutName> names_;  // id n at index n - 1
  std::map<CutKey, Bucket> rows_;

  // What follows from those.
  HashIndex by_text_;                                       // of names_
  absl::flat_hash_map<TenantId, size_t> label_keys_;        // how many
  absl::flat_hash_set<std::pair<uint32_t, int64_t>> seen_;  // names that count in a month, but for "(other)"
  absl::flat_hash_map<Bounded, size_t> seen_count_;
  // Where the rows of the newest hour are, so that an entry does not walk cold trees.
  Instant hour_;
  int64_t month_ = 0;  // of that hour
  Uncopied<absl::flat_hash_map<CutKey, Current>> current_;
  Uncopied<Changes> changes_;
  size_t names_noted_ = 0;
};

}  // namespace penstock::ledger
