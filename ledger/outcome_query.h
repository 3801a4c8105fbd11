// What outcomes cost: outcomes of a tenant by name (and label value), beside the usage of the runs that reported them,
// or of that label value. Read in bounded slices, like UsageFold.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ledger/books.h"

namespace penstock::ledger {

struct OutcomeQuery {
  TenantId tenant;
  Instant from;  // whole hours
  Instant to = Instant::Max();
  std::string label;  // whose values are told apart; empty: by name only, and usage by run
};

struct OutcomeGroup {
  uint32_t name = 0;  // id of an OutcomeName
  std::string value;  // of the label; empty also for what has no such label
  friend auto operator<=>(const OutcomeGroup&, const OutcomeGroup&) = default;
};

struct OutcomeUsage {
  OutcomeCount count;
  int64_t attributed = 0;  // of the accepted ones: those that name a run, or that have the label
  Bucket usage;            // of the runs that reported such outcomes, or with the label value
};

class OutcomeFold {
 public:
  explicit OutcomeFold(OutcomeQuery query) : query_(std::move(query)) {}

  /// Looks at so many rows, or as many more as one bucket has cuts; true when all has been seen.
  bool Step(const Books& books, size_t rows);

  /// Once all has been seen.
  const std::map<OutcomeGroup, OutcomeUsage>& groups() const { return groups_; }

 private:
  bool CountOutcomes(const Books& books, size_t* rows);
  bool AddUsage(const Books& books, size_t* rows);

  OutcomeQuery query_;
  bool counted_ = false;
  OutcomeKey next_outcome_;
  BucketKey next_bucket_;
  std::map<OutcomeGroup, OutcomeUsage> groups_;
  absl::flat_hash_map<uint32_t, std::vector<OutcomeGroup>> groups_of_cut_;  // whose usage counts for which groups
};

}  // namespace penstock::ledger
