// In steady state the ledger allocates nothing for what happens to grants, and its memory stays flat.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "ledger/ledger.h"
#include "tests/ledger/small_world.h"

namespace {
bool g_counting = false;
int g_allocations = 0;
}  // namespace

// Every form of new ends here, but for over-aligned types, of which the ledger has none.
[[gnu::noinline]] void* operator new(size_t size) {
  if (g_counting) ++g_allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }

namespace penstock::ledger {
namespace {

/// Forgets what is written: a memory journal would grow.
class Nowhere final : public Journal {
 public:
  absl::Status Append(const Batch& batch) override {
    head_.sequence += batch.size();
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Sync() override { return head_.sequence; }
  Head head() const override { return head_; }
  absl::Status Read(uint64_t, const Visitor&) const override { return absl::OkStatus(); }

 private:
  Head head_;
};

class AllocationTest : public testing::Test {
 protected:
  AllocationTest() : ledger_(*Ledger::Open(std::make_unique<Nowhere>(), nullptr, kBound)) {
    for (const Entry& entry : OpeningEntries()) ledger_->Post(entry);
  }

  /// Counts only what Post allocates, not what it takes to make the entry.
  template <EntryType E>
  void Post(E entry) {
    g_counting = true;
    ledger_->Post(std::move(entry));
    g_counting = false;
    if (ledger_->posted_sequence() % kBatch == 0) {
      g_counting = true;
      EXPECT_TRUE(ledger_->WriteBatch().ok());
      if (ledger_->unreflected_entries() >= 8 * kBatch) {
        rows_.Clear();
        ledger_->TakeChanges(&rows_);
      }
      g_counting = false;
    }
  }

  void Grant() {
    ++given_;
    GrantEntry grant = Granted({1, given_}, now_, TermsOf(given_ % 2 == 0 ? kAcme : kBolt));
    grant.request_id = "a request id beyond small strings " + std::to_string(given_);
    grant.run = "a run name that is beyond small strings as well " + std::to_string(given_ % 100);
    grant.labels = {{"team", "search, ranking and recommendations " + std::to_string(given_ % 7)}};
    open_.push_back(grant.id);
    Post(std::move(grant));
  }

  /// The oldest but a few end, in all ways; some come back late.
  void End() {
    const size_t which = given_ % 5;
    const GrantId id = open_[which];
    open_.erase(open_.begin() + static_cast<ptrdiff_t>(which));
    const GrantTerms terms = TermsOf(id.sequence % 2 == 0 ? kAcme : kBolt);
    ProgressEntry progress{id, now_, Tokens3(3, 0, 1), now_, now_, Tokens(9), Money::FromPico(500), {}};
    progress.attributions = {{now_ - Seconds(2), now_, Work(1000)}};
    Post(std::move(progress));
    if (id.sequence % 50 == 0) return Post(VoidEntry{id, now_, VoidReason::kCancelled});
    SettleEntry settle = Settled(id, now_, Tokens3(3, 0, 2), terms);
    settle.attributions.front().work -= Work(1000);
    if (id.sequence % 20 == 0) {
      Post(ExpireEntry{id, now_});
      settle.billed = false;
      settle.charge = Money();
    }
    Post(std::move(settle));
  }

  void Cycle() {
    now_ = now_ + Microseconds(100);
    Grant();
    End();
  }

  static constexpr uint64_t kBatch = 256;
  static constexpr size_t kBound = 5'000;
  std::unique_ptr<Ledger> ledger_;
  RowBatch rows_;
  Instant now_ = kNoon + Seconds(10);
  uint64_t given_ = 0;
  std::deque<GrantId> open_;
};

TEST_F(AllocationTest, PostingAndTakingChangesAllocateNothingInSteadyState) {
  for (int n = 0; n < 1'000; ++n) Grant();
  for (size_t n = 0; n < 2 * kBound; ++n) Cycle();
  ASSERT_EQ(ledger_->books().open_count(), 1'000u);
  ASSERT_EQ(ledger_->books().ended().size(), kBound);
  g_allocations = 0;
  for (int n = 0; n < 20'000; ++n) Cycle();
  EXPECT_EQ(g_allocations, 0);
  EXPECT_TRUE(ledger_->books().CheckInvariants().ok());
}

TEST_F(AllocationTest, MemoryOfRememberedEndsStaysAtItsBound) {
  for (int n = 0; n < 100; ++n) Grant();
  for (size_t n = 0; n < 2 * kBound; ++n) Cycle();
  const size_t bytes = ledger_->books().ended().bytes();
  for (size_t n = 0; n < 3 * kBound; ++n) {
    Cycle();
    ASSERT_EQ(ledger_->books().ended().size(), kBound);
  }
  EXPECT_EQ(ledger_->books().ended().bytes(), bytes);
}

TEST(RememberedEndsTest, TakeWhatTheConstantSays) {
  RememberedEnds ends(kRememberedEnds);
  for (uint64_t n = 1; n <= kRememberedEnds + 1'000; ++n) {
    EndedGrant ended;
    ended.request = Books::FingerprintOf(kAcme, std::to_string(n));
    ends.Add({.grant = {1, n}}, ended, /*first=*/true);
  }
  EXPECT_EQ(ends.size(), kRememberedEnds);
  EXPECT_EQ(ends.bytes() / kRememberedEnds, 240u) << "update the comment at kRememberedEnds";
}

}  // namespace
}  // namespace penstock::ledger
