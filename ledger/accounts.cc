#include "ledger/accounts.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "ledger/meters.h"

namespace penstock::ledger {
namespace {

using rating::Credit;
using rating::Line;
using rating::LineKind;

constexpr size_t kMaxCurrencies = 255;

template <class... Parts>
absl::Status Contradiction(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

bool IsWholeHour(Instant t) { return t == WindowStart(t, Hours(1)); }

bool IsPrepaid(const Line& line) { return line.kind == LineKind::kPrepaidCredit; }

Money Magnitude(const Money& money) { return money.IsNegative() ? -money : money; }

absl::Status CheckLines(const StatementEntry& entry, const Tariff& tariff) {
  if (entry.lines.size() > kMaxStatementLines) return Contradiction("a statement has too many lines");
  for (const Line& line : entry.lines) {
    if (line.windows.size() > kMaxLineWindows || line.description.size() > kMaxDescriptionBytes ||
        line.pool.size() > kMaxNameBytes || line.tariff.size() > kMaxNameBytes) {
      return Contradiction("a line of the statement is too long");
    }
    const Money exact = Money::FromPico(PicoCount(line.unit_price.pico() * PicoCount(line.quantity)));
    if (line.exact != exact || line.parts < 1) {
      return Contradiction("line '", line.description, "' is not quantity x unit price");
    }
    if (Magnitude(line.exact - line.amount) >= tariff.rounding_unit) {
      return Contradiction("line '", line.description, "' is not rounded by its tariff");
    }
  }
  return absl::OkStatus();
}

}  // namespace

void StatementRecord::Summarise(const StatementEntry& entry, std::string encoded) {
  id = entry.id;
  tenant = entry.tenant;
  tariff = entry.tariff;
  replaces = entry.replaces;
  at = entry.at;
  from = entry.from;
  to = entry.to;
  posted = entry.posted;
  const StatementSums sums = SumsOf(entry.lines);
  total = sums.total;
  rounding = sums.rounding;
  bytes = std::move(encoded);
}

StatementEntry StatementRecord::Read() const {
  absl::StatusOr<Entry> entry = Decode(bytes);
  PENSTOCK_CHECK(entry.ok() && std::holds_alternative<StatementEntry>(*entry));
  return std::get<StatementEntry>(*std::move(entry));
}

StatementSums SumsOf(const std::vector<Line>& lines) {
  StatementSums sums;
  for (const Line& line : lines) {
    sums.total += line.amount;
    sums.rounding += line.exact - line.amount;
    if (IsPrepaid(line)) {
      sums.prepaid -= line.exact;
    } else {
      sums.charged += line.exact;
    }
    if (line.kind == LineKind::kServiceCredit) sums.service -= line.exact;
  }
  return sums;
}

uint8_t Accounts::PlaceOf(std::string_view currency) {
  for (size_t i = 0; i < currencies_.size(); ++i) {
    if (currencies_[i].currency == currency) return static_cast<uint8_t>(i + 1);
  }
  PENSTOCK_CHECK(currencies_.size() < kMaxCurrencies);
  currencies_.push_back({.currency = std::string(currency), .revenue = {}, .prepaid = {}, .rounding = {}, .paid_in = {}, .unearned = {}});
  return static_cast<uint8_t>(currencies_.size());
}

std::string_view Accounts::CurrencyOf(TenantId tenant) const {
  const uint8_t own = CurrencyPlaceOf(tenant);
  return own == 0 ? std::string_view() : currencies_[own - 1].currency;
}

bool Accounts::Fits(TenantId tenant, std::string_view currency) const {
  const std::string_view own = CurrencyOf(tenant);
  return own.empty() || own == currency;
}

void Accounts::AddTenant() {
  tenants_.emplace_back();
}

absl::Status Accounts::Apply(const SubscriptionEntry& entry) {
  if (!IsKnown(entry.tenant)) return Contradiction("unknown tenant ", entry.tenant.value);
  if (!entry.terms.credits.empty()) return Contradiction("a subscription has credits: each needs an entry of its own");
  const auto known = subscriptions_.find(entry.tenant);
  if (known != subscriptions_.end() && known->second.terms == entry.terms) {
    return Contradiction("the subscription of tenant ", entry.tenant.value, " says so already");
  }
  subscriptions_[entry.tenant] = entry;
  changes_.subscriptions.push_back(entry.tenant);
  return absl::OkStatus();
}

absl::Status Accounts::Apply(const CreditEntry& entry) {
  if (!IsKnown(entry.tenant)) return Contradiction("unknown tenant ", entry.tenant.value);
  if (entry.id != credits_.size() + 1) return Contradiction("credit id ", entry.id, " follows ", credits_.size());
  const Credit& credit = entry.credit;
  if (credit.name.empty() || credit.name.size() > kMaxNameBytes || credit.amount <= Money()) {
    return Contradiction("credit ", entry.id, " has a name or amount out of bounds");
  }
  if (entry.currency.size() != 3 || !Fits(entry.tenant, entry.currency)) {
    return Contradiction("credit ", credit.name, " is in ", entry.currency, ", its tenant's account in ",
                         std::string(CurrencyOf(entry.tenant)));
  }
  if (FindCredit(entry.tenant, credit.name) != nullptr) return Contradiction("credit ", credit.name, " is there already");
  if (credits_of_[entry.tenant].size() >= kMaxCredits) {
    return Contradiction("tenant ", entry.tenant.value, " has too many credits");
  }

  const uint8_t currency = PlaceOf(entry.currency);
  SetCurrency(entry.tenant, currency);
  if (credit.kind == Credit::Kind::kPrepaid) {
    In(currency).paid_in += credit.amount;
    In(currency).prepaid += credit.amount;
  }
  credits_.push_back({entry, credit.amount});
  credits_of_[entry.tenant].push_back(entry.id);
  changes_.credits.push_back(entry.id);
  return absl::OkStatus();
}

absl::Status Accounts::Apply(const StatementEntry& entry, const Tariff& tariff) {
  if (!IsKnown(entry.tenant)) return Contradiction("unknown tenant ", entry.tenant.value);
  if (entry.id != statements_.size() + 1) return Contradiction("statement id ", entry.id, " follows ", statements_.size());
  if (!IsWholeHour(entry.from) || !IsWholeHour(entry.to) || entry.to <= entry.from || entry.to > entry.at) {
    return Contradiction("statement ", entry.id, " is not over a past period of whole hours");
  }
  if (!Fits(entry.tenant, tariff.currency)) {
    return Contradiction("statement ", entry.id, " is in ", tariff.currency, ", its tenant's account in ",
                         std::string(CurrencyOf(entry.tenant)));
  }
  if (entry.from < KeptFrom(entry.tenant)) {
    return Contradiction("statement ", entry.id, " is over a period whose windows are rolled up");
  }
  const StatementRecord* replaced = nullptr;
  if (entry.replaces != 0) {
    replaced = FindStatement(entry.replaces);
    if (replaced == nullptr || replaced->tenant != entry.tenant || replaced->from != entry.from ||
        replaced->to != entry.to) {
      return Contradiction("statement ", entry.id, " replaces ", entry.replaces, ", which is not of its period");
    }
    if (replaced->replaced_by != 0) return Contradiction("statement ", entry.replaces, " has been replaced already");
  } else if (entry.from < ClosedUntil(entry.tenant)) {
    return Contradiction("statement ", entry.id, " overlaps a period that is closed");
  }
  if (absl::Status lines = CheckLines(entry, tariff); !lines.ok()) return lines;
  if (absl::Status credits = CheckCredits(entry, replaced); !credits.ok()) return credits;

  const uint8_t currency = PlaceOf(tariff.currency);
  SetCurrency(entry.tenant, currency);
  if (replaced != nullptr) {
    Post(replaced->Read(), -1, currency);
    Mutable(entry.replaces)->replaced_by = entry.id;
    Mutable(entry.replaces)->late = false;
    changes_.statements.push_back(entry.replaces);
  }
  Post(entry, +1, currency);
  std::string bytes;
  Encode(entry, &bytes);
  StatementRecord record;
  record.Summarise(entry, std::move(bytes));
  statements_.push_back(std::move(record));
  Index(statements_.back());
  changes_.statements.push_back(entry.id);
  return absl::OkStatus();
}

absl::Status Accounts::Apply(const RollUpEntry& entry) {
  if (!IsKnown(entry.tenant)) return Contradiction("unknown tenant ", entry.tenant.value);
  const bool fits = entry.before == WindowStart(entry.before, Days(1)) && entry.before > KeptFrom(entry.tenant) &&
                    entry.before <= ClosedUntil(entry.tenant) - kLongestLookBack &&
                    entry.before <= entry.at - kKeepWindows;
  if (!fits) return Contradiction("usage of tenant ", entry.tenant.value, " is rolled up that is still needed");
  tenants_[entry.tenant.value - 1].kept_from = entry.before;
  return absl::OkStatus();
}

/// What the statement takes from credits is there, and is what its lines say.
absl::Status Accounts::CheckCredits(const StatementEntry& entry, const StatementRecord* replaced) const {
  std::map<uint32_t, Money> given_back;
  if (replaced != nullptr) {
    for (const CreditUse& use : replaced->Read().credits) given_back[use.credit] = use.amount;
  }
  std::map<Credit::Kind, Money> used;
  std::set<uint32_t> seen;
  for (const CreditUse& use : entry.credits) {
    if (use.credit < 1 || use.credit > credits_.size() || !seen.insert(use.credit).second) {
      return Contradiction("statement ", entry.id, " uses credit ", use.credit, ", which is not there or used twice");
    }
    const CreditRecord& credit = credits_[use.credit - 1];
    const bool fits = credit.granted.tenant == entry.tenant && use.amount > Money() &&
                      use.amount <= credit.left + given_back[use.credit];
    if (!fits) return Contradiction("statement ", entry.id, " uses more of credit ", use.credit, " than there is");
    used[credit.granted.credit.kind] += use.amount;
  }
  const StatementSums sums = SumsOf(entry.lines);
  if (used[Credit::Kind::kPrepaid] == sums.prepaid && used[Credit::Kind::kService] == sums.service) {
    return absl::OkStatus();
  }
  return Contradiction("the credits that statement ", entry.id, " uses are not those of its lines");
}

void Accounts::Post(const StatementEntry& entry, int sign, uint8_t currency) {
  const StatementSums sums = SumsOf(entry.lines);
  CurrencyAccounts& accounts = In(currency);
  accounts.revenue += (sums.charged - entry.posted) * sign;
  accounts.prepaid -= sums.prepaid * sign;
  accounts.rounding += sums.rounding * sign;
  for (const CreditUse& use : entry.credits) {
    credits_[use.credit - 1].left -= use.amount * sign;
    changes_.credits.push_back(use.credit);
  }
}

void Accounts::Index(const StatementRecord& statement) {
  statements_of_[statement.tenant].push_back(statement.id);
  Instant& closed_until = tenants_[statement.tenant.value - 1].closed_until;
  closed_until = std::max(closed_until, statement.to);
}

void Accounts::MarkLate(TenantId tenant, Instant from) {
  for (const uint32_t id : statements_of_[tenant]) {
    StatementRecord& statement = *Mutable(id);
    if (statement.late || statement.replaced_by != 0 || statement.to <= from) continue;
    statement.late = true;
    changes_.statements.push_back(id);
  }
}

rating::Subscription Accounts::SubscriptionOf(TenantId tenant, const StatementRecord* replaced) const {
  rating::Subscription subscription;
  const SubscriptionEntry* entry = FindSubscription(tenant);
  if (entry != nullptr) subscription = entry->terms;
  std::map<uint32_t, Money> given_back;
  if (replaced != nullptr) {
    for (const CreditUse& use : replaced->Read().credits) given_back[use.credit] = use.amount;
  }
  for (const uint32_t id : CreditsOf(tenant)) {
    Credit credit = credits_[id - 1].granted.credit;
    credit.amount = credits_[id - 1].left + given_back[id];
    subscription.credits.push_back(std::move(credit));
  }
  return subscription;
}

std::vector<uint32_t> Accounts::CreditsOf(TenantId tenant) const {
  const auto found = credits_of_.find(tenant);
  return found == credits_of_.end() ? std::vector<uint32_t>() : found->second;
}

const SubscriptionEntry* Accounts::FindSubscription(TenantId tenant) const {
  const auto found = subscriptions_.find(tenant);
  return found == subscriptions_.end() ? nullptr : &found->second;
}

const CreditRecord* Accounts::FindCredit(TenantId tenant, std::string_view name) const {
  for (const uint32_t id : CreditsOf(tenant)) {
    if (credits_[id - 1].granted.credit.name == name) return &credits_[id - 1];
  }
  return nullptr;
}

const StatementRecord* Accounts::FindStatement(uint32_t id) const {
  return id >= 1 && id <= statements_.size() ? &statements_[id - 1] : nullptr;
}

std::vector<uint32_t> Accounts::StatementsOf(TenantId tenant) const {
  const auto found = statements_of_.find(tenant);
  return found == statements_of_.end() ? std::vector<uint32_t>() : found->second;
}

const StatementRecord* Accounts::FindStanding(TenantId tenant, Instant from, Instant to) const {
  const auto found = statements_of_.find(tenant);
  if (found == statements_of_.end()) return nullptr;
  for (const uint32_t id : found->second) {
    const StatementRecord& one = statements_[id - 1];
    if (one.replaced_by == 0 && one.from == from && one.to == to) return &one;
  }
  return nullptr;
}

Money Accounts::AdjustmentOf(TenantId tenant) const {
  Money sum;
  const auto found = statements_of_.find(tenant);
  if (found == statements_of_.end()) return sum;
  for (const uint32_t id : found->second) {
    const StatementRecord& one = statements_[id - 1];
    if (one.replaced_by == 0) sum += one.total - one.posted;
  }
  return sum;
}

absl::Status Accounts::CheckInvariants(const std::vector<Money>& posted, const std::vector<Money>& unearned) const {
  std::map<uint8_t, Money> receivable;
  std::map<uint8_t, Money> left;
  std::map<uint8_t, Money> ahead;
  for (size_t i = 0; i < posted.size(); ++i) {
    const TenantId tenant{static_cast<uint32_t>(i + 1)};
    const Money owed = posted[i] + AdjustmentOf(tenant);
    if (tenants_[i].currency != 0) {
      receivable[tenants_[i].currency] += owed;
      ahead[tenants_[i].currency] += unearned[i];
    } else if (!owed.IsZero() || !unearned[i].IsZero()) {
      return absl::DataLossError(absl::StrCat("tenant ", tenant.value, " owes money in no currency"));
    }
  }
  for (const CreditRecord& credit : credits_) {
    if (credit.left.IsNegative() || credit.left > credit.granted.credit.amount) {
      return absl::DataLossError(absl::StrCat("credit ", credit.granted.id, " has ", credit.left.ToDecimal(), " left of ",
                                              credit.granted.credit.amount.ToDecimal()));
    }
    if (credit.granted.credit.kind == Credit::Kind::kPrepaid) {
      left[CurrencyPlaceOf(credit.granted.tenant)] += credit.left;
    }
  }
  for (size_t i = 0; i < currencies_.size(); ++i) {
    const CurrencyAccounts& all = currencies_[i];
    const auto place = static_cast<uint8_t>(i + 1);
    const Money debits = receivable[place] + all.paid_in + all.rounding;
    const Money credits = all.revenue + all.prepaid + all.unearned;
    if (debits != credits) {
      return absl::DataLossError(
          absl::StrCat(all.currency, ": debits ", debits.ToDecimal(), ", credits ", credits.ToDecimal()));
    }
    if (all.prepaid != left[place]) {
      return absl::DataLossError(absl::StrCat(all.currency, ": prepaid ", all.prepaid.ToDecimal(), ", credits have ",
                                              left[place].ToDecimal(), " left"));
    }
    if (all.unearned != ahead[place]) {
      return absl::DataLossError(absl::StrCat(all.currency, ": unearned ", all.unearned.ToDecimal(),
                                              ", reservations have ", ahead[place].ToDecimal()));
    }
  }
  return absl::OkStatus();
}

bool Accounts::Restore(const CreditRecord& credit) {
  if (credit.granted.id != credits_.size() + 1 || !IsKnown(credit.granted.tenant)) return false;
  credits_.push_back(credit);
  credits_of_[credit.granted.tenant].push_back(credit.granted.id);
  return true;
}

bool Accounts::Restore(const StatementRecord& statement) {
  if (statement.id != statements_.size() + 1 || !IsKnown(statement.tenant)) return false;
  statements_.push_back(statement);
  Index(statement);
  return true;
}

}  // namespace penstock::ledger
