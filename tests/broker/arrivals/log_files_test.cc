// The log on disk: its bound, what a crash leaves, and what is noticed.
#include "broker/arrivals/log_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/broker/core/engine_fixture.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"

namespace penstock::arrivals {
namespace {

using testing::HasSubstr;

/// A block of so many ticks, the first at that second.
std::string Ticks(int64_t first, int64_t count) {
  BlockWriter writer;
  for (int64_t n = 0; n < count; ++n) writer.Add(core::Tick{}, core::kStart + Seconds(first + n));
  return writer.bytes();
}

class LogFilesTest : public testing::Test {
 protected:
  std::unique_ptr<LogWriter> Begin(uint32_t epoch, uint64_t max_bytes = uint64_t{1} << 20) {
    auto log = LogWriter::Open({.data_dir = directory_, .epoch = epoch, .max_bytes = max_bytes});
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  struct Found {
    absl::Status status;
    std::vector<int64_t> seconds;  // of the ticks, since the start
    uint64_t cut_bytes = 0;
  };
  Found Read(uint32_t epoch) {
    Found found;
    absl::StatusOr<LogReader> log = LogReader::Open(directory_, epoch);
    if (!log.ok()) return {.status = log.status()};
    while (true) {
      Record record;
      const absl::StatusOr<bool> more = log->Next(&record);
      found.status = more.status();
      if (!more.ok() || !*more) break;
      found.seconds.push_back((std::get<Arrival>(record).now - core::kStart).count() / Seconds(1).count());
    }
    found.cut_bytes = log->cut_bytes();
    return found;
  }

  std::vector<LogFile> Files() { return *ListLog(directory_); }
  uint64_t TotalBytes() {
    uint64_t total = 0;
    for (const LogFile& file : Files()) total += std::filesystem::file_size(file.path);
    return total;
  }

  ledger::ScratchDirectory scratch_;
  const std::string directory_ = scratch_.path(".");
};

TEST_F(LogFilesTest, BlocksComeBackInOrderAcrossFilesAndBootsAreApart) {
  std::unique_ptr<LogWriter> first = Begin(1);
  for (int64_t n = 0; n < 100; ++n) ASSERT_TRUE(first->Write(Ticks(n * 100, 100)).ok());
  first.reset();
  ASSERT_TRUE(Begin(2)->Write(Ticks(7, 1)).ok());
  EXPECT_GT(Files().size(), 2u);
  const Found found = Read(1);
  ASSERT_TRUE(found.status.ok()) << found.status;
  ASSERT_EQ(found.seconds.size(), 10'000u);
  for (size_t n = 0; n < found.seconds.size(); ++n) ASSERT_EQ(found.seconds[n], static_cast<int64_t>(n));
  EXPECT_EQ(Read(2).seconds, std::vector<int64_t>{7});
  EXPECT_TRUE(absl::IsNotFound(Read(3).status));
}

TEST_F(LogFilesTest, TheBoundIsKeptAndTheOldestGoFirst) {
  constexpr uint64_t kBound = 64'000;
  ASSERT_TRUE(Begin(1, kBound)->Write(Ticks(0, 10)).ok());
  const std::unique_ptr<LogWriter> log = Begin(2, kBound);
  for (int64_t n = 0; n < 1'000; ++n) {
    ASSERT_TRUE(log->Write(Ticks(n * 100, 100)).ok());
    ASSERT_LE(TotalBytes(), kBound);
  }
  EXPECT_GT(TotalBytes(), kBound / 2) << "it uses what it may";
  EXPECT_TRUE(absl::IsNotFound(Read(1).status)) << "an earlier boot's went first";
  const Found found = Read(2);
  ASSERT_TRUE(found.status.ok()) << found.status;
  EXPECT_GT(Files().front().number, 1u);
  EXPECT_GT(found.seconds.front(), 0);
  EXPECT_EQ(found.seconds.back(), 99'999) << "the newest are there";
}

TEST_F(LogFilesTest, ABlockBeyondTheBoundIsRefused) {
  EXPECT_TRUE(absl::IsResourceExhausted(Begin(1, 1'000)->Write(std::string(1'000, 'x'))));
}

TEST_F(LogFilesTest, ATornTailIsCutWhereverItWasTorn) {
  const std::unique_ptr<LogWriter> log = Begin(1);
  ASSERT_TRUE(log->Write(Ticks(0, 3)).ok());
  const std::string whole_path = Files().back().path;
  const size_t kept = ledger::FileBytes(whole_path).size();
  ASSERT_TRUE(log->Write(Ticks(3, 3)).ok());
  const std::string whole = ledger::FileBytes(whole_path);
  for (size_t size = kept; size < whole.size(); ++size) {
    ledger::WriteFileBytes(whole_path, whole.substr(0, size));
    const Found found = Read(1);
    ASSERT_TRUE(found.status.ok()) << found.status;
    ASSERT_EQ(found.seconds, (std::vector<int64_t>{0, 1, 2}));
    ASSERT_EQ(found.cut_bytes, size - kept);
  }
  ledger::WriteFileBytes(whole_path, whole.substr(0, 5));
  EXPECT_TRUE(Read(1).status.ok()) << "not even a header";
  EXPECT_EQ(Read(1).cut_bytes, 5u);
}

TEST_F(LogFilesTest, EveryFlippedByteIsNoticed) {
  const std::unique_ptr<LogWriter> log = Begin(1);
  for (int64_t n = 0; n < 4; ++n) ASSERT_TRUE(log->Write(Ticks(n, 3)).ok());
  const std::string path = Files().back().path;
  const std::string whole = ledger::FileBytes(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1 << at % 8);
    ledger::WriteFileBytes(path, flipped);
    const Found found = Read(1);
    ASSERT_TRUE(absl::IsDataLoss(found.status)) << "byte " << at << ": " << found.status;
    ASSERT_THAT(std::string(found.status.message()), HasSubstr(path));
  }
}

TEST_F(LogFilesTest, AFileThatIsMissingInTheMiddleIsNoticed) {
  const std::unique_ptr<LogWriter> log = Begin(1);
  for (int64_t n = 0; n < 300; ++n) ASSERT_TRUE(log->Write(Ticks(n * 100, 100)).ok());
  const std::vector<LogFile> files = Files();
  ASSERT_GT(files.size(), 2u);
  std::filesystem::remove(files[1].path);
  EXPECT_TRUE(absl::IsDataLoss(Read(1).status));
  std::filesystem::rename(files[2].path, files[1].path);
  EXPECT_TRUE(absl::IsDataLoss(Read(1).status)) << "under another number";
}

TEST_F(LogFilesTest, OtherPeoplesFilesAreLeftAlone) {
  ASSERT_TRUE(Begin(1)->Write(Ticks(0, 1)).ok());
  ledger::WriteFileBytes(directory_ + "/arrivals/notes.txt", "mine");
  ledger::WriteFileBytes(directory_ + "/arrivals/a-b.log", "mine");
  EXPECT_EQ(Files().size(), 1u);
}

}  // namespace
}  // namespace penstock::arrivals
