// What every journal promises (ledger/journal.h), asked of every implementation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
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

  /// Where the row with this last sequence ends, as the record of a drop.
  Dropped DropAt(uint64_t sequence, uint64_t segments = 1) {
    return {
        .segments = segments, .head = HeadOf(PayloadsFrom(1, sequence)), .identity = HeadOf(PayloadsFrom(1, 1)).hash};
  }
  std::vector<std::string> RowsFrom(uint64_t first) {
    std::vector<std::string> rows;
    const absl::Status status = journal_->ReadRows(first, [&rows](uint64_t, std::string_view row) {
      rows.emplace_back(row);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }
  static Journal::RowSource SourceOf(std::vector<std::string> rows) {
    return [rows = std::move(rows), next = size_t{0}]() mutable -> absl::StatusOr<std::optional<std::string>> {
      if (next == rows.size()) return std::optional<std::string>();
      return rows[next++];
    };
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

TEST_P(JournalContract, SaysWhatIsSynced) {
  EXPECT_EQ(journal_->synced(), Head{});
  ASSERT_TRUE(AppendPayloads(*journal_, 3).ok());
  ASSERT_TRUE(journal_->Sync().ok());
  EXPECT_EQ(journal_->synced(), journal_->head());
}

TEST_P(JournalContract, DroppingTakesRowsFromTheBeginningOnly) {
  for (const size_t count : {2u, 1u, 4u, 3u}) ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
  const Head head = journal_->head();
  EXPECT_EQ(journal_->dropped(), Dropped{});
  ASSERT_TRUE(journal_->Drop(DropAt(3)).ok());
  EXPECT_EQ(journal_->dropped(), DropAt(3));
  EXPECT_EQ(journal_->head(), head);
  for (const uint64_t first : {0u, 1u, 3u}) {
    const absl::Status read = journal_->Read(first, [](uint64_t, std::string_view) { return absl::OkStatus(); });
    EXPECT_EQ(read.code(), absl::StatusCode::kFailedPrecondition) << first;
  }
  EXPECT_THAT(SequencesFrom(4), testing::ElementsAre(4, 5, 6, 7, 8, 9, 10));
  EXPECT_THAT(SequencesFrom(6), testing::ElementsAre(6, 7, 8, 9, 10));
  EXPECT_EQ(journal_->HeadAt(3).value(), DropAt(3).head);
  EXPECT_EQ(journal_->HeadAt(7).value(), DropAt(7).head);
  EXPECT_EQ(journal_->HeadAt(2).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(journal_->Drop(DropAt(10, 2)).ok()) << "to the very end";
  EXPECT_TRUE(SequencesFrom(11).empty());
  ASSERT_TRUE(AppendPayloads(*journal_, 2).ok());
  EXPECT_THAT(SequencesFrom(11), testing::ElementsAre(11, 12));
}

TEST_P(JournalContract, DroppingRefusesWhatIsNotARowsEnd) {
  for (const size_t count : {2u, 1u, 4u}) ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
  Dropped other = DropAt(3);
  other.head.hash[0] ^= 1;
  for (const Dropped& wrong : {DropAt(1), DropAt(8), other, Dropped{}}) {
    EXPECT_EQ(journal_->Drop(wrong).code(), absl::StatusCode::kFailedPrecondition);
  }
  ASSERT_TRUE(journal_->Drop(DropAt(3)).ok());
  EXPECT_EQ(journal_->Drop(DropAt(2, 2)).code(), absl::StatusCode::kFailedPrecondition) << "it is not there any more";
  EXPECT_EQ(journal_->Drop(DropAt(7)).code(), absl::StatusCode::kFailedPrecondition) << "that segment was dropped";
  EXPECT_THAT(SequencesFrom(4), testing::ElementsAre(4, 5, 6, 7));
}

TEST_P(JournalContract, WhatWasDroppedIsTakenBackWholeOrNotAtAll) {
  for (const size_t count : {2u, 1u, 4u, 3u}) ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
  const std::vector<std::string> all = RowsFrom(1);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_THAT(RowsFrom(3), testing::ElementsAreArray(all.begin() + 1, all.end()));
  EXPECT_THAT(RowsFrom(5), testing::ElementsAre(all.back())) << "from the row that begins there, or after it";
  ASSERT_TRUE(journal_->Drop(DropAt(7)).ok());
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{all[0], all[1]},
                                                {all[0], all[2]},
                                                {all[1], all[0], all[2]},
                                                {all[0], all[1], all[2], all[3]},
                                                {}}) {
    EXPECT_EQ(journal_->TakeBack(SourceOf(wrong)).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(journal_->dropped(), DropAt(7));
    EXPECT_THAT(RowsFrom(8), testing::ElementsAre(all[3]));
  }
  ASSERT_TRUE(journal_->TakeBack(SourceOf({all[0], all[1], all[2]})).ok());
  EXPECT_EQ(journal_->dropped(), Dropped{});
  EXPECT_EQ(RowsFrom(1), all);
}

TEST_P(JournalContract, ADurableJournalRemembersWhatWasDropped) {
  if (!GetParam().durable) GTEST_SKIP() << "volatile by design";
  for (const size_t count : {2u, 3u, 1u}) ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
  const Head head = journal_->head();
  ASSERT_TRUE(journal_->Drop(DropAt(5)).ok());
  const std::vector<std::string> left = RowsFrom(6);
  EXPECT_EQ(journal_->TakeBack(SourceOf(left)).code(), absl::StatusCode::kDataLoss) << "leaves what is not looked at";
  for (int i = 0; i < 2; ++i) {
    journal_.reset();
    journal_ = GetParam().open(scratch_.path("store"));
    ASSERT_NE(journal_, nullptr);
    EXPECT_EQ(journal_->dropped(), DropAt(5));
    EXPECT_EQ(journal_->head(), head);
    EXPECT_THAT(SequencesFrom(6), testing::ElementsAre(6));
  }
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
