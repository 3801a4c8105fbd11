// Crashes of a ledger at the operations of its disk; a sample of what tests/long/ledger_faults does.
#include "tests/ledger/fault_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"

namespace penstock::ledger {
namespace {

struct Implementation {
  std::string name;
  FaultHarness::StoreMaker make;
};

class FaultHarnessTest : public testing::TestWithParam<Implementation> {
 protected:
  FaultHarnessTest() : seed_(SeedOfThisRun()), trace_(__FILE__, __LINE__, SeedText(seed_)), random_(seed_) {}

  const uint64_t seed_;
  const testing::ScopedTrace trace_;
  Random random_;
};

TEST_P(FaultHarnessTest, TheScriptedDayStandsFaultsAtItsOperations) {
  const FaultHarness harness(ScriptedDay(), GetParam().make);
  const absl::StatusOr<uint64_t> operations = harness.CountOperations();
  ASSERT_TRUE(operations.ok()) << operations.status();
  const int64_t stride = std::max<int64_t>(1, static_cast<int64_t>(*operations) / 15);
  for (const Fault fault : kFaults) {
    for (int64_t at = random_.Between(1, stride); at <= static_cast<int64_t>(*operations); at += stride) {
      const auto point = harness.CrashAt(fault, static_cast<uint64_t>(at), random_.Bits());
      ASSERT_TRUE(point.ok()) << point.status();
      EXPECT_TRUE(point->struck) << "the day has that many operations";
    }
  }
}

TEST_P(FaultHarnessTest, RandomDaysStandRandomFaults) {
  for (int round = 0; round < 6; ++round) {
    const uint64_t day_seed = random_.Bits();
    const FaultHarness harness(DayOf(RandomDay(day_seed, 120), day_seed), GetParam().make);
    const absl::StatusOr<uint64_t> operations = harness.CountOperations();
    ASSERT_TRUE(operations.ok()) << operations.status();
    for (const Fault fault : kFaults) {
      const int64_t at = random_.Between(1, static_cast<int64_t>(*operations));
      const auto point = harness.CrashAt(fault, static_cast<uint64_t>(at), random_.Bits());
      ASSERT_TRUE(point.ok()) << point.status();
    }
  }
}

void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }

INSTANTIATE_TEST_SUITE_P(, FaultHarnessTest,
                         testing::Values(Implementation{"Memory", NewMemoryStore},
                                         Implementation{"RocksDb", NewRocksDbStore}),
                         [](const auto& instance) { return instance.param.name; });

/// A memory journal that says it has synced, and has not.
class LyingStore : public Store {
 public:
  absl::StatusOr<std::unique_ptr<Journal>> Open() override { return std::make_unique<Liar>(*honest_->Open()); }
  Faults& faults() override { return honest_->faults(); }
  void LoseUnsynced(std::mt19937_64* torn) override { honest_->LoseUnsynced(torn); }

 private:
  class Liar : public Journal {
   public:
    explicit Liar(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}
    absl::Status Append(const Batch& batch) override { return journal_->Append(batch); }
    absl::StatusOr<uint64_t> Sync() override { return journal_->head().sequence; }
    Head head() const override { return journal_->head(); }
    absl::Status Read(uint64_t first, const Visitor& visit) const override { return journal_->Read(first, visit); }

   private:
    const std::unique_ptr<Journal> journal_;
  };
  const std::unique_ptr<Store> honest_ = NewMemoryStore();
};

TEST(TheHarness, CatchesAJournalThatLiesAboutSyncs) {
  const FaultHarness harness(ScriptedDay(), [] { return std::make_unique<LyingStore>(); });
  const auto point = harness.CrashAt(Fault::kPowerCut, 5, 1);
  EXPECT_EQ(point.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(point.status().message()), testing::HasSubstr("that were acknowledged"));
}

TEST(DelayedDisk, ASyncCoversOnlyWhatCameBeforeItAndAppendingGoesOn) {
  const std::unique_ptr<Store> store = NewRocksDbStore();
  std::unique_ptr<Journal> journal = *store->Open();
  ASSERT_TRUE(AppendPayloads(*journal, 3).ok());
  std::promise<void> in_sync;
  std::promise<void> go_on;
  store->faults().Arm(Fault::kDelay, 1, [&] {
    in_sync.set_value();
    EXPECT_EQ(go_on.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  });
  auto synced = std::async(std::launch::async, [&journal] { return journal->Sync(); });
  in_sync.get_future().wait();
  EXPECT_EQ(store->faults().struck(), DiskOperation::kSync);
  EXPECT_TRUE(AppendPayloads(*journal, 4).ok()) << "while the disk takes its time";
  go_on.set_value();
  const absl::StatusOr<uint64_t> covered = synced.get();
  ASSERT_TRUE(covered.ok()) << covered.status();
  EXPECT_EQ(*covered, 3u);

  store->faults().Kill();
  journal.reset();
  store->LoseUnsynced(nullptr);
  store->faults().Arm(Fault::kNone, 0);
  EXPECT_EQ((*store->Open())->head().sequence, 3u);
}

}  // namespace
}  // namespace penstock::ledger
