// Somebody changes the files of a data directory: each time verifying says where, or the books and the head are what
// they were. What only a witness outside can tell (SECURITY.md) is shown to pass, and the witness to tell it.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/archive.h"
#include "ledger/journal_row.h"
#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"
#include "ledger/signed_head.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"

namespace penstock::ledger {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Files up to this size are tried at every byte, larger ones at so many drawn by the seed.
constexpr size_t kEveryByteUpTo = 600;
constexpr size_t kSample = 160;
/// Few, so that opening need not read far back, and segments can be dropped.
constexpr size_t kEnds = 16;

struct Truth {
  Head head;
  Books books;
};

class Tampering : public testing::Test {
 protected:
  Tampering()
      : seed_(SeedOfThisRun()),
        trace_(__FILE__, __LINE__, SeedText(seed_)),
        random_(seed_),
        day_(RandomDay(seed_, 300, kEnds)) {
    // Two stays, the first of which is kept aside: that is where older copies come from.
    Live(0, day_.size() / 2);
    CopyDirectory(directory_, older_);
    older_truth_ = Verified(older_);
    Live(day_.size() / 2, day_.size());
    truth_ = Verified(directory_);
  }

  std::unique_ptr<Ledger> Open() const {
    return *Ledger::Open(*OpenRocksDbJournal({.directory = directory_}), nullptr, kEnds);
  }
  static void WriteBack(Ledger& ledger) {
    RowBatch rows;
    ledger.TakeChanges(&rows);
    PENSTOCK_CHECK(ledger.WriteChanges(rows).ok());
  }
  /// Posts these entries of the day, a row each or several, some of it written back, and closes in good order.
  void Live(size_t from, size_t to) {
    const std::unique_ptr<Ledger> ledger = Open();
    for (size_t i = from; i < to; ++i) {
      ledger->Post(day_[i]);
      if (i + 1 < to && random_.OneIn(3)) continue;
      PENSTOCK_CHECK(ledger->WriteBatch().ok());
      if (random_.OneIn(8)) WriteBack(*ledger);
    }
  }

  static Truth Verified(const std::string& directory) {
    const auto journal = OpenRocksDbJournal({.directory = directory, .read_only = true}).value();
    const Verification found = Verify(*journal, kEnds).value();
    return {found.head, found.books};
  }

  /// What verifying says of the directory now: an error with a place in it, or nothing, and then all is as it was.
  absl::Status Judge(const std::string& directory) const {
    const auto journal = OpenRocksDbJournal({.directory = directory, .read_only = true});
    if (!journal.ok()) return WithPlace(journal.status());
    const absl::StatusOr<Verification> found = Verify(**journal, kEnds);
    if (!found.ok()) return WithPlace(found.status());
    EXPECT_EQ(found->head.sequence, truth_.head.sequence) << "and nobody said anything";
    EXPECT_EQ(found->head.hash, truth_.head.hash) << "and nobody said anything";
    EXPECT_TRUE(found->books == truth_.books) << "other books, and nobody said anything";
    return absl::OkStatus();
  }
  absl::Status WithPlace(const absl::Status& status) const {
    const absl::string_view said = status.message();
    const bool place = absl::StrContains(said, "sequence") || absl::StrContains(said, scratch_.path("")) ||
                       absl::StrContains(said, "projections: ");
    EXPECT_TRUE(place) << "it does not say where: " << status;
    return status;
  }

  std::vector<std::string> Files(const std::string& directory) const {
    std::vector<std::string> files;
    for (const auto& file : fs::recursive_directory_iterator(directory)) {
      if (file.is_regular_file()) files.push_back(fs::relative(file.path(), directory).string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  std::vector<size_t> OffsetsIn(const std::string& file, size_t size) {
    std::vector<size_t> offsets;
    for (size_t at = 0; at < std::min(size, kEveryByteUpTo); ++at) offsets.push_back(at);
    if (size <= kEveryByteUpTo) return offsets;
    // HEAD is two slots of 64 bytes far apart, with nothing between them.
    if (file == "HEAD") {
      offsets.resize(64);
      for (size_t at = 4096; at < size; ++at) offsets.push_back(at);
      return offsets;
    }
    offsets.clear();
    for (size_t i = 0; i < kSample; ++i) {
      offsets.push_back(static_cast<size_t>(random_.Between(0, static_cast<int64_t>(size) - 1)));
    }
    return offsets;
  }

  /// Damages one file of the directory at many places; how often that was noticed.
  size_t FlipIn(const std::string& directory, const std::string& file) {
    const std::string path = directory + "/" + file;
    const std::string whole = FileBytes(path);
    size_t noticed = 0;
    for (const size_t at : OffsetsIn(file, whole.size())) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ random_.Between(1, 255));
      WriteFileBytes(path, damaged);
      const testing::ScopedTrace where(__FILE__, __LINE__, absl::StrCat(file, ", byte ", at));
      if (!Judge(directory).ok()) ++noticed;
    }
    WriteFileBytes(path, whole);
    return noticed;
  }

  const uint64_t seed_;
  const testing::ScopedTrace trace_;
  Random random_;
  const std::vector<Entry> day_;
  const ScratchDirectory scratch_;
  const std::string directory_ = scratch_.path("data");
  const std::string older_ = scratch_.path("older");
  Truth older_truth_;
  Truth truth_;
};

TEST_F(Tampering, AFlippedByteInAnyFileIsNoticedOrChangesNothing) {
  std::map<std::string, size_t> noticed;
  for (const std::string& file : Files(directory_)) noticed[file] = FlipIn(directory_, file);
  EXPECT_TRUE(Judge(directory_).ok()) << "everything is back in place";
  for (const auto& [file, times] : noticed) {
    if (file.ends_with(".sst") || absl::StrContains(file, "journal/MANIFEST")) {
      EXPECT_GT(times, 0u) << file;
    }
  }
}

TEST_F(Tampering, ADeletedFileIsNoticedOrChangesNothing) {
  for (const std::string& file : Files(directory_)) {
    const testing::ScopedTrace where(__FILE__, __LINE__, file);
    const std::string whole = FileBytes(directory_ + "/" + file);
    fs::remove(directory_ + "/" + file);
    const bool held_together = Judge(directory_).ok();
    if (file.starts_with("journal/") && file.ends_with(".sst")) {
      EXPECT_FALSE(held_together);
    }
    WriteFileBytes(directory_ + "/" + file, whole);
  }
  fs::remove_all(directory_ + "/projections");
  EXPECT_TRUE(Judge(directory_).ok()) << "everything in there follows from the journal";
  fs::remove_all(directory_ + "/journal");
  EXPECT_FALSE(Judge(directory_).ok());
}

TEST_F(Tampering, AnOlderCopyOfAnyFileIsNoticedOrChangesNothing) {
  for (const std::string& file : Files(older_)) {
    const testing::ScopedTrace where(__FILE__, __LINE__, file);
    const std::string path = directory_ + "/" + file;
    const bool was_there = fs::exists(path);
    const std::string whole = was_there ? FileBytes(path) : "";
    WriteFileBytes(path, FileBytes(older_ + "/" + file));
    Judge(directory_).IgnoreError();
    if (was_there) {
      WriteFileBytes(path, whole);
    } else {
      fs::remove(path);
    }
  }
}

TEST_F(Tampering, AnOlderJournalBesideTheNewHeadIsNoticed) {
  fs::remove_all(directory_ + "/journal");
  CopyDirectory(older_ + "/journal", directory_ + "/journal");
  EXPECT_THAT(std::string(Judge(directory_).message()), HasSubstr("are missing"));
}

// No directory knows that it is an old one. Whoever keeps a head does.
TEST_F(Tampering, AWholeOlderDirectoryIsToldByAWitnessOnly) {
  const auto journal = OpenRocksDbJournal({.directory = older_, .read_only = true}).value();
  ASSERT_TRUE(Verify(*journal, kEnds).ok());
  const Hash identity = IdentityOf(*journal).value();
  EXPECT_TRUE(CheckLiesOn(*journal, {.journal = identity, .head = older_truth_.head}).ok());
  const absl::Status told = CheckLiesOn(*journal, {.journal = identity, .head = truth_.head});
  EXPECT_EQ(told.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(told.message()), HasSubstr("older copy"));
}

/// Changes rows behind the journal's back; every checksum of RocksDB is right.
class TamperingWithRows : public Tampering {
 protected:
  struct Stored {
    std::string key;
    std::string value;
  };

  /// Lets `change` work on the rows, and puts back what it made of them.
  absl::Status Change(const std::function<void(std::vector<Stored>& rows)>& change) {
    rocksdb::DB* opened = nullptr;
    PENSTOCK_CHECK(rocksdb::DB::Open(rocksdb::Options(), directory_ + "/journal", &opened).ok());
    {
      const std::unique_ptr<rocksdb::DB> db(opened);
      std::vector<Stored> rows;
      const std::unique_ptr<rocksdb::Iterator> all(db->NewIterator(rocksdb::ReadOptions()));
      for (all->SeekToFirst(); all->Valid(); all->Next())
        rows.push_back({all->key().ToString(), all->value().ToString()});
      for (const Stored& row : rows) PENSTOCK_CHECK(db->Delete(rocksdb::WriteOptions(), row.key).ok());
      change(rows);
      for (const Stored& row : rows) PENSTOCK_CHECK(db->Put(rocksdb::WriteOptions(), row.key, row.value).ok());
      PENSTOCK_CHECK(db->Flush(rocksdb::FlushOptions()).ok());
    }
    return Judge(directory_);
  }
};

TEST_F(TamperingWithRows, NothingChangedIsNothingNoticed) {
  EXPECT_TRUE(Change([](std::vector<Stored>&) {}).ok());
}

TEST_F(TamperingWithRows, TwoSwappedRowsAreNoticed) {
  const absl::Status said = Change([this](std::vector<Stored>& rows) {
    const size_t first = random_.Index(rows.size()) / 2;
    std::swap(rows[first].value, rows[first + 1 + random_.Index(rows.size() / 2)].value);
  });
  EXPECT_THAT(std::string(said.message()), HasSubstr("sequence"));
}

TEST_F(TamperingWithRows, AMissingRowIsNoticed) {
  const absl::Status said = Change([this](std::vector<Stored>& rows) {
    rows.erase(rows.begin() + static_cast<ptrdiff_t>(random_.Index(rows.size())));
  });
  EXPECT_THAT(std::string(said.message()), HasSubstr("missing"));
}

TEST_F(TamperingWithRows, ARowThatIsThereTwiceIsNoticed) {
  EXPECT_FALSE(Change([this](std::vector<Stored>& rows) {
                 const size_t one = random_.Index(rows.size());
                 rows[one == 0 ? 1 : one].value = rows[one == 0 ? 0 : one - 1].value;
               }).ok());
}

TEST_F(TamperingWithRows, ADroppedTailIsNoticed) {
  const absl::Status said =
      Change([this](std::vector<Stored>& rows) { rows.resize(rows.size() - 1 - random_.Index(rows.size()) / 2); });
  EXPECT_THAT(std::string(said.message()), testing::AllOf(HasSubstr("missing"), HasSubstr("HEAD")));
}

/// A directory of whose journal the first segments were archived and dropped.
class TamperingAfterADrop : public TamperingWithRows {
 protected:
  TamperingAfterADrop() {
    const auto journal = *OpenRocksDbJournal({.directory = directory_});
    PENSTOCK_CHECK(Archive(*journal, archive_, 40, nullptr).ok());
    dropped_ = DropArchived(*journal, archive_, {}, kEnds).value().dropped;
    PENSTOCK_CHECK(dropped_.segments > 0);
  }
  const std::string archive_ = scratch_.path("archive");
  Dropped dropped_;
};

TEST_F(TamperingAfterADrop, AFlippedByteInAnyFileOfTheJournalIsNoticedOrChangesNothing) {
  ASSERT_TRUE(Judge(directory_).ok());
  for (const std::string& file : Files(directory_)) {
    if (!file.starts_with("journal/") || file.find("LOG") != std::string::npos) continue;
    FlipIn(directory_, file);
  }
  EXPECT_TRUE(Judge(directory_).ok()) << "everything is back in place";
}

TEST_F(TamperingAfterADrop, WithoutItsRecordTheBeginningIsMissed) {
  const absl::Status said = Change([](std::vector<Stored>& rows) { rows.erase(rows.begin()); });
  EXPECT_THAT(std::string(said.message()), HasSubstr("sequences 1 to "));
}

TEST_F(TamperingAfterADrop, ARecordThatSaysOtherwiseIsNoticed) {
  Dropped forged = dropped_;
  forged.head.hash[7] ^= 1;
  EXPECT_FALSE(Change([&](std::vector<Stored>& rows) { rows[0].value = EncodeDropped(forged); }).ok());
  forged = dropped_;
  --forged.head.sequence;
  EXPECT_FALSE(Change([&](std::vector<Stored>& rows) { rows[0].value = EncodeDropped(forged); }).ok());
  EXPECT_FALSE(Change([&](std::vector<Stored>& rows) { rows[0].value[12] ^= 1; }).ok());
}

// Nothing in the directory says which journal it was, once the first entry is gone; the archive and a witness do.
TEST_F(TamperingAfterADrop, AnotherIdentityIsToldByTheArchive) {
  Dropped forged = dropped_;
  forged.identity[0] ^= 1;
  EXPECT_TRUE(Change([&](std::vector<Stored>& rows) { rows[0].value = EncodeDropped(forged); }).ok());
  const auto journal = OpenRocksDbJournal({.directory = directory_, .read_only = true}).value();
  EXPECT_FALSE(CheckBelong(*journal, ListSegments(archive_).value()).ok());
  EXPECT_FALSE(CheckLiesOn(*journal, {.journal = dropped_.identity, .head = truth_.head}).ok());
}

/// As a power cut leaves it: rows in RocksDB's log, all of them synced.
class TamperingWithALog : public Tampering {
 protected:
  TamperingWithALog() {
    const std::unique_ptr<Ledger> ledger = Open();
    for (int i = 0; i < 20; ++i) {
      ledger->Post(NameEntry{NameKind::kPool, ledger->books().CountOf(NameKind::kPool) + 1, 0, absl::StrCat("p", i)});
      PENSTOCK_CHECK(ledger->WriteBatch().ok());
    }
    PENSTOCK_CHECK(ledger->SyncJournal().ok());
    CopyDirectory(directory_, crashed_);
    truth_ = {ledger->head(), ledger->books()};
    const std::vector<std::string> logs = FilesEndingWith(crashed_, ".log");
    PENSTOCK_CHECK(logs.size() == 1);
    log_ = fs::relative(logs[0], crashed_).string();
  }
  const std::string crashed_ = scratch_.path("crashed");
  std::string log_;
};

TEST_F(TamperingWithALog, ALogCutAtAnyByteIsNoticed) {
  ASSERT_TRUE(Judge(crashed_).ok());
  const std::string whole = FileBytes(crashed_ + "/" + log_);
  for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 300) {
    WriteFileBytes(crashed_ + "/" + log_, whole.substr(0, size));
    EXPECT_FALSE(Judge(crashed_).ok()) << "cut to " << size << " of " << whole.size();
  }
}

TEST_F(TamperingWithALog, AFlippedByteInTheLogIsNoticed) {
  const size_t size = FileBytes(crashed_ + "/" + log_).size();
  EXPECT_EQ(FlipIn(crashed_, log_), std::min(size <= kEveryByteUpTo ? size : kSample, size));
}

}  // namespace
}  // namespace penstock::ledger
