// DIR/HEAD keeps the newest mark through restarts and torn writes.
#include "ledger/head_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/ledger/journal_fixture.h"

namespace penstock::ledger {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class HeadMarkTest : public testing::Test {
 protected:
  HeadMark MarkAt(uint64_t sequence, bool clean = false) {
    return {{sequence, Sha256(std::to_string(sequence))}, clean};
  }

  void Write(HeadMarkFile& file, uint64_t sequence, bool clean = false) {
    ASSERT_TRUE(file.Write(MarkAt(sequence, clean)).ok());
  }

  void Spoil(size_t at) {
    std::string bytes = FileBytes(path_);
    bytes.at(at) = static_cast<char>(bytes.at(at) ^ 8);
    WriteFileBytes(path_, bytes);
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_.path("HEAD");
};

TEST_F(HeadMarkTest, TheNewestMarkIsRead) {
  EXPECT_EQ(ReadHeadMark(path_).status().code(), absl::StatusCode::kNotFound);
  auto file = HeadMarkFile::Open(path_).value();
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
    Write(file, sequence, sequence == 3);
    EXPECT_EQ(ReadHeadMark(path_).value(), MarkAt(sequence, sequence == 3));
  }
  EXPECT_TRUE(file.Sync().ok());
}

TEST_F(HeadMarkTest, AnotherOpeningGoesOnInTheOtherSlot) {
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
    auto file = HeadMarkFile::Open(path_).value();
    Write(file, 7, true);  // the same sequence again and again
    Write(file, sequence);
    EXPECT_EQ(ReadHeadMark(path_).value(), MarkAt(sequence));
  }
}

TEST_F(HeadMarkTest, ATornSlotLeavesTheOtherOne) {
  auto file = HeadMarkFile::Open(path_).value();
  Write(file, 1);  // goes to offset 4096
  Write(file, 2);  // goes to offset 0
  for (size_t at = 0; at < 64; ++at) {
    Spoil(at);
    EXPECT_EQ(ReadHeadMark(path_).value(), MarkAt(1)) << "byte " << at;
    Spoil(at);
    EXPECT_EQ(ReadHeadMark(path_).value(), MarkAt(2));
  }
}

TEST_F(HeadMarkTest, AFileWithoutAnIntactSlotIsNamed) {
  auto file = HeadMarkFile::Open(path_).value();
  Write(file, 1);
  Spoil(4096);
  const absl::Status status = ReadHeadMark(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path_), HasSubstr("offset 0"), HasSubstr("offset 4096")));
}

TEST_F(HeadMarkTest, TheFileIsPrivate) {
  const auto file = HeadMarkFile::Open(path_).value();
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

}  // namespace
}  // namespace penstock::ledger
