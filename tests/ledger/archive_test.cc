// Segments of a ledger's journal: archived, dropped, looked at and put back.
#include "ledger/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"

namespace penstock::ledger {
namespace {

using testing::HasSubstr;

constexpr size_t kEnds = 16;  // remembered; few, so that the journal need not be read far back
constexpr uint64_t kSegment = 60;

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest()
      : seed_(SeedOfThisRun()),
        trace_(__FILE__, __LINE__, SeedText(seed_)),
        random_(seed_),
        day_(RandomDay(seed_, 1'100, kEnds)) {
    Live(directory_, 0, day_.size());
    truth_ = Verified(*Open(/*read_only=*/true));
  }

  std::unique_ptr<Journal> Open(bool read_only = false) const {
    auto journal = OpenRocksDbJournal({.directory = directory_, .read_only = read_only});
    PENSTOCK_CHECK(journal.ok());
    return *std::move(journal);
  }
  /// Posts these entries, in rows of a few, writes back now and then, and closes.
  void Live(const std::string& directory, size_t from, size_t to) {
    auto ledger = *Ledger::Open(*OpenRocksDbJournal({.directory = directory}), nullptr, kEnds);
    for (size_t i = from; i < to; ++i) {
      ledger->Post(day_[i]);
      if (i + 1 < to && random_.OneIn(3)) continue;
      PENSTOCK_CHECK(ledger->WriteBatch().ok());
      if (i + 1 < to && !random_.OneIn(10)) continue;
      RowBatch rows;
      ledger->TakeChanges(&rows);
      PENSTOCK_CHECK(ledger->WriteChanges(rows).ok());
    }
  }
  static Verification Verified(Journal& journal) {
    absl::StatusOr<Verification> found = Verify(journal, kEnds);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : Verification();
  }
  void ExpectTruth(Journal& journal) {
    const Verification found = Verified(journal);
    EXPECT_EQ(found.head, truth_.head);
    EXPECT_TRUE(found.books == truth_.books);
    EXPECT_EQ(found.entries, truth_.entries);
  }
  std::vector<Segment> MakeArchive() {
    absl::StatusOr<std::vector<Segment>> made = Archive(*Open(true), archive_, kSegment, nullptr);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }
  /// Archives all, drops as much as may be; how many segments that was.
  uint64_t ArchiveAndDrop() {
    MakeArchive();
    const absl::StatusOr<DropResult> dropped = DropArchived(*Open(), archive_, {}, kEnds);
    EXPECT_TRUE(dropped.ok()) << dropped.status();
    EXPECT_GT(dropped->segments, 2u);
    return dropped->segments;
  }

  const uint64_t seed_;
  const testing::ScopedTrace trace_;
  Random random_;
  const std::vector<Entry> day_;
  const ScratchDirectory scratch_;
  const std::string directory_ = scratch_.path("data");
  const std::string archive_ = scratch_.path("archive");
  Verification truth_;
};

TEST_F(ArchiveTest, WritesWhatIsFinishedOnce) {
  const std::vector<Segment> made = MakeArchive();
  ASSERT_GE(made.size(), 3u);
  uint64_t next = 1;
  for (const Segment& segment : made) {
    EXPECT_EQ(segment.first(), next);
    EXPECT_GE(segment.last(), segment.first() + kSegment - 1);
    EXPECT_TRUE(CheckSegment(segment).ok());
    EXPECT_FALSE(segment.is_signed());
    next = segment.last() + 1;
  }
  EXPECT_LT(truth_.entries - made.back().last(), kSegment) << "the rest is not finished";
  EXPECT_TRUE(MakeArchive().empty()) << "everything is there";
  // A crash left half a file, and lost the last one: the next run makes it again, the same.
  const std::string last = FileBytes(made.back().path);
  std::filesystem::rename(made.back().path, made.back().path + ".new");
  ASSERT_EQ(MakeArchive().size(), 1u);
  EXPECT_EQ(FileBytes(made.back().path), last);
}

TEST_F(ArchiveTest, SignsTheHeadsAtTheEndsOfSegments) {
  const HeadSigner sign = [](const Hash& journal, const Head& head) {
    return SignedHead{
        .journal = journal, .head = head, .at = Instant() + Seconds(7), .public_key = {1}, .signature = {2}};
  };
  const auto made = Archive(*Open(true), archive_, kSegment, sign);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::vector<Segment> listed = *ListSegments(archive_);
  ASSERT_EQ(listed.size(), made->size());
  for (size_t i = 0; i < listed.size(); ++i) {
    EXPECT_TRUE(listed[i].is_signed());
    EXPECT_EQ(listed[i].after, (*made)[i].after);
    EXPECT_TRUE(CheckLiesOn(*Open(true), listed[i].after).ok());
  }
}

TEST_F(ArchiveTest, DropsWhatOpeningDoesNotNeedAndNothingIsLost) {
  const uint64_t segments = ArchiveAndDrop();
  const Dropped dropped = Open(true)->dropped();
  EXPECT_EQ(dropped.segments, segments);
  {
    const auto ledger = Ledger::Open(Open(), nullptr, kEnds);
    ASSERT_TRUE(ledger.ok()) << ledger.status();
    EXPECT_TRUE((*ledger)->books() == truth_.books);
    EXPECT_EQ((*ledger)->identity(), dropped.identity);
  }
  const Verification rest = Verified(*Open(true));
  EXPECT_EQ(rest.dropped, dropped) << "it says what it did not look at";
  EXPECT_GT(rest.applied, dropped.head.sequence);
  EXPECT_TRUE(rest.books == truth_.books);
  EXPECT_EQ(rest.head, truth_.head);

  const auto whole = WithArchive(Open(true), *ListSegments(archive_));
  ExpectTruth(*whole);
  EXPECT_EQ(Verified(*whole).dropped, Dropped{});
  const std::vector<Segment> listed = *ListSegments(archive_);
  for (const Segment& segment : listed) EXPECT_EQ(CheckLiesOn(*whole, segment.after), absl::OkStatus());
}

TEST_F(ArchiveTest, GoesOnAfterADrop) {
  std::filesystem::remove_all(directory_);
  const size_t half = day_.size() / 2;
  Live(directory_, 0, half);
  const uint64_t segments = ArchiveAndDrop();
  Live(directory_, half, day_.size());
  const std::vector<Segment> more = MakeArchive();
  ASSERT_FALSE(more.empty());
  EXPECT_GT(more.front().number, segments);
  const auto again = DropArchived(*Open(), archive_, {}, kEnds);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_GT(again->dropped.segments, segments);
  ExpectTruth(*WithArchive(Open(true), *ListSegments(archive_)));
}

TEST_F(ArchiveTest, PutsBackWhatWasDropped) {
  const uint64_t segments = ArchiveAndDrop();
  std::filesystem::remove_all(directory_ + "/projections");
  const auto refused = Ledger::Open(Open(), nullptr, kEnds);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("penstock ledger unarchive"));
  EXPECT_EQ(Verify(*Open(true), kEnds).status().code(), absl::StatusCode::kDataLoss);

  EXPECT_EQ(Unarchive(*Open(), archive_).value(), segments);
  EXPECT_EQ(Open(true)->dropped(), Dropped{});
  ExpectTruth(*Open(true));
  EXPECT_EQ(Unarchive(*Open(), archive_).value(), 0u) << "nothing is dropped any more";
  const auto ledger = Ledger::Open(Open(), nullptr, kEnds);
  ASSERT_TRUE(ledger.ok()) << ledger.status();
  EXPECT_TRUE((*ledger)->books() == truth_.books);
}

TEST_F(ArchiveTest, DropsNoMoreThanAskedForAndNothingThatIsNeeded) {
  const std::vector<Segment> made = MakeArchive();
  const auto none = DropArchived(*Open(), archive_, {.keep = made.size()}, kEnds);
  EXPECT_EQ(none->segments, 0u);
  const auto first = DropArchived(*Open(), archive_, {.before = made[1].last()}, kEnds);
  EXPECT_EQ(first->dropped.segments, 1u);
  const auto second = DropArchived(*Open(), archive_, {.keep = made.size() - 2}, kEnds);
  EXPECT_EQ(second->dropped.segments, 2u);
  const auto all = DropArchived(*Open(), archive_, {}, kEnds);
  EXPECT_EQ(all->held_back.empty(), all->dropped.segments == made.size());
}

TEST_F(ArchiveTest, DropsNothingWhenThereAreNoProjectionsToOpenFrom) {
  MakeArchive();
  std::filesystem::remove_all(directory_ + "/projections");
  const auto refused = DropArchived(*Open(), archive_, {}, kEnds);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Open(true)->dropped(), Dropped{});
}

TEST_F(ArchiveTest, RefusesTheArchiveOfAnotherJournal) {
  MakeArchive();
  const std::string other = scratch_.path("other");
  {
    const auto journal = *OpenRocksDbJournal({.directory = other});
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(AppendPayloads(*journal, 1).ok());
    ASSERT_TRUE(journal->Sync().ok());
    EXPECT_EQ(Archive(*journal, archive_, kSegment, nullptr).status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(DropArchived(*journal, archive_, {}).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  // The same beginning, and then another story.
  std::filesystem::remove_all(directory_);
  Live(directory_, 0, 30);
  EXPECT_EQ(Archive(*Open(true), archive_, kSegment, nullptr).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ArchiveTest, DamageIsNoticedWhereverItIs) {
  ArchiveAndDrop();
  const std::vector<Segment> segments = *ListSegments(archive_);
  const auto judge = [&]() -> absl::Status {
    const auto listed = ListSegments(archive_);
    if (!listed.ok()) return listed.status();
    for (const Segment& segment : *listed) {
      if (absl::Status whole = CheckSegment(segment); !whole.ok()) return whole;
    }
    const auto journal = Open(true);
    return CheckBelong(*journal, *listed);
  };
  ASSERT_TRUE(judge().ok());
  for (const Segment& segment : {segments.front(), segments[segments.size() / 2], segments.back()}) {
    const std::string whole = FileBytes(segment.path);
    for (size_t i = 0; i < 400; ++i) {
      // The footer whole, the rest by sample.
      const size_t at = i < 256 ? whole.size() - 1 - i : random_.Index(whole.size());
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ random_.Between(1, 255));
      WriteFileBytes(segment.path, damaged);
      const absl::Status said = judge();
      EXPECT_EQ(said.code(), absl::StatusCode::kDataLoss) << "byte " << at << " of " << whole.size();
      EXPECT_THAT(std::string(said.message()), HasSubstr("segment-0000"));
    }
    for (const size_t size : {size_t{0}, size_t{7}, whole.size() / 2, whole.size() - 1}) {
      WriteFileBytes(segment.path, whole.substr(0, size));
      EXPECT_EQ(judge().code(), absl::StatusCode::kDataLoss) << "cut to " << size;
    }
    WriteFileBytes(segment.path, whole + "x");
    EXPECT_EQ(judge().code(), absl::StatusCode::kDataLoss) << "longer";
    WriteFileBytes(segment.path, whole);
  }
  const std::string first = FileBytes(segments[0].path);
  const std::string second = FileBytes(segments[1].path);
  WriteFileBytes(segments[0].path, second);
  WriteFileBytes(segments[1].path, first);
  EXPECT_EQ(judge().code(), absl::StatusCode::kDataLoss) << "swapped";
  WriteFileBytes(segments[0].path, first);
  EXPECT_EQ(judge().code(), absl::StatusCode::kDataLoss) << "twice the same";
  std::filesystem::remove(segments[1].path);
  EXPECT_THAT(std::string(judge().message()), HasSubstr("segment-00000002 is missing"));
  WriteFileBytes(segments[1].path, second);
  EXPECT_TRUE(judge().ok()) << "everything is back in place";
  std::filesystem::remove(segments.back().path);
  EXPECT_EQ(judge().ok(), Open(true)->dropped().segments < segments.size()) << "one that is not dropped is not needed";
}

}  // namespace
}  // namespace penstock::ledger
