// What the journal says about budgets: alerts, and who asked to raise which budget and what became of it. How much a
// budget has spent follows from settlements and is no part of this.
//
// The latest kRememberedAlerts alerts are kept whole, under their numbers 1, 2, 3... in the journal. Which threshold of
// a budget was the last is remembered for its latest two periods, beside them: a threshold is alerted once.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/entry.h"
#include "ledger/projections.h"

namespace penstock::ledger {

constexpr uint64_t kRememberedAlerts = 16'384;

/// A wish to raise a budget and what became of it.
struct Raise {
  BudgetRaiseEntry asked;
  std::optional<BudgetChangeEntry> decided;
  bool approved() const { return decided && decided->approved; }
  friend bool operator==(const Raise&, const Raise&) = default;
};

class BudgetRecords {
 public:
  /// FAILED_PRECONDITION with nothing changed: a threshold that was alerted before or is not reached; a request out of
  /// sequence, for nothing, or of a run; a decision of none that is open, or that does not add up. Names are the
  /// caller's to check.
  absl::Status Apply(const AlertEntry& alert);
  absl::Status Apply(const BudgetRaiseEntry& raise);
  absl::Status Apply(const BudgetChangeEntry& change);

  /// Alerts are kept from the first of these numbers to before the second.
  uint64_t alerts_begin() const { return alerts_end_ - alerts_.size(); }
  uint64_t alerts_end() const { return alerts_end_; }
  /// Crashes on one that is not kept.
  const AlertEntry& AlertOf(uint64_t number) const;
  /// The last threshold in that period of the budget of a tenant, project or key; 0: none yet. UINT32_MAX for a period
  /// that is too old to tell.
  uint32_t LastThreshold(const BudgetOf& budget) const;

  /// By id: n at n - 1.
  const std::vector<Raise>& raises() const { return raises_; }

  // ---- As rows (ledger/books_rows.h says which).

  size_t marks() const { return marks_.size(); }
  /// Whether TakeChanges would write any.
  bool changed() const { return !new_marks_.empty() || !new_raises_.empty() || new_alerts_ < alerts_end_; }
  /// Appends the rows that changed since the last time.
  void TakeChanges(RowBatch* rows);
  /// Visits every row, in the order of their keys; no change is left to take. An error ends it and is returned.
  absl::Status TakeAll(const std::function<absl::Status(std::string_view key, std::string_view value)>& visit);
  /// Puts a row back: in the order of their keys, into empty records; after the last one all count as written.
  absl::Status Restore(std::string_view key, std::string_view value);
  void FinishRestoring() { ForgetChanges(); }

  friend bool operator==(const BudgetRecords& a, const BudgetRecords& b) {
    return a.alerts_ == b.alerts_ && a.alerts_end_ == b.alerts_end_ && a.marks_ == b.marks_ && a.raises_ == b.raises_;
  }

 private:
  /// A budget in all of its periods.
  struct Subject {
    TenantId tenant;
    BudgetScope scope = BudgetScope::kTenant;
    uint32_t subject = 0;
    BudgetPeriod period = BudgetPeriod::kTotal;
    friend auto operator<=>(const Subject&, const Subject&) = default;
  };
  struct Mark {
    int64_t number = 0;
    uint32_t threshold = 0;  // 0: none
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  using Marks = std::array<Mark, 2>;  // of the newest period that had an alert, and of the one before it
  static Subject SubjectOf(const BudgetOf& of) { return {of.tenant, of.scope, of.subject, of.period}; }
  static std::string KeyOf(const Subject& of);
  static std::string ValueOf(const Marks& marks);
  void SetMark(const BudgetOf& budget, uint32_t threshold);
  void ForgetChanges();

  std::deque<AlertEntry> alerts_;
  uint64_t alerts_end_ = 1;
  std::map<Subject, Marks> marks_;
  std::vector<Raise> raises_;

  // What the rows do not say yet.
  uint64_t new_alerts_ = 1;   // from this number on
  uint64_t kept_alerts_ = 1;  // no row before it
  std::vector<Subject> new_marks_;
  std::vector<uint32_t> new_raises_;  // ids
};

}  // namespace penstock::ledger
