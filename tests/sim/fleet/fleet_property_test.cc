// Random scripts of submits and cancels: whatever the steps in which time advances, the same happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "sim/fleet/fleet.h"
#include "sim/random.h"
#include "tests/sim/fleet/plain_replica.h"

namespace penstock::sim {
namespace {

constexpr Instant kStart(0);

struct Step {
  Instant at;
  bool cancel = false;
  int replicas = 0;      // more than 0: from now on there are so many
  FleetRequest request;  // only the id counts for a cancel
};

struct Outcome {
  std::vector<FleetEvent> events;
  std::vector<std::optional<Tokens>> cancelled;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

enum class Pace { kOnlyAtTheSteps, kEventByEvent, kRandomStrides };

uint64_t SeedOfThisRun() {
  const char* given = std::getenv("PENSTOCK_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'231'116;
  std::cout << "PENSTOCK_SEED=" << seed << "\n";
  return seed;
}

FleetTerms RandomTerms(Random& random) {
  FleetTerms terms;
  terms.replica.law = CalibratedLaws()[static_cast<size_t>(random.Below(4))].law;
  terms.replica.max_sequences = 1 + random.Below(16);
  terms.replica.step_token_budget = Tokens(64 + random.Below(2'000));
  if (random.Below(3) != 0) terms.replica.kv_limit = Tokens(500 + random.Below(20'000));
  if (random.Below(4) == 0) terms.replica.kv_holding = KvHolding::kWholeContext;
  terms.replica.plans_ahead = random.Below(3) == 0;
  terms.replica.kv_block = Tokens(random.Below(3) == 0 ? 1 : 1 + random.Below(40));
  terms.replicas = static_cast<int>(1 + random.Below(4));
  return terms;
}

std::vector<Step> RandomScript(Random& random) {
  std::vector<Step> script;
  Instant at = kStart;
  for (uint64_t id = 1; id <= 150; ++id) {
    // One in four comes at the same instant as the step before.
    if (random.Below(4) != 0) at = at + Nanoseconds(random.Below(60'000'000));
    script.push_back(
        {at, false, 0, {id, Tokens(random.Below(4'000)), Tokens(random.Below(2'000)), Tokens(1 + random.Below(80))}});
    if (random.Below(5) == 0) {
      at = at + Nanoseconds(random.Below(30'000'000));
      script.push_back({at, true, 0, {1 + static_cast<uint64_t>(random.Below(static_cast<int64_t>(id))), {}, {}, {}}});
    }
    if (random.Below(25) == 0) script.push_back({at, false, static_cast<int>(1 + random.Below(4)), {}});
  }
  return script;
}

void AdvanceAtPace(FleetModel& fleet, Instant from, Instant to, Pace pace, Random& strides,
                   std::vector<FleetEvent>* out) {
  if (pace == Pace::kEventByEvent) {
    while (fleet.NextEvent() <= to) fleet.AdvanceTo(fleet.NextEvent(), out);
  } else if (pace == Pace::kRandomStrides) {
    for (Instant t = from; t < to; t = t + Nanoseconds(strides.Below(7'000'000))) fleet.AdvanceTo(t, out);
  }
}

template <class Model>
Outcome Play(const FleetTerms& terms, const std::vector<Step>& script, Pace pace, uint64_t seed) {
  Model fleet(terms, kStart);
  Random strides(seed);
  Outcome outcome;
  Instant now = kStart;
  for (const Step& step : script) {
    AdvanceAtPace(fleet, now, step.at, pace, strides, &outcome.events);
    now = step.at;
    if (step.replicas > 0) {
      fleet.SetReplicas(step.replicas, now);
    } else if (step.cancel) {
      outcome.cancelled.push_back(fleet.Cancel(step.request.id, now));
    } else {
      fleet.Submit(step.request, now);
    }
  }
  const Instant end = now + Hours(1);
  if (pace == Pace::kEventByEvent) AdvanceAtPace(fleet, now, end, pace, strides, &outcome.events);
  fleet.AdvanceTo(end, &outcome.events);
  EXPECT_EQ(fleet.NextEvent(), Instant::Max());
  EXPECT_EQ(fleet.running() + fleet.waiting(), 0);
  return outcome;
}

/// Every request that was not cancelled makes all its tokens, once, in order; no other event exists.
void ExpectConservation(const std::vector<Step>& script, const Outcome& outcome) {
  std::map<uint64_t, FleetRequest> open;
  for (const Step& step : script) {
    if (!step.cancel && step.replicas == 0) open[step.request.id] = step.request;
  }
  std::map<uint64_t, Instant> first_token;
  Instant last = kStart;
  for (const FleetEvent& event : outcome.events) {
    EXPECT_GE(event.at, last);
    last = event.at;
    if (event.kind == FleetEvent::Kind::kFirstToken) {
      EXPECT_TRUE(first_token.emplace(event.id, event.at).second);
      EXPECT_EQ(event.generated, Tokens(1));
      continue;
    }
    ASSERT_TRUE(open.contains(event.id));
    ASSERT_TRUE(first_token.contains(event.id));
    EXPECT_EQ(event.generated, open[event.id].generate);
    open.erase(event.id);
  }
  const auto cancels = std::count_if(outcome.cancelled.begin(), outcome.cancelled.end(),
                                     [](const std::optional<Tokens>& generated) { return generated.has_value(); });
  EXPECT_EQ(std::ssize(open), cancels);  // what never finished was cancelled
}

template <class Model>
void ExpectTheSameInWhateverSteps() {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed) + " round " + std::to_string(round));
    Random random(Scramble(seed) + round);
    const FleetTerms terms = RandomTerms(random);
    const std::vector<Step> script = RandomScript(random);
    const Outcome outcome = Play<Model>(terms, script, Pace::kOnlyAtTheSteps, seed);
    ExpectConservation(script, outcome);
    EXPECT_TRUE(outcome == Play<Model>(terms, script, Pace::kOnlyAtTheSteps, seed));
    EXPECT_TRUE(outcome == Play<Model>(terms, script, Pace::kEventByEvent, seed));
    EXPECT_TRUE(outcome == Play<Model>(terms, script, Pace::kRandomStrides, seed + round));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FleetProperty, TheSameHappensInWhateverStepsTimeAdvances) { ExpectTheSameInWhateverSteps<Fleet>(); }
TEST(FluidFleetProperty, TheSameHappensInWhateverStepsTimeAdvances) { ExpectTheSameInWhateverSteps<FluidFleet>(); }

/// The same script through the oracle, without changes of the number of replicas.
Outcome PlayPlainly(const ReplicaTerms& terms, const std::vector<Step>& script, int64_t* preemptions) {
  PlainReplica replica(terms);
  Outcome outcome;
  for (const Step& step : script) {
    if (step.cancel) {
      outcome.cancelled.push_back(replica.Cancel(step.request.id, step.at));
    } else {
      replica.Submit(step.request, step.at);
    }
  }
  replica.AdvanceTo(script.back().at + Hours(1));
  EXPECT_TRUE(replica.idle());
  outcome.events = replica.events();
  *preemptions += replica.preemptions();
  return outcome;
}

TEST(FleetProperty, AnIterationThatLooksAtNobodyIsTheOneThatLooksAtEverybody) {
  const uint64_t seed = SeedOfThisRun();
  int64_t preemptions = 0;
  for (uint64_t round = 0; round < 600; ++round) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed) + " round " + std::to_string(round));
    Random random(Scramble(seed + 1) + round);
    FleetTerms terms = RandomTerms(random);
    terms.replicas = 1;
    std::vector<Step> script = RandomScript(random);
    std::erase_if(script, [](const Step& step) { return step.replicas > 0; });
    const Outcome plain = PlayPlainly(terms.replica, script, &preemptions);
    EXPECT_TRUE(plain == Play<Fleet>(terms, script, Pace::kRandomStrides, seed));
    if (HasFailure()) return;
  }
  EXPECT_GT(preemptions, 100) << "these rounds do not show much of preemption";
}

TEST(FluidFleetProperty, AStretchIsItsIterations) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t round = 0; round < 600; ++round) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed) + " round " + std::to_string(round));
    Random random(Scramble(seed + 2) + round);
    FleetTerms terms = RandomTerms(random);
    // Whole microseconds: nothing is rounded, so that not even a nanosecond may differ.
    terms.replica.law.per_kv_ktoken = Microseconds(random.Below(250));
    const std::vector<Step> script = RandomScript(random);
    EXPECT_TRUE(Play<Fleet>(terms, script, Pace::kOnlyAtTheSteps, seed) ==
                Play<FluidFleet>(terms, script, Pace::kRandomStrides, seed));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace penstock::sim
