// Power cuts while projections are written back: they never get ahead of the journal, and opening gives what a replay
// of the surviving entries gives.
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/faulty_disk.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"

namespace penstock::ledger {
namespace {

/// PENSTOCK_POWER_CUTS, or few enough for every run.
int CutsOfThisRun() {
  const char* given = std::getenv("PENSTOCK_POWER_CUTS");
  return given != nullptr ? std::atoi(given) : 25;
}

class PowerTest : public testing::Test {
 protected:
  PowerTest() : seed_(SeedOfThisRun()), trace_(__FILE__, __LINE__, SeedText(seed_)), random_(seed_) {}

  /// Posts the rest of the day on a disk that loses its power at a random write. Says what was durable by then.
  uint64_t LiveUntilTheCut(const std::string& directory, const std::vector<Entry>& day, FaultyDisk& disk) {
    const std::unique_ptr<rocksdb::Env> env =
        rocksdb::NewCompositeEnv(std::shared_ptr<rocksdb::FileSystem>(&disk, [](rocksdb::FileSystem*) {}));
    absl::StatusOr<std::unique_ptr<Journal>> journal = OpenRocksDbJournal({.directory = directory, .env = env.get()});
    EXPECT_TRUE(journal.ok()) << journal.status();
    absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(*std::move(journal), nullptr, bound_);
    EXPECT_TRUE(ledger.ok()) << ledger.status();
    EXPECT_EQ((*ledger)->opening().warning, "");
    disk.faults().Arm(Fault::kPowerCut, static_cast<uint64_t>(random_.Between(1, 60)));
    uint64_t durable = (*ledger)->head().sequence;
    absl::Status alive;
    RowBatch rows;
    while (alive.ok() && (*ledger)->posted_sequence() < day.size()) {
      for (int64_t n = random_.Between(1, 8); n > 0 && (*ledger)->posted_sequence() < day.size(); --n) {
        (*ledger)->Post(day[(*ledger)->posted_sequence()]);
      }
      alive = (*ledger)->WriteBatch();
      if (alive.ok() && random_.OneIn(3)) {
        const absl::StatusOr<uint64_t> synced = (*ledger)->SyncJournal();
        alive = synced.status();
        if (synced.ok()) durable = *synced;
      }
      if (alive.ok() && random_.OneIn(3)) {
        rows.Clear();
        (*ledger)->TakeChanges(&rows);
        alive = random_.OneIn(20) ? (*ledger)->WriteAll(nullptr) : (*ledger)->WriteChanges(rows);
      }
    }
    disk.faults().Kill();
    return durable;
  }

  const uint64_t seed_;
  const testing::ScopedTrace trace_;
  Random random_;
  size_t bound_ = kRememberedEnds;
  ScratchDirectory scratch_;
};

TEST_F(PowerTest, ACutAtAnyWriteLosesNothingDurableAndProjectionsNeverGetAhead) {
  std::mt19937_64 torn(seed_);
  std::string directory = scratch_.path("0");
  std::vector<Entry> day;
  const int cuts = CutsOfThisRun();
  uint64_t loaded_cuts = 0;
  for (int cut = 1; cut <= cuts; ++cut) {
    SCOPED_TRACE(cut);
    if (day.empty()) {
      bound_ = random_.OneIn(2) ? kRememberedEnds : static_cast<size_t>(random_.Between(1, 40));
      day = RandomDay(random_.Bits(), 500, bound_);
    }
    const std::string after = scratch_.path(std::to_string(cut));
    uint64_t durable = 0;
    {
      FaultyDisk disk;
      durable = LiveUntilTheCut(directory, day, disk);
      random_.OneIn(2) ? disk.CopyAfterPowerCut(directory, after) : disk.CopyTorn(directory, after, torn);
    }
    std::filesystem::remove_all(directory);
    directory = after;

    uint64_t kept = 0;
    {
      absl::StatusOr<std::unique_ptr<Journal>> journal = OpenRocksDbJournal({.directory = directory});
      ASSERT_TRUE(journal.ok()) << journal.status();
      absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(*std::move(journal), nullptr, bound_);
      ASSERT_TRUE(ledger.ok()) << ledger.status();
      kept = (*ledger)->head().sequence;
      ASSERT_GE(kept, durable);
      ASSERT_EQ((*ledger)->opening().warning, "");
      if ((*ledger)->opening().loaded > 0) ++loaded_cuts;
      ASSERT_TRUE((*ledger)->books().CheckInvariants().ok());
      Books expected(bound_);
      for (uint64_t i = 0; i < kept; ++i) ASSERT_TRUE(expected.Apply(day[i]).ok());
      ASSERT_TRUE((*ledger)->books() == expected);
    }
    {
      absl::StatusOr<std::unique_ptr<Journal>> journal =
          OpenRocksDbJournal({.directory = directory, .read_only = true});
      ASSERT_TRUE(journal.ok()) << journal.status();
      const absl::StatusOr<Verification> found = Verify(**journal, bound_);
      ASSERT_TRUE(found.ok()) << found.status();
    }
    if (kept == day.size()) {
      day.clear();
      directory = scratch_.path("day " + std::to_string(cut));
    }
  }
  std::cout << cuts << " power cuts, " << loaded_cuts << " openings from projections\n";
  EXPECT_GT(loaded_cuts, 0u);
}

}  // namespace
}  // namespace penstock::ledger
