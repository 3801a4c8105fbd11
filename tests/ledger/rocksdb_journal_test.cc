// What the durable journal adds to the contract: kills, power cuts, failing disks, damaged and misused directories.
#include "ledger/rocksdb_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/ledger/faulty_disk.h"
#include "tests/ledger/journal_fixture.h"

namespace penstock::ledger {
namespace {

using testing::AllOf;
using testing::HasSubstr;

absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& directory, rocksdb::Env* env = nullptr) {
  return OpenRocksDbJournal({.directory = directory, .env = env});
}

absl::StatusOr<std::unique_ptr<Journal>> OpenToRead(const std::string& directory) {
  return OpenRocksDbJournal({.directory = directory, .read_only = true});
}

/// Every file in a directory with its content.
std::map<std::string, std::string> Contents(const std::string& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) contents[entry.path().string()] = FileBytes(entry.path().string());
  }
  return contents;
}

class RocksDbJournalTest : public testing::Test {
 protected:
  RocksDbJournalTest() : directory_(scratch_.path("store")) {}

  /// Rows of `entries` each, every one synced.
  void Grow(Journal& journal, int rows, size_t entries = 3) {
    for (int i = 0; i < rows; ++i) {
      ASSERT_TRUE(AppendPayloads(journal, entries).ok());
      ASSERT_TRUE(journal.Sync().ok());
    }
  }

  /// 30 entries in a table file and 30 in the log, all synced, as a kill leaves them.
  std::string KilledWithSixtyEntries() {
    Grow(*Open(directory_).value(), 10);
    const auto journal = Open(directory_).value();
    Grow(*journal, 10);
    return CopyOf(directory_);
  }

  /// 60 entries in table files, closed in good order.
  std::string ClosedWithSixtyEntries() {
    for (int opening = 0; opening < 2; ++opening) Grow(*Open(directory_).value(), 10);
    return directory_;
  }

  std::string CopyOf(const std::string& directory) {
    const std::string copy = scratch_.path("copy" + std::to_string(++copies_));
    CopyDirectory(directory, copy);
    return copy;
  }

  /// It must be refused with these words, and nothing may have been touched.
  void ExpectRefused(const std::string& directory, const testing::Matcher<std::string>& words) {
    std::filesystem::remove(directory + "/LOCK");
    const auto before = Contents(directory);
    const auto opened = Open(directory);
    std::filesystem::remove(directory + "/LOCK");
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss) << opened.status();
    EXPECT_THAT(std::string(opened.status().message()),
                AllOf(words, HasSubstr("Restore " + directory + " from a backup"), HasSubstr("nothing was changed")));
    EXPECT_TRUE(Contents(directory) == before) << "a refusal must not change the directory";
  }

  /// It opens, and has these many entries.
  void ExpectWhole(const std::string& directory, uint64_t entries) {
    const auto journal = Open(directory);
    ASSERT_TRUE(journal.ok()) << journal.status();
    const ReadResult read = ReadBack(**journal);
    EXPECT_TRUE(read.status.ok()) << read.status;
    EXPECT_EQ(read.last, entries);
    EXPECT_EQ((*journal)->head().sequence, entries);
  }

  ScratchDirectory scratch_;
  const std::string directory_;
  int copies_ = 0;
};

// ---- Crashes.

TEST_F(RocksDbJournalTest, AKillLosesNothingThatWasAppended) {
  const auto journal = Open(directory_).value();
  Grow(*journal, 5);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(AppendPayloads(*journal, 3).ok());  // not synced
  ExpectWhole(CopyOf(directory_), 30);
}

TEST_F(RocksDbJournalTest, AJournalSurvivesKillAfterKill) {
  std::string directory = directory_;
  for (uint64_t kill = 0; kill < 5; ++kill) {
    const auto journal = Open(directory).value();
    ASSERT_EQ(ReadBack(*journal).last, 4 * kill);
    ASSERT_TRUE(AppendPayloads(*journal, 4).ok());
    directory = CopyOf(directory);
  }
}

TEST_F(RocksDbJournalTest, APowerCutLosesNothingThatWasSynced) {
  std::mt19937_64 random(TestSeed());
  const auto disk = std::make_shared<FaultyDisk>();
  const auto env = rocksdb::NewCompositeEnv(disk);
  const auto journal = Open(directory_, env.get()).value();
  uint64_t synced = 0;
  for (int cut = 0; cut < 12; ++cut) {
    for (uint64_t rows = random() % 4; rows > 0; --rows) ASSERT_TRUE(AppendPayloads(*journal, 1 + random() % 50).ok());
    if (random() % 2 == 0) synced = journal->Sync().value();
    const std::string copy = scratch_.path("cut" + std::to_string(cut));
    if (cut % 3 == 0)
      disk->CopyAfterPowerCut(directory_, copy);
    else
      disk->CopyTorn(directory_, copy, random);

    const auto reopened = Open(copy);
    ASSERT_TRUE(reopened.ok()) << "cut " << cut << ": " << reopened.status();
    const ReadResult read = ReadBack(**reopened);
    EXPECT_TRUE(read.status.ok()) << read.status;
    EXPECT_GE(read.last, synced);
    EXPECT_LE(read.last, journal->head().sequence);
    if (cut % 3 == 0) {
      EXPECT_EQ(read.last, synced) << "the cut must have taken what was not synced";
    }
    EXPECT_TRUE(AppendPayloads(**reopened, 2).ok()) << "and it goes on from there";
    EXPECT_EQ(ReadBack(**reopened).last, read.last + 2);
  }
}

TEST_F(RocksDbJournalTest, AFullLogIsChangedBehindASync) {
  const auto disk = std::make_shared<FaultyDisk>();
  const auto env = rocksdb::NewCompositeEnv(disk);
  const auto journal = Open(directory_, env.get()).value();
  const std::vector<std::string> payloads(64, std::string(64 << 10, 'x'));
  uint64_t synced = 0;
  for (int i = 0; i < 15; ++i) {  // 60 MiB
    ASSERT_TRUE(journal->Append(payloads).ok());
    synced = journal->Sync().value();
  }
  ASSERT_TRUE(journal->Append(payloads).ok());
  disk->CopyAfterPowerCut(directory_, scratch_.path("cut"));
  const auto reopened = Open(scratch_.path("cut"));
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->head().sequence, synced);
  for (const std::string& log : FilesEndingWith(directory_, ".log")) {
    EXPECT_LT(std::filesystem::file_size(log), 56u << 20) << "one log holds it all: it was never changed";
  }
}

// ---- Damage.

TEST_F(RocksDbJournalTest, ALogCutBelowTheMarkIsRefusedAndNamesWhatIsMissing) {
  const std::string killed = KilledWithSixtyEntries();
  const std::string log = FilesEndingWith(killed, ".log").at(0);
  const auto size = std::filesystem::file_size(log);
  for (const auto kept : {size - 1, size / 2, size / 2 - 1000}) {
    SCOPED_TRACE(kept);
    const std::string cut = CopyOf(killed);
    std::filesystem::resize_file(FilesEndingWith(cut, ".log").at(0), kept);
    ExpectRefused(cut, AllOf(HasSubstr(cut + "/journal"), HasSubstr(" to 60 are missing"), HasSubstr(cut + "/HEAD")));
  }
}

TEST_F(RocksDbJournalTest, AMissingLogIsRefused) {
  const std::string killed = KilledWithSixtyEntries();
  std::filesystem::remove(FilesEndingWith(killed, ".log").at(0));
  ExpectRefused(killed, HasSubstr("sequences 31 to 60 are missing"));
}

TEST_F(RocksDbJournalTest, AMissingTableIsRefusedAndNamed) {
  const std::string closed = ClosedWithSixtyEntries();
  const std::filesystem::path table = FilesEndingWith(closed, ".sst").at(0);
  std::filesystem::remove(table);
  ExpectRefused(closed, HasSubstr(table.filename().string()));
}

TEST_F(RocksDbJournalTest, AMissingCurrentFileOrFolderIsRefused) {
  const std::string closed = ClosedWithSixtyEntries();
  std::filesystem::remove(closed + "/journal/CURRENT");
  ExpectRefused(closed, AllOf(HasSubstr("/journal/CURRENT is missing"), HasSubstr("1 to 60")));
  std::filesystem::remove_all(closed + "/journal");
  ExpectRefused(closed, AllOf(HasSubstr("/journal/CURRENT is missing"), HasSubstr("1 to 60")));
}

TEST_F(RocksDbJournalTest, AMissingOrBrokenMarkIsRefused) {
  const std::string closed = ClosedWithSixtyEntries();
  std::string mark = FileBytes(closed + "/HEAD");
  mark[20] = static_cast<char>(mark[20] ^ 1);
  mark[4096 + 30] = static_cast<char>(mark[4096 + 30] ^ 1);
  WriteFileBytes(closed + "/HEAD", mark);
  ExpectRefused(closed,
                AllOf(HasSubstr(closed + "/HEAD"), HasSubstr("offset 4096"), HasSubstr("ends with sequence 60")));
  std::filesystem::remove(closed + "/HEAD");
  ExpectRefused(closed, AllOf(HasSubstr(closed + "/HEAD"), HasSubstr("ends with sequence 60")));
}

TEST_F(RocksDbJournalTest, OneBrokenSlotOfTheMarkIsTolerated) {
  const std::string closed = ClosedWithSixtyEntries();
  for (const size_t slot : {size_t{0}, size_t{4096}}) {
    const std::string copy = CopyOf(closed);
    std::string mark = FileBytes(copy + "/HEAD");
    mark[slot + 17] = static_cast<char>(mark[slot + 17] ^ 4);
    WriteFileBytes(copy + "/HEAD", mark);
    ExpectWhole(copy, 60);
  }
}

TEST_F(RocksDbJournalTest, AFlippedBitIsRefusedOrHarmless) {
  std::mt19937_64 random(TestSeed());
  const std::string killed = KilledWithSixtyEntries();
  const std::string closed = CopyOf(killed);
  ASSERT_EQ(Open(closed).value()->head().sequence, 60u);
  int refused = 0;
  for (int flip = 0; flip < 120; ++flip) {
    const std::string base = flip % 3 == 0 ? closed : killed;
    const std::string copy = CopyOf(base);
    std::vector<std::string> files = {copy + "/HEAD"};
    for (const char* suffix : {".log", ".sst", "CURRENT"}) {
      for (std::string& file : FilesEndingWith(copy, suffix)) files.push_back(std::move(file));
    }
    for (const auto& entry : std::filesystem::directory_iterator(copy + "/journal")) {
      if (entry.path().filename().string().starts_with("MANIFEST")) files.push_back(entry.path().string());
    }
    const std::string file = files[random() % files.size()];
    std::string bytes = FileBytes(file);
    const size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    WriteFileBytes(file, bytes);
    SCOPED_TRACE(file + " at " + std::to_string(at));

    const auto reader = OpenToRead(copy);
    const ReadResult seen = reader.ok() ? ReadBack(**reader) : ReadResult{reader.status(), 0};
    const auto journal = Open(copy);
    const ReadResult read = journal.ok() ? ReadBack(**journal) : ReadResult{journal.status(), 0};
    if (read.status.ok()) {
      EXPECT_EQ(read.last, 60u) << "a silent loss";
    } else {
      EXPECT_EQ(read.status.code(), absl::StatusCode::kDataLoss) << read.status;
      EXPECT_THAT(std::string(read.status.message()), HasSubstr(copy)) << "names where";
      ++refused;
    }
    EXPECT_EQ(seen.status.ok(), read.status.ok()) << "a reader and a writer agree: " << seen.status;
    std::filesystem::remove_all(copy);
  }
  std::cout << refused << " of 120 flips were refused, the others harmless" << std::endl;
  EXPECT_GT(refused, 20) << "the flips must have hit something that matters";
}

TEST_F(RocksDbJournalTest, ARowRemovedOrChangedBehindOurBackIsNamed) {
  const std::string closed = ClosedWithSixtyEntries();
  const std::string changed = CopyOf(closed);
  const std::string key("\0\0\0\0\0\0\0\x0a", 8);  // the row of 10, 11, 12
  const auto tamper = [&key](const std::string& directory, bool remove) {
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), directory + "/journal", &db).ok());
    const std::unique_ptr<rocksdb::DB> owned(db);
    std::string row;
    ASSERT_TRUE(db->Get(rocksdb::ReadOptions(), key, &row).ok());
    row[100] = static_cast<char>(row[100] ^ 1);
    ASSERT_TRUE((remove ? db->Delete(rocksdb::WriteOptions(), key) : db->Put(rocksdb::WriteOptions(), key, row)).ok());
  };
  tamper(closed, true);
  const ReadResult gap = ReadBack(*Open(closed).value());
  EXPECT_EQ(gap.last, 9u);
  EXPECT_EQ(gap.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(gap.status.message()), HasSubstr("sequences 10 to 12 are missing"));

  tamper(changed, false);
  const ReadResult lie = ReadBack(*Open(changed).value());
  EXPECT_EQ(lie.last, 9u);
  EXPECT_EQ(lie.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(lie.status.message()), AllOf(HasSubstr("row 10 is corrupt"), HasSubstr("byte ")));
}

// ---- Failing disks.

class FailingDiskTest : public RocksDbJournalTest {
 protected:
  FailingDiskTest() : disk_(std::make_shared<FaultyDisk>()), env_(rocksdb::NewCompositeEnv(disk_)) {
    journal_ = Open(directory_, env_.get()).value();
    Grow(*journal_, 4);
  }

  /// Every call returns `first` from now on, also when the disk works again; and what was synced is still there.
  void ExpectStuckWith(const absl::Status& first) {
    disk_->FailLogWrites(rocksdb::IOStatus::OK());
    disk_->FailLogSyncs(rocksdb::IOStatus::OK());
    EXPECT_EQ(journal_->Append({"x"}), first);
    EXPECT_EQ(journal_->Sync().status(), first);
    EXPECT_EQ(journal_->Append({"x"}), first);
    journal_.reset();
    const auto journal = Open(directory_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    EXPECT_GE(ReadBack(**journal).last, 12u);
  }

  std::shared_ptr<FaultyDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(FailingDiskTest, AFailedWriteIsTheLastWord) {
  disk_->FailLogWrites(rocksdb::IOStatus::IOError("injected"));
  const absl::Status failed = AppendPayloads(*journal_, 2);
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal) << failed;
  EXPECT_THAT(std::string(failed.message()),
              AllOf(HasSubstr(directory_), HasSubstr("append up to sequence 14"), HasSubstr("injected")));
  EXPECT_EQ(journal_->head().sequence, 12u);
  ExpectStuckWith(failed);
}

TEST_F(FailingDiskTest, AFailedSyncIsTheLastWord) {
  ASSERT_TRUE(AppendPayloads(*journal_, 2).ok());
  disk_->FailLogSyncs(rocksdb::IOStatus::IOError("injected"));
  const absl::Status failed = journal_->Sync().status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal) << failed;
  EXPECT_THAT(std::string(failed.message()),
              AllOf(HasSubstr(directory_), HasSubstr("sync up to sequence 14"), HasSubstr("injected")));
  ExpectStuckWith(failed);
}

TEST_F(FailingDiskTest, AFullDiskSaysSo) {
  disk_->FailLogWrites(rocksdb::IOStatus::NoSpace("injected"));
  const absl::Status failed = AppendPayloads(*journal_, 2);
  EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted) << failed;
  ExpectStuckWith(failed);
}

// ---- Directories.

TEST_F(RocksDbJournalTest, ANewDirectoryIsPrivate) {
  const auto journal = Open(directory_).value();
  struct stat found {};
  ASSERT_EQ(::stat(directory_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0700u);
}

TEST_F(RocksDbJournalTest, ADirectoryInUseIsRefusedUntilItIsFree) {
  auto journal = Open(directory_).value();
  const absl::Status second = Open(directory_).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition) << second;
  EXPECT_THAT(std::string(second.message()), AllOf(HasSubstr(directory_), HasSubstr("in use"), HasSubstr("stop")));
  journal.reset();
  EXPECT_TRUE(Open(directory_).ok());
}

TEST_F(RocksDbJournalTest, AFileIsNoDirectory) {
  WriteFileBytes(directory_, "a file");
  const absl::Status status = Open(directory_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("not a directory"));
}

TEST_F(RocksDbJournalTest, ADirectoryWithoutParentIsNotFound) {
  const absl::Status status = Open(scratch_.path("no/such")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
}

TEST_F(RocksDbJournalTest, ADirectoryThatMayNotBeWrittenIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  ASSERT_EQ(::mkdir(directory_.c_str(), 0500), 0);
  const absl::Status status = Open(directory_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
}

// ---- Readers.

TEST_F(RocksDbJournalTest, AReaderSeesEverythingAndChangesNothing) {
  for (const std::string& directory : {KilledWithSixtyEntries(), ClosedWithSixtyEntries()}) {
    const auto before = Contents(directory);
    {
      const auto reader = OpenToRead(directory).value();
      const ReadResult read = ReadBack(*reader);
      EXPECT_TRUE(read.status.ok()) << read.status;
      EXPECT_EQ(read.last, reader->head().sequence);
      EXPECT_GE(read.last, 60u);
      EXPECT_EQ(reader->Append({"x"}).code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(reader->Sync().status().code(), absl::StatusCode::kFailedPrecondition);
    }
    EXPECT_TRUE(Contents(directory) == before);
  }
}

TEST_F(RocksDbJournalTest, AReaderBesideAWriterSeesWhatWasThereWhenItOpened) {
  const auto journal = Open(directory_).value();
  Grow(*journal, 5);
  const auto reader = OpenToRead(directory_).value();
  Grow(*journal, 5);
  EXPECT_EQ(ReadBack(*reader).last, 15u);
  EXPECT_EQ(ReadBack(*OpenToRead(directory_).value()).last, 30u);
}

TEST_F(RocksDbJournalTest, AReaderOfACutJournalSeesWhatIsIntactAndThenWhatIsMissing) {
  const std::string killed = KilledWithSixtyEntries();
  const std::string log = FilesEndingWith(killed, ".log").at(0);
  std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
  const auto reader = OpenToRead(killed);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const ReadResult read = ReadBack(**reader);
  EXPECT_GE(read.last, 30u);
  EXPECT_LT(read.last, 60u);
  EXPECT_EQ(read.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.status.message()),
              HasSubstr("sequences " + std::to_string(read.last + 1) + " to 60 are missing"));
}

TEST_F(RocksDbJournalTest, AReaderOfACorruptLogSeesWhatComesBefore) {
  const std::string killed = KilledWithSixtyEntries();
  const std::string log = FilesEndingWith(killed, ".log").at(0);
  std::string bytes = FileBytes(log);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  WriteFileBytes(log, bytes);
  ExpectRefused(killed, HasSubstr(log));
  const auto reader = OpenToRead(killed);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const ReadResult read = ReadBack(**reader);
  EXPECT_GE(read.last, 30u);
  EXPECT_LT(read.last, 60u);
  EXPECT_EQ(read.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.status.message()), HasSubstr(log));
}

TEST_F(RocksDbJournalTest, AReaderNeedsADirectoryWithAJournal) {
  EXPECT_EQ(OpenToRead(directory_).status().code(), absl::StatusCode::kNotFound);
  std::filesystem::create_directory(directory_);
  EXPECT_EQ(OpenToRead(directory_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(directory_)) << "and creates nothing";
}

}  // namespace
}  // namespace penstock::ledger
