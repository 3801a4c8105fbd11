#include "sim/demo_scenario.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/fleet/calibration.h"
#include "sim/fleet/iteration_law.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

constexpr char kModel[] = "Llama-3.1-8B";
constexpr char kHardware[] = "1xH100 TRT-LLM";
constexpr int kReplicas = 8;
constexpr int64_t kSlotsPerReplica = 96;  // the calibrated batch and a fifth more, so that pace binds before slots
constexpr Duration kTargetTimePerOutputToken = Milliseconds(20);
constexpr int kConversationThousandths = 850;  // of the requests, as the tenants below send them
constexpr double kFloodMultiplier = 10;

// Per second, in thousandths of the pool's capacity: a little more than the reserved tenant's mean, so that most of its
// requests fit and its bursts spill over.
constexpr int64_t kContractThousandths = 180;

/// A tenant with everything the scenario says about it.
struct Cast {
  DemoTenant tenant;
  TenantProfile profile;
  core::TenantSettings settings;
};

Cast Conversation(std::string name, Tier tier, double requests_per_second, Duration max_wait) {
  Cast cast;
  cast.tenant = {.name = name, .tier = tier, .asks = std::nullopt, .max_wait = max_wait};
  cast.profile.name = name;
  cast.profile.requests_per_second = requests_per_second;
  cast.profile.usual_max_output_tokens = 512;
  cast.settings.name = std::move(name);
  cast.settings.tier = tier;
  cast.settings.keys = {{.name = kDemoKey, .weight = 1, .limits = {}, .policy = {}, .budgets = {}}};
  return cast;
}

Cast Asking(ServiceClass service_class, Cast cast) {
  cast.tenant.asks = service_class;
  cast.settings.classes = {service_class};
  return cast;
}

Cast Limited(admission::LimitTerms limit, Cast cast) {
  cast.settings.limits.limits.push_back(std::move(limit));
  return cast;
}

admission::LimitTerms PerMinute(std::string name, admission::Measure measure, int64_t quantity, int64_t burst) {
  return {.name = std::move(name),
          .measure = measure,
          .kind = TokenKind::kInput,
          .rate = {.quantity = quantity, .period = Minutes(1), .burst = burst}};
}

Cast ReservedAssistant(WorkPerSecond capacity) {
  Cast cast = Conversation("acme", Tier::kReserved, 25, Seconds(10));
  const int64_t rate = DivideRoundDown(capacity.count() * kContractThousandths, int64_t{1'000});
  cast.settings.reservations = {{.pool = kDemoPool,
                                 .kind = std::nullopt,
                                 .rate = {.quantity = rate, .period = Seconds(1), .burst = rate / 2},
                                 .overrun = Overrun::kSpill}};
  return cast;
}

Cast CodeAssistant() {
  Cast cast = Asking(ServiceClass::kPriority, Conversation("borealis", Tier::kElastic, 20, Seconds(5)));
  cast.profile.trace = TraceChoice::kCode;
  cast.profile.cached_thousandths = 600;
  cast.profile.usual_max_output_tokens = 256;
  cast.profile.requests_per_run = 12;
  return cast;
}

Cast Chat() {
  Cast cast = Conversation("cobalt", Tier::kElastic, 30, Seconds(10));
  cast.settings.weight = 3;
  cast.profile.cached_thousandths = 200;
  return cast;
}

Cast ReasoningAgent() {
  Cast cast = Limited(PerMinute("requests_per_minute", admission::Measure::kRequests, 660, 30),
                      Conversation("delphi", Tier::kElastic, 13, Seconds(10)));
  cast.profile.reasoning_thousandths = 500;
  cast.profile.requests_per_run = 8;
  return cast;
}

Cast NightlyBatch() { return Asking(ServiceClass::kFlex, Conversation("ember", Tier::kElastic, 12, Seconds(20))); }

Cast HobbyProject() {
  return Limited(PerMinute("tokens_per_minute", admission::Measure::kTokens, 450'000, 60'000),
                 Conversation("fable", Tier::kFree, 6, Seconds(4)));
}

Cast Flooder(const Burst& flood) {
  Cast cast = Conversation("gadfly", Tier::kFree, 9, Seconds(4));
  cast.profile.bursts = {flood};
  return cast;
}

Cast Classroom() {
  Cast cast = Conversation("hatch", Tier::kFree, 3, Seconds(4));
  cast.settings.limits.max_parallel = 16;
  return cast;
}

core::PoolSettings PoolOf(const Calibration& calibration) {
  core::PoolSettings pool;
  pool.name = kDemoPool;
  pool.model = kModel;
  pool.burndown = calibration.burndown;
  pool.lease = Minutes(1);
  pool.settle_within = Minutes(10);
  pool.terms.capacity = NormalizedTokensPerSecond(calibration.capacity_nt_per_second);
  pool.terms.burst = Work(pool.terms.capacity.count() / 4);
  const int64_t slots = kReplicas * kSlotsPerReplica;
  pool.terms.max_in_flight = slots;
  const auto of_class = [&pool](ServiceClass c) -> admission::ClassTerms& {
    return pool.terms.classes[static_cast<size_t>(c)];
  };
  of_class(ServiceClass::kFree) = {
      .weight = 1, .max_in_flight = slots / 2, .holdback_slots = slots / 8, .max_waiting = 200};
  of_class(ServiceClass::kFlex) = {.weight = 2, .max_in_flight = 0, .holdback_slots = slots / 12, .max_waiting = 2'000};
  for (ServiceClass c : {ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    of_class(c) = {.weight = 8, .max_in_flight = 0, .holdback_slots = slots / 24, .max_waiting = 2'000};
  }
  of_class(ServiceClass::kPriority).weight = 16;
  return pool;
}

ledger::TokenPrices Prices(int64_t thousandths) {
  ledger::TokenPrices prices;  // at 1,000: USD 0.15 in, 0.0375 cached, 0.60 out, per million tokens
  prices[TokenKind::kInput] = 150 * thousandths;
  prices[TokenKind::kCachedInput] = DivideRoundDown(375 * thousandths, int64_t{10});
  prices[TokenKind::kOutput] = 600 * thousandths;
  prices[TokenKind::kReasoning] = 600 * thousandths;
  return prices;
}

// The demand price is small so that both meters can be seen on the bill of a minute; a month's would be far higher.
ledger::Tariff DemoTariff() {
  ledger::PoolPrices prices;
  prices.pool = kDemoPool;
  constexpr std::array<std::pair<ServiceClass, int64_t>, kServiceClassCount> kThousandths = {
      {{ServiceClass::kFree, 0},
       {ServiceClass::kFlex, 500},
       {ServiceClass::kDefault, 1'000},
       {ServiceClass::kPriority, 1'600},
       {ServiceClass::kSpillover, 1'200},
       {ServiceClass::kReserved, 700}}};
  for (const auto& [served, thousandths] : kThousandths) {
    prices.by_class[static_cast<size_t>(served)] = Prices(thousandths);
  }
  prices.demand = {ledger::BusiestMinute(25)};
  ledger::Tariff tariff;
  tariff.version = "demo-1";
  tariff.currency = "USD";
  tariff.pools = {prices};
  return tariff;
}

Traces ShippedTraces() {
  auto conversation = ParseAzureTrace(ConversationTraceCsv(), "AzureLLMInferenceTrace_conv.csv");
  auto code = ParseAzureTrace(CodeTraceCsv(), "AzureLLMInferenceTrace_code.csv");
  PENSTOCK_CHECK(conversation.ok() && code.ok());
  return {*std::move(conversation), *std::move(code)};
}

FleetTerms DemoFleet() {
  const IterationLaw* law = LawOf(kModel, kHardware);
  PENSTOCK_CHECK(law != nullptr);
  FleetTerms fleet;
  fleet.replica.law = *law;
  fleet.replicas = kReplicas;
  return fleet;
}

}  // namespace

DemoScenario BuildDemoScenario(int64_t seconds, uint64_t seed) {
  PENSTOCK_CHECK(seconds >= kShortestDemoSeconds && seconds <= kLongestDemoSeconds);
  const Traces traces = ShippedTraces();
  DemoScenario scenario;
  scenario.fleet = DemoFleet();
  const Mix mix = Blend(MixOf(traces.conversation), kConversationThousandths, MixOf(traces.code));
  const auto calibration = Calibrate(scenario.fleet, mix, kTargetTimePerOutputToken);
  PENSTOCK_CHECK(calibration.ok());
  scenario.settings.pools = {PoolOf(*calibration)};
  scenario.settings.tariff = DemoTariff();
  scenario.hardware = absl::StrCat("Fleet: modelled, ", kReplicas, " replicas of ", kModel, " on ", kHardware,
                                   ", iteration law 6.42 ms + 0.0499 ms per 1,000 KV tokens + 0.0196 ms per prefill "
                                   "token; capacity calibrated at 20 ms per output token.");
  scenario.attribution =
      "Traffic: Azure LLM inference traces 2023 (conversation, code), Azure/AzurePublicDataset, CC-BY 4.0; Patel et "
      "al., "
      "Splitwise, ISCA 2024.";
  scenario.assumptions =
      "Assumed, not in the traces: the tenants and their limits, cached and reasoning shares, output caps, all prices.";
  scenario.flood = {.from = Nanoseconds(Seconds(seconds).count() / 3),
                    .to = Nanoseconds(Seconds(seconds).count() / 3 * 2),
                    .multiplier = kFloodMultiplier};

  std::vector<TenantProfile> profiles;
  const WorkPerSecond capacity = scenario.settings.pools[0].terms.capacity;
  for (Cast& cast : std::vector<Cast>{ReservedAssistant(capacity), CodeAssistant(), Chat(), ReasoningAgent(),
                                      NightlyBatch(), HobbyProject(), Flooder(scenario.flood), Classroom()}) {
    if (!cast.profile.bursts.empty()) scenario.flooder = static_cast<uint32_t>(profiles.size());
    profiles.push_back(cast.profile);
    scenario.tenants.push_back(std::move(cast.tenant));
    scenario.settings.tenants.push_back(std::move(cast.settings));
  }
  scenario.arrivals = BuildTraffic(profiles, traces, Seconds(seconds), seed);
  return scenario;
}

}  // namespace penstock::sim
