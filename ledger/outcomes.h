// Outcomes as reported: accepted and rejected counts by name and hour, for the outcome prices of a tariff, and cuts of
// them by run and label (see ledger/cuts.h, whose names and bounds they share).
//
// A report counts in the hour in which its outcomes happened, which may be long past. It is never edited: a later
// report reverses it as a whole, once, in the same rows. The newest reports are remembered, to answer a repeated
// request id and to be reversed.
#pragma once

#include <absl/container/inlined_vector.h>
#include <absl/status/status.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/cuts.h"
#include "ledger/entry.h"
#include "ledger/hash_index.h"
#include "ledger/request_record.h"

namespace penstock::ledger {

constexpr size_t kMaxOutcomeNames = 100;                  // of a tenant, ever
constexpr int64_t kMaxOutcomesPerReport = 1'000'000'000;  // accepted, and rejected
constexpr size_t kRememberedReports = 262'144;            // of all tenants together: about 40 MB when full

/// What kind of outcome: "ticket-resolved".
struct OutcomeName {
  TenantId tenant;
  std::string name;
  friend bool operator==(const OutcomeName&, const OutcomeName&) = default;
};

struct OutcomeKey {
  TenantId tenant;
  uint32_t name = 0;  // id of an OutcomeName
  Instant hour;       // in which they happened
  uint32_t cut = 0;   // 0: all; else id of a CutName: those of that run, or with that label
  friend auto operator<=>(const OutcomeKey&, const OutcomeKey&) = default;
};

struct OutcomeCount {
  int64_t accepted = 0;
  int64_t rejected = 0;
  friend bool operator==(const OutcomeCount&, const OutcomeCount&) = default;
};

/// A report that is remembered.
struct OutcomeReport {
  uint64_t id = 0;
  TenantId tenant;
  uint32_t name = 0;
  Instant happened;
  OutcomeCount count;                     // below zero in a reversal
  absl::InlinedVector<uint32_t, 4> cuts;  // the rows it counts in beside that of all
  uint64_t reverses = 0;
  uint64_t reversed_by = 0;
  RequestFingerprint request;
  BodyDigest body{};
  friend bool operator==(const OutcomeReport&, const OutcomeReport&) = default;
};

class Outcomes {
 public:
  /// FAILED_PRECONDITION, and nothing changed, when the report is out of sequence or bounds, its request id is that of
  /// a remembered one, it is one name too many, or it reverses what cannot be reversed (or not as it was).
  absl::Status Apply(const OutcomeEntry& entry, const RequestFingerprint& request, Cuts* cuts);

  const std::map<OutcomeKey, OutcomeCount>& rows() const { return rows_; }
  size_t name_count() const { return names_.size(); }
  const OutcomeName& NameOf(uint32_t id) const { return names_.at(id - 1); }
  std::optional<uint32_t> IdOf(TenantId tenant, std::string_view name) const;
  /// One more name may be used.
  bool MayAddName(TenantId tenant) const;

  uint64_t last_id() const { return last_id_; }
  /// nullptr when it is not remembered (any more). Valid until the next entry.
  const OutcomeReport* Find(uint64_t id) const;
  const OutcomeReport* Find(const RequestFingerprint& request) const;
  const std::deque<OutcomeReport>& remembered() const { return reports_; }

  /// By run and by each label key, rows are parts of that of all; no count is below zero.
  absl::Status CheckInvariants(const Cuts& cuts) const;

  /// What changed since ForgetChanges, rows and reports perhaps twice.
  struct Changes {
    std::vector<std::pair<const OutcomeKey*, const OutcomeCount*>> rows;
    std::vector<uint64_t> reports;
    void clear() { *this = Changes(); }
  };
  const Changes& changes() const { return changes_; }
  /// Names with higher ids are new since; no report before reports_from() has a row.
  size_t names_noted() const { return names_noted_; }
  uint64_t reports_from() const { return reports_from_; }
  size_t changed() const { return changes_.rows.size() + changes_.reports.size() + names_.size() - names_noted_; }
  void ForgetChanges();

  /// For restoring, into empty outcomes, each in the order of ids or keys. False when it does not fit.
  bool Restore(OutcomeName name);
  bool Restore(const OutcomeKey& key, const OutcomeCount& count);
  bool Restore(OutcomeReport report);

  friend bool operator==(const Outcomes& a, const Outcomes& b) {
    return a.names_ == b.names_ && a.rows_ == b.rows_ && a.last_id_ == b.last_id_ && a.reports_ == b.reports_;
  }

 private:
  absl::Status CheckNew(const OutcomeEntry& entry) const;
  absl::Status CheckReversal(const OutcomeEntry& entry) const;
  void Count(const OutcomeReport& report);
  void Remember(OutcomeReport report);
  static uint32_t PlaceOf(uint64_t id) { return static_cast<uint32_t>(id & 0x7fffffff); }
  const OutcomeReport& At(uint32_t place) const;

  std::vector<OutcomeName> names_;  // id n at index n - 1
  std::map<std::pair<TenantId, std::string>, uint32_t> ids_;
  std::map<TenantId, size_t> names_of_;
  std::map<OutcomeKey, OutcomeCount> rows_;
  uint64_t last_id_ = 0;
  std::deque<OutcomeReport> reports_;  // the newest ones, dense
  HashIndex by_request_;               // of them
  Uncopied<Changes> changes_;
  size_t names_noted_ = 0;
  uint64_t reports_from_ = 0;
};

}  // namespace penstock::ledger
