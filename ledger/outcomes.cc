#include "ledger/outcomes.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

template <class... Parts>
absl::Status Contradiction(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

bool IsWithinBounds(const OutcomeEntry& entry) {
  const auto fits = [](int64_t count) { return count >= 0 && count <= kMaxOutcomesPerReport; };
  return fits(entry.accepted) && fits(entry.rejected) && entry.accepted + entry.rejected > 0;
}

}  // namespace

absl::Status Outcomes::Apply(const OutcomeEntry& entry, const RequestFingerprint& request, Cuts* cuts) {
  if (entry.id != last_id_ + 1) return Contradiction("outcome report ", entry.id, " follows ", last_id_);
  if (entry.happened < Instant() || entry.happened > entry.at) {
    return Contradiction("outcome report ", entry.id, " is of a time that is not past");
  }
  if (const OutcomeReport* known = Find(request)) {
    return Contradiction("outcome report ", entry.id, " has the request id of report ", known->id);
  }
  if (absl::Status checked = entry.reverses == 0 ? CheckNew(entry) : CheckReversal(entry); !checked.ok())
    return checked;

  OutcomeReport report{.id = entry.id,
                       .tenant = entry.tenant,
                       .happened = entry.happened,
                       .count = {entry.accepted, entry.rejected},
                       .reverses = entry.reverses,
                       .request = request,
                       .body = entry.body};
  if (entry.reverses == 0) {
    if (!IdOf(entry.tenant, entry.name)) Restore(OutcomeName{entry.tenant, entry.name});
    report.name = *IdOf(entry.tenant, entry.name);
    for (const uint32_t cut : cuts->NamesFor(entry.tenant, entry.happened, entry.run, entry.labels)) {
      report.cuts.push_back(cut);
    }
  } else {
    OutcomeReport& reversed = reports_[reports_.size() - 1 - (last_id_ - entry.reverses)];
    reversed.reversed_by = entry.id;
    report.name = reversed.name;
    report.cuts = reversed.cuts;
    changes_.reports.push_back(reversed.id);
  }
  Count(report);
  Remember(std::move(report));
  return absl::OkStatus();
}

absl::Status Outcomes::CheckNew(const OutcomeEntry& entry) const {
  if (entry.name.empty() || entry.name.size() > kMaxNameBytes) {
    return Contradiction("outcome report ", entry.id, " has no name, or one that is too long");
  }
  if (!IsWithinBounds(entry)) return Contradiction("outcome report ", entry.id, " has counts out of bounds");
  if (!IdOf(entry.tenant, entry.name) && !MayAddName(entry.tenant)) {
    return Contradiction("outcome report ", entry.id, " is one name too many: ", entry.name);
  }
  return absl::OkStatus();
}

absl::Status Outcomes::CheckReversal(const OutcomeEntry& entry) const {
  const OutcomeReport* reversed = Find(entry.reverses);
  if (reversed == nullptr || reversed->tenant != entry.tenant) {
    return Contradiction("outcome report ", entry.id, " reverses one that is not known");
  }
  if (reversed->reverses != 0) return Contradiction("outcome report ", entry.id, " reverses a reversal");
  if (reversed->reversed_by != 0) {
    return Contradiction("outcome report ", entry.reverses, " is reversed already, by ", reversed->reversed_by);
  }
  const bool same = entry.accepted == -reversed->count.accepted && entry.rejected == -reversed->count.rejected &&
                    entry.happened == reversed->happened && entry.name == NameOf(reversed->name).name &&
                    entry.run.empty() && entry.labels.empty();
  return same ? absl::OkStatus() : Contradiction("outcome report ", entry.id, " does not reverse what it names");
}

void Outcomes::Count(const OutcomeReport& report) {
  const Instant hour = WindowStart(report.happened, Hours(1));
  const auto add = [&](uint32_t cut) {
    const auto row = rows_.try_emplace({report.tenant, report.name, hour, cut}).first;
    row->second.accepted += report.count.accepted;
    row->second.rejected += report.count.rejected;
    changes_.rows.emplace_back(&row->first, &row->second);
  };
  add(0);
  for (const uint32_t cut : report.cuts) add(cut);
}

void Outcomes::Remember(OutcomeReport report) {
  last_id_ = report.id;
  changes_.reports.push_back(report.id);
  if (!report.request.IsNone()) by_request_.Insert(HashOf(report.request), PlaceOf(report.id));
  reports_.push_back(std::move(report));
  if (reports_.size() <= kRememberedReports) return;
  const OutcomeReport& oldest = reports_.front();
  if (!oldest.request.IsNone()) by_request_.Erase(HashOf(oldest.request), PlaceOf(oldest.id));
  reports_.pop_front();
}

std::optional<uint32_t> Outcomes::IdOf(TenantId tenant, std::string_view name) const {
  const auto found = ids_.find({tenant, std::string(name)});
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool Outcomes::MayAddName(TenantId tenant) const {
  const auto count = names_of_.find(tenant);
  return count == names_of_.end() || count->second < kMaxOutcomeNames;
}

const OutcomeReport* Outcomes::Find(uint64_t id) const {
  if (id > last_id_ || last_id_ - id >= reports_.size()) return nullptr;
  return &reports_[reports_.size() - 1 - (last_id_ - id)];
}

const OutcomeReport& Outcomes::At(uint32_t place) const {
  return reports_[(place - PlaceOf(reports_.front().id)) & 0x7fffffff];
}

const OutcomeReport* Outcomes::Find(const RequestFingerprint& request) const {
  if (request.IsNone()) return nullptr;
  const uint32_t place =
      by_request_.Find(HashOf(request), [&](uint32_t candidate) { return At(candidate).request == request; });
  return place == HashIndex::kNone ? nullptr : &At(place);
}

absl::Status Outcomes::CheckInvariants(const Cuts& cuts) const {
  std::map<std::string_view, OutcomeCount> sums;  // of one row of all, by label key
  OutcomeCount all;
  for (const auto& [key, count] : rows_) {
    if (key.cut == 0) {
      sums.clear();
      all = count;
    } else {
      OutcomeCount& sum = sums[cuts.NameOf(key.cut).label];
      sum.accepted += count.accepted;
      sum.rejected += count.rejected;
      if (sum.accepted > all.accepted || sum.rejected > all.rejected) {
        return absl::DataLossError(
            absl::StrCat("there are fewer outcomes '", NameOf(key.name).name, "' in an hour than by run or label"));
      }
    }
    if (count.accepted < 0 || count.rejected < 0) {
      return absl::DataLossError(absl::StrCat("fewer than no outcomes '", NameOf(key.name).name, "' in an hour"));
    }
  }
  return absl::OkStatus();
}

void Outcomes::ForgetChanges() {
  changes_.rows.clear();
  changes_.reports.clear();
  names_noted_ = names_.size();
  reports_from_ = reports_.empty() ? 0 : reports_.front().id;
}

bool Outcomes::Restore(OutcomeName name) {
  if (!ids_.try_emplace({name.tenant, name.name}, static_cast<uint32_t>(names_.size() + 1)).second) return false;
  ++names_of_[name.tenant];
  names_.push_back(std::move(name));
  return true;
}

bool Outcomes::Restore(const OutcomeKey& key, const OutcomeCount& count) {
  if (key.name < 1 || key.name > names_.size() || NameOf(key.name).tenant != key.tenant) return false;
  rows_.emplace_hint(rows_.end(), key, count);
  return true;
}

bool Outcomes::Restore(OutcomeReport report) {
  const bool follows = reports_.empty() ? report.id > 0 : report.id == last_id_ + 1;
  if (!follows || report.name < 1 || report.name > names_.size() || NameOf(report.name).tenant != report.tenant) {
    return false;
  }
  Remember(std::move(report));
  return true;
}

}  // namespace penstock::ledger
