// What every store of projections promises (ledger/projections.h), asked of every implementation.
#include "ledger/projections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/journal.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"

namespace penstock::ledger {
namespace {

using testing::ElementsAre;
using testing::Pair;

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

class ProjectionsContract : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    journal_.reset();
    journal_ = GetParam().open(scratch_.path("store"));
    ASSERT_NE(journal_, nullptr);
    ASSERT_NE(journal_->projections(), nullptr);
  }

  std::vector<std::pair<std::string, std::string>> Rows() {
    std::vector<std::pair<std::string, std::string>> rows;
    const absl::Status read = journal_->projections()->Read([&rows](std::string_view key, std::string_view value) {
      rows.emplace_back(key, value);
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return rows;
  }

  void Write(const std::function<void(RowBatch*)>& fill) {
    RowBatch batch;
    fill(&batch);
    const absl::Status written = journal_->projections()->Write(batch);
    EXPECT_TRUE(written.ok()) << written;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Journal> journal_;
};

TEST_P(ProjectionsContract, StartsEmptyAndIsAlwaysTheSameStore) {
  EXPECT_TRUE(Rows().empty());
  EXPECT_EQ(journal_->projections(), journal_->projections());
}

TEST_P(ProjectionsContract, RowsComeInTheOrderOfTheirBytes) {
  Write([](RowBatch* rows) {
    rows->Put("b", "2");
    rows->Put(std::string_view("\xff\x00z", 3), "4");
    rows->Put("", "0");
    rows->Put("a\x01", std::string(1 << 20, 'x'));
    rows->Put("b\x7f", std::string_view("\0", 1));
  });
  EXPECT_THAT(Rows(), ElementsAre(Pair("", "0"), Pair("a\x01", std::string(1 << 20, 'x')), Pair("b", "2"),
                                  Pair("b\x7f", std::string(1, '\0')), Pair(std::string("\xff\x00z", 3), "4")));
}

TEST_P(ProjectionsContract, ChangesOfABatchCountInTheirOrder) {
  Write([](RowBatch* rows) {
    for (const char* key : {"a", "b", "c", "d"}) rows->Put(key, "old");
  });
  Write([](RowBatch* rows) {
    rows->Put("a", "new");
    rows->DeleteRange("b", "d");
    rows->Put("c", "again");
    rows->Delete("d");
    rows->Delete("never there");
    rows->Put("e", "1");
    rows->Put("e", "2");
  });
  EXPECT_THAT(Rows(), ElementsAre(Pair("a", "new"), Pair("c", "again"), Pair("e", "2")));
}

TEST_P(ProjectionsContract, AnEmptyOrBackwardRangeDeletesNothing) {
  Write([](RowBatch* rows) { rows->Put("b", "1"); });
  Write([](RowBatch* rows) { rows->DeleteRange("b", "b"); });
  EXPECT_THAT(Rows(), ElementsAre(Pair("b", "1")));
}

TEST_P(ProjectionsContract, AnErrorOfTheVisitorEndsTheReading) {
  Write([](RowBatch* rows) {
    for (const char* key : {"a", "b", "c"}) rows->Put(key, "");
  });
  std::string visited;
  const absl::Status read = journal_->projections()->Read([&visited](std::string_view key, std::string_view) {
    visited += key;
    return key == "b" ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(read, absl::CancelledError("enough"));
  EXPECT_EQ(visited, "ab");
}

TEST_P(ProjectionsContract, ClearRemovesEverythingAndGoesOn) {
  Write([](RowBatch* rows) { rows->Put("a", "1"); });
  ASSERT_TRUE(journal_->projections()->Clear().ok());
  EXPECT_TRUE(Rows().empty());
  Write([](RowBatch* rows) { rows->Put("b", "2"); });
  EXPECT_THAT(Rows(), ElementsAre(Pair("b", "2")));
}

TEST_P(ProjectionsContract, RandomChangesGiveWhatAMapGives) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  std::map<std::string, std::string> expected;
  const auto some_key = [&random] { return random.Bytes(static_cast<size_t>(random.Between(0, 2))); };
  for (int round = 0; round < 60; ++round) {
    Write([&](RowBatch* rows) {
      for (int64_t n = random.Between(0, 30); n > 0; --n) {
        const std::string key = some_key();
        switch (random.Between(0, 9)) {
          case 0: {
            const std::string to = some_key();
            if (to <= key) break;
            rows->DeleteRange(key, to);
            expected.erase(expected.lower_bound(key), expected.lower_bound(to));
            break;
          }
          case 1:
          case 2:
            rows->Delete(key);
            expected.erase(key);
            break;
          default: {
            const std::string value = random.Bytes(static_cast<size_t>(random.Between(0, 40)));
            rows->Put(key, value);
            expected[key] = value;
          }
        }
      }
    });
    if (GetParam().durable && random.OneIn(10)) Open();
    if (GetParam().durable && random.OneIn(60)) {
      ASSERT_TRUE(journal_->projections()->Clear().ok());
      expected.clear();
    }
    ASSERT_THAT(Rows(), testing::ElementsAreArray(expected.begin(), expected.end()));
  }
}

TEST_P(ProjectionsContract, AJournalKnowsWhereItsRowsEnd) {
  EXPECT_EQ(*journal_->HeadAt(0), Head());
  std::map<uint64_t, Head> ends;
  for (const size_t count : {1u, 3u, 1u, 10u, 2u}) {
    ASSERT_TRUE(AppendPayloads(*journal_, count).ok());
    ends[journal_->head().sequence] = journal_->head();
  }
  for (uint64_t sequence = 1; sequence <= 19; ++sequence) {
    const absl::StatusOr<Head> head = journal_->HeadAt(sequence);
    if (ends.contains(sequence)) {
      ASSERT_TRUE(head.ok()) << head.status();
      EXPECT_EQ(*head, ends[sequence]);
    } else {
      EXPECT_EQ(head.status().code(), absl::StatusCode::kNotFound) << sequence;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Implementations, ProjectionsContract,
                         testing::Values(Implementation{"Memory", false,
                                                        [](const std::string&) { return NewMemoryJournal(); }},
                                         Implementation{"RocksDb", true, OpenDurable}),
                         [](const auto& implementation) { return implementation.param.name; });

}  // namespace
}  // namespace penstock::ledger
