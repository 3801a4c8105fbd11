// What a ledger promises over every journal: closed, crashed or verified, it comes back as the same books.
#include "ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

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

std::unique_ptr<Ledger> OpenLedger(Store& store, const Ledger::Observer& observe = nullptr) {
  absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(store.Open(), observe);
  EXPECT_TRUE(ledger.ok()) << ledger.status();
  return *std::move(ledger);
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

  std::vector<Entry> observed;
  ledger = OpenLedger(*store, [&observed](const Entry& entry) { observed.push_back(entry); });
  EXPECT_TRUE(ledger->books() == books);
  EXPECT_EQ(ledger->head(), head);
  EXPECT_TRUE(observed == day);
  ledger.reset();

  const absl::StatusOr<Verification> found = Verify(*store->Open());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->entries, day.size());
  EXPECT_EQ(found->head, head);
  EXPECT_EQ(found->open_holds, books.open_count());
  EXPECT_EQ(found->posted, books.revenue());
  EXPECT_TRUE(found->books == books);
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
