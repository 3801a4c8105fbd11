#include "sim/traces/decompression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/random.h"
#include "sim/traces/shipped_traces.h"
#include "tests/sim/traces/compression.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string ContentOf(std::string_view bytes, size_t piece = 1'000'000) {
  const auto source = Decompressed(InPieces(bytes, piece), "t.csv.zst");
  const auto content = ReadAll(*source);
  return content.ok() ? *content : "error: " + std::string(content.status().message());
}

const std::string& Text() {
  static const std::string text(CodeTraceCsv());
  return text;
}

TEST(Decompression, ReadsGzipZstandardAndPlainTextInPiecesOfAnySize) {
  for (const std::string& bytes : {Text(), Gzipped(Text()), Zstandardised(Text())}) {
    for (const size_t piece : {size_t{1}, size_t{3}, size_t{4'096}, size_t{1'000'000}}) {
      EXPECT_EQ(ContentOf(bytes, piece), Text()) << piece;
    }
  }
}

TEST(Decompression, ReadsMembersAndFramesOneBehindTheOther) {
  EXPECT_EQ(ContentOf(Gzipped("one,") + Gzipped("") + Gzipped("two")), "one,two");
  EXPECT_EQ(ContentOf(Zstandardised("one,") + Zstandardised("") + Zstandardised("two")), "one,two");
}

TEST(Decompression, NothingIsNothing) {
  EXPECT_EQ(ContentOf(""), "");
  EXPECT_EQ(ContentOf("a"), "a");
  EXPECT_EQ(ContentOf(Gzipped("")), "");
  EXPECT_EQ(ContentOf(Zstandardised("")), "");
}

TEST(Decompression, EveryTruncationIsAnErrorWithItsOffset) {
  for (const std::string& whole : {Gzipped("some text that is long enough"), Zstandardised("some text, long enough")}) {
    for (size_t size = 4; size < whole.size(); ++size) {
      const std::string error = ContentOf(whole.substr(0, size));
      EXPECT_THAT(error, HasSubstr("data ends too early at byte " + std::to_string(size) + " of the compressed file"));
    }
  }
}

TEST(Decompression, DamageIsAnErrorThatNamesTheFile) {
  for (std::string bytes : {Gzipped(Text()), Zstandardised(Text())}) {
    for (size_t i = bytes.size() / 2; i < bytes.size() / 2 + 8; ++i) bytes[i] = static_cast<char>(~bytes[i]);
    EXPECT_THAT(ContentOf(bytes), StartsWith("error: t.csv.zst: "));
    EXPECT_THAT(ContentOf(bytes), HasSubstr("data is damaged"));
  }
}

TEST(Decompression, SomethingElseBehindTheLastFrameIsAnError) {
  EXPECT_THAT(ContentOf(Gzipped("text") + "tail"), HasSubstr("followed by something else at byte"));
  EXPECT_THAT(ContentOf(Zstandardised("text") + "tail"), HasSubstr("zstd data is damaged"));
}

TEST(Decompression, AnErrorStays) {
  const std::string bytes = Zstandardised(Text());
  const auto source = Decompressed(BytesOf(std::string_view(bytes).substr(0, bytes.size() - 1)), "t");
  ASSERT_FALSE(ReadAll(*source).ok());
  EXPECT_FALSE(ReadAll(*source).ok());
}

}  // namespace
}  // namespace penstock::sim
