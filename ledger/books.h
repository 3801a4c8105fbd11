// What the journal adds up to: names, tariffs, holds, balances, meters, and which request ids and grants are spoken
// for. A pure function of the entries: Apply in order and two Books are equal.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/accounts.h"
#include "ledger/budget_records.h"
#include "ledger/cuts.h"
#include "ledger/ended_grants.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/market_records.h"
#include "ledger/meters.h"
#include "ledger/open_grants.h"
#include "ledger/outcomes.h"

namespace penstock::ledger {

/// How long the end of a grant and its request id are remembered after it ended (see the proto), measured by the times
/// of entries, and how many ends at most: whichever comes first. After that a repeated Complete is told that the grant
/// has ended, and its request id may be used again. Forgetting by time goes in bounded slices, so a mass of old ends
/// goes over the next entries.
constexpr Duration kIdHorizon = Hours(24);
constexpr size_t kRememberedEnds = 1'048'576;  // 252 MB when full: 240 bytes each

/// Money of one tenant, in its currency (ledger/accounts.h says what else there is).
struct Balance {
  Money pending;  // holds
  Money posted;   // charges of settlements: debit receivable of the tenant, credit revenue
  Money bought;   // purchases of reservations less what was given back: debit receivable of the tenant
  friend bool operator==(const Balance&, const Balance&) = default;
};

class Books {
 public:
  /// Of a request id, which must not be empty.
  static RequestFingerprint FingerprintOf(TenantId tenant, std::string_view request_id);

  /// The bound is smaller in tests.
  explicit Books(size_t remembered_ends = kRememberedEnds) : ended_(remembered_ends) {}

  /// A contradiction is refused with FAILED_PRECONDITION and nothing changed:
  ///   - an id that is unknown, not dense, or bound already; a key that is not its tenant's; a tenant's second currency
  ///   - a project of another tenant, or for a key that has one
  ///   - a grant out of sequence; a request id whose grant is still open
  ///   - a pinned price of another pool or currency, of a class that the pinned tariff does not couple, or of another
  ///     tenant; in a grant also one that is not in force
  ///   - progress of a grant that is not open, or that takes tokens back
  ///   - a hold that would end twice. (A grant of an earlier epoch that the journal does not know was lost in a power
  ///     cut and settles once, without a hold. An expired one may settle once unbilled, while it is remembered.)
  ///   - a charge that is not what the pinned tariff makes of the tokens (unbilled: zero); attributions that do not add
  ///     up to the work, lie in the future or are longer than kMaxLeaseSeconds
  ///   - unbilled tokens apart in a settlement of which nothing is billed
  ///   - a statement that overlaps a closed period, or replaces another than the standing one of its period; lines that
  ///     are not quantity x unit price, credits that are not there (whether the lines are what rating makes of the
  ///     meters, CheckStatement in ledger/statement.h says)
  ///   - an outcome report that Outcomes::Apply refuses
  ///   - an alert that comes twice or too early; a decision of no open request (ledger/budget_records.h)
  ///   - what MarketRecords::Apply refuses; a market entry of an unknown tenant or pool, a project of another tenant, a
  ///     tariff that does not price the pool or is in another currency than its tenant's account
  ///   - counts, times and amounts out of bounds
  absl::Status Apply(const Entry& entry);
  /// The same without copies, for each type: a grant's strings move into the books, and what they replace moves out.
  template <EntryType E>
  absl::Status Apply(E&& entry);
  template <EntryType E>
  absl::Status Apply(const E& entry) {
    return Apply(E(entry));
  }

  uint32_t epoch() const { return epoch_; }
  /// True when the last entry applied to the last epoch was its StopEntry.
  bool stopped_cleanly() const { return stopped_cleanly_; }
  /// Grants of this epoch so far.
  uint64_t last_grant_sequence() const { return last_grant_sequence_; }
  /// The latest `at` seen.
  Instant newest() const { return newest_; }

  std::optional<uint32_t> IdOf(NameKind kind, uint32_t owner, const std::string& name) const;
  /// Crashes on an id that was never bound.
  const NameEntry& NameOf(NameKind kind, uint32_t id) const;
  uint32_t CountOf(NameKind kind) const;
  /// The project of a key, 0 when it has none; for ever once it has one. Crashes on a key that was never bound.
  ProjectId ProjectOf(KeyId key) const;
  const std::deque<TariffEntry>& tariffs() const { return tariffs_; }  // id n at index n - 1; they stay where they are
  /// What a token of each kind costs on these terms: the pinned posted price times the pinned tariff's coupling factor,
  /// for each kind for which it is a multiple of the coupling's step; else the tariff's flat price, zero where it does
  /// not price the pool.
  TokenPrices PricesOf(const GrantTerms& terms) const;

  /// Hints without effect, for what will be asked or posted soon: each starts to load what the one before it found.
  void PrefetchRequest(const RequestFingerprint& request) const;
  void PrefetchOpen(GrantId id) const { open_.Prefetch(id); }
  void PrefetchAccount(TenantId tenant, KeyId key) const;
  void PrefetchMeters(const GrantTerms& terms, Instant at) const { meters_.Prefetch(terms, at); }
  void PrefetchRows(const GrantTerms& terms, Instant at) const { meters_.PrefetchRows(terms, at); }

  const OpenGrant* FindOpen(GrantId id) const { return open_.Find(id); }
  size_t open_count() const { return open_.size(); }
  /// Every open grant in id order. They stay where they are until they end. Takes time: collects and sorts.
  std::vector<const OpenGrant*> OpenInOrder() const { return open_.InOrder(); }
  /// The end of a grant, while remembered; the latest one if it expired and was settled unbilled after that. Valid
  /// until the next entry.
  const EndedGrant* FindEnded(GrantId id) const { return ended_.Find(id); }
  const RememberedEnds& ended() const { return ended_; }
  /// Settled, voided or expired, ever. (Granted and lost in a power cut is not ended.)
  bool HasEnded(GrantId id) const;

  /// Whether a grant that the journal does not know may have been given by an earlier epoch, on these terms, and lost
  /// in a power cut: then it may settle once.
  bool MayBeLost(GrantId id, const GrantTerms& terms) const;

  /// What a tenant's request id stands for, while remembered. Valid until the next entry.
  using RequestRecord = ledger::RequestRecord;
  const RequestRecord* FindRequest(const RequestFingerprint& request) const;
  const RequestRecord* FindRequest(TenantId tenant, std::string_view request_id) const;

  /// Crashes on a tenant that was never bound.
  const Balance& BalanceOf(TenantId tenant) const;
  std::map<TenantId, Balance> balances() const;
  /// Subscriptions, credits, statements, and what balances in every currency.
  const Accounts& accounts() const { return accounts_; }
  const Meters& meters() const { return meters_; }
  /// The first meter by run and label.
  const Cuts& cuts() const { return cuts_; }
  const Outcomes& outcomes() const { return outcomes_; }
  const BudgetRecords& budget_records() const { return budget_records_; }
  /// What was bought ahead of time.
  const MarketRecords& market() const { return market_; }

  /// Adds up anew: per tenant pending = sum of open holds, posted = sum of bucket charges; per currency debits =
  /// credits, what reservations paid and did not earn yet included; every bucket's charge = its tokens x pinned prices, and so for its cuts; cuts by one label key (or by run)
  /// are parts of their bucket. DATA_LOSS says what is wrong.
  absl::Status CheckInvariants() const;

  // ---- The books as rows (ledger/books_rows.h says which).

  /// How many rows TakeChanges would write, about.
  size_t changed_rows() const;
  /// Appends the rows that changed since the last time. The books must reflect the journal up to `as_of`. In steady
  /// state it allocates nothing.
  void TakeChanges(const Head& as_of, RowBatch* rows);
  /// Visits every row, in the order of their keys; no change is left to take. An error ends it and is returned.
  using RowVisitor = std::function<absl::Status(std::string_view key, std::string_view value)>;
  absl::Status TakeAll(const Head& as_of, const RowVisitor& visit);

  friend bool operator==(const Books&, const Books&) = default;

 private:
  friend class BooksLoader;
  /// A moment at which every open grant had a row: the ends from this number on can be read from the journal behind it.
  struct Mark {
    uint64_t sequence = 0;
    uint64_t end = 0;
  };
  /// A grant that ended under that number, whose row stays until its end is forgotten.
  struct Retired {
    uint64_t end = 0;
    GrantId id;
  };
  /// What the rows do not say yet. No part of the value.
  struct Changes {
    std::array<size_t, kNameKinds> names{};  // so many have rows
    size_t tariffs = 0;                      // likewise
    std::vector<KeyId> key_projects;
    std::vector<uint32_t> balances;
    std::vector<bool> balance_noted;  // by tenant
    std::vector<uint64_t> ends;       // numbers of those that reading the journal would not give back whole
    uint64_t ends_from = 0;           // no end before it has a row
    uint64_t ends_to = 0;             // nor one from it on
    std::vector<Retired> retired;     // by rising end, from `retired_from` on
    size_t retired_from = 0;
    std::vector<Mark> marks = {Mark()};  // rising; the last one at or before the oldest end comes first
    Instant seconds_from;                // no window that starts before it has a row of seconds
    friend bool operator==(const Changes&, const Changes&) { return true; }
  };

  absl::Status ApplyOne(const BootEntry& entry);
  absl::Status ApplyOne(const StopEntry& entry);
  absl::Status ApplyOne(const NameEntry& entry);
  absl::Status ApplyOne(const TariffEntry& entry);
  absl::Status ApplyOne(GrantEntry&& entry);
  absl::Status ApplyOne(const ProgressEntry& entry);
  absl::Status ApplyOne(const SettleEntry& entry);
  absl::Status ApplyOne(const VoidEntry& entry);
  absl::Status ApplyOne(const ExpireEntry& entry);
  absl::Status ApplyOne(const SubscriptionEntry& entry) { return accounts_.Apply(entry); }
  absl::Status ApplyOne(const CreditEntry& entry);
  absl::Status ApplyOne(const StatementEntry& entry);
  absl::Status ApplyOne(const RollUpEntry& entry);
  absl::Status ApplyOne(const KeyProjectEntry& entry);
  absl::Status ApplyOne(const OutcomeEntry& entry);
  absl::Status ApplyOne(const AlertEntry& entry);
  absl::Status ApplyOne(const BudgetRaiseEntry& entry);
  absl::Status ApplyOne(const BudgetChangeEntry& entry);
  absl::Status ApplyOne(const RunApprovalEntry& entry);
  absl::Status ApplyOne(const CapacityPlanEntry& entry);
  absl::Status ApplyOne(const DemandPlanEntry& entry);
  absl::Status ApplyOne(const PriceEntry& entry);
  absl::Status ApplyOne(const QuoteEntry& entry);
  absl::Status ApplyOne(const QuoteEndEntry& entry);
  absl::Status ApplyOne(const ReservationEntry& entry);
  absl::Status ApplyOne(const DeliveryEntry& entry);
  absl::Status ApplyOne(const BidEntry& entry);
  absl::Status ApplyOne(const BidEndEntry& entry);
  enum class Standing : uint8_t { kNever, kOpen, kEnded, kLost };
  Standing StandingOf(GrantId id, const OpenGrant* open) const;
  absl::Status NotOpen(GrantId id) const;
  void NoteWork(TenantId tenant, const Attributions& attributions);
  absl::Status CheckTerms(const GrantTerms& terms) const;
  absl::Status CheckCurrency(TenantId tenant, uint32_t tariff) const;
  /// A tenant's first grant says what currency it pays in.
  void FixCurrency(const GrantTerms& terms) {
    if (accounts_.CurrencyPlaceOf(terms.tenant) == 0) accounts_.SetCurrency(terms.tenant, tariff_currency_[terms.tariff - 1]);
  }
  absl::Status CheckStanding(const SettleEntry& entry, const OpenGrant* open) const;
  absl::Status CheckCharge(const SettleEntry& entry) const;
  absl::Status CheckBuckets() const;
  absl::Status CheckCuts() const;
  absl::Status CheckRating(const BucketKey& key, const Bucket& bucket) const;
  absl::Status CheckTenant(TenantId tenant) const;
  absl::Status CheckPosted(const GrantTerms& terms) const;
  absl::Status CheckInForce(const GrantTerms& terms, Instant at) const;
  /// nullptr: the tariff does not price the pool.
  const PoolPrices* PoolPricesOf(uint32_t tariff, PoolId pool) const;
  absl::Status CheckPool(PoolId pool) const;
  /// Of something on the market: that they are known and fit each other.
  absl::Status CheckDeal(TenantId tenant, uint32_t tariff, const ReservationTerms& terms) const;
  absl::Status CheckPriced(uint32_t tariff, PoolId pool) const;
  absl::Status CheckBudget(const BudgetOf& budget) const;
  Work AttributedSoFar(GrantId id, const OpenGrant* open) const;
  Balance& MutableBalance(TenantId tenant) {
    NoteBalance(tenant.value - 1);
    return balances_[tenant.value - 1];
  }
  void NoteBalance(uint32_t place) {
    if (changes_.balance_noted[place]) return;
    changes_.balance_noted[place] = true;
    changes_.balances.push_back(place);
  }
  void AddTenant();
  void ForgetOldMarks();
  void NoteMark(uint64_t sequence);
  void TakeRetired(RowBatch* rows);
  void TakeEnds(RowBatch* rows);
  void TakeEndedBits(RowBatch* rows);
  void TakeMeters(RowBatch* rows);
  void TakeAccounts(RowBatch* rows);
  void TakeCuts(RowBatch* rows);
  void TakeOutcomes(RowBatch* rows);
  void PutHeader(const Head& as_of, std::string* bytes) const;
  void NotePrices(uint32_t tariff, const NameEntry& pool);
  void EndOpen(const OpenGrant& open, EndedGrant ended);

  uint32_t epoch_ = 0;
  bool stopped_cleanly_ = true;
  uint64_t last_grant_sequence_ = 0;
  Instant newest_;
  std::array<std::vector<NameEntry>, kNameKinds> names_;  // by kind; id n at index n - 1
  std::map<std::pair<std::pair<NameKind, uint32_t>, std::string>, uint32_t> ids_;
  std::vector<ProjectId> project_of_key_;  // key n's at n - 1
  std::deque<TariffEntry> tariffs_;
  std::vector<uint8_t> tariff_currency_;     // tariff n's place in accounts_ at n - 1
  std::vector<std::vector<size_t>> priced_;  // tariff n, pool m: its place in the tariff's pools at [n - 1][m - 1]
  OpenGrants open_;
  std::map<uint32_t, EndedBits> ended_bits_;  // by epoch
  RememberedEnds ended_;
  std::vector<Balance> balances_;  // tenant n's at n - 1
  Accounts accounts_;
  Meters meters_;
  Cuts cuts_;
  Outcomes outcomes_;
  BudgetRecords budget_records_;
  MarketRecords market_;
  Changes changes_;
};

}  // namespace penstock::ledger
