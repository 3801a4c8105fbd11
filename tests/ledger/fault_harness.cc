#include "tests/ledger/fault_harness.h"

#include <absl/strings/str_cat.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "ledger/books.h"
#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/faulty_disk.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

template <class... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat(parts...));
}

std::string Text(GrantId id) { return absl::StrCat("grant ", id.epoch, "-", id.sequence); }

// ---- Stores.

class MemoryStore : public Store {
 public:
  absl::StatusOr<std::unique_ptr<Journal>> Open() override { return std::make_unique<Opened>(*this); }
  Faults& faults() override { return faults_; }

  void LoseUnsynced(std::mt19937_64* torn) override {
    const size_t unsynced = rows_.size() - synced_;
    rows_.resize(synced_ + (torn == nullptr ? 0 : (*torn)() % (unsynced + 1)));
    synced_ = rows_.size();
    journal_ = NewMemoryJournal();
    for (const Batch& row : rows_) PENSTOCK_CHECK(journal_->Append(row).ok());
  }

 private:
  /// Passes on to a journal that outlives it; the first fault is its last word.
  class Opened : public Journal {
   public:
    explicit Opened(MemoryStore& store) : store_(store) {}
    absl::Status Append(const Batch& batch) override {
      if (broken_.ok() && !batch.empty()) broken_ = Ask(DiskOperation::kWrite);
      if (!broken_.ok() || batch.empty()) return broken_;
      store_.rows_.push_back(batch);
      return store_.journal_->Append(batch);
    }
    absl::StatusOr<uint64_t> Sync() override {
      if (broken_.ok()) broken_ = Ask(DiskOperation::kSync);
      if (!broken_.ok()) return broken_;
      store_.synced_ = store_.rows_.size();
      return store_.journal_->Sync();
    }
    Head head() const override { return store_.journal_->head(); }
    absl::Status Read(uint64_t first, const Visitor& visit) const override {
      return store_.journal_->Read(first, visit);
    }
    ProjectionStore* projections() override { return store_.journal_->projections(); }
    absl::StatusOr<Head> HeadAt(uint64_t sequence) const override { return store_.journal_->HeadAt(sequence); }

   private:
    absl::Status Ask(DiskOperation operation) {
      const Faults::Verdict verdict = store_.faults_.Before(operation);
      if (verdict == Faults::Verdict::kGoOn) return absl::OkStatus();
      if (verdict == Faults::Verdict::kNoSpace) return absl::ResourceExhaustedError("injected");
      return absl::InternalError("injected");
    }
    MemoryStore& store_;
    absl::Status broken_;
  };

  Faults faults_;
  std::vector<Batch> rows_;
  size_t synced_ = 0;
  std::unique_ptr<Journal> journal_ = NewMemoryJournal();
};

class RocksDbStore : public Store {
 public:
  RocksDbStore() : disk_(std::make_shared<FaultyDisk>()), env_(NewSleeplessEnv(disk_)) {}

  absl::StatusOr<std::unique_ptr<Journal>> Open() override {
    return OpenRocksDbJournal(
        {.directory = scratch_.path("data"), .env = env_.get(), .mark_guard = disk_->GuardOfHead()});
  }
  Faults& faults() override { return disk_->faults(); }
  void LoseUnsynced(std::mt19937_64* torn) override { disk_->LoseUnsynced(torn); }

 private:
  const ScratchDirectory scratch_;
  const std::shared_ptr<FaultyDisk> disk_;
  const std::unique_ptr<rocksdb::Env> env_;
};

// ---- The auditor.

struct Account {
  Money held;
  Money posted;
  Money bought;
  friend bool operator==(const Account&, const Account&) = default;
};

class Auditor {
 public:
  absl::Status See(const Entry& entry) {
    return std::visit([this](const auto& e) { return SeeOne(e); }, entry);
  }

  absl::Status CheckBudgets(const std::map<TenantId, Money>& budgets) const {
    for (const auto& [tenant, budget] : budgets) {
      const auto account = accounts_.find(tenant);
      if (account == accounts_.end() || account->second.held + account->second.posted <= budget) continue;
      return Broken("tenant ", tenant.value, " holds ", account->second.held.ToDecimal(), " and was charged ",
                    account->second.posted.ToDecimal(), " of a budget of ", budget.ToDecimal());
    }
    return absl::OkStatus();
  }
  absl::Status CheckHolds(const std::map<TenantId, Money>& budgets) const {
    for (const auto& [tenant, id] : above_hold_) {
      if (budgets.contains(tenant)) return Broken(Text(id), " was charged more than its hold");
    }
    return absl::OkStatus();
  }

  absl::Status Compare(const Books& books) const {
    if (books.open_count() != holds_.size()) {
      return Broken("the books have ", books.open_count(), " open holds, the auditor ", holds_.size());
    }
    for (const OpenGrant* open : books.OpenInOrder()) {
      const auto hold = holds_.find(open->grant.id);
      if (hold == holds_.end() || hold->second.second != open->grant.hold) {
        return Broken(Text(open->grant.id), " is not open with that hold for the auditor");
      }
    }
    Money revenue;
    for (const auto& [tenant, balance] : books.balances()) {
      const auto found = accounts_.find(tenant);
      const Account account = found == accounts_.end() ? Account() : found->second;
      revenue += account.posted + account.bought;
      const Balance expected{account.held, account.posted, account.bought};
      if (balance == expected) continue;
      return Broken("tenant ", tenant.value, ": the books say pending ", balance.pending.ToDecimal(), ", posted ",
                    balance.posted.ToDecimal(), ", bought ", balance.bought.ToDecimal(), "; the auditor ", account.held.ToDecimal(), ", ",
                    account.posted.ToDecimal(), " and ", account.bought.ToDecimal());
    }
    for (const auto& [id, beyond] : closed_) revenue += beyond;
    Money credited;
    for (const CurrencyAccounts& one : books.accounts().currencies()) credited += one.revenue + one.unearned;
    if (revenue != credited) return Broken("credits are not what the auditor's debits add up to");
    return absl::OkStatus();
  }

  /// Ends of grants that nothing may end again: by their ids, the entry that ended them last.
  const std::map<GrantId, Entry>& ends() const { return ends_; }

 private:
  template <class E>
  absl::Status SeeOne(const E&) {
    return absl::OkStatus();  // no money in it
  }
  absl::Status SeeOne(const GrantEntry& grant) {
    if (!holds_.try_emplace(grant.id, grant.terms.tenant, grant.hold).second || ends_.contains(grant.id)) {
      return Broken(Text(grant.id), " was given twice");
    }
    accounts_[grant.terms.tenant].held += grant.hold;
    return absl::OkStatus();
  }
  absl::Status SeeOne(const ProgressEntry& progress) {
    const auto hold = holds_.find(progress.id);
    if (hold == holds_.end()) return Broken(Text(progress.id), " goes on without a hold");
    accounts_[hold->second.first].held += progress.hold - hold->second.second;
    hold->second.second = progress.hold;
    return absl::OkStatus();
  }
  absl::Status SeeOne(const SettleEntry& settle) {
    const auto hold = holds_.find(settle.id);
    const auto ended = ends_.find(settle.id);
    const bool late = ended != ends_.end() && std::holds_alternative<ExpireEntry>(ended->second) && !settle.billed;
    if (ended != ends_.end() && !late) return Broken(Text(settle.id), " ended twice");
    if (hold != holds_.end() && settle.charge > hold->second.second) {
      above_hold_.emplace_back(settle.terms.tenant, settle.id);
    }
    accounts_[settle.terms.tenant].posted += settle.charge;
    Release(settle.id);
    ends_.insert_or_assign(settle.id, settle);
    return absl::OkStatus();
  }
  absl::Status SeeOne(const StatementEntry& closed) {
    if (closed.replaces != 0 && closed_.erase(closed.replaces) == 0) {
      return Broken("statement ", closed.id, " replaces ", closed.replaces, ", which does not stand");
    }
    Money& beyond = closed_[closed.id];
    beyond = -closed.posted;
    for (const rating::Line& line : closed.lines) {
      if (line.kind != rating::LineKind::kPrepaidCredit) beyond += line.exact;
    }
    return absl::OkStatus();
  }
  absl::Status SeeOne(const ReservationEntry& change) {
    Money& ahead = unearned_[change.id];
    for (const ReservationCharge& charge : change.charges) {
      const Money paid = Money::FromPico(PicoCount(charge.quantity * charge.paid_price));
      accounts_[change.tenant].bought += Money::FromPico(PicoCount(charge.quantity * charge.unit_price));
      ahead += paid;
    }
    if (ahead.IsNegative()) return Broken("reservation ", change.id, " gave back more than it had");
    if (IsOver(change.state) && !ahead.IsZero()) return Broken("reservation ", change.id, " ended with money in it");
    return absl::OkStatus();
  }
  absl::Status SeeOne(const DeliveryEntry& delivery) {
    if (!delivered_.emplace(delivery.reservation, delivery.from).second) return Broken("a delivery came twice");
    Money& ahead = unearned_[delivery.reservation];
    ahead -= delivery.earned;
    return ahead.IsNegative() ? Broken("reservation ", delivery.reservation, " earned more than it was paid")
                              : absl::OkStatus();
  }
  absl::Status SeeOne(const AlertEntry& alert) {
    const BudgetOf& of = alert.budget;
    const bool is_new = of.scope == BudgetScope::kRun ||
                        alerts_.emplace(of.tenant, of.scope, of.subject, of.period, of.number, alert.threshold).second;
    return is_new ? absl::OkStatus() : Broken("an alert came twice");
  }
  absl::Status SeeOne(const VoidEntry& voided) { return End(voided.id, voided); }
  absl::Status SeeOne(const ExpireEntry& expired) { return End(expired.id, expired); }

  absl::Status End(GrantId id, const Entry& entry) {
    if (ends_.contains(id)) return Broken(Text(id), " ended twice");
    if (!holds_.contains(id)) return Broken(Text(id), " ended without a hold");
    Release(id);
    ends_.insert_or_assign(id, entry);
    return absl::OkStatus();
  }
  void Release(GrantId id) {
    const auto hold = holds_.find(id);
    if (hold == holds_.end()) return;  // expired before, or lost
    accounts_[hold->second.first].held -= hold->second.second;
    holds_.erase(hold);
  }

  std::map<GrantId, std::pair<TenantId, Money>> holds_;
  std::map<GrantId, Entry> ends_;
  std::map<TenantId, Account> accounts_;
  std::map<uint32_t, Money> closed_;  // standing statements: what they charge beyond what settlements posted
  std::map<uint32_t, Money> unearned_;  // by reservation
  std::set<std::pair<uint32_t, Instant>> delivered_;
  std::vector<std::pair<TenantId, GrantId>> above_hold_;
  std::set<std::tuple<TenantId, BudgetScope, uint32_t, BudgetPeriod, int64_t, uint32_t>> alerts_;
};

absl::Status RefusesSecondEnds(const Auditor& auditor, const Books& books) {
  Books tried = books;
  for (const auto& [id, end] : auditor.ends()) {
    if (tried.Apply(end).ok()) return Broken(Text(id), " was ended a second time, and the books took it");
    if (tried.Apply(VoidEntry{id, books.newest()}).ok())
      return Broken(Text(id), " has ended, and was voided after that");
  }
  return absl::OkStatus();
}

/// As the next daemon would: boots, lets every hold expire, settles what was given and lost; each once.
absl::Status LivesOn(const Books& books, const std::vector<GrantEntry>& lost) {
  Books next = books;
  absl::Status applied = next.Apply(BootEntry{next.epoch() + 1, next.newest()});
  if (!applied.ok()) return applied;
  std::vector<GrantId> open;
  for (const OpenGrant* grant : next.OpenInOrder()) open.push_back(grant->grant.id);
  for (const GrantId id : open) {
    if (applied = next.Apply(ExpireEntry{id, next.newest()}); !applied.ok()) return applied;
    if (next.Apply(ExpireEntry{id, next.newest()}).ok()) return Broken(Text(id), " expired twice");
  }
  for (const GrantEntry& grant : lost) {
    if (!next.MayBeLost(grant.id, grant.terms)) continue;  // its epoch or its names were lost with it
    SettleEntry settle;
    settle.id = grant.id;
    settle.terms = grant.terms;
    settle.at = next.newest();
    settle.tokens[TokenKind::kInput] = Tokens(1);
    settle.charge = TokenCharge(settle.tokens, next.PricesOf(grant.terms));
    if (applied = next.Apply(settle); !applied.ok()) return applied;
    if (next.Apply(settle).ok()) return Broken(Text(grant.id), " was lost, and settled twice");
  }
  for (const auto& [tenant, balance] : next.balances()) {
    if (balance.pending != Money()) return Broken("without holds, tenant ", tenant.value, " has pending money");
  }
  return next.CheckInvariants();
}

}  // namespace

std::unique_ptr<Store> NewMemoryStore() { return std::make_unique<MemoryStore>(); }
std::unique_ptr<Store> NewRocksDbStore() { return std::make_unique<RocksDbStore>(); }

absl::Status Audit(const std::vector<Entry>& history, const std::map<TenantId, Money>& budgets, const Books& books) {
  Auditor auditor;
  for (size_t i = 0; i < history.size(); ++i) {
    absl::Status seen = auditor.See(history[i]);
    if (seen.ok()) seen = auditor.CheckBudgets(budgets);
    if (!seen.ok()) return Broken("entry ", i + 1, ": ", seen.message());
  }
  if (absl::Status holds = auditor.CheckHolds(budgets); !holds.ok()) return holds;
  if (absl::Status same = auditor.Compare(books); !same.ok()) return same;
  if (absl::Status sums = books.CheckInvariants(); !sums.ok()) return sums;
  return RefusesSecondEnds(auditor, books);
}

// ---- A life: from opening to death, with a record of what was acknowledged.

class FaultHarness::Life {
 public:
  Life(const Day& day, Store& store) : day_(day), store_(store) {}

  /// Opens and runs the day from the step after its first `entries` entries. The first error ends it.
  absl::Status Run(uint64_t entries) {
    posted_ = attempted_ = written_ = synced_ = entries;
    ends_ = {entries};
    if (absl::Status opened = Open(); !opened.ok()) return opened;
    size_t at = 0;
    for (uint64_t seen = 0; seen < entries; ++at) seen += day_.steps[at].what == Step::What::kPost ? 1u : 0u;
    for (; at < day_.steps.size(); ++at) {
      if (absl::Status done = Do(day_.steps[at]); !done.ok()) return done;
    }
    if (absl::Status written = Write(); !written.ok()) return written;
    return Sync();
  }

  /// The process ends, with nothing done any more.
  void Die() {
    store_.faults().Kill();
    ledger_.reset();
  }
  /// In good order.
  void Close() { ledger_.reset(); }

  Ledger& ledger() { return *ledger_; }
  uint64_t attempted() const { return attempted_; }
  uint64_t written() const { return written_; }
  uint64_t synced() const { return synced_; }
  /// Rows end after these many entries; nothing else may.
  const std::set<uint64_t>& ends() const { return ends_; }

 private:
  absl::Status Open() {
    absl::StatusOr<std::unique_ptr<Journal>> journal = store_.Open();
    if (!journal.ok()) return journal.status();
    absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(*std::move(journal), nullptr);
    if (!ledger.ok()) return ledger.status();
    ledger_ = *std::move(ledger);
    // Without projections to go on from, all of them must be written once.
    writes_back_ = ledger_->keeps_projections() && (ledger_->opening().loaded > 0 || ledger_->WriteAll(nullptr).ok());
    if (ledger_->posted_sequence() == written_) return absl::OkStatus();
    return Broken("opened with ", ledger_->posted_sequence(), " entries where ", written_, " had been written");
  }

  absl::Status Do(const Step& step) {
    switch (step.what) {
      case Step::What::kPost:
        ledger_->Post(step.entry);
        ++posted_;
        return absl::OkStatus();
      case Step::What::kWrite:
        return Write();
      case Step::What::kSync:
        return Sync();
      case Step::What::kWriteBack:
        return WriteBack();
      case Step::What::kClose:
        if (absl::Status written = Write(); !written.ok()) return written;
        Close();
        return Open();
      case Step::What::kKill:
        return Kill();
    }
    return absl::OkStatus();
  }

  absl::Status Write() {
    attempted_ = posted_;
    ends_.insert(attempted_);
    if (absl::Status written = ledger_->WriteBatch(); !written.ok()) return written;
    written_ = posted_;
    return absl::OkStatus();
  }

  absl::Status Sync() {
    const absl::StatusOr<uint64_t> covered = ledger_->SyncJournal();
    if (!covered.ok()) return covered.status();
    if (*covered < written_) return Broken("a sync covers ", *covered, " of ", written_, " written entries");
    synced_ = *covered;
    return absl::OkStatus();
  }

  absl::Status WriteBack() {
    if (absl::Status written = Write(); !written.ok() || !writes_back_) return written;
    RowBatch rows;
    ledger_->TakeChanges(&rows);
    writes_back_ = ledger_->WriteChanges(rows).ok();
    if (writes_back_) synced_ = written_;
    return absl::OkStatus();
  }

  absl::Status Kill() {
    const uint64_t unwritten = posted_ - written_;
    std::vector<Entry> again;
    uint64_t seen = 0;
    for (const Step& step : day_.steps) {
      if (step.what != Step::What::kPost || ++seen <= written_) continue;
      if (again.size() == unwritten) break;
      again.push_back(step.entry);
    }
    Die();
    store_.faults().Revive();
    if (absl::Status opened = Open(); !opened.ok()) return opened;
    for (const Entry& entry : again) ledger_->Post(entry);
    return absl::OkStatus();
  }

  const Day& day_;
  Store& store_;
  std::unique_ptr<Ledger> ledger_;
  bool writes_back_ = false;
  uint64_t posted_ = 0;
  uint64_t attempted_ = 0;
  uint64_t written_ = 0;
  uint64_t synced_ = 0;
  std::set<uint64_t> ends_;
};

FaultHarness::FaultHarness(Day day, StoreMaker maker) : day_(std::move(day)), maker_(std::move(maker)) {
  for (const Step& step : day_.steps) {
    if (step.what == Step::What::kPost) entries_.push_back(step.entry);
  }
}

absl::StatusOr<uint64_t> FaultHarness::CountOperations() const {
  const std::unique_ptr<Store> store = maker_();
  store->faults().Arm(Fault::kNone, 0);
  Life life(day_, *store);
  if (absl::Status lived = life.Run(0); !lived.ok()) return lived;
  if (absl::Status audited = Audit(entries_, day_.budgets, life.ledger().books()); !audited.ok()) return audited;
  life.Close();
  return store->faults().operations();
}

absl::StatusOr<FaultHarness::Point> FaultHarness::CrashAt(Fault fault, uint64_t at, uint64_t seed) const {
  std::mt19937_64 random(seed);
  const std::unique_ptr<Store> store = maker_();
  store->faults().Arm(fault, at);
  Point point;
  Life life(day_, *store);
  const absl::Status lived = life.Run(0);
  if (lived.ok()) life.Close();  // the closing has operations, too
  point.struck = store->faults().struck();
  point.refused = !lived.ok();
  if (point.refused && !point.struck) return lived;
  life.Die();

  const bool cut = fault == Fault::kPowerCut || fault == Fault::kTornTail || random() % 2 == 0;
  if (cut) store->LoseUnsynced(fault == Fault::kPowerCut ? nullptr : &random);
  store->faults().Arm(Fault::kNone, 0);
  if (absl::Status recovered = Recover(*store, life, cut ? life.synced() : life.written(), &point); !recovered.ok()) {
    const std::string struck(point.struck ? NameOf(*point.struck) : "day without it");
    return absl::Status(
        recovered.code(),
        absl::StrCat(recovered.message(), " (", std::string(NameOf(fault)), " at operation ", at, ", a ", struck, "; ",
                     cut ? "power lost" : "killed", "; the day ended with: ", lived.ToString(), ")"));
  }
  return point;
}

absl::Status FaultHarness::CheckSurvivors(const std::vector<Entry>& survivors, uint64_t least, const Life& life) const {
  const uint64_t kept = survivors.size();
  if (kept < least) return Broken(kept, " entries are left of ", least, " that were acknowledged");
  if (kept > life.attempted()) return Broken(kept, " entries are left of ", life.attempted(), " that were written");
  if (!life.ends().contains(kept)) return Broken("a row was half applied: ", kept, " entries are left");
  if (!std::equal(survivors.begin(), survivors.end(), entries_.begin())) return Broken("an entry came back changed");
  return absl::OkStatus();
}

absl::Status FaultHarness::Recover(Store& store, const Life& life, uint64_t least, Point* point) const {
  std::vector<Entry> survivors;
  std::vector<GrantEntry> lost;
  {
    absl::StatusOr<std::unique_ptr<Journal>> journal = store.Open();
    if (!journal.ok()) return journal.status();
    const absl::StatusOr<Verification> verified = Verify(**journal);
    if (!verified.ok()) return verified.status();
    const absl::Status read = (*journal)->Read(1, [&survivors](uint64_t, std::string_view payload) {
      absl::StatusOr<Entry> entry = Decode(payload);
      if (entry.ok()) survivors.push_back(*std::move(entry));
      return entry.status();
    });
    if (!read.ok()) return read;
    const absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(*std::move(journal), nullptr);
    if (!ledger.ok()) return ledger.status();
    if (absl::Status same = CheckSurvivors(survivors, least, life); !same.ok()) return same;
    const Books& books = (*ledger)->books();
    if (!(books == verified->books) || !(books == BooksOf(survivors))) {
      return Broken("the books are not those of the entries");
    }
    if (absl::Status audited = Audit(survivors, day_.budgets, books); !audited.ok()) return audited;
    for (uint64_t i = survivors.size(); i < life.attempted(); ++i) {
      if (const auto* grant = std::get_if<GrantEntry>(&entries_[i])) lost.push_back(*grant);
    }
    if (absl::Status on = LivesOn(books, lost); !on.ok()) return on;
  }
  point->lost = life.attempted() - survivors.size();

  Life rest(day_, store);
  if (absl::Status lived = rest.Run(survivors.size()); !lived.ok()) return lived;
  const Head head = rest.ledger().head();
  if (!(rest.ledger().books() == BooksOf(entries_))) return Broken("the day ended with other books");
  rest.Close();
  const absl::StatusOr<std::unique_ptr<Journal>> journal = store.Open();
  if (!journal.ok()) return journal.status();
  const absl::StatusOr<Verification> verified = Verify(**journal);
  if (!verified.ok()) return verified.status();
  if (verified->head != head || verified->entries != entries_.size()) return Broken("the day ended at another head");
  return absl::OkStatus();
}

// ---- Days.

Day DayOf(const std::vector<Entry>& entries, uint64_t seed) {
  Random random(seed);
  Day day;
  const auto add = [&day](Step::What what) { day.steps.push_back({what, {}}); };
  bool stopped = false;
  for (const Entry& entry : entries) {
    if (std::holds_alternative<BootEntry>(entry) && !day.steps.empty()) {
      add(stopped ? Step::What::kClose : Step::What::kKill);
    }
    day.steps.push_back({Step::What::kPost, entry});
    stopped = std::holds_alternative<StopEntry>(entry);
    if (stopped || random.OneIn(4)) add(Step::What::kWrite);
    if (stopped || random.OneIn(10)) add(Step::What::kSync);
    if (random.OneIn(15)) add(Step::What::kWriteBack);
    if (random.OneIn(80)) add(Step::What::kKill);
    if (random.OneIn(120)) add(Step::What::kClose);
  }
  return day;
}

Day ScriptedDay() {
  Day day;
  const auto post = [&day](const Entry& entry) { day.steps.push_back({Step::What::kPost, entry}); };
  const auto add = [&day](Step::What what) { day.steps.push_back({what, {}}); };
  const auto write = [&add] { add(Step::What::kWrite); };
  const auto sync = [&add] {
    add(Step::What::kWrite);
    add(Step::What::kSync);
  };
  const auto at = [](int64_t minute) { return kNoon + Minutes(minute); };
  const TokenCounts some = Tokens3(300, 20, 40);

  for (const Entry& entry : OpeningEntries()) post(entry);
  sync();
  // A row of many grants, then progress that moves a hold, and ends of every kind, each its own row.
  for (uint64_t n = 1; n <= 8; ++n) {
    post(Granted({1, n}, at(0),
                 TermsOf(n % 2 == 0 ? kBolt : kAcme, n == 3 ? ServiceClass::kReserved : ServiceClass::kDefault)));
  }
  sync();
  ProgressEntry progress;
  progress.id = {1, 1};
  progress.at = at(1);
  progress.so_far = Tokens3(100, 0, 10);
  progress.lease_deadline = at(2);
  progress.settle_deadline = at(12);
  progress.hold = Money::FromPico(2500);
  progress.attributions = {{at(0), at(1), Work(140'000)}};
  post(progress);
  add(Step::What::kWriteBack);
  post(Settled({1, 2}, at(2), some, TermsOf(kBolt)));
  sync();
  post(Settled({1, 3}, at(2), some, TermsOf(kAcme, ServiceClass::kReserved)));
  post(VoidEntry{{1, 4}, at(2), VoidReason::kUndeliverable});
  sync();
  SettleEntry rest = Settled({1, 1}, at(3), Tokens3(120, 0, 30));
  rest.attributions = {{at(1), at(3), rest.work - Work(140'000)}};
  post(rest);
  SettleEntry in_part = Settled({1, 5}, at(3), Tokens3(10, 0, 0));
  in_part.unbilled = Tokens3(0, 0, 5);
  post(in_part);
  add(Step::What::kWriteBack);
  post(ExpireEntry{{1, 6}, at(11)});
  post(ExpireEntry{{1, 7}, at(11)});
  sync();
  add(Step::What::kKill);
  post(BootEntry{2, at(12)});
  sync();
  post(SettledLate({1, 6}, at(12), some, TermsOf(kBolt)));
  post(Settled({1, 8}, at(12), some, TermsOf(kBolt)));
  write();
  post(Settled({1, 9}, at(12), some));  // given, and lost before it was written
  post(Settled({1, 10}, at(12), some));
  sync();
  Tariff dearer = FirstTariff();
  dearer.version = "2024-02";
  dearer.effective = at(13);
  post(TariffEntry{2, dearer});
  post(NameEntry{NameKind::kKey, 3, 1, "acme-second"});
  sync();
  for (uint64_t n = 1; n <= 3; ++n) {
    post(Granted({2, n}, at(14)));
    write();
  }
  post(Settled({2, 1}, at(15), some));
  add(Step::What::kWriteBack);
  post(VoidEntry{{2, 2}, at(15), VoidReason::kCancelled});
  post(StopEntry{2, at(16)});
  sync();
  add(Step::What::kClose);
  post(BootEntry{3, at(17)});
  sync();
  post(Settled({2, 3}, at(18), some));
  write();
  post(StopEntry{3, at(19)});
  sync();
  add(Step::What::kClose);
  return day;
}

}  // namespace penstock::ledger
