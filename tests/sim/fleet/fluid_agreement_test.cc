// The fluid fleet against the iteration model, on real request sizes under several laws, mixes and loads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "sim/fleet/calibration.h"
#include "sim/fleet/fleet.h"
#include "sim/fleet/stretch.h"
#include "sim/random.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/mooncake_trace.h"
#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

constexpr Instant kStart;
constexpr int kReplicas = 4;
constexpr size_t kRequests = 1'200;
constexpr size_t kWarmUp = 200;

struct MixUnderTest {
  const char* name;
  std::vector<TraceRow> rows;
};

std::vector<MixUnderTest> Mixes() {
  return {{"Azure conversation", *ParseAzureTrace(ConversationTraceCsv(), "conv")},
          {"Azure code", *ParseAzureTrace(CodeTraceCsv(), "code")},
          {"Mooncake", *ParseMooncakeTrace(LongConversationTraceJsonl(), "mooncake")}};
}

struct Seen {
  double utilisation = 0;
  double first_token_s = 0;
  double per_output_s = 0;
};

struct Sent {
  Instant at;
  FleetRequest request;
};

/// The sizes of a trace in its order, coming at random (Poisson) at a rate.
std::vector<Sent> Traffic(const std::vector<TraceRow>& rows, double requests_per_second, uint64_t seed) {
  Random random(seed);
  std::vector<Sent> traffic;
  Instant at = kStart;
  for (size_t i = 0; i < kRequests; ++i) {
    const double uniform = (static_cast<double>(random.Next() >> 11) + 1) / 9007199254740992.0;
    at = at + Nanoseconds(std::llround(-std::log(uniform) / requests_per_second * 1e9));
    const TraceRow& row = rows[i % rows.size()];
    traffic.push_back({at, {i, row.context, Tokens::Zero(), row.generated}});
  }
  return traffic;
}

template <class Model>
Seen Watch(const FleetTerms& terms, const std::vector<Sent>& traffic) {
  Model fleet(terms, kStart);
  std::vector<FleetEvent> events;
  for (const Sent& sent : traffic) fleet.Submit(sent.request, sent.at);
  fleet.AdvanceTo(traffic.back().at, &events);
  Seen seen{.utilisation = fleet.BusyFraction()};
  while (fleet.NextEvent() != Instant::Max()) fleet.AdvanceTo(fleet.NextEvent(), &events);
  std::vector<Instant> first(traffic.size());
  double decode_s = 0;
  double decoded = 0;
  const auto seconds = [](Duration d) { return static_cast<double>(d.count()) / 1e9; };
  for (const FleetEvent& event : events) {
    if (event.kind == FleetEvent::Kind::kFirstToken) {
      first[event.id] = event.at;
      if (event.id >= kWarmUp) seen.first_token_s += seconds(event.at - traffic[event.id].at);
    } else if (event.id >= kWarmUp) {
      decode_s += seconds(event.at - first[event.id]);
      decoded += static_cast<double>(event.generated.count() - 1);
    }
  }
  seen.first_token_s /= static_cast<double>(traffic.size() - kWarmUp);
  seen.per_output_s = decode_s / decoded;
  return seen;
}

FleetTerms TermsOf(const IterationLaw& law, bool plans_ahead) {
  FleetTerms terms;
  terms.replica.law = law;
  terms.replica.kv_limit = Tokens(400'000);
  terms.replica.plans_ahead = plans_ahead;
  terms.replicas = kReplicas;
  return terms;
}

void ExpectAgreement(const CalibratedLaw& row, const MixUnderTest& mix, double load, bool plans_ahead) {
  const FleetTerms terms = TermsOf(row.law, plans_ahead);
  const auto limit = Calibrate(terms, MixOf(mix.rows), Seconds(10));  // whatever the pace
  ASSERT_TRUE(limit.ok()) << limit.status();
  const auto traffic = Traffic(mix.rows, load * limit->requests_per_second, 42);
  const Seen full = Watch<Fleet>(terms, traffic);
  const Seen fluid = Watch<FluidFleet>(terms, traffic);
  const auto percent = [](double a, double b) { return 100 * (a / b - 1); };
  std::printf("%-12s %-24s %-18s %.2f | %6.2f %6.2f %+6.2f | %8.1f %8.1f %+6.2f | %7.2f %7.2f %+6.2f\n",
              std::string(row.model).c_str(), std::string(row.hardware).c_str(), mix.name, load, 100 * full.utilisation,
              100 * fluid.utilisation, percent(fluid.utilisation, full.utilisation), 1e3 * full.first_token_s,
              1e3 * fluid.first_token_s, percent(fluid.first_token_s, full.first_token_s), 1e3 * full.per_output_s,
              1e3 * fluid.per_output_s, percent(fluid.per_output_s, full.per_output_s));
  EXPECT_NEAR(fluid.utilisation / full.utilisation, 1, 0.05);
  EXPECT_NEAR(fluid.first_token_s / full.first_token_s, 1, 0.10);
  EXPECT_NEAR(fluid.per_output_s / full.per_output_s, 1, 0.05);
}

TEST(FluidFleet, AgreesWithTheIterationModelBelowNineTenthsOfTheLoad) {
  std::printf(
      "model        hardware                 mix               load |  busy %%  fluid  diff %% | first ms    "
      "fluid diff %% | per out   fluid diff %%\n");
  bool plans_ahead = false;
  for (const CalibratedLaw& row : CalibratedLaws()) {
    for (const MixUnderTest& mix : Mixes()) {
      for (const double load : {0.3, 0.5, 0.7, 0.85}) {
        ExpectAgreement(row, mix, load, plans_ahead);
        plans_ahead = !plans_ahead;
      }
    }
  }
}

TEST(Stretch, IsTheSumOfItsIterations) {
  const uint64_t seed = 20'231'116;
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    const IterationLaw& law = CalibratedLaws()[static_cast<size_t>(random.Below(4))].law;
    const IterationLoad first{.decodes = 1 + random.Below(200), .kv = Tokens(random.Below(1'000'000)), .prefill = {}};
    const int64_t iterations = 1 + random.Below(500);
    Duration sum;
    for (IterationLoad load = first; sum.count() >= 0; load.kv += Tokens(load.decodes)) {
      const int64_t done = (load.kv - first.kv).count() / first.decodes;
      const Duration whole = StretchTimeRoundDown(law, first, done);
      EXPECT_GE(whole, sum);
      EXPECT_LE(whole, sum + Duration(done));  // each was rounded down by less than a nanosecond
      if (done == iterations) break;
      sum += IterationTimeRoundDown(law, load);
    }
    const Duration end = StretchTimeRoundDown(law, first, iterations);
    EXPECT_EQ(IterationsWithin(law, first, end, iterations + 5), iterations);
    EXPECT_EQ(IterationsWithin(law, first, end - Duration(1), iterations + 5), iterations - 1);
    EXPECT_EQ(IterationsWithin(law, first, end, iterations - 1), iterations - 1);
    EXPECT_EQ(IterationsWithin(law, first, Duration::Zero(), iterations), 0);
  }
}

}  // namespace
}  // namespace penstock::sim
