// opening_report [MILLIONS] [DIR]: makes a journal of so many million entries (default 5) in a process that ends
// without closing anything, projections written back as the daemon does, and times opening it: with them, and by
// replaying everything. Both must give the same books.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>

#include "admission/vocabulary/check.h"
#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"

namespace penstock::ledger {
namespace {

constexpr uint32_t kTenants = 1'000;
constexpr size_t kOpen = 5'000;  // grants at a time
constexpr int kBatch = 500;
constexpr uint64_t kEntriesBetweenWriteBacks = 500'000;
constexpr size_t kRowsBetweenWriteBacks = 8'192;

class Traffic {
 public:
  explicit Traffic(Ledger& ledger) : ledger_(ledger) {
    Tariff tariff{.version = "bench", .currency = "USD"};
    PoolPrices prices{.pool = "chat", .demand = {BusiestMinute(500)}};
    prices.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kOutput] = 2'400'000;
    tariff.pools.push_back(prices);
    ledger_.Post(BootEntry{1, now_});
    ledger_.Post(NameEntry{NameKind::kPool, 1, 0, "chat"});
    for (uint32_t tenant = 1; tenant <= kTenants; ++tenant) {
      ledger_.Post(NameEntry{NameKind::kTenant, tenant, 0, "tenant-" + std::to_string(tenant)});
      ledger_.Post(NameEntry{NameKind::kKey, tenant, tenant, "prod"});
    }
    ledger_.Post(TariffEntry{1, tariff});
  }

  /// A grant, and the end of the one kOpen before it; one in ten with a report in between.
  void Step() {
    now_ = now_ + Milliseconds(1);
    GrantEntry grant;
    grant.id = {1, ++sequence_};
    grant.terms = TermsOf(sequence_);
    grant.at = now_;
    grant.lease_deadline = now_ + Minutes(5);
    grant.settle_deadline = now_ + Minutes(30);
    grant.estimate[TokenKind::kOutput] = Tokens(200);
    grant.work = NormalizedTokens(800);
    grant.output_cap = Tokens(500);
    grant.hold = Money::FromPico(int64_t{500} * 2'400'000);
    grant.request_id = "request-" + std::to_string(sequence_);
    ledger_.Post(std::move(grant));
    if (sequence_ <= kOpen) return;
    const uint64_t ends = sequence_ - kOpen;
    Work attributed;
    if (ends % 10 == 0) {
      ProgressEntry progress{.id = {1, ends}, .at = now_};
      progress.so_far[TokenKind::kOutput] = Tokens(90);
      progress.lease_deadline = now_ + Minutes(5);
      progress.settle_deadline = now_ + Minutes(30);
      progress.output_cap = Tokens(500);
      progress.hold = Money::FromPico(int64_t{500} * 2'400'000);
      progress.attributions.push_back({now_ - Seconds(4), now_, NormalizedTokens(360)});
      ledger_.Post(std::move(progress));
      attributed = NormalizedTokens(360);
    }
    SettleEntry settle;
    settle.id = {1, ends};
    settle.terms = TermsOf(ends);
    settle.at = now_;
    settle.tokens[TokenKind::kOutput] = Tokens(180);
    settle.work = NormalizedTokens(720);
    settle.charge = Money::FromPico(int64_t{180} * 2'400'000);
    settle.attributions.push_back({now_ - Seconds(1), now_, settle.work - attributed});
    ledger_.Post(std::move(settle));
  }

 private:
  static GrantTerms TermsOf(uint64_t sequence) {
    const auto tenant = static_cast<uint32_t>(1 + sequence % kTenants);
    return {TenantId{tenant}, KeyId{tenant}, PoolId{1}, ServiceClass::kDefault, 1};
  }
  Ledger& ledger_;
  Instant now_{1'700'000'000'000'000'000};
  uint64_t sequence_ = 0;
};

/// Ends the process as a crash would, nearly as much behind the last write-back as may be.
[[noreturn]] void MakeJournal(const std::string& directory, uint64_t entries) {
  auto journal = OpenRocksDbJournal({.directory = directory});
  PENSTOCK_CHECK(journal.ok());
  auto ledger = Ledger::Open(*std::move(journal), nullptr);
  PENSTOCK_CHECK(ledger.ok());
  Traffic traffic(**ledger);
  RowBatch rows;
  while ((*ledger)->posted_sequence() < entries) {
    for (int i = 0; i < kBatch; ++i) traffic.Step();
    PENSTOCK_CHECK((*ledger)->WriteBatch().ok());
    const bool last = (*ledger)->posted_sequence() + kEntriesBetweenWriteBacks > entries;
    const bool due = (*ledger)->unreflected_entries() >= kEntriesBetweenWriteBacks ||
                     (*ledger)->changed_rows() >= kRowsBetweenWriteBacks;
    if (!due || last) continue;
    rows.Clear();
    (*ledger)->TakeChanges(&rows);
    PENSTOCK_CHECK((*ledger)->WriteChanges(rows).ok());
  }
  PENSTOCK_CHECK((*ledger)->SyncJournal().ok());
  _exit(0);
}

uint64_t BytesIn(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return bytes;
}

/// The same journal as if it kept no projections.
class Bare final : public Journal {
 public:
  explicit Bare(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}
  absl::Status Append(const Batch& batch) override { return journal_->Append(batch); }
  absl::StatusOr<uint64_t> Sync() override { return journal_->Sync(); }
  Head head() const override { return journal_->head(); }
  absl::Status Read(uint64_t first, const Visitor& visit) const override { return journal_->Read(first, visit); }

 private:
  std::unique_ptr<Journal> journal_;
};

std::unique_ptr<Ledger> TimedOpen(const std::string& directory, bool with_projections, const char* what) {
  const auto begin = std::chrono::steady_clock::now();
  auto journal = OpenRocksDbJournal({.directory = directory});
  PENSTOCK_CHECK(journal.ok());
  const auto middle = std::chrono::steady_clock::now();
  std::unique_ptr<Journal> used = *std::move(journal);
  if (!with_projections) used = std::make_unique<Bare>(std::move(used));
  auto ledger = Ledger::Open(std::move(used), nullptr);
  PENSTOCK_CHECK(ledger.ok());
  const auto end = std::chrono::steady_clock::now();
  const auto seconds = [](auto span) { return std::chrono::duration<double>(span).count(); };
  const Opening& opening = (*ledger)->opening();
  if (!opening.warning.empty()) std::printf("%s\n", opening.warning.c_str());
  std::printf("%-16s %7.2f s  (journal %.2f s; projections up to %lu, reread %lu, replayed %lu)\n", what,
              seconds(end - begin), seconds(middle - begin), static_cast<unsigned long>(opening.loaded),
              static_cast<unsigned long>(opening.reread), static_cast<unsigned long>(opening.replayed));
  std::fflush(stdout);
  return *std::move(ledger);
}

int Main(int argc, char** argv) {
  const uint64_t entries = std::strtoull(argc > 1 ? argv[1] : "5", nullptr, 10) * 1'000'000;
  const std::string within = argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string();
  std::string directory = within + "/penstock-opening-XXXXXX";
  PENSTOCK_CHECK(mkdtemp(directory.data()) != nullptr);
  const pid_t maker = fork();
  if (maker == 0) MakeJournal(directory, entries);
  int status = 0;
  PENSTOCK_CHECK(waitpid(maker, &status, 0) == maker && status == 0);
  std::printf("%lu entries, %u tenants: journal %.0f MB, projections %.0f MB\n", static_cast<unsigned long>(entries),
              kTenants, static_cast<double>(BytesIn(directory + "/journal")) / 1e6,
              static_cast<double>(BytesIn(directory + "/projections")) / 1e6);
  { const std::unique_ptr<Ledger> first = TimedOpen(directory, true, "after the crash"); }
  std::unique_ptr<Ledger> loaded = TimedOpen(directory, true, "once more");
  const Books books = loaded->books();
  loaded.reset();
  const std::unique_ptr<Ledger> replayed = TimedOpen(directory, false, "replaying all");
  const bool same = books == replayed->books();
  std::printf("%s\n", same ? "the books are the same" : "THE BOOKS DIFFER");
  std::filesystem::remove_all(directory);
  return same ? 0 : 1;
}

}  // namespace
}  // namespace penstock::ledger

int main(int argc, char** argv) { return penstock::ledger::Main(argc, argv); }
