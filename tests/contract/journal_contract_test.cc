// What every journal promises (ledger/journal.h), asked of every implementation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ledger/journal.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/journal_fixture.h"

namespace penstock::ledger {
namespace {

struct Implementation {
  std::string name;
  bool durable;
  std::function<std::unique_ptr<Journal>(const std::string& directory)> open;
};

std::unique_ptr<Journal> OpenDurable(const std::string& directory) {
  auto journal = OpenRocksDbJournal({.directory = directory});
  EXPECT_TRUE(journal.ok()) << journal.status();
  return journal.ok() ? *std::move(journal) : nullptr;
}

class JournalContract : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    journal_ = GetParam().open(scratch_.path("store"));
    ASSERT_NE(journal_, nullptr);
  }

  /// The sequences that a reading from `first` visits.
  std::vector<uint64_t> SequencesFrom(uint64_t first) {
    std::vector<uint64_t> sequences;
    const absl::Status status = journal_->Read(first, [&](uint64_t sequence, std::string_view payload) {
      EXPECT_EQ(payload, PayloadAt(sequence));
      sequences.push_back(sequence);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return sequences;
  }

  Head HeadOf(const std::vector<std::string>& payloads) {
    Head head;
    for (const std::string& payload : payloads) head = {head.sequence + 1, ChainHash(head.hash, payload)};
    return head;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Journal> journal_;
};

TEST_P(JournalContract, AnEmptyJournalEndsAtZeroAndHasNothingToRead) {
  EXPECT_EQ(journal_->head(), Head{});
  EXPECT_TRUE(SequencesFrom(1).empty());
  EXPECT_EQ(journal_->Sync().value(), 0u);
}

TEST_P(JournalContract, EveryAppendMovesTheHeadAlongTheChain) {
  uint64_t sequence = 0;
  for (const size_t count : {1u, 3u, 1u, 10u}) {
    ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
    sequence += count;
    EXPECT_EQ(journal_->head(), HeadOf(PayloadsFrom(1, sequence)));
  }
  EXPECT_EQ(ReadBack(*journal_).last, sequence);
}

TEST_P(JournalContract, HowEntriesAreBatchedDoesNotChangeTheChain) {
  const auto other = GetParam().open(scratch_.path("other"));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(AppendPayloads(*journal_, 1).ok());
  ASSERT_TRUE(AppendPayloads(*other, 12).ok());
  EXPECT_EQ(journal_->head(), other->head());
}

TEST_P(JournalContract, AppendingNothingChangesNothing) {
  ASSERT_TRUE(AppendPayloads(*journal_, 2).ok());
  const Head before = journal_->head();
  EXPECT_TRUE(journal_->Append({}).ok());
  EXPECT_EQ(journal_->head(), before);
  EXPECT_EQ(ReadBack(*journal_).last, 2u);
}

TEST_P(JournalContract, EntriesMayBeEmptyOrHoldAnyByte) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
  const std::vector<std::string> payloads = {"", all_bytes, std::string(3, '\0'), "", std::string(1 << 20, 'x')};
  ASSERT_TRUE(journal_->Append(payloads).ok());
  std::vector<std::string> read;
  ASSERT_TRUE(journal_
                  ->Read(1,
                         [&](uint64_t, std::string_view payload) {
                           read.emplace_back(payload);
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_EQ(read, payloads);
}

TEST_P(JournalContract, ReadingMayStartAnywhere) {
  for (const size_t count : {2u, 1u, 4u, 3u}) ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
  for (uint64_t first = 0; first <= 12; ++first) {
    std::vector<uint64_t> expected;
    for (uint64_t sequence = std::max<uint64_t>(first, 1); sequence <= 10; ++sequence) expected.push_back(sequence);
    EXPECT_EQ(SequencesFrom(first), expected) << "from " << first;
  }
}

TEST_P(JournalContract, ABatchMayBeLarge) {
  ASSERT_TRUE(AppendPayloads(*journal_, 50'000).ok());
  ASSERT_TRUE(AppendPayloads(*journal_, 1).ok());
  const ReadResult read = ReadBack(*journal_);
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.last, 50'001u);
}

TEST_P(JournalContract, AnErrorOfTheVisitorEndsTheReadingAndIsReturned) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(AppendPayloads(*journal_, 2).ok());
  uint64_t last = 0;
  const absl::Status status = journal_->Read(1, [&last](uint64_t sequence, std::string_view) {
    last = sequence;
    return sequence == 5 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::CancelledError("enough"));
  EXPECT_EQ(last, 5u);
  EXPECT_TRUE(AppendPayloads(*journal_, 1).ok()) << "the journal itself is unharmed";
}

TEST_P(JournalContract, SyncSaysHowFarItReaches) {
  for (uint64_t rows = 1; rows <= 3; ++rows) {
    ASSERT_TRUE(AppendPayloads(*journal_, 4).ok());
    EXPECT_EQ(journal_->Sync().value(), 4 * rows);
    EXPECT_EQ(journal_->Sync().value(), 4 * rows) << "again, with nothing new";
  }
}

TEST_P(JournalContract, SyncMayRunOnOtherThreadsWhileOneAppends) {
  constexpr uint64_t kRows = 2'000;
  std::atomic<uint64_t> appended = 0;
  std::atomic<bool> done = false;
  const auto sync_until_done = [&] {
    for (uint64_t covered = 0; !done.load();) {
      const uint64_t before = appended.load();
      const auto now = journal_->Sync();
      ASSERT_TRUE(now.ok()) << now.status();
      ASSERT_GE(*now, before) << "covers what was appended before the call";
      ASSERT_GE(*now, covered) << "never goes back";
      covered = *now;
    }
  };
  std::thread first(sync_until_done);
  std::thread second(sync_until_done);
  bool whole = true;
  for (uint64_t i = 0; i < kRows; ++i) {
    whole = whole && AppendPayloads(*journal_, 1).ok();
    appended.store(i + 1);
  }
  done.store(true);
  first.join();
  second.join();
  EXPECT_TRUE(whole);
  EXPECT_EQ(ReadBack(*journal_).last, kRows);
}

TEST_P(JournalContract, ADurableJournalGoesOnWhereItEnded) {
  if (!GetParam().durable) GTEST_SKIP() << "volatile by design";
  Head head;
  for (size_t opening = 0; opening < 4; ++opening) {
    EXPECT_EQ(journal_->head(), head);
    ASSERT_TRUE(AppendPayloads(*journal_, opening).ok()) << "also nothing at all, the first time";
    if (opening % 2 == 0) {
      ASSERT_TRUE(journal_->Sync().ok());
    }
    head = journal_->head();
    journal_.reset();
    journal_ = GetParam().open(scratch_.path("store"));
    ASSERT_NE(journal_, nullptr);
  }
  EXPECT_EQ(journal_->head(), HeadOf(PayloadsFrom(1, 6)));
  EXPECT_EQ(ReadBack(*journal_).last, 6u);
}

INSTANTIATE_TEST_SUITE_P(Implementations, JournalContract,
                         testing::Values(Implementation{"Memory", false,
                                                        [](const std::string&) { return NewMemoryJournal(); }},
                                         Implementation{"RocksDb", true, OpenDurable}),
                         [](const auto& implementation) { return implementation.param.name; });

}  // namespace
}  // namespace penstock::ledger
