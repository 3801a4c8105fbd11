// A row's bytes vouch for themselves, and rows for each other.
#include "ledger/journal_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/ledger/journal_fixture.h"

namespace penstock::ledger {
namespace {

using testing::HasSubstr;

class JournalRowTest : public testing::Test {
 protected:
  JournalRowTest() {
    before_ = Head{41, Sha256("what came before")};
    after_ = EncodeRow(before_, payloads_, bytes_);
  }

  void ExpectCorrupt(const std::string& bytes) {
    const auto row = DecodeRow(42, bytes);
    ASSERT_EQ(row.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(row.status().message()), HasSubstr("row 42 is corrupt at sequence 4"));
  }

  const std::vector<std::string> payloads_ = {"first", "", std::string(200, 'x')};
  Head before_;
  Head after_;
  std::string bytes_;
};

TEST_F(JournalRowTest, DecodingGivesBackWhatWasEncoded) {
  const auto row = DecodeRow(42, bytes_);
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(std::vector<std::string>(row->payloads.begin(), row->payloads.end()), payloads_);
  EXPECT_EQ(row->last(), 44u);
  EXPECT_EQ(row->head(), after_);
  EXPECT_TRUE(CheckFollows(before_, *row).ok());
}

TEST_F(JournalRowTest, TheLayoutIsTheOneInTheHeader) {
  const std::string head(before_.hash.begin(), before_.hash.end());
  const std::string tail(after_.hash.begin(), after_.hash.end());
  EXPECT_EQ(bytes_,
            std::string("\3\0\0\0", 4) + head + "\5first" + std::string(1, '\0') + "\xc8\1" + payloads_[2] + tail);
}

TEST_F(JournalRowTest, EveryFlippedBitIsNoticed) {
  for (size_t at = 0; at < bytes_.size(); ++at) {
    SCOPED_TRACE(at);
    std::string flipped = bytes_;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    ExpectCorrupt(flipped);
  }
}

TEST_F(JournalRowTest, EveryMissingOrExtraByteIsNoticed) {
  for (size_t size = 0; size < bytes_.size(); ++size) ExpectCorrupt(bytes_.substr(0, size));
  ExpectCorrupt(bytes_ + 'x');
}

TEST_F(JournalRowTest, AGapAnOverlapAndABrokenLinkAreNamed) {
  const Row row = DecodeRow(42, bytes_).value();
  EXPECT_THAT(std::string(CheckFollows(Head{39, before_.hash}, row).message()),
              HasSubstr("sequences 40 to 41 are missing"));
  EXPECT_THAT(std::string(CheckFollows(Head{42, before_.hash}, row).message()), HasSubstr("overlaps"));
  EXPECT_THAT(std::string(CheckFollows(Head{41, after_.hash}, row).message()), HasSubstr("chain hash"));
}

TEST(Sha256Test, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ(ToHex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(DigestOf("abc")[15], 0x23);
}

TEST(Sha256Test, PiecesAreHashedAsOne) {
  std::vector<std::string_view> pieces = {"", "c", "ab"};
  EXPECT_EQ(Sha256OfPieces([&] {
              const std::string_view last = pieces.back();
              pieces.pop_back();
              return last;
            }),
            Sha256("abc"));
}

TEST(Sha256Test, TheChainIsTheDigestOfThePreviousHashAndThePayload) {
  const Hash previous = Sha256("abc");
  EXPECT_EQ(ChainHash(previous, "def"), Sha256(std::string(previous.begin(), previous.end()) + "def"));
  EXPECT_NE(ChainHash(previous, "def"), ChainHash(Hash{}, "def"));
}

}  // namespace
}  // namespace penstock::ledger
