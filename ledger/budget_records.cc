#include "ledger/budget_records.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "ledger/books_rows.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {
namespace {

// The most a budget or a raise may be: no product with a threshold overflows.
const Money kMaxBudget = Money::FromPico(INT64_MAX) * 1'000'000'000;

template <class... Parts>
absl::Status Contradiction(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

bool IsAmount(const Money& amount) { return !amount.IsNegative() && amount <= kMaxBudget; }

RowWriter Key(RowKind kind, std::string* bytes) {
  RowWriter writer(bytes);
  writer.Byte(static_cast<uint8_t>(kind));
  return writer;
}

std::string AlertKey(uint64_t number) {
  std::string key;
  Key(RowKind::kAlert, &key).Big64(number);
  return key;
}

std::string RaiseKey(uint32_t id) {
  std::string key;
  Key(RowKind::kRaise, &key).Big32(id);
  return key;
}

std::string ValueOf(const AlertEntry& alert) {
  std::string value;
  Encode(alert, &value);
  return value;
}

std::string ValueOf(const Raise& raise) {
  std::string asked;
  std::string value;
  Encode(raise.asked, &asked);
  RowWriter(&value).Text(asked);
  if (raise.decided) Encode(*raise.decided, &value);
  return value;
}

template <class E>
std::optional<E> DecodeAs(std::string_view bytes) {
  absl::StatusOr<Entry> entry = Decode(bytes);
  if (!entry.ok() || !std::holds_alternative<E>(*entry)) return std::nullopt;
  return std::get<E>(*std::move(entry));
}

absl::Status Unfit() { return absl::DataLossError("it does not make sense"); }

}  // namespace

absl::Status BudgetRecords::Apply(const AlertEntry& alert) {
  if (alert.threshold < 1 || alert.threshold > kMaxAlertThreshold) return Contradiction("an alert has no threshold");
  if (!IsAmount(alert.amount) || !IsAmount(alert.spent)) return Contradiction("an alert's amounts are out of bounds");
  if (alert.spent * 100 < alert.amount * alert.threshold) return Contradiction("an alert came too early");
  const bool of_run = alert.budget.scope == BudgetScope::kRun;
  if (!of_run && alert.threshold <= LastThreshold(alert.budget)) return Contradiction("an alert came twice");

  if (!of_run) SetMark(alert.budget, alert.threshold);
  alerts_.push_back(alert);
  ++alerts_end_;
  if (alerts_.size() > kRememberedAlerts) alerts_.pop_front();
  return absl::OkStatus();
}

void BudgetRecords::SetMark(const BudgetOf& budget, uint32_t threshold) {
  const Subject of = SubjectOf(budget);
  Marks& marks = marks_[of];
  const Mark mark{budget.number, threshold};
  if (marks[0].threshold == 0 || marks[0].number == mark.number) {
    marks[0] = mark;
  } else if (mark.number > marks[0].number) {
    marks = {mark, marks[0]};
  } else {
    marks[1] = mark;
  }
  new_marks_.push_back(of);
}

const AlertEntry& BudgetRecords::AlertOf(uint64_t number) const {
  PENSTOCK_CHECK(number >= alerts_begin() && number < alerts_end_);
  return alerts_[number - alerts_begin()];
}

uint32_t BudgetRecords::LastThreshold(const BudgetOf& budget) const {
  const auto found = marks_.find(SubjectOf(budget));
  if (found == marks_.end()) return 0;
  for (const Mark& mark : found->second) {
    if (mark.threshold == 0 || budget.number > mark.number) return 0;
    if (budget.number == mark.number) return mark.threshold;
  }
  return UINT32_MAX;
}

absl::Status BudgetRecords::Apply(const BudgetRaiseEntry& raise) {
  if (raise.id != raises_.size() + 1) return Contradiction("raise ", raise.id, " follows ", raises_.size());
  if (raise.budget.scope == BudgetScope::kRun) return Contradiction("raise ", raise.id, " is of a run");
  if (!IsAmount(raise.from) || !IsAmount(raise.more) || raise.more.IsZero()) {
    return Contradiction("raise ", raise.id, " has amounts out of bounds");
  }

  raises_.push_back({raise, std::nullopt});
  new_raises_.push_back(raise.id);
  return absl::OkStatus();
}

absl::Status BudgetRecords::Apply(const BudgetChangeEntry& change) {
  if (change.id < 1 || change.id > raises_.size()) return Contradiction("raise ", change.id, " is not known");
  Raise& raise = raises_[change.id - 1];
  if (raise.decided) return Contradiction("raise ", change.id, " is decided already");
  const Money more = change.approved ? raise.asked.more : Money();
  if (!IsAmount(change.from) || change.to != change.from + more) {
    return Contradiction("the decision about raise ", change.id, " does not add up");
  }

  raise.decided = change;
  new_raises_.push_back(change.id);
  return absl::OkStatus();
}

// ---- Rows.

std::string BudgetRecords::KeyOf(const Subject& of) {
  std::string key;
  Key(RowKind::kAlerted, &key)
      .Big32(of.tenant.value)
      .Byte(static_cast<uint8_t>(of.scope))
      .Big32(of.subject)
      .Byte(static_cast<uint8_t>(of.period));
  return key;
}

std::string BudgetRecords::ValueOf(const Marks& marks) {
  std::string value;
  for (const Mark& mark : marks) RowWriter(&value).Signed(mark.number).Unsigned(mark.threshold);
  return value;
}

void BudgetRecords::TakeChanges(RowBatch* rows) {
  if (kept_alerts_ < alerts_begin()) rows->DeleteRange(AlertKey(kept_alerts_), AlertKey(alerts_begin()));
  for (uint64_t number = std::max(new_alerts_, alerts_begin()); number < alerts_end_; ++number) {
    rows->Put(AlertKey(number), ledger::ValueOf(AlertOf(number)));
  }
  for (const Subject& of : new_marks_) rows->Put(KeyOf(of), ValueOf(marks_.at(of)));
  for (const uint32_t id : new_raises_) rows->Put(RaiseKey(id), ledger::ValueOf(raises_[id - 1]));
  ForgetChanges();
}

absl::Status BudgetRecords::TakeAll(
    const std::function<absl::Status(std::string_view key, std::string_view value)>& visit) {
  ForgetChanges();
  absl::Status status;
  for (uint64_t number = alerts_begin(); number < alerts_end_ && status.ok(); ++number) {
    status = visit(AlertKey(number), ledger::ValueOf(AlertOf(number)));
  }
  for (auto at = marks_.begin(); at != marks_.end() && status.ok(); ++at) {
    status = visit(KeyOf(at->first), ValueOf(at->second));
  }
  for (size_t i = 0; i < raises_.size() && status.ok(); ++i) {
    status = visit(RaiseKey(raises_[i].asked.id), ledger::ValueOf(raises_[i]));
  }
  return status;
}

void BudgetRecords::ForgetChanges() {
  new_alerts_ = alerts_end_;
  kept_alerts_ = alerts_begin();
  new_marks_.clear();
  new_raises_.clear();
}

absl::Status BudgetRecords::Restore(std::string_view key, std::string_view value) {
  RowReader of(key.substr(1));
  RowReader what(value);
  switch (KindOf(key)) {
    case RowKind::kAlert: {
      const uint64_t number = of.Big64();
      std::optional<AlertEntry> alert = DecodeAs<AlertEntry>(value);
      if (!of.done() || !alert || number < 1 || (!alerts_.empty() && number != alerts_end_)) return Unfit();
      alerts_.push_back(*std::move(alert));
      alerts_end_ = number + 1;
      break;
    }
    case RowKind::kAlerted: {
      Subject subject;
      subject.tenant.value = of.Big32();
      subject.scope = static_cast<BudgetScope>(of.Byte());
      subject.subject = of.Big32();
      subject.period = static_cast<BudgetPeriod>(of.Byte());
      Marks& marks = marks_[subject];
      for (Mark& mark : marks) {
        mark.number = what.Signed();
        mark.threshold = what.Unsigned32();
      }
      if (!of.done() || !what.done()) return Unfit();
      break;
    }
    case RowKind::kRaise: {
      const std::string_view asked = what.Text();
      const std::string_view decided = what.Rest();
      const std::optional<BudgetRaiseEntry> raise = DecodeAs<BudgetRaiseEntry>(asked);
      const std::optional<BudgetChangeEntry> change = DecodeAs<BudgetChangeEntry>(decided);
      if (!raise || change.has_value() == decided.empty() || of.Big32() != raise->id) return Unfit();
      if (absl::Status applied = Apply(*raise); !applied.ok()) return applied;
      if (change && !Apply(*change).ok()) return Unfit();
      break;
    }
    default:
      return Unfit();
  }
  return absl::OkStatus();
}

}  // namespace penstock::ledger
