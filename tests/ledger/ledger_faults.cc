// The long run of the fault harness: the scripted day with every fault at every operation, then random days and days of
// an engine, until so many crash points of a disk are done. tests/long/ledger_faults starts it.
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "tests/ledger/engine_day.h"
#include "tests/ledger/fault_harness.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"

namespace penstock::ledger {
namespace {

class LongRun {
 public:
  LongRun(uint64_t points, uint64_t seed) : wanted_(points), random_(seed) {}

  absl::Status Run() {
    if (absl::Status done = EveryOperation(FaultHarness(ScriptedDay(), NewMemoryStore), memory_); !done.ok())
      return done;
    for (int i = 0; i < 20; ++i) {
      if (absl::Status done = AtRandom(FaultHarness(EngineLife(), NewMemoryStore), memory_); !done.ok()) return done;
    }
    if (absl::Status done = EveryOperation(FaultHarness(ScriptedDay(), NewRocksDbStore), disk_); !done.ok())
      return done;
    while (points_ < wanted_) {
      const Day day = random_.OneIn(3) ? EngineLife() : SomeDay();
      if (absl::Status done = AtRandom(FaultHarness(day, NewMemoryStore), memory_); !done.ok()) return done;
      if (absl::Status done = AtRandom(FaultHarness(day, NewRocksDbStore), disk_); !done.ok()) return done;
    }
    return absl::OkStatus();
  }

  void Print() const {
    Print("RocksDB", disk_);
    Print("memory", memory_);
    std::cout << points_ << " crash points on RocksDB, " << refused_ << " of them noticed by the ledger, " << lost_
              << " entries lost that were not acknowledged as synced" << std::endl;
  }

 private:
  struct Row {
    std::map<DiskOperation, uint64_t> struck;
    uint64_t all = 0;
  };
  using Table = std::map<Fault, Row>;

  static void Print(std::string_view name, const Table& table) {
    for (const auto& [fault, row] : table) {
      std::cout << name << ", " << NameOf(fault) << ": " << row.all << " (";
      const char* comma = "";
      for (const auto& [operation, count] : row.struck) {
        std::cout << std::exchange(comma, ", ") << NameOf(operation) << " " << count;
      }
      std::cout << ")\n";
    }
  }

  absl::Status Crash(const FaultHarness& harness, Fault fault, uint64_t at, Table& table) {
    const absl::StatusOr<FaultHarness::Point> point = harness.CrashAt(fault, at, random_.Bits());
    if (!point.ok()) return point.status();
    if (!point->struck) return absl::OkStatus();  // threads of RocksDB make some days shorter
    Row& row = table[fault];
    ++row.all;
    ++row.struck[*point->struck];
    if (&table == &memory_) return absl::OkStatus();
    if (++points_ % 1000 == 0) std::cout << points_ << " points" << std::endl;
    refused_ += point->refused ? 1u : 0u;
    lost_ += point->lost;
    return absl::OkStatus();
  }

  absl::Status EveryOperation(const FaultHarness& harness, Table& table) {
    const absl::StatusOr<uint64_t> operations = harness.CountOperations();
    if (!operations.ok()) return operations.status();
    for (const Fault fault : kFaults) {
      for (uint64_t at = 1; at <= *operations && (&table == &memory_ || points_ < wanted_); ++at) {
        if (absl::Status done = Crash(harness, fault, at, table); !done.ok()) return done;
      }
    }
    return absl::OkStatus();
  }

  Day SomeDay() {
    const uint64_t seed = random_.Bits();
    return DayOf(RandomDay(seed, static_cast<int>(random_.Between(20, 200))), seed);
  }
  Day EngineLife() { return EngineDay(random_.Bits(), 200); }

  absl::Status AtRandom(const FaultHarness& harness, Table& table) {
    const absl::StatusOr<uint64_t> operations = harness.CountOperations();
    if (!operations.ok()) return operations.status();
    for (int i = 0; i < 20; ++i) {
      const uint64_t at = 1 + random_.Bits() % *operations;
      if (absl::Status done = Crash(harness, kFaults[random_.Index(kFaults.size())], at, table); !done.ok())
        return done;
    }
    return absl::OkStatus();
  }

  const uint64_t wanted_;
  Random random_;
  Table disk_;
  Table memory_;
  uint64_t points_ = 0;
  uint64_t refused_ = 0;
  uint64_t lost_ = 0;
};

int Main(int argc, char** argv) {
  uint64_t points = 10'000;
  bool is_mutant = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--mutant") {
      is_mutant = true;
    } else if (option == "--points" && i + 1 < argc) {
      points = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::cerr << "Usage: " << argv[0] << " [--points N] [--mutant]   (PENSTOCK_SEED sets the seed)\n";
      return 2;
    }
  }
  const uint64_t seed = SeedOfThisRun();
  std::cout << SeedText(seed) << std::endl;
  LongRun run(points, seed);
  const absl::Status found = run.Run();
  run.Print();
  if (!found.ok()) std::cout << (is_mutant ? "caught: " : "BROKEN: ") << found << std::endl;
  if (is_mutant && found.ok()) std::cout << "not caught: the harness does not see this bug" << std::endl;
  return found.ok() == is_mutant ? 1 : 0;
}

}  // namespace
}  // namespace penstock::ledger

int main(int argc, char** argv) { return penstock::ledger::Main(argc, argv); }
