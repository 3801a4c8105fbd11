// What a ledger promises over every journal: closed, crashed or verified, it comes back as the same books.
#include "ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "ledger/books_rows.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

/// A place that keeps one journal between openings.
class Store {
 public:
  virtual ~Store() = default;
  virtual std::unique_ptr<Journal> Open() = 0;
};

class MemoryStore : public Store {
 public:
  std::unique_ptr<Journal> Open() override { return std::make_unique<Borrowed>(journal_.get()); }

 private:
  /// A memory journal that outlives its ledger.
  class Borrowed : public Journal {
   public:
    explicit Borrowed(Journal* journal) : journal_(*journal) {}
    absl::Status Append(const Batch& batch) override { return journal_.Append(batch); }
    absl::StatusOr<uint64_t> Sync() override { return journal_.Sync(); }
    Head head() const override { return journal_.head(); }
    absl::Status Read(uint64_t first, const Visitor& visit) const override { return journal_.Read(first, visit); }
    absl::StatusOr<Head> HeadAt(uint64_t sequence) const override { return journal_.HeadAt(sequence); }
    ProjectionStore* projections() override { return journal_.projections(); }

   private:
    Journal& journal_;
  };

  std::unique_ptr<Journal> journal_ = NewMemoryJournal();
};

class RocksDbStore : public Store {
 public:
  std::unique_ptr<Journal> Open() override {
    RocksDbJournalTerms terms;
    terms.directory = scratch_.path("ledger");
    absl::StatusOr<std::unique_ptr<Journal>> journal = OpenRocksDbJournal(terms);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

 private:
  ScratchDirectory scratch_;
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Store>()> make;
};

/// Keeps what it sees, and a row with how much that was.
class Watcher : public Follower {
 public:
  absl::Status Begin(const Books& books, const std::vector<Row>& rows) override {
    began_with_epoch = books.epoch();
    restored = rows;
    seen.clear();
    return accepts || rows.empty() ? absl::OkStatus() : absl::DataLossError("these rows make no sense");
  }
  void See(const Entry& entry) override { seen.push_back(entry); }

  bool accepts = true;
  uint32_t began_with_epoch = 0;
  std::vector<Row> restored;
  std::vector<Entry> seen;
};

std::unique_ptr<Ledger> OpenLedger(Store& store, Follower* follower = nullptr,
                                   size_t remembered_ends = kRememberedEnds) {
  absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(store.Open(), follower, remembered_ends);
  EXPECT_TRUE(ledger.ok()) << ledger.status();
  const absl::Status sums = (*ledger)->books().CheckInvariants();
  EXPECT_TRUE(sums.ok()) << sums;
  return *std::move(ledger);
}

absl::Status WriteBack(Ledger& ledger) {
  RowBatch rows;
  ledger.TakeChanges(&rows);
  return ledger.WriteChanges(rows);
}

/// Posts the entries, some in each batch, and leaves the last ones unwritten. Returns how many were written.
size_t PostInBatches(const std::vector<Entry>& entries, size_t batches, Random* random, Ledger* ledger) {
  size_t written = 0;
  size_t posted = 0;
  while (posted < entries.size()) {
    const size_t count = std::min<size_t>(entries.size() - posted, static_cast<size_t>(random->Between(1, 20)));
    for (size_t i = 0; i < count; ++i) ledger->Post(entries[posted++]);
    if (batches == 0) continue;
    EXPECT_TRUE(ledger->WriteBatch().ok());
    written = posted;
    --batches;
  }
  return written;
}

class LedgerContract : public testing::TestWithParam<Implementation> {
 protected:
  LedgerContract() : seed_(SeedOfThisRun()), trace_(__FILE__, __LINE__, SeedText(seed_)), random_(seed_) {}

  const uint64_t seed_;
  const testing::ScopedTrace trace_;
  Random random_;
};

TEST_P(LedgerContract, StartsEmpty) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
  EXPECT_EQ(ledger->head(), Head());
  EXPECT_EQ(ledger->posted_sequence(), 0u);
  EXPECT_FALSE(ledger->HasUnwritten());
  EXPECT_TRUE(ledger->WriteBatch().ok()) << "nothing to do is OK";
  EXPECT_TRUE(ledger->books() == Books());
}

TEST_P(LedgerContract, PostedIsNotYetWritten) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
  for (const Entry& entry : OpeningEntries()) ledger->Post(entry);
  EXPECT_TRUE(ledger->HasUnwritten());
  EXPECT_EQ(ledger->posted_sequence(), OpeningEntries().size());
  EXPECT_EQ(ledger->head().sequence, 0u);
  ASSERT_TRUE(ledger->WriteBatch().ok());
  EXPECT_FALSE(ledger->HasUnwritten());
  EXPECT_EQ(ledger->posted_sequence(), OpeningEntries().size());
  EXPECT_EQ(ledger->head().sequence, OpeningEntries().size());
  EXPECT_EQ(*ledger->SyncJournal(), OpeningEntries().size());
}

TEST_P(LedgerContract, ADayComesBackAfterReopeningAndVerifies) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::vector<Entry> day = RandomDay(seed_, 800);
  std::unique_ptr<Ledger> ledger = OpenLedger(*store);
  ASSERT_EQ(PostInBatches(day, SIZE_MAX, &random_, ledger.get()), day.size());
  ASSERT_TRUE(ledger->SyncJournal().ok());
  const Books books = ledger->books();
  const Head head = ledger->head();
  EXPECT_EQ(head.sequence, day.size());
  ledger.reset();

  Watcher watcher;
  ledger = OpenLedger(*store, &watcher);
  EXPECT_TRUE(ledger->books() == books);
  EXPECT_EQ(ledger->head(), head);
  EXPECT_TRUE(watcher.seen == day);
  EXPECT_EQ(ledger->opening().replayed, day.size());
  EXPECT_EQ(ledger->opening().warning, "");
  ledger.reset();

  const absl::StatusOr<Verification> found = Verify(*store->Open());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->entries, day.size());
  EXPECT_EQ(found->head, head);
  EXPECT_EQ(found->open_holds, books.open_count());
  EXPECT_TRUE(found->books == books);
}

TEST_P(LedgerContract, AnObserverSeesEveryEntryBeforeItIsAppliedAndMayObject) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::vector<Entry> day = RandomDay(seed_, 300);
  std::unique_ptr<Ledger> ledger = OpenLedger(*store);
  for (const Entry& entry : day) ledger->Post(entry);
  ASSERT_TRUE(ledger->WriteBatch().ok());
  ledger.reset();

  Books before;
  size_t seen = 0;
  const auto observe = [&](const Entry& entry, const Books& books) {
    EXPECT_TRUE(entry == day[seen]);
    EXPECT_TRUE(seen % 50 != 0 || books == before);
    EXPECT_TRUE(before.Apply(entry).ok());
    return ++seen == 200 ? absl::DataLossError("sold twice") : absl::OkStatus();
  };
  const absl::StatusOr<Verification> found = Verify(*store->Open(), kRememberedEnds, observe);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(found.status().message().find("sold twice"), absl::string_view::npos) << found.status();
  EXPECT_EQ(seen, 200u);
}

TEST_P(LedgerContract, ACrashBetweenBatchesKeepsExactlyTheWrittenOnes) {
  for (int round = 0; round < 10; ++round) {
    const std::unique_ptr<Store> store = GetParam().make();
    const std::vector<Entry> day = RandomDay(seed_ + static_cast<uint64_t>(round), 300);
    std::unique_ptr<Ledger> ledger = OpenLedger(*store);
    const size_t written = PostInBatches(day, random_.Index(40), &random_, ledger.get());
    ledger.reset();

    ledger = OpenLedger(*store);
    const std::vector<Entry> kept(day.begin(), day.begin() + static_cast<int64_t>(written));
    ASSERT_EQ(ledger->head().sequence, written);
    ASSERT_TRUE(ledger->books() == BooksOf(kept));
    for (size_t i = written; i < day.size(); ++i) ledger->Post(day[i]);  // and it goes on from there
    ASSERT_TRUE(ledger->WriteBatch().ok());
    ASSERT_TRUE(ledger->books() == BooksOf(day));
    ledger.reset();
    const absl::StatusOr<Verification> found = Verify(*store->Open());
    ASSERT_TRUE(found.ok()) << found.status();
  }
}

TEST_P(LedgerContract, TheSameEntriesGiveTheSameHeadHoweverTheyAreBatched) {
  const std::vector<Entry> day = RandomDay(seed_, 300);
  std::vector<Head> heads;
  for (int run = 0; run < 2; ++run) {
    const std::unique_ptr<Store> store = GetParam().make();
    const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
    PostInBatches(day, SIZE_MAX, &random_, ledger.get());
    heads.push_back(ledger->head());
  }
  const std::unique_ptr<Ledger> in_memory = *Ledger::Open(NewMemoryJournal(), nullptr);
  PostInBatches(day, SIZE_MAX, &random_, in_memory.get());
  EXPECT_THAT(heads, testing::Each(in_memory->head()));
}

TEST_P(LedgerContract, AContradictionInTheJournalIsFoundWithItsSequence) {
  const std::unique_ptr<Store> store = GetParam().make();
  std::vector<Entry> entries = OpeningEntries();
  entries.push_back(Granted({1, 1}, kNoon));
  SettleEntry settle = Settled({1, 1}, kNoon, Tokens3(3, 0, 2));
  settle.charge += Money::FromPico(1);
  entries.push_back(settle);
  std::vector<std::string> payloads;
  for (const Entry& entry : entries) Encode(entry, &payloads.emplace_back());
  ASSERT_TRUE(store->Open()->Append(payloads).ok());

  const absl::StatusOr<Verification> found = Verify(*store->Open());
  EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(found.status().message()),
              testing::HasSubstr("journal sequence 10: grant 1-1 is charged 0.000000001101"));
  EXPECT_EQ(Ledger::Open(store->Open(), nullptr).status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(LedgerContract, AnUnreadableEntryIsFoundWithItsSequenceAndByte) {
  const std::unique_ptr<Store> store = GetParam().make();
  std::vector<std::string> payloads(1);
  Encode(BootEntry{1, kNoon}, &payloads.front());
  payloads.push_back("\x63");
  ASSERT_TRUE(store->Open()->Append(payloads).ok());
  const absl::StatusOr<Verification> found = Verify(*store->Open());
  EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(found.status().message()), testing::HasSubstr("journal sequence 2: "));
  EXPECT_THAT(std::string(found.status().message()), testing::HasSubstr("at byte 1: unknown entry type"));
}

TEST_P(LedgerContract, OpeningFromProjectionsIsAsReplayingEverything) {
  const int rounds = GetParam().name == "RocksDb" ? 5 : 100;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    const std::unique_ptr<Store> store = GetParam().make();
    const size_t bound = random_.OneIn(3) ? kRememberedEnds : static_cast<size_t>(random_.Between(1, 60));
    const std::vector<Entry> day = RandomDay(seed_ + static_cast<uint64_t>(round), 600, bound);
    const int64_t write_back_one_in = random_.Between(1, 12);
    std::unique_ptr<Ledger> ledger = OpenLedger(*store, nullptr, bound);
    Books replayed(bound);
    uint64_t reflected = 0;
    for (size_t posted = 0; posted < day.size();) {
      for (int64_t n = random_.Between(1, 20); n > 0 && posted < day.size(); --n) {
        ledger->Post(day[posted]);
        ASSERT_TRUE(replayed.Apply(day[posted++]).ok());
      }
      ASSERT_TRUE(ledger->WriteBatch().ok());
      if (random_.OneIn(write_back_one_in)) {
        const bool all = random_.OneIn(25);
        ASSERT_TRUE((all ? ledger->WriteAll(nullptr) : WriteBack(*ledger)).ok());
        reflected = posted;
      }
      if (!random_.OneIn(5)) continue;
      Watcher watcher;  // a crash
      ledger.reset();
      ledger = OpenLedger(*store, &watcher, bound);
      ASSERT_EQ(ledger->opening().warning, "");
      ASSERT_EQ(ledger->opening().loaded, reflected);
      ASSERT_EQ(watcher.seen.size(), posted - reflected);
      ASSERT_TRUE(ledger->books() == replayed) << "after " << posted << " entries";
    }
    ledger.reset();
    const absl::StatusOr<Verification> found = Verify(*store->Open(), bound);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->projected, reflected);
    EXPECT_TRUE(found->books == replayed);
  }
}

TEST_P(LedgerContract, RowsOfAFollowerComeBackToIt) {
  const std::unique_ptr<Store> store = GetParam().make();
  std::unique_ptr<Ledger> ledger = OpenLedger(*store);
  for (const Entry& entry : OpeningEntries()) ledger->Post(entry);
  ASSERT_TRUE(ledger->WriteBatch().ok());
  RowBatch rows;
  ledger->TakeChanges(&rows);
  rows.Put("\x60 mine", "first");
  rows.Put("\xff mine too", "");
  ASSERT_TRUE(ledger->WriteChanges(rows).ok());
  ledger->Post(Granted({1, 1}, kNoon));
  ASSERT_TRUE(ledger->WriteBatch().ok());
  ledger.reset();

  Watcher watcher;
  ledger = OpenLedger(*store, &watcher);
  ASSERT_EQ(watcher.restored.size(), 2u);
  EXPECT_EQ(watcher.restored[0].key, "\x60 mine");
  EXPECT_EQ(watcher.restored[0].value, "first");
  EXPECT_EQ(watcher.began_with_epoch, 1u);
  ASSERT_EQ(watcher.seen.size(), 1u);
  EXPECT_EQ(std::get<GrantEntry>(watcher.seen.front()), Granted({1, 1}, kNoon));
  ledger.reset();

  watcher.accepts = false;
  ledger = OpenLedger(*store, &watcher);
  EXPECT_TRUE(watcher.restored.empty());
  EXPECT_EQ(watcher.seen.size(), OpeningEntries().size() + 1) << "everything from the beginning";
  EXPECT_THAT(ledger->opening().warning, testing::HasSubstr("these rows make no sense"));
}

TEST_P(LedgerContract, WritingAllBackReplacesWhatWasThere) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::vector<Entry> day = RandomDay(seed_, 400);
  std::unique_ptr<Ledger> ledger = OpenLedger(*store);
  RowBatch stale;
  stale.Put("\x60 stale", "row");
  ASSERT_TRUE(ledger->WriteChanges(stale).ok());
  PostInBatches(day, SIZE_MAX, &random_, ledger.get());
  ASSERT_TRUE(ledger->WriteAll([](RowBatch* rows) { rows->Put("\x60 own", "row"); }).ok());
  EXPECT_EQ(ledger->unreflected_entries(), 0u);
  ledger.reset();
  Watcher watcher;
  ledger = OpenLedger(*store, &watcher);
  EXPECT_EQ(ledger->opening().loaded, day.size());
  EXPECT_EQ(ledger->opening().reread, 0u);
  ASSERT_EQ(watcher.restored.size(), 1u);
  EXPECT_EQ(watcher.restored.front().key, "\x60 own");
  EXPECT_TRUE(ledger->books() == BooksOf(day));
}

/// Every stored row.
std::vector<Follower::Row> RowsIn(Journal& journal) {
  std::vector<Follower::Row> rows;
  EXPECT_TRUE(journal.projections()
                  ->Read([&rows](std::string_view key, std::string_view value) {
                    rows.push_back({std::string(key), std::string(value)});
                    return absl::OkStatus();
                  })
                  .ok());
  return rows;
}

TEST_P(LedgerContract, AChangedOrMissingRowIsNamedByVerifyAndNeverDeceivesOpening) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::vector<Entry> day = RandomDay(seed_, 300);
  {
    const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
    for (size_t i = 0; i < day.size(); ++i) {
      ledger->Post(day[i]);
      if (i % 50 != 0) continue;
      ASSERT_TRUE(ledger->WriteBatch().ok());
      ASSERT_TRUE(WriteBack(*ledger).ok());
    }
    ASSERT_TRUE(ledger->WriteBatch().ok());
  }
  const std::vector<Follower::Row> rows = RowsIn(*store->Open());
  int warned = 0;
  for (const Follower::Row& row : rows) {
    SCOPED_TRACE(DescribeRow(row.key));
    if (GetParam().name == "RocksDb" && !random_.OneIn(static_cast<int64_t>(rows.size()) / 12)) continue;  // slow
    for (const bool missing : {false, true}) {
      RowBatch damage;
      if (missing) {
        damage.Delete(row.key);
      } else {
        std::string changed = row.value;
        changed.back() = static_cast<char>(changed.back() ^ 1);
        damage.Put(row.key, changed);
      }
      const std::unique_ptr<Journal> journal = store->Open();
      ASSERT_TRUE(journal->projections()->Write(damage).ok());
      const absl::StatusOr<Verification> found = Verify(*journal);
      const std::string text(found.status().message());
      const RowKind kind = KindOf(row.key);
      if (kind == RowKind::kHeader && missing) {
        EXPECT_TRUE(found.ok() && found->projected == 0) << "as if there were none";
      } else if (missing && found.ok()) {
        EXPECT_EQ(kind, RowKind::kGrant) << "one that ended, and that the journal gives back as well";
      } else {
        EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss) << found.status();
        const bool by_name = kind != RowKind::kHeader && !(kind == RowKind::kEnd && missing);
        EXPECT_THAT(text, testing::HasSubstr(by_name ? DescribeRow(row.key) : "the projections beside it do not"));
      }
      if (GetParam().name == "Memory") {  // (a second RocksDB cannot open beside this one)
        const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
        warned += ledger->opening().warning.empty() ? 0 : 1;
      }
      RowBatch repair;
      repair.Put(row.key, row.value);
      ASSERT_TRUE(journal->projections()->Write(repair).ok());
    }
  }
  const absl::StatusOr<Verification> found = Verify(*store->Open());
  EXPECT_TRUE(found.ok()) << found.status();
  if (GetParam().name == "Memory") {
    EXPECT_GT(warned, 0);
  }
}

TEST_P(LedgerContract, ProjectionsOfAnotherJournalAreNotUsed) {
  const std::unique_ptr<Store> store = GetParam().make();
  const std::vector<Entry> day = RandomDay(seed_, 200);
  std::vector<Follower::Row> foreign;
  {
    const std::unique_ptr<Store> elsewhere = GetParam().make();
    {
      const std::unique_ptr<Ledger> other = OpenLedger(*elsewhere);
      PostInBatches(RandomDay(seed_ + 1, 100), SIZE_MAX, &random_, other.get());
      ASSERT_TRUE(WriteBack(*other).ok());
    }
    foreign = RowsIn(*elsewhere->Open());
  }
  for (const size_t entries : {size_t{20}, day.size()}) {  // shorter and longer than what the rows reflect
    {
      const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
      while (ledger->posted_sequence() < entries) {
        ledger->Post(day[ledger->posted_sequence()]);
        ASSERT_TRUE(ledger->WriteBatch().ok());
      }
      RowBatch rows;
      for (const Follower::Row& row : foreign) rows.Put(row.key, row.value);
      ASSERT_TRUE(ledger->WriteChanges(rows).ok());
    }
    const std::unique_ptr<Ledger> ledger = OpenLedger(*store);
    EXPECT_EQ(ledger->opening().replayed, entries);
    EXPECT_THAT(
        ledger->opening().warning,
        testing::AllOf(testing::HasSubstr("could not be used"),
                       testing::HasSubstr(entries == 20 ? "but the journal ends at 20" : "of another journal")));
    EXPECT_TRUE(ledger->books() == BooksOf({day.begin(), day.begin() + static_cast<ptrdiff_t>(entries)}));
  }
}

INSTANTIATE_TEST_SUITE_P(, LedgerContract,
                         testing::Values(Implementation{"Memory", [] { return std::make_unique<MemoryStore>(); }},
                                         Implementation{"RocksDb", [] { return std::make_unique<RocksDbStore>(); }}),
                         [](const auto& instance) { return instance.param.name; });

TEST(LedgerDeathTest, PostingAContradictionCrashesAndSaysWhich) {
  const std::unique_ptr<Ledger> ledger = *Ledger::Open(NewMemoryJournal(), nullptr);
  EXPECT_DEATH(ledger->Post(BootEntry{2, kNoon}), "boot of epoch 2 follows epoch 0");
}

}  // namespace
}  // namespace penstock::ledger
