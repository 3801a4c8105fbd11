// The disk fails while segments are dropped and taken back, at each of its operations: afterwards they are dropped or
// they are not, whole, and what was answered with OK is so after a power cut.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/ledger/fault_harness.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"

namespace penstock::ledger {
namespace {

constexpr uint64_t kRows = 24;
constexpr uint64_t kDroppedRows = 9;

class DropFaults : public testing::Test {
 protected:
  DropFaults() : seed_(SeedOfThisRun()), trace_(__FILE__, __LINE__, SeedText(seed_)), random_(seed_) {}

  /// A store with kRows rows of three entries each, some in tables and some in the log.
  struct World {
    std::unique_ptr<Store> store = NewRocksDbStore();
    Dropped target;
    Head head;
    std::vector<std::string> rows;
  };
  static World NewWorld() {
    World world;
    for (const uint64_t rows : {kRows / 2, kRows / 2}) {
      const std::unique_ptr<Journal> journal = *world.store->Open();
      for (uint64_t i = 0; i < rows; ++i) {
        EXPECT_TRUE(AppendPayloads(*journal, 3).ok());
        if (journal->head().sequence == 3 * kDroppedRows) world.target.head = journal->head();
      }
      EXPECT_TRUE(journal->Sync().ok());
      world.head = journal->head();
    }
    world.target.segments = 1;
    const std::unique_ptr<Journal> journal = *world.store->Open();
    world.target.identity = ChainHash(Hash{}, PayloadAt(1));
    const absl::Status read = journal->ReadRows(1, [&world](uint64_t, std::string_view row) {
      world.rows.emplace_back(row);
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return world;
  }

  static absl::Status TakeBack(const World& world, Journal& journal) {
    uint64_t next = 0;
    return journal.TakeBack([&]() -> absl::StatusOr<std::optional<std::string>> {
      if (next == kDroppedRows) return std::optional<std::string>();
      return world.rows[next++];
    });
  }

  /// What is there after everything that could happen: all of it, or all but what was dropped.
  static void ExpectWhole(const World& world, const Journal& journal) {
    EXPECT_EQ(journal.head(), world.head);
    EXPECT_TRUE(journal.dropped() == Dropped{} || journal.dropped() == world.target);
    uint64_t next = journal.dropped().head.sequence + 1;
    const absl::Status read = journal.Read(next, [&next](uint64_t sequence, std::string_view payload) {
      EXPECT_EQ(sequence, next++);
      EXPECT_EQ(payload, PayloadAt(sequence));
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_EQ(next, 3 * kRows + 1);
  }

  /// Lets `act` run into every fault at a sample of the operations that it takes (its opening and closing included).
  /// `settled` says whether the journal is what `act` should have made of it.
  template <class Prepare, class Act, class Settled>
  void StandFaults(const Prepare& prepare, const Act& act, const Settled& settled) {
    uint64_t operations = 0;
    {
      World world = NewWorld();
      prepare(world);
      world.store->faults().Arm(Fault::kNone, 0);
      ASSERT_TRUE(act(world, **world.store->Open()).ok());
      operations = world.store->faults().operations();
    }
    ASSERT_GT(operations, 5u);
    for (const Fault fault : kFaults) {
      for (uint64_t at = 1; at <= operations; at += static_cast<uint64_t>(random_.Between(1, 3))) {
        const testing::ScopedTrace where(__FILE__, __LINE__,
                                         absl::StrCat(std::string(NameOf(fault)), " at operation ", at));
        World world = NewWorld();
        prepare(world);
        world.store->faults().Arm(fault, at);
        bool answered = false;
        {
          absl::StatusOr<std::unique_ptr<Journal>> journal = world.store->Open();
          if (journal.ok()) answered = act(world, **journal).ok();
          world.store->faults().Kill();
        }
        const bool cut = fault == Fault::kPowerCut || fault == Fault::kTornTail || random_.OneIn(2);
        std::mt19937_64 torn(random_.Bits());
        if (cut) world.store->LoseUnsynced(fault == Fault::kPowerCut ? nullptr : &torn);
        world.store->faults().Arm(Fault::kNone, 0);
        absl::StatusOr<std::unique_ptr<Journal>> journal = world.store->Open();
        ASSERT_TRUE(journal.ok()) << journal.status();
        ExpectWhole(world, **journal);
        if (answered) {
          EXPECT_TRUE(settled(world, **journal)) << "it was said to be done";
        }
        if (!settled(world, **journal)) {
          EXPECT_TRUE(act(world, **journal).ok());
        }
        EXPECT_TRUE(settled(world, **journal));
        ExpectWhole(world, **journal);
      }
    }
  }

  const uint64_t seed_;
  const testing::ScopedTrace trace_;
  Random random_;
};

TEST_F(DropFaults, DroppingIsAllOrNothing) {
  StandFaults([](World&) {}, [](const World& world, Journal& journal) { return journal.Drop(world.target); },
              [](const World& world, const Journal& journal) { return journal.dropped() == world.target; });
}

TEST_F(DropFaults, TakingBackIsAllOrNothing) {
  StandFaults([](World& world) { ASSERT_TRUE((*world.store->Open())->Drop(world.target).ok()); },
              [](const World& world, Journal& journal) { return TakeBack(world, journal); },
              [](const World&, const Journal& journal) { return journal.dropped() == Dropped{}; });
}

}  // namespace
}  // namespace penstock::ledger
