#include "ledger/cuts.h"

#include <absl/hash/hash.h>

#include <algorithm>

#include "ledger/calendar.h"
#include "ledger/roll_up.h"

namespace penstock::ledger {
namespace {

uint32_t HashOf(TenantId tenant, std::string_view label, std::string_view value) {
  using Text = absl::string_view;
  return static_cast<uint32_t>(
      absl::HashOf(tenant, Text(label.data(), label.size()), Text(value.data(), value.size())));
}

int64_t MonthOf(Instant t) {
  static const Calendar kUtc;
  return kUtc.MonthAt(t);
}

}  // namespace

std::optional<uint32_t> Cuts::IdOf(TenantId tenant, std::string_view label, std::string_view value) const {
  const uint32_t id = by_text_.Find(HashOf(tenant, label, value), [&](uint32_t candidate) {
    const CutName& name = NameOf(candidate);
    return name.tenant == tenant && name.label == label && name.value == value;
  });
  return id == HashIndex::kNone ? std::nullopt : std::optional(id);
}

void Cuts::Add(const SettleEntry& entry, std::string_view run, const std::vector<Label>& labels) {
  if (run.empty() && labels.empty()) return;
  const BucketKey bucket = BucketKeyOf(entry.terms, entry.at);
  if (bucket.hour != hour_) BeginHour(bucket.hour);
  for (const uint32_t name : NamesIn(bucket.tenant, month_, run, labels)) Count(entry, bucket, name);
}

Cuts::Names Cuts::NamesFor(TenantId tenant, Instant at, std::string_view run, const std::vector<Label>& labels) {
  return NamesIn(tenant, MonthOf(WindowStart(at, Hours(1))), run, labels);
}

Cuts::Names Cuts::NamesIn(TenantId tenant, int64_t month, std::string_view run, const std::vector<Label>& labels) {
  Names names;
  if (!run.empty()) names.push_back(NameFor(tenant, month, "", run));
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto& [label, value] = labels[i];
    const auto same_key = [&label](const Label& earlier) { return earlier.first == label; };
    if (label.empty() || std::any_of(labels.begin(), labels.begin() + static_cast<ptrdiff_t>(i), same_key)) continue;
    const uint32_t name = NameFor(tenant, month, label, value);
    const bool shared = std::find(names.begin(), names.end(), name) != names.end();  // by keys beyond the bound
    if (!shared) names.push_back(name);
  }
  return names;
}

/// Entries come in the order of time: rows of one hour are kept at hand.
void Cuts::BeginHour(Instant hour) {
  current_.clear();
  hour_ = hour;
  month_ = MonthOf(hour);
}

void Cuts::Count(const SettleEntry& entry, const BucketKey& bucket, uint32_t name) {
  const CutKey key{bucket, name};
  Current& current = current_[key];
  if (current.row == nullptr) {
    const auto row = rows_.try_emplace(key).first;
    current = {&row->second, &row->first};
  }
  if (current.changed_in != changes_.round) {
    current.changed_in = changes_.round;
    changes_.rows.emplace_back(current.key, current.row);
  }
  current.row->Add(entry);
}

/// The name under which it counts: its own, or that of all others.
uint32_t Cuts::NameFor(TenantId tenant, int64_t month, std::string_view label, std::string_view value) {
  const Bounded bounded{tenant, month, label.empty()};
  if (const std::optional<uint32_t> known = IdOf(tenant, label, value)) {
    if (value == kOther || seen_.contains({*known, month})) return *known;
    if (!MayCount(bounded)) return OtherOf(tenant, label);
    NoteSeen(*known, bounded);
    return *known;
  }
  const bool new_label = !label.empty() && !IdOf(tenant, label, kOther);
  if (new_label && label_keys_[tenant] >= kMaxLabelKeys) return OtherOf(tenant, kOther);
  const uint32_t other = OtherOf(tenant, label);
  if (value == kOther || !MayCount(bounded)) return other;
  const uint32_t name = Intern(tenant, label, value);
  NoteSeen(name, bounded);
  return name;
}

/// Known for every label key that is known.
uint32_t Cuts::OtherOf(TenantId tenant, std::string_view label) {
  const std::optional<uint32_t> known = IdOf(tenant, label, kOther);
  return known ? *known : Intern(tenant, label, kOther);
}

uint32_t Cuts::Intern(TenantId tenant, std::string_view label, std::string_view value) {
  names_.push_back({tenant, std::string(label), std::string(value)});
  const auto id = static_cast<uint32_t>(names_.size());
  by_text_.Insert(HashOf(tenant, label, value), id);
  if (!label.empty() && value == kOther) ++label_keys_[tenant];
  return id;
}

bool Cuts::MayCount(const Bounded& bounded) const {
  const auto count = seen_count_.find(bounded);
  return count == seen_count_.end() || count->second < (bounded.runs ? kMaxRunsPerMonth : kMaxLabelValuesPerMonth);
}

void Cuts::NoteSeen(uint32_t name, const Bounded& bounded) {
  if (seen_.insert({name, bounded.month}).second) ++seen_count_[bounded];
}

void Cuts::RollUp(TenantId tenant, Instant before) {
  if (hour_ < before) BeginHour(Instant());  // nothing at hand may go
  std::erase_if(changes_.rows, [&](const auto& change) {
    const BucketKey& bucket = change.first->bucket;
    return bucket.tenant == tenant && bucket.hour < before && bucket.hour != MonthStartOf(bucket.hour);
  });
  RollUpHours(tenant, before, &rows_, [this](const CutKey& key, const Bucket&, const auto& kept) {
    changes_.gone.push_back(key);
    changes_.rows.emplace_back(&kept.first, &kept.second);
  });
}

void Cuts::ForgetChanges() {
  changes_.rows.clear();
  changes_.gone.clear();
  names_noted_ = names_.size();
  ++changes_.round;
}

bool Cuts::Restore(CutName name) {
  if (name.value.empty() && name.label.empty()) return false;
  if (IdOf(name.tenant, name.label, name.value)) return false;
  Intern(name.tenant, name.label, name.value);
  names_noted_ = names_.size();
  return true;
}

bool Cuts::Restore(const CutKey& key, const Bucket& bucket) {
  if (!RestoreSeen(key.bucket.tenant, key.name, key.bucket.hour)) return false;
  rows_.emplace_hint(rows_.end(), key, bucket);
  return true;
}

bool Cuts::RestoreSeen(TenantId tenant, uint32_t name, Instant at) {
  if (name < 1 || name > names_.size() || NameOf(name).tenant != tenant) return false;
  if (NameOf(name).value != kOther) NoteSeen(name, {tenant, MonthOf(at), NameOf(name).label.empty()});
  return true;
}

}  // namespace penstock::ledger
