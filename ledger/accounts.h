// What tenants owe and have beyond the charges of their settlements: subscriptions, credits, closed statements, and the
// accounts that must balance in every currency.
//
//   settlement   debit  receivable of the tenant             credit  revenue
//   credit       debit  paid in                              credit  prepaid of the tenant   (a service credit: nothing)
//   statement    debit  receivable (total - posted),         credit  revenue (what its lines charge - posted)
//                       prepaid (what prepaid credits pay),
//                       rounding (what rounding took away)
//
// (ledger/market_records.h says what reservations post: receivable, unearned, revenue.)
// A statement that replaces another reverses its postings first. Part of the books: a pure function of the entries.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/entry.h"
#include "ledger/money.h"
#include "ledger/rating/subscription.h"

namespace penstock::ledger {

/// The accounts of one currency that belong to no tenant. Balances on their own side, debit or credit as above.
struct CurrencyAccounts {
  std::string currency;
  Money revenue;
  Money prepaid;
  Money rounding;
  Money paid_in;
  Money unearned;  // what reservations were paid for and have not delivered yet
  friend bool operator==(const CurrencyAccounts&, const CurrencyAccounts&) = default;
};

struct CreditRecord {
  CreditEntry granted;
  Money left;
  friend bool operator==(const CreditRecord&, const CreditRecord&) = default;
};

/// A closed statement. Its lines are kept encoded: they are read rarely.
struct StatementRecord {
  uint32_t id = 0;
  TenantId tenant;
  uint32_t tariff = 0;
  uint32_t replaces = 0;
  uint32_t replaced_by = 0;  // 0: it stands
  bool late = false;         // work was reported in its period after it was closed: a correction may differ
  Instant at;
  Instant from;
  Instant to;
  Money posted;
  Money total;
  Money rounding;     // what rounding took away
  std::string bytes;  // of its entry

  /// Says what the entry says; how it stands remains.
  void Summarise(const StatementEntry& entry, std::string encoded);
  /// All of it.
  StatementEntry Read() const;
  friend bool operator==(const StatementRecord&, const StatementRecord&) = default;
};

/// What the lines of a statement come to.
struct StatementSums {
  Money charged;   // exact, of all lines that no prepaid credit makes
  Money prepaid;   // what prepaid credits pay, positive
  Money service;   // what service credits pay, positive
  Money rounding;  // exact - amounts
  Money total;     // amounts
};
StatementSums SumsOf(const std::vector<rating::Line>& lines);

class Accounts {
 public:
  // ---- Currencies: each tenant has one, from the first grant, credit or statement on.

  /// The place of a currency, from 1; adds it when it is new.
  uint8_t PlaceOf(std::string_view currency);
  /// Whether the tenant has no currency yet, or this one.
  bool Fits(TenantId tenant, uint8_t currency) const {
    const uint8_t own = CurrencyPlaceOf(tenant);
    return own == 0 || own == currency;
  }
  bool Fits(TenantId tenant, std::string_view currency) const;
  void SetCurrency(TenantId tenant, uint8_t currency) { tenants_[tenant.value - 1].currency = currency; }
  /// Empty: none yet.
  std::string_view CurrencyOf(TenantId tenant) const;
  uint8_t CurrencyPlaceOf(TenantId tenant) const { return tenants_[tenant.value - 1].currency; }
  CurrencyAccounts& In(uint8_t currency) { return currencies_[currency - 1]; }
  const std::vector<CurrencyAccounts>& currencies() const { return currencies_; }

  void AddTenant();

  // ---- Entries. The caller has checked that tenants and tariffs are known; a contradiction is refused with
  // FAILED_PRECONDITION and nothing changed.

  absl::Status Apply(const SubscriptionEntry& entry);
  absl::Status Apply(const CreditEntry& entry);
  absl::Status Apply(const StatementEntry& entry, const Tariff& tariff);
  absl::Status Apply(const RollUpEntry& entry);

  /// Work was reported that was done from then on: statements that were closed over it are marked.
  void NoteWork(TenantId tenant, Instant from) {
    if (from < ClosedUntil(tenant)) MarkLate(tenant, from);
  }

  // ---- What there is.

  /// What the tenant subscribed to, with its credits as they are now; of a statement that is to be replaced, with what
  /// it took from them.
  rating::Subscription SubscriptionOf(TenantId tenant, const StatementRecord* replaced = nullptr) const;
  /// The places (from 1) of the credits that SubscriptionOf lists.
  std::vector<uint32_t> CreditsOf(TenantId tenant) const;
  /// nullptr: none.
  const SubscriptionEntry* FindSubscription(TenantId tenant) const;
  const CreditRecord* FindCredit(TenantId tenant, std::string_view name) const;
  const std::vector<CreditRecord>& credits() const { return credits_; }           // id n at n - 1
  const std::vector<StatementRecord>& statements() const { return statements_; }  // id n at n - 1
  const StatementRecord* FindStatement(uint32_t id) const;
  /// Ids, rising.
  std::vector<uint32_t> StatementsOf(TenantId tenant) const;
  /// The standing statement of exactly this period; nullptr: none.
  const StatementRecord* FindStanding(TenantId tenant, Instant from, Instant to) const;
  /// Windows and hour buckets from before it are rolled up: no statement can be made of them any more.
  Instant KeptFrom(TenantId tenant) const { return tenants_[tenant.value - 1].kept_from; }
  void RestoreKeptFrom(TenantId tenant, Instant from) { tenants_[tenant.value - 1].kept_from = from; }
  /// Of the latest period that was closed; the epoch when none was.
  Instant ClosedUntil(TenantId tenant) const { return tenants_[tenant.value - 1].closed_until; }
  /// What standing statements add to what settlements posted: sum of (total - posted).
  Money AdjustmentOf(TenantId tenant) const;

  /// Debits equal credits in every currency, given what settlements and reservations posted to the tenants, by id - 1;
  /// prepaid is the sum of what is left of prepaid credits, and unearned that of `unearned`, by tenant as well.
  /// DATA_LOSS says where not.
  absl::Status CheckInvariants(const std::vector<Money>& posted, const std::vector<Money>& unearned) const;

  // ---- Rows (ledger/books_rows.h).

  /// What has no row yet, or an old one. No part of the value.
  struct Changes {
    std::vector<TenantId> subscriptions;
    std::vector<uint32_t> credits;     // ids
    std::vector<uint32_t> statements;  // ids
    size_t size() const { return subscriptions.size() + credits.size() + statements.size(); }
    friend bool operator==(const Changes&, const Changes&) { return true; }
  };
  const Changes& changes() const { return changes_; }
  void ForgetChanges() { changes_ = {}; }
  const std::map<TenantId, SubscriptionEntry>& subscriptions() const { return subscriptions_; }

  /// For restoring, in the order of ids; false when it does not fit.
  void Restore(std::vector<CurrencyAccounts> currencies) { currencies_ = std::move(currencies); }
  void Restore(const SubscriptionEntry& entry) { subscriptions_[entry.tenant] = entry; }
  bool Restore(const CreditRecord& credit);
  bool Restore(const StatementRecord& statement);

  friend bool operator==(const Accounts&, const Accounts&) = default;

 private:
  struct OfTenant {
    Instant closed_until;
    Instant kept_from;     // windows from before it are rolled up
    uint8_t currency = 0;  // its place; 0: none yet
    friend bool operator==(const OfTenant&, const OfTenant&) = default;
  };
  bool IsKnown(TenantId tenant) const { return tenant.value >= 1 && tenant.value <= tenants_.size(); }
  void MarkLate(TenantId tenant, Instant from);
  void Index(const StatementRecord& statement);
  absl::Status CheckCredits(const StatementEntry& entry, const StatementRecord* replaced) const;
  /// Posts a statement (+1) or reverses one (-1).
  void Post(const StatementEntry& entry, int sign, uint8_t currency);
  StatementRecord* Mutable(uint32_t id) { return &statements_[id - 1]; }

  std::vector<CurrencyAccounts> currencies_;
  std::vector<OfTenant> tenants_;  // by id - 1
  std::map<TenantId, SubscriptionEntry> subscriptions_;
  std::vector<CreditRecord> credits_;
  std::vector<StatementRecord> statements_;
  std::map<TenantId, std::vector<uint32_t>> credits_of_;     // rising
  std::map<TenantId, std::vector<uint32_t>> statements_of_;  // rising
  Changes changes_;
};

}  // namespace penstock::ledger
