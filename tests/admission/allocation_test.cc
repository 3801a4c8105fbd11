// Once the slabs have grown, no decision allocates: counts every operator new of the binary.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/pool_driver.h"
#include "tests/admission/seed.h"

namespace {

int64_t allocations = 0;

void* Counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* at = nullptr;
  if (posix_memalign(&at, alignment < sizeof(void*) ? sizeof(void*) : alignment, size) != 0) std::abort();
  return at;
}

}  // namespace

#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // both are replaced here, by malloc's
void* operator new(std::size_t size) { return Counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

namespace penstock::admission {
namespace {

/// Tenants with and without contracts, several keys each, in all classes; deadlines, cancellations, shedding, true-ups.
class Life {
 public:
  explicit Life(uint64_t seed) : dice_(seed), scheduler_(Terms(), now_) {
    for (uint32_t tenant = 1; tenant <= 10; ++tenant) {
      scheduler_.AddContract(Guarantee(tenant, 100, 1'000), now_);
      scheduler_.AddContract(Guarantee(tenant, 50, 1'000), now_);
    }
    running_.reserve(100);
    waiting_.resize(4'096);
    // Every line full once: the slabs never have to hold more.
    for (uint32_t i = 0; i < 1'000; ++i) {
      Offer offer = Ask(1 + i % 40, 1, static_cast<ServiceClass>(i / 40 % 5));
      offer.reserved = offer.tenant.value <= 10;
      offer.deadline = now_ + Seconds(3);
      scheduler_.Enqueue(offer, now_);
    }
  }

  void Step() {
    now_ = now_ + Milliseconds(dice_.Roll(0, 20));
    const auto tenant = static_cast<uint32_t>(dice_.Roll(1, 40));
    Offer offer = Ask(tenant, dice_.Roll(1, 100), static_cast<ServiceClass>(dice_.Roll(0, 4)));
    offer.reserved = tenant <= 10;
    offer.key = KeyId{static_cast<uint32_t>(dice_.Roll(1, 3))};
    offer.kv_tokens = dice_.Roll(0, 100);
    offer.deadline = now_ + Milliseconds(dice_.Roll(1, 3'000));
    waiting_[next_++ % waiting_.size()] = scheduler_.Enqueue(offer, now_).id;
    if (dice_.OneIn(10)) {
      scheduler_.Cancel(waiting_[static_cast<size_t>(dice_.Roll(0, 4'095))], now_);
    }
    while (auto dispatch = scheduler_.PopDispatch(now_)) running_.push_back(dispatch->charge);
    while (scheduler_.PopDeparture(now_)) ++departed_;
    while (!running_.empty() && dice_.OneIn(2)) {
      scheduler_.TrueUp(running_.back(), NormalizedTokens(dice_.Roll(0, 150)), {}, dice_.Roll(0, 100), now_);
      scheduler_.Release(running_.back(), now_);
      running_.pop_back();
    }
    scheduler_.NextWake(now_);
    scheduler_.GateOf(ServiceClass::kDefault, now_);
    scheduler_.ForecastWait(offer, Work::Zero(), now_);
  }

  int64_t departed() const { return departed_; }

 private:
  static PoolTerms Terms() {
    PoolTerms terms = OpenPool();
    terms.capacity = NormalizedTokensPerSecond(4'000);
    terms.burst = NormalizedTokens(1'000);
    terms.max_in_flight = 50;
    terms.kv_tokens = 4'000;
    for (ClassTerms& each : terms.classes) each.max_waiting = 30;
    Of(terms, ServiceClass::kFree).codel_target = Milliseconds(100);
    Of(terms, ServiceClass::kFree).codel_interval = Milliseconds(100);
    Of(terms, ServiceClass::kFlex).cap = NormalizedTokensPerSecond(500);
    Of(terms, ServiceClass::kFree).floor = NormalizedTokensPerSecond(100);
    return terms;
  }

  Dice dice_;
  Instant now_{1'700'000'000'000'000'000};
  FairScheduler scheduler_;
  std::vector<Charge> running_;
  std::vector<WaitingId> waiting_;
  size_t next_ = 0;
  int64_t departed_ = 0;
};

TEST(Allocation, NoneInTheSteadyState) {
  for (const uint64_t seed : TestSeeds(3)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Life life(seed);
    for (int step = 0; step < 200'000; ++step) life.Step();
    const int64_t before = allocations;
    for (int step = 0; step < 60'000; ++step) life.Step();
    EXPECT_EQ(allocations, before);
    EXPECT_GT(life.departed(), 1'000);
  }
}

TEST(Allocation, NoneAtAllWhenTheSameLoadComesAgain) {
  FairScheduler scheduler(OneAtATime(), Instant(1));
  int64_t before = 0;
  for (int round = 0; round < 20; ++round) {
    if (round == 2) before = allocations;
    for (uint32_t i = 0; i < 5'000; ++i) {
      Offer offer = Under(i % 7, Ask(i % 1'000, 10));
      offer.deadline = Instant(1) + Hours(1);
      scheduler.Enqueue(offer, Instant(1));
    }
    while (const auto dispatch = scheduler.PopDispatch(Instant(1))) scheduler.Release(dispatch->charge, Instant(1));
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace penstock::admission
