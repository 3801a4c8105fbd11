// What tenants and waiting requests cost in memory, itemised: every byte that operator new hands out is counted.
//
//   memory_report [TENANTS]    default 1,000,000; each with one key, limits on both, and no traffic yet
#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/engine.h"
#include "broker/rpc/names.h"
#include "tests/broker/core/nowhere_journal.h"

namespace {
int64_t live = 0;
}  // namespace

void* operator new(size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  live += static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}
void* operator new(size_t size, std::align_val_t alignment) {
  const auto align = static_cast<size_t>(alignment);
  void* memory = std::aligned_alloc(align, (size + align - 1) / align * align);
  if (memory == nullptr) throw std::bad_alloc();
  live += static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) live -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { operator delete(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { operator delete(memory); }

namespace penstock::core {
namespace {

constexpr Instant kStart(1'700'000'000'000'000'000);

admission::LimitPolicy RequestsAndTokens() {
  const auto per_minute = [](const char* name, admission::Measure measure, int64_t quantity) {
    return admission::LimitTerms{.name = name,
                                 .measure = measure,
                                 .kind = TokenKind::kInput,
                                 .rate = {.quantity = quantity, .period = Minutes(1), .burst = quantity}};
  };
  return {.limits = {per_minute("requests_per_minute", admission::Measure::kRequests, 1'000),
                     per_minute("tokens_per_minute", admission::Measure::kTokens, 1'000'000)},
          .max_parallel = 100};
}

TenantSettings TenantNumber(int64_t number) {
  TenantSettings tenant{.name = "tenant-" + std::to_string(number), .tier = Tier::kElastic};
  tenant.limits = RequestsAndTokens();
  tenant.keys.push_back({.name = "prod", .limits = RequestsAndTokens()});
  return tenant;
}

EngineSettings World(int64_t tenants) {
  EngineSettings settings;
  PoolSettings pool{.name = "chat", .model = "report"};
  pool.terms.capacity = NormalizedTokensPerSecond(1'000'000);
  pool.terms.burst = NormalizedTokens(1'000'000);
  pool.terms.max_in_flight = 1;
  for (admission::ClassTerms& terms : pool.terms.classes) terms.max_waiting = 10'000'000;
  pool.burndown[TokenKind::kInput] = 1'000;
  pool.burndown[TokenKind::kOutput] = 4'000;
  settings.pools.push_back(pool);
  for (int64_t i = 0; i < tenants; ++i) settings.tenants.push_back(TenantNumber(i));
  settings.tariff.version = "report";
  settings.tariff.currency = "USD";
  settings.tariff.pools.push_back({.pool = "chat"});
  return settings;
}

void Row(const char* what, int64_t bytes, int64_t each_of) {
  std::printf("%-58s %10.1f MiB %8lld bytes each\n", what, static_cast<double>(bytes) / 1048576.0,
              static_cast<long long>(bytes / each_of));
}

/// A request of every tenant, none of which can run.
void StandInLine(Engine& engine, int64_t tenants, int64_t round, const std::string& prefix = "r") {
  Effects effects;
  for (int64_t i = 0; i < tenants; ++i) {
    Admit admit;
    admit.ticket = static_cast<Ticket>(round * tenants + i + 1);
    admit.tenant = TenantId{static_cast<uint32_t>(i + 1)};
    admit.key = KeyId{static_cast<uint32_t>(i + 1)};
    admit.request_id = prefix + std::to_string(admit.ticket);
    admit.pools = {PoolId{1}};
    admit.input[TokenKind::kInput] = Tokens(500);
    admit.max_output = Tokens(400);
    admit.max_wait = Hours(1);
    engine.Apply(std::move(admit), kStart, &effects);
    effects.answers.clear();
  }
  engine.ledger().WriteBatch().IgnoreError();
}

void Report(int64_t tenants) {
  const int64_t start = live;
  std::unique_ptr<Engine> engine;
  {
    const EngineSettings settings = World(tenants);
    auto opened = Engine::Open(settings, std::make_unique<NowhereJournal>(), FairScheduling(), kStart);
    PENSTOCK_CHECK(opened.ok());
    engine = *std::move(opened);
  }
  const int64_t whole = live - start;
  int64_t accounts = 0;
  {
    const int64_t before = live;
    AccountState state;
    for (int64_t i = 0; i < tenants; ++i) {
      const TenantSettings tenant = TenantNumber(i);
      const TenantId id{static_cast<uint32_t>(i + 1)};
      state.SetTenant(id, tenant, PoolSet(), ledger::Money(), Instant(), kStart);
      state.SetKey(KeyId{id.value}, id, tenant.keys[0], PoolSet(), Instant(), kStart);
    }
    accounts = live - before;
  }
  std::printf("%lld tenants, a key each, idle\n", static_cast<long long>(tenants));
  Row("core: tenant and key records (limits, budgets, policies)", accounts, tenants);
  Row("ledger: names of tenant and key, balance; the rest", whole - accounts, tenants);
  int64_t names = 0;
  {
    const int64_t before = live;
    const rpc::Names of(*engine);
    names = live - before;
  }
  Row("front door: resource names", names, tenants);
  Row("together", whole + names, tenants);

  const int64_t asking = std::min<int64_t>(tenants, 262'144);
  StandInLine(*engine, asking, 0);
  int64_t before = live;
  StandInLine(*engine, asking, 1);  // now every one of them has its state: what follows is the requests alone
  before = live;
  const WaitingRequests::Memory earlier = engine->waiting().MemoryBytes();
  for (int64_t round = 2; round < 6; ++round) StandInLine(*engine, asking, round);
  const WaitingRequests::Memory memory = engine->waiting().MemoryBytes();
  const auto requests = static_cast<int64_t>(engine->waiting().size());
  const auto records = static_cast<int64_t>(memory.records);
  const auto indexes = static_cast<int64_t>(memory.by_name + memory.by_ticket);
  const int64_t in_engine =
      records + indexes - static_cast<int64_t>(earlier.records + earlier.by_name + earlier.by_ticket);
  const int64_t elsewhere = (live - before - in_engine) / 4;  // of a round
  std::printf("\n%lld requests in line, request ids of 7 or 8 bytes\n", static_cast<long long>(requests));
  Row("engine: its record", records, requests);
  Row("engine: indexes by name and ticket (21 to 43 by fill)", indexes, requests);
  Row("scheduler; spare room of slabs", elsewhere * 6, 6 * asking);
  Row("a waiting request, everything in engine and scheduler", records + indexes + elsewhere * 6, requests);
  StandInLine(*engine, asking, 6, "7b1c2f0e-8d35-4a90-b6c1-1000");
  Row("engine: its record, with a request id of 36 bytes",
      static_cast<int64_t>(engine->waiting().MemoryBytes().records) - records, asking);
}

/// What rows by run and label take: one for each name and hour (and key, pool, class).
void ReportCuts() {
  constexpr int64_t kNames = 10'000;
  ledger::Cuts cuts;
  ledger::SettleEntry settle;
  settle.terms.tenant = TenantId{1};
  const auto each = [&](Instant at, const auto& add) {
    const int64_t before = live;
    settle.at = at;
    for (int64_t n = 0; n < kNames; ++n) add("run-" + std::to_string(n));
    return live - before;
  };
  const auto run = [&](const std::string& name) { cuts.Add(settle, name, {}); };
  std::printf("\n%lld runs with names of up to 8 bytes\n", static_cast<long long>(kNames));
  Row("a run's name and its first hour", each(kStart, run), kNames);
  each(kStart + Hours(1), run);  // the index of the newest hour has grown to its size
  Row("a row in another hour, for a run or a label value", each(kStart + Hours(2), run), kNames);
}

/// What the second meter keeps of a tenant that works in every minute of a month, in one pool and tier.
void ReportWindows() {
  constexpr int64_t kMinutes = 30 * 24 * 60;
  ledger::Meters meters;
  ledger::GrantTerms terms;
  terms.tenant = TenantId{1};
  terms.pool = PoolId{1};
  terms.served = ServiceClass::kDefault;
  const int64_t before = live;
  for (int64_t minute = 0; minute < kMinutes; ++minute) {
    const Instant at = kStart + Minutes(minute);
    meters.Add(terms, {{at, at + Seconds(1), NormalizedTokens(minute)}}, at + Seconds(1));
    meters.ForgetChanges();
  }
  std::printf("\n%lld windows, a month of one tenant in one pool and tier\n", static_cast<long long>(kMinutes));
  Row("a window, and its part of the pool's", live - before, kMinutes);
}

}  // namespace
}  // namespace penstock::core

int main(int argc, char** argv) {
  penstock::core::Report(argc > 1 ? std::atoll(argv[1]) : 1'000'000);
  penstock::core::ReportCuts();
  penstock::core::ReportWindows();
  return 0;
}
