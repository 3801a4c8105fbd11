// In steady state the engine allocates nothing: every operator new of this program is counted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <new>
#include <string>
#include <utility>

#include "broker/arrivals/record.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/core/nowhere_journal.h"

namespace {
int64_t allocations = 0;
}  // namespace

// GCC pairs the replaced operators with malloc when it inlines them.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(size_t size, std::align_val_t alignment) {
  ++allocations;
  const size_t align = static_cast<size_t>(alignment);
  void* memory = std::aligned_alloc(align, (size + align - 1) / align * align);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace penstock::core {
namespace {

/// The small world with limits, budgets and guardrails on everyone, under a load that keeps a line.
class Steady {
 public:
  Steady() {
    EngineSettings settings = SmallWorld();
    settings.pools[0].terms.capacity = NormalizedTokensPerSecond(1'000'000);
    settings.pools[0].terms.burst = NormalizedTokens(1'000'000);
    for (TenantSettings& tenant : settings.tenants) {
      tenant.limits.limits.push_back({.name = "requests_per_hour",
                                      .measure = admission::Measure::kRequests,
                                      .kind = TokenKind::kInput,
                                      .rate = {.quantity = 1'000'000'000, .period = Hours(1), .burst = 1'000'000'000}});
      tenant.keys[0].budgets.push_back(
          {"month", BudgetTerms::Period::kMonth, ledger::Money::FromPico(INT64_MAX) * 1'000});
    }
    auto engine = Engine::Open(settings, std::make_unique<NowhereJournal>(), FairScheduling(), now_);
    PENSTOCK_CHECK(engine.ok());
    engine_ = *std::move(engine);
    pools_ = {PoolId{1}};
  }

  /// One request more, one that reports, one that ends. The command's own memory (its list of pools) is the caller's.
  void Turn() {
    now_ = now_ + Milliseconds(1);
    ++turn_;
    Admit admit;
    admit.tenant = TenantId{1 + turn_ % 3};
    admit.key = KeyId{1 + turn_ % 3};
    admit.request_id = "7b1c2f0e-8d35-4a90-b6c1-" + std::to_string(100000000000 + turn_);  // a UUID's length
    admit.pools = pools_;
    admit.input[TokenKind::kInput] = Tokens(10);
    admit.max_output = Tokens(60);
    admit.max_wait = Seconds(10);
    Do(std::move(admit));
    if (running_.empty()) return;
    const Granted granted = running_.front();
    running_.pop_front();
    Progress progress;
    progress.grant = granted.id;
    progress.so_far = InputOutput(10, 20);
    Do(progress);
    Complete complete;
    complete.grant = granted.id;
    complete.terms = granted.terms;
    complete.issued = granted.issued;
    complete.tokens = InputOutput(10, 40);
    Do(complete);
    PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
  }

  int64_t counted() const { return counted_; }
  const Engine& engine() const { return *engine_; }

 private:
  static constexpr size_t kBlockBytes = 100'000;

  template <class T>
  void Do(T command) {
    command.ticket = ++ticket_;
    Command carried(std::move(command));
    const int64_t before = allocations;
    arrivals_.Add(carried, now_);
    engine_->Apply(std::move(carried), now_, &effects_);
    arrivals_.Add(effects_.answers);
    if (arrivals_.bytes().size() > kBlockBytes) arrivals_.TakeInto(&block_);
    counted_ += allocations - before;
    for (Answer& answer : effects_.answers) {
      if (auto* granted = std::get_if<Granted>(&answer.outcome)) running_.push_back(*granted);
    }
    effects_.answers.clear();
    effects_.observations.clear();
    effects_.waits.clear();
  }

  arrivals::BlockWriter arrivals_;  // as the daemon's loop records what it applies
  std::string block_;
  std::unique_ptr<Engine> engine_;
  std::vector<PoolId> pools_;
  std::deque<Granted> running_;
  Effects effects_;
  Instant now_ = kStart;
  Ticket ticket_ = 0;
  uint32_t turn_ = 0;
  int64_t counted_ = 0;
};

TEST(EngineAllocations, AreNoneForADecisionInSteadyState) {
  Steady steady;
  for (int i = 0; i < 60'000; ++i) steady.Turn();  // a minute of virtual time, and the ring of decisions filled twice
  const int64_t before = steady.counted();
  for (int i = 0; i < 20'000; ++i) steady.Turn();
  // 60,000 commands in twenty seconds. What is left is what is kept: the meters' rows of a new minute, and chunks of
  // ended grants to remember until their bound is reached (20,000 x 240 bytes).
  EXPECT_LE(steady.counted() - before, 100);
  steady.engine().CheckInvariants();
}

}  // namespace
}  // namespace penstock::core
