// Real traffic through the production engine in virtual time. The fleet is its calibrated law; who the tenants are and
// what they bought is assumed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admission/vocabulary/check.h"
#include "sim/fleet/calibration.h"
#include "sim/fleet/iteration_law.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/mooncake_trace.h"
#include "sim/traces/shipped_traces.h"
#include "sim/traffic/traffic.h"
#include "tests/sim/run/recorded_world.h"

namespace penstock::sim {
namespace {

using core::RefusalReason;
using End = Try::End;

constexpr uint64_t kSeed = 42;
constexpr int64_t kSlotsPerReplica = 28;  // the calibrated batch of 22 and a quarter more, so that pace binds first
enum Who : uint32_t { kAssistant, kLibrarian, kFlooder };  // places in the lists of clients and tenants

struct ShippedRows {
  std::vector<TraceRow> conversation;
  std::vector<TraceRow> code;
  std::vector<TraceRow> long_conversation;
};

const ShippedRows& Rows() {
  static const ShippedRows rows = {*ParseAzureTrace(ConversationTraceCsv(), "conv"),
                                   *ParseAzureTrace(CodeTraceCsv(), "code"),
                                   *ParseMooncakeTrace(LongConversationTraceJsonl(), "mooncake")};
  return rows;
}

core::TenantSettings Tenant(const std::string& name, Tier tier) {
  core::TenantSettings tenant;
  tenant.name = name;
  tenant.tier = tier;
  tenant.keys = {{.name = "prod"}};
  return tenant;
}

/// One pool on so many replicas; tenants: reserved `assistant` (a third of three replicas), elastic `librarian`, free
/// `flooder`. No arrivals yet.
RecordedWorld PoolOf(int replicas) {
  FleetTerms fleet;
  fleet.replica.law = *LawOf("Llama-3.1-8B", "1xH100 TRT-LLM");
  fleet.replicas = replicas;
  const Mix mix = Blend(MixOf(Rows().conversation), 700, MixOf(Rows().long_conversation));
  const auto calibration = Calibrate(fleet, mix, Milliseconds(20));
  PENSTOCK_CHECK(calibration.ok());

  RecordedWorld world;
  world.service = {.start = Milliseconds(20),
                   .per_input_token = fleet.replica.law.per_prefill_token,
                   .per_output_token = Milliseconds(20)};
  core::PoolSettings pool;
  pool.name = "chat";
  pool.model = "Llama-3.1-8B";
  pool.burndown = calibration->burndown;
  pool.lease = Minutes(2);
  pool.terms.capacity = NormalizedTokensPerSecond(calibration->capacity_nt_per_second);
  pool.terms.burst = Work(pool.terms.capacity.count() / 4);
  const int64_t slots = replicas * kSlotsPerReplica;
  pool.terms.max_in_flight = slots;
  for (admission::ClassTerms& terms : pool.terms.classes) {
    terms = {.weight = 8, .max_in_flight = 0, .holdback_slots = slots / 12, .max_waiting = 2'000};
  }
  pool.terms.classes[static_cast<size_t>(ServiceClass::kFree)] = {
      .weight = 1, .max_in_flight = slots / 2, .holdback_slots = slots / 6, .max_waiting = 200};
  world.settings.pools = {pool};

  core::TenantSettings assistant = Tenant("assistant", Tier::kReserved);
  const int64_t rate = NormalizedTokensPerSecond(50'000).count();
  assistant.reservations = {core::ReservationSettings{.pool = "chat",
                                                      .kind = std::nullopt,
                                                      .rate = {.quantity = rate, .period = Seconds(1), .burst = rate},
                                                      .overrun = Overrun::kSpill}};
  world.settings.tenants = {assistant, Tenant("librarian", Tier::kElastic), Tenant("flooder", Tier::kFree)};
  world.settings.tariff = {.version = "test-1", .currency = "USD", .pools = {{.pool = "chat"}}};
  world.clients = {{.tenant = "assistant", .max_wait = Seconds(20)},
                   {.tenant = "librarian", .max_wait = Seconds(30)},
                   {.tenant = "flooder", .max_wait = Seconds(10)}};
  return world;
}

TenantProfile ProfileOf(const char* name, int64_t usual_max_output_tokens) {
  TenantProfile profile;
  profile.name = name;
  profile.usual_max_output_tokens = usual_max_output_tokens;
  return profile;
}

struct Load {
  Duration length;
  int conversations = 1;  // copies of the Azure conversation trace: the reserved tenant
  int long_ones = 1;      // of the Mooncake trace: the elastic one
  int codes = 10;         // of the Azure code trace: the free one
};

RecordedWorld TraceWorld(int replicas, const Load& load, uint64_t seed = kSeed) {
  RecordedWorld world = PoolOf(replicas);
  const auto replay = [&](const char* name, Who who, const std::vector<TraceRow>& rows, int copies, int64_t cap) {
    return ReplayTrace(ProfileOf(name, cap), who, rows,
                       {.length = load.length, .copies = copies, .scatter = Seconds(1)}, seed);
  };
  world.arrivals = Merged(std::vector<std::vector<Arrival>>{
      replay("assistant", kAssistant, Rows().conversation, load.conversations, 512),
      replay("librarian", kLibrarian, Rows().long_conversation, load.long_ones, 1'024),
      replay("flooder", kFlooder, Rows().code, load.codes, 256)});
  return world;
}

std::unique_ptr<RecordedBroker> Open(RecordedWorld world) {
  auto broker = RecordedBroker::Open(std::move(world));
  EXPECT_TRUE(broker.ok()) << broker.status();
  return *std::move(broker);
}

double InSeconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }

/// The value below which that share lies; zero for nothing.
Duration Percentile(std::vector<Duration> values, double share) {
  if (values.empty()) return Duration::Zero();
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

std::vector<const Try*> Where(const RecordedBroker& broker, const std::function<bool(const Try&)>& condition) {
  std::vector<const Try*> found;
  for (const Try& made : broker.tries()) {
    if (condition(made)) found.push_back(&made);
  }
  return found;
}

void PrintWaits(const RecordedBroker& broker) {
  std::printf("%-10s %7s %8s %8s %8s %8s %9s %9s %9s\n", "tenant", "tries", "at once", "waited", "expired", "refused",
              "wait p50", "wait p99", "longest");
  for (uint32_t client = 0; client < broker.world().clients.size(); ++client) {
    std::vector<Duration> waits;
    size_t tries = 0;
    size_t at_once = 0;
    size_t expired = 0;
    size_t refused = 0;
    for (const Try* made : Where(broker, [&](const Try& t) { return t.client == client; })) {
      ++tries;
      if (made->end == End::kGranted) {
        waits.push_back(made->waited);
        at_once += made->waited == Duration::Zero() ? 1u : 0u;
      } else {
        (made->refusal == RefusalReason::kWaitExpired ? expired : refused) += 1;
      }
    }
    std::printf("%-10s %7zu %8zu %8zu %8zu %8zu %8.2fs %8.2fs %8.2fs\n", broker.world().clients[client].tenant.c_str(),
                tries, at_once, waits.size() - at_once, expired, refused, InSeconds(Percentile(waits, 0.5)),
                InSeconds(Percentile(waits, 0.99)), InSeconds(Percentile(waits, 1)));
  }
}

Work TrueWork(const RecordedBroker& broker, const Try& made) {
  return WorkOf(broker.world().arrivals[made.request].tokens, broker.pool().settings().burndown);
}

/// What a client's grants in [from, to) turned out to be.
Work GrantedWork(const RecordedBroker& broker, uint32_t client, Duration from, Duration to) {
  Work sum;
  for (const Try& made : broker.tries()) {
    const Duration at = made.at + made.waited;
    if (made.client == client && made.end == End::kGranted && at >= from && at < to) sum += TrueWork(broker, made);
  }
  return sum;
}

/// Every request served inside the contract waited no longer than its contract and the stated bound made it wait, and
/// none left for another reason than the contract.
void ExpectReservedWithinItsBound(const RecordedBroker& broker) {
  Duration longest;
  Duration largest_bound;
  int inside = 0;
  for (const Try& made : broker.tries()) {
    if (made.client != kAssistant) continue;
    EXPECT_EQ(made.end, End::kGranted) << "at " << InSeconds(made.at) << " s";
    if (made.served != ServiceClass::kReserved) continue;
    ++inside;
    const Duration by_the_pool = made.waited - made.contract_wait;
    EXPECT_LE(by_the_pool, made.reclaim_bound) << "at " << InSeconds(made.at) << " s";
    longest = std::max(longest, by_the_pool);
    largest_bound = std::max(largest_bound, made.reclaim_bound);
  }
  std::printf("reserved: %d inside the contract, the pool held the longest back %.3f s; stated bound up to %.1f s\n",
              inside, InSeconds(longest), InSeconds(largest_bound));
}

void ExpectNothingLeft(const RecordedBroker& broker) {
  broker.engine().CheckInvariants();
  EXPECT_EQ(broker.pool().scheduler().InFlight(), 0);
  EXPECT_EQ(broker.engine().waiting().size(), 0U);
  for (const Try& made : broker.tries()) {
    ASSERT_NE(made.end, End::kOpen);
    ASSERT_NE(made.end, End::kError);
  }
}

// The reserved tenant sends its own traffic, elastic twice its own, free ten times its own.
TEST(AdmissionOnTraces, AzureCodeAsFreeFloodLeavesTheReservedConversationTenantWithinItsBound) {
  const auto opened = Open(TraceWorld(3, {.length = Minutes(25), .long_ones = 2}));
  RecordedBroker& broker = *opened;
  broker.RunToEnd();
  PrintWaits(broker);
  ExpectNothingLeft(broker);
  ExpectReservedWithinItsBound(broker);

  // In the minutes in which both stand in line all the time, elastic gets its eight ninths of what they get.
  std::map<int64_t, std::array<bool, 2>> refused;  // by minute
  for (const Try& made : broker.tries()) {
    if (made.end != End::kRefused || made.client == kAssistant) continue;
    refused[DivideRoundDown((made.at + made.waited).count(), Minutes(1).count())][made.client - kLibrarian] = true;
  }
  Work elastic;
  Work free;
  int minutes = 0;
  for (const auto& [minute, of] : refused) {
    if (!of[0] || !of[1]) continue;
    ++minutes;
    elastic += GrantedWork(broker, kLibrarian, Minutes(minute), Minutes(minute + 1));
    free += GrantedWork(broker, kFlooder, Minutes(minute), Minutes(minute + 1));
  }
  const double ratio = static_cast<double>(elastic.count()) / static_cast<double>(free.count());
  std::printf("both overloaded in %d minutes: elastic got %.2f times what free got, its weight is 8 times\n", minutes,
              ratio);
  EXPECT_GE(minutes, 3);
  EXPECT_GE(ratio, 8 * 0.85);

  const auto turned_away = Where(broker, [](const Try& t) { return t.client == kFlooder && t.end == End::kRefused; });
  const auto asked = Where(broker, [](const Try& t) { return t.client == kFlooder; });
  EXPECT_GT(turned_away.size(), asked.size() / 4);
  for (const Try* made : turned_away) {
    if (made->refusal != RefusalReason::kQueueFull) continue;
    EXPECT_GT(made->retry_after, Duration::Zero());
  }
}

/// Promises of one class held against what happened.
struct Score {
  int waits = 0;
  int departed = 0;
  int below = 0;  // waited less than `low`
  int above = 0;  // waited more than `high`, or left the line after it
  std::vector<Duration> widths;
  std::vector<Duration> waited;

  void Add(const Try& made, const core::WaitRange& promised) {
    ++waits;
    departed += made.departed() ? 1 : 0;
    below += !made.departed() && made.waited < promised.low ? 1 : 0;
    above += made.waited > promised.high ? 1 : 0;
    widths.push_back(promised.high - promised.low);
    waited.push_back(made.waited);
  }
  double Share(int of) const { return static_cast<double>(of) / std::max(waits, 1); }
  double Coverage() const { return 1 - Share(below + above); }
  void Print(const std::string& name) const {
    std::printf("%-10s %6d %8d %8.1f%% %6.1f%% %6.1f%% %13.2fs %10.2fs\n", name.c_str(), waits, departed,
                100 * Coverage(), 100 * Share(below), 100 * Share(above), InSeconds(Percentile(widths, 0.5)),
                InSeconds(Percentile(waited, 0.5)));
  }
};

// The range comes from tables learnt before the request came. A request that left the line would have waited longer:
// the promise failed if it left after `high`, and is not contradicted otherwise.
TEST(AdmissionOnTraces, ForecastIntervalCoversWhatHappened) {
  constexpr Duration kWarmUp = Minutes(3);  // left out: little is learnt yet, the default rule speaks
  struct Case {
    const char* name;
    int replicas;
    Load load;
  };
  const std::vector<Case> cases = {
      {"free floods with ten times its own", 3, {.length = Minutes(25)}},
      {"elastic at twice, free at five times its own", 4, {.length = Minutes(25), .long_ones = 2, .codes = 5}}};
  for (const Case& of : cases) {
    SCOPED_TRACE(of.name);
    const auto broker = Open(TraceWorld(of.replicas, of.load));
    broker->RunToEnd();
    std::map<std::string, Score> scores;
    Score by_default;
    for (const Try& made : broker->tries()) {
      if (!made.promised || made.at < kWarmUp) continue;
      scores[std::string(Name(made.stood_as))].Add(made, *made.promised);
      scores["overall"].Add(made, *made.promised);
      by_default.Add(made, core::DefaultWaitRange(made.line_forecast));
    }
    std::printf("%s\n%-10s %6s %8s %9s %7s %7s %14s %11s\n", of.name, "class", "waits", "departed", "coverage", "below",
                "above", "median width", "median wait");
    for (const auto& [name, score] : scores) {
      score.Print(name);
      if (score.waits < 200) continue;
      EXPECT_GE(score.Coverage(), 0.80) << name;
      EXPECT_LE(score.Coverage(), 0.97) << name;
    }
    by_default.Print("(default)");
    EXPECT_GE(scores["overall"].waits, 2'000);
    EXPECT_LT(Percentile(scores["overall"].widths, 0.5), Percentile(by_default.widths, 0.5));
  }
}

/// Poisson arrivals with a trace's lengths and so much of the pool's capacity as their mean load.
std::vector<Arrival> SteadyLoad(const core::PoolSettings& pool, Who who, const std::vector<TraceRow>& rows,
                                double of_capacity, Duration length) {
  TenantProfile profile = ProfileOf("", 512);
  profile.requests_per_second = 1;
  const std::vector<Arrival> sample = PoissonTraffic(profile, who, rows, Hours(3), kSeed);
  Work work;
  for (const Arrival& arrival : sample) work += WorkOf(arrival.tokens, pool.burndown);
  const double mean = static_cast<double>(work.count()) / static_cast<double>(sample.size());
  profile.requests_per_second = of_capacity * static_cast<double>(pool.terms.capacity.count()) / mean;
  return PoissonTraffic(profile, who, rows, length, kSeed);
}

/// Ten minutes at 1.3 times the capacity, clients that obey retry_after: the share of first retries that got in.
double FirstRetriesThatGotIn(int64_t slots_times) {
  constexpr Duration kLength = Minutes(10);
  RecordedWorld world = PoolOf(3);
  core::PoolSettings& pool = world.settings.pools[0];
  pool.terms.max_in_flight *= slots_times;
  // Where slots bind, a larger holdback than elastic's would shut free out for good: there would be no time to come
  // back.
  admission::ClassTerms& free = pool.terms.classes[static_cast<size_t>(ServiceClass::kFree)];
  free.holdback_slots = pool.terms.classes[static_cast<size_t>(ServiceClass::kDefault)].holdback_slots;
  world.arrivals =
      Merged(std::vector<std::vector<Arrival>>{SteadyLoad(pool, kLibrarian, Rows().conversation, 0.95, kLength),
                                               SteadyLoad(pool, kFlooder, Rows().code, 0.35, kLength)});
  for (Client& client : world.clients) {
    client.max_wait = Seconds(5);
    client.retries = 5;
    client.late = Milliseconds(20);
  }
  const auto broker = Open(std::move(world));
  broker->RunToEnd();
  PrintWaits(*broker);
  ExpectNothingLeft(*broker);
  std::map<uint32_t, std::array<int, 2>> first_retries;  // by client: made, granted
  std::vector<Duration> told;
  for (const Try& made : broker->tries()) {
    if (made.number == 1 && made.end == End::kRefused) told.push_back(made.retry_after);
    if (made.number != 2 || made.at >= kLength) continue;  // afterwards the pool is idle, and all get in
    auto& [tried, granted] = first_retries[made.client];
    ++tried;
    granted += made.end == End::kGranted ? 1 : 0;
  }
  int all_tried = 0;
  int all_granted = 0;
  for (const auto& [client, counts] : first_retries) {
    std::printf("%-10s %6d first retries, %5.1f%% got in\n", broker->world().clients[client].tenant.c_str(), counts[0],
                100.0 * counts[1] / counts[0]);
    all_tried += counts[0];
    all_granted += counts[1];
  }
  EXPECT_GE(all_tried, 500);
  const double share = static_cast<double>(all_granted) / std::max(all_tried, 1);
  std::printf("retry_after: p50 %.2f s, p99 %.2f s; got in at the first retry: %.1f%%\n",
              InSeconds(Percentile(told, 0.5)), InSeconds(Percentile(told, 0.99)), 100 * share);
  return share;
}

// A refusal with retry_after by the pool promises a place to the same request_id at that time.
TEST(AdmissionOnTraces, ClientsThatObeyRetryAfterGetInAtTheFirstRetry) { EXPECT_GE(FirstRetriesThatGotIn(2), 0.9); }

// With half the slots they bind before pace does, and the load is rather 1.6 times what the pool can do.
TEST(AdmissionOnTraces, ClientsThatObeyRetryAfterGetInAtTheFirstRetryWhereSlotsBind) {
  EXPECT_GE(FirstRetriesThatGotIn(1), 0.9);
}

TEST(AdmissionOnTraces, CapacityLossAndRecovery) {
  constexpr Duration kLoss = Minutes(10);
  constexpr Duration kRecovery = Minutes(12);
  constexpr Duration kDrained = Minutes(15);
  RecordedWorld world = TraceWorld(4, {.length = Minutes(18)});
  const admission::PoolTerms& terms = world.settings.pools[0].terms;
  world.capacity_changes = {{kLoss, WorkPerSecond(terms.capacity.count() / 2), terms.max_in_flight / 2},
                            {kRecovery, terms.capacity, terms.max_in_flight}};
  const auto opened = Open(std::move(world));
  RecordedBroker& broker = *opened;
  const auto waiting = [&] { return broker.engine().waiting().size(); };
  size_t most_before = 0;
  for (Duration at; at < kLoss; at += Seconds(1)) {
    broker.RunUntil(at);
    most_before = std::max(most_before, waiting());
  }
  size_t most_in_loss = 0;
  for (Duration at = kLoss; at < kRecovery; at += Seconds(1)) {
    broker.RunUntil(at);
    broker.engine().CheckInvariants();
    most_in_loss = std::max(most_in_loss, waiting());
  }
  size_t least_after = most_in_loss;
  for (Duration at = kRecovery; at < kDrained; at += Seconds(1)) {
    broker.RunUntil(at);
    least_after = std::min(least_after, waiting());
  }
  broker.RunToEnd();
  PrintWaits(broker);
  std::printf("in line: at most %zu before, %zu while half was lost, down to %zu within three minutes\n", most_before,
              most_in_loss, least_after);
  ExpectNothingLeft(broker);
  ExpectReservedWithinItsBound(broker);
  EXPECT_GT(most_in_loss, 20u);
  EXPECT_EQ(least_after, 0u);
}

TEST(AdmissionOnTraces, SameSeedSameJournal) {
  const auto head = [](uint64_t seed) {
    const auto broker = Open(TraceWorld(3, {.length = Minutes(3)}, seed));
    broker->RunToEnd();
    return ledger::ToHex(broker->engine().ledger().head().hash);
  };
  const std::string first = head(7);
  EXPECT_EQ(first, head(7));
  EXPECT_NE(first, head(8));
}

}  // namespace
}  // namespace penstock::sim
