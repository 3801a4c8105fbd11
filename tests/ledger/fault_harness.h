// Runs a ledger through a day, lets the disk fail at a chosen moment, and compares what comes back with an auditor's
// own record of what was acknowledged. It knows Ledger, Journal and Verify only, and no implementation.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "tests/ledger/faults.h"

namespace penstock::ledger {

struct Step {
  enum class What : uint8_t {
    kPost,
    kWrite,  // the batch in hand
    kSync,
    kWriteBack,  // projections, where the journal keeps them; they may fail without harm
    kClose,      // in good order, and open again
    kKill,       // the process, and open again: what was posted and not written is posted again
  };
  What what = What::kPost;
  Entry entry;  // kPost
};

struct Day {
  std::vector<Step> steps;
  std::map<TenantId, Money> budgets;  // hard ones: what these tenants may be charged and hold at most
};

/// Everything that can happen, once or a few times: two boots in order and one after a kill, settlements on time, in
/// part, late and lost, voids and expiries, rows of one and of many entries.
Day ScriptedDay();

/// The entries, written, synced, closed and killed at random. Every stop is followed by a close.
Day DayOf(const std::vector<Entry>& entries, uint64_t seed);

/// Where a journal lives through crashes.
class Store {
 public:
  virtual ~Store() = default;
  virtual absl::StatusOr<std::unique_ptr<Journal>> Open() = 0;
  virtual Faults& faults() = 0;
  /// With the journal closed, after the power was off: `torn` keeps a random part of what was not synced.
  virtual void LoseUnsynced(std::mt19937_64* torn) = 0;
};

/// Operations are Append and Sync; a power cut loses rows that were not synced.
std::unique_ptr<Store> NewMemoryStore();
/// On a FaultyDisk, in a directory of its own.
std::unique_ptr<Store> NewRocksDbStore();

class FaultHarness {
 public:
  using StoreMaker = std::function<std::unique_ptr<Store>()>;
  FaultHarness(Day day, StoreMaker maker);

  /// Runs the day without a fault: how many operations it takes. An error says what is wrong even so.
  absl::StatusOr<uint64_t> CountOperations() const;

  /// What a crash point was.
  struct Point {
    std::optional<DiskOperation> struck;  // nothing: the day was over before
    bool refused = false;                 // the ledger noticed, and the day ended there
    uint64_t lost = 0;                    // entries that had been posted
  };

  /// Lets the fault strike at the `at`-th operation; after it the process dies (after an error: as a kill or with the
  /// power, as the seed has it). Then looks at what is left, and lives the rest of the day. An error says which
  /// invariant is broken.
  absl::StatusOr<Point> CrashAt(Fault fault, uint64_t at, uint64_t seed) const;

 private:
  class Life;
  absl::Status Recover(Store& store, const Life& life, uint64_t least, Point* point) const;
  absl::Status CheckSurvivors(const std::vector<Entry>& survivors, uint64_t least, const Life& life) const;

  const Day day_;
  const StoreMaker maker_;
  std::vector<Entry> entries_;  // of the day
};

/// What the auditor says of a history, by its own arithmetic: every hold ends once, balances are what holds and charges
/// add up to, no budget is ever exceeded, no charge of a budgeted tenant is above its hold. The journal must refuse to
/// end anything a second time. DATA_LOSS names the entry (counted from 1).
absl::Status Audit(const std::vector<Entry>& history, const std::map<TenantId, Money>& budgets, const Books& books);

}  // namespace penstock::ledger
